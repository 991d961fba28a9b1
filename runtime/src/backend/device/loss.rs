//! Binary cross-entropy on logits where they lie, and its mean over some steps, which alone comes back.

use candle_core::{DType, Device, Result, Tensor};

use super::Stepped;
use super::traffic::Traffic;

/// Steps after which their mean loss is told: the host waits for the device only then.
pub(super) const WINDOW: u64 = 32;

/// The mean loss over a batch, `[1]` in `f64`, and its gradient in the type of the logits. Logits are `[B, 1]`, labels
/// `[B]`. It is [`cross_entropy`](crate::backend::cross_entropy), worked out in `f64` as there.
///
/// A click counts `positive_weight` times, see [`weighted`](crate::backend::loss::weighted), and a sample as many times as its
/// weight, `[B]`, says.
pub(super) fn cross_entropy(
    logits: &Tensor,
    labels: &Tensor,
    (positive_weight, weights): (f64, Option<&Tensor>),
) -> Result<(Tensor, Tensor)> {
    let (z, mut y) = (logits.to_dtype(DType::F64)?, labels.to_dtype(DType::F64)?.reshape(logits.shape())?);
    let mut counts = None;
    if positive_weight != 1.0 {
        let clicks = (&y * positive_weight)?;
        let all = (&clicks + (1.0 - &y)?)?;
        y = (clicks / &all)?;
        counts = Some(all);
    }
    if let Some(weights) = weights {
        let weights = weights.to_dtype(DType::F64)?.reshape(logits.shape())?;
        counts = Some(counts.map_or_else(|| Ok(weights.clone()), |counts| counts * &weights)?);
    }
    let counted = |each: Tensor| counts.as_ref().map_or_else(|| Ok(each.clone()), |counts| &each * counts);
    let samples = logits.elem_count() as f64;
    // A GPU's relu makes NaN zero; the product beside it does not.
    let each = ((z.relu()? - (&z * &y)?)? + (z.abs()?.neg()?.exp()? + 1.0)?.log()?)?;
    let each = counted(each)?;
    let gradient = (counted(((z.neg()?.exp()? + 1.0)?.recip()? - y)?)? / samples)?;
    Ok(((each.sum(0)? / samples)?, gradient.to_dtype(logits.dtype())?))
}

/// Whether a number is finite, `[1]` as it is: one number of 8 bits.
pub(super) fn finite(number: &Tensor) -> Result<Tensor> {
    // Zero, or NaN, which equals nothing.
    let zero = (number * 0.0)?;
    zero.eq(&zero)
}

/// The first where a number, `[1]`, is not zero, else the second, which has the same shape. That has axes: without any a
/// GPU's choice fails.
pub(super) fn select(condition: &Tensor, yes: &Tensor, no: &Tensor) -> Result<Tensor> {
    condition.broadcast_as(yes.shape())?.where_cond(yes, no)
}

/// The losses of the steps since they were last told.
pub(super) struct Losses {
    steps: u64,
    /// Of the finite ones, in `f64`.
    sum: Tensor,
    finite: Tensor,
}

impl Losses {
    pub fn new(device: &Device) -> Result<Self> {
        let zero = Tensor::zeros(1, DType::F64, device)?;
        Ok(Self { steps: 0, sum: zero.clone(), finite: zero })
    }

    /// Takes the loss of one more step, and tells the mean at the end of a window, NaN where none was finite, and how many
    /// were: two numbers.
    pub fn add(&mut self, traffic: &Traffic, loss: &Tensor, is_finite: &Tensor) -> Result<Option<Stepped>> {
        let sum = (&self.sum + select(is_finite, loss, &loss.zeros_like()?)?)?;
        let finite = (&self.finite + is_finite.to_dtype(DType::F64)?)?;
        *self = Self { steps: self.steps + 1, sum, finite };
        if self.steps < WINDOW {
            return Ok(None);
        }
        let told: Vec<f64> = traffic.download(&Tensor::cat(&[&self.sum, &self.finite], 0)?)?;
        let (sum, finite) = (told[0], told[1]);
        let told = Stepped { steps: self.steps, failed: self.steps - finite as u64, loss: sum / finite };
        *self = Self::new(traffic.device())?;
        Ok(Some(told))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend;

    #[test]
    fn losses_and_gradients_are_those_of_the_host() {
        let logits = [-100.0f32, -30.0, -3.0, -0.1, 0.0, 0.7, 5.0, 40.0, 1e4];
        for label in [0.0f32, 1.0] {
            for z in logits {
                let (z_tensor, y) =
                    (Tensor::new(&[[z]], &Device::Cpu).unwrap(), Tensor::new(&[label], &Device::Cpu).unwrap());
                let (loss, gradient) = cross_entropy(&z_tensor, &y, (1.0, None)).unwrap();
                let (loss, gradient) = (loss.to_vec1::<f64>().unwrap()[0], gradient.to_vec2::<f32>().unwrap()[0][0]);
                let exact = backend::cross_entropy(z, label);
                assert!((loss - exact).abs() <= 1e-6 * exact + 1e-15, "{z} {label}: {loss} {exact}");
                assert!((f64::from(gradient) - backend::cross_entropy_gradient(z, label)).abs() < 1e-7);
            }
        }
        let pair = Tensor::new(&[[1.0f32], [3.0]], &Device::Cpu).unwrap();
        let labels = Tensor::new(&[1.0f32, 0.0], &Device::Cpu).unwrap();
        let mean = (backend::cross_entropy(1.0, 1.0) + backend::cross_entropy(3.0, 0.0)) / 2.0;
        assert!(
            (cross_entropy(&pair, &labels, (1.0, None)).unwrap().0.to_vec1::<f64>().unwrap()[0] - mean).abs() < 1e-9
        );
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let logits = Tensor::new(&[[0.5f32], [bad]], &Device::Cpu).unwrap();
            let (loss, _) = cross_entropy(&logits, &labels, (1.0, None)).unwrap();
            let host = f64::midpoint(backend::cross_entropy(0.5, 1.0), backend::cross_entropy(bad, 0.0));
            assert_eq!(finite(&loss).unwrap().to_vec1::<u8>().unwrap()[0], u8::from(host.is_finite()), "{bad}");
        }
    }
}
