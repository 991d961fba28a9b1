//! The update rule.

/// `a += g^2; w -= lr g / (sqrt(a) + eps)`, `a` starting at 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adagrad {
    pub lr: f64,
    pub eps: f64,
}

impl Adagrad {
    /// Updates `values` and their state in place, each gradient multiplied by `scale` first.
    #[inline]
    pub(crate) fn update(self, scale: f32, gradients: &[f32], values: &mut [f32], state: &mut [f32]) {
        let (lr, eps) = (self.lr as f32, self.eps as f32);
        for ((value, sum), gradient) in values.iter_mut().zip(state).zip(gradients) {
            let gradient = gradient * scale;
            *sum += gradient * gradient;
            *value -= lr * gradient / (sum.sqrt() + eps);
        }
    }
}
