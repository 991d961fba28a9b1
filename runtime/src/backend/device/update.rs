//! The update rules out of tensor operations, and what a step's gradients are scaled by.

use candle_core::{D, DType, Result, Tensor};
use smallvec::smallvec;

use super::loss::select;
use super::params::State;
use crate::supernet::{Average, Kernel, Memory, Prepared};

/// Numbers that are summed one after the other, before the sums are.
const ROW: usize = 1024;

/// The sum of the squares of all values, `[1]` in `f64`.
pub(super) fn squares(values: &Tensor) -> Result<Tensor> {
    let squares = values.flatten_all()?.to_dtype(DType::F64)?.sqr()?;
    let (len, rows) = (squares.elem_count(), squares.elem_count() / ROW);
    if rows == 0 {
        return squares.sum_keepdim(0);
    }
    // A device sums each of many rows faster than one long one.
    let sum = squares.narrow(0, 0, rows * ROW)?.reshape((rows, ROW))?.sum(1)?.sum_keepdim(0)?;
    if len == rows * ROW { Ok(sum) } else { sum + squares.narrow(0, rows * ROW, len - rows * ROW)?.sum_keepdim(0)? }
}

/// What to scale gradients by so that their norm is at most `clip`: `min(1, clip / (norm + 1e-6))`, and 1 where the norm is
/// no number; see [`Gradients::clip_scale`](crate::supernet::Gradients::clip_scale).
pub(super) fn clip_scale(clip: f64, squares: &Tensor) -> Result<Tensor> {
    let ratio = ((squares.sqrt()? + 1e-6)?.recip()? * clip)?;
    let one = ratio.ones_like()?;
    select(&ratio.lt(&one)?, &ratio, &one)?.to_dtype(DType::F32)
}

/// What keeps gradients small.
pub(super) enum Change {
    /// Each is brought to between minus this and this.
    Clamped(f64),
    /// All are multiplied by what [`clip_scale`] gives.
    Scaled(Tensor),
}

impl Change {
    pub fn of(&self, gradients: &Tensor) -> Result<Tensor> {
        match self {
            Self::Clamped(most) => {
                // The bounds are made on the device: nothing is sent.
                let most = (gradients.ones_like()? * *most)?;
                gradients.minimum(&most)?.maximum(&most.neg()?)
            }
            Self::Scaled(scale) => gradients.broadcast_mul(scale),
        }
    }
}

/// Values and memory after a step; see [`Rule`](crate::supernet::Rule) for the formulas.
pub(super) fn advance(rule: &Prepared, gradients: &Tensor, state: &State) -> Result<State> {
    let State { values, memory } = state;
    let grown = if rule.l2 == 0.0 { None } else { Some((gradients + (values * f64::from(rule.l2))?)?) };
    let gradients = grown.as_ref().unwrap_or(gradients);
    let kept = if rule.stays == 1.0 { None } else { Some((values * f64::from(rule.stays))?) };
    let values = kept.as_ref().unwrap_or(values);
    match rule.kernel {
        Kernel::Adagrad { lr, eps } => {
            let mut squares = gradients.sqr()?;
            if memory[0].shape() != gradients.shape() {
                // One number a row.
                squares = squares.mean_keepdim(D::Minus1)?;
            }
            let sum = (&memory[0] + squares)?;
            let step = (gradients * f64::from(lr))?.broadcast_div(&(sum.sqrt()? + f64::from(eps))?)?;
            Ok(State { values: (values - step)?, memory: smallvec![sum] })
        }
        Kernel::Adam { lr, first, second, unbias, eps } => {
            let towards = |mean: &Tensor, x: &Tensor, by: f32| mean + ((x - mean)? * f64::from(by))?;
            let m = towards(&memory[0], gradients, first)?;
            let v = towards(&memory[1], &gradients.sqr()?, second)?;
            let deviation = ((v.sqrt()? * f64::from(unbias))? + f64::from(eps))?;
            let step = ((&m * f64::from(lr))? / deviation)?;
            Ok(State { values: (values - step)?, memory: smallvec![m, v] })
        }
        Kernel::Sgd { lr, momentum } if rule.memory == Memory::Momentum => {
            let m = ((&memory[0] * f64::from(momentum))? + gradients)?;
            Ok(State { values: (values - (&m * f64::from(lr))?)?, memory: smallvec![m] })
        }
        Kernel::Sgd { lr, .. } => Ok(State { values: (values - (gradients * f64::from(lr))?)?, memory: smallvec![] }),
    }
}

/// Means after a step that leaves these values; see [`Average`].
pub(super) fn followed(average: Average, mean: &Tensor, values: &Tensor) -> Result<Tensor> {
    (mean * average.decay)? + (values * (1.0 - average.decay))?
}

/// What is kept of rows for their averages, the means and how many steps these have seen, after a step that makes `after` of
/// the values `before`: first the steps are made up for in which the rows were left alone.
pub(super) fn followed_rows(
    average: Average,
    [mean, since]: [&Tensor; 2],
    [before, after]: [&Tensor; 2],
) -> Result<[Tensor; 2]> {
    let stays = ((since.neg()? + average.step as f64)? * average.decay.ln())?.exp()?;
    let comes = (stays.neg()? + 1.0)?;
    let mean = (mean.broadcast_mul(&stays)? + before.broadcast_mul(&comes)?)?;
    Ok([followed(average, &mean, after)?, (since.zeros_like()? + (average.step + 1) as f64)?])
}

/// Tensors one after the other in one long one.
pub(super) fn side_by_side<'a>(tensors: impl IntoIterator<Item = &'a Tensor>) -> Result<Tensor> {
    let flat = tensors.into_iter().map(Tensor::flatten_all).collect::<Result<Vec<_>>>()?;
    Tensor::cat(&flat, 0)
}

/// Dense values after a step, unless `finite` is zero. All are updated at once, so that a step takes as many operations for
/// many parameters as for one; `gradients` are theirs side by side.
pub(super) fn advance_all(
    rule: &Prepared,
    states: &[State],
    gradients: &Tensor,
    finite: &Tensor,
) -> Result<Vec<State>> {
    let before = State {
        values: side_by_side(states.iter().map(|state| &state.values))?,
        memory: (0..states[0].memory.len().min(rule.memory.of_value()))
            .map(|which| side_by_side(states.iter().map(|state| &state.memory[which])))
            .collect::<Result<_>>()?,
    };
    let after = advance(rule, gradients, &before)?;
    let chosen = after.tensors().zip(before.tensors()).map(|(after, before)| select(finite, after, before));
    let chosen = chosen.collect::<Result<Vec<_>>>()?;
    let mut at = 0;
    let part = |state: &State| {
        let (start, len) = (at, state.values.elem_count());
        at += len;
        let mut parts = chosen.iter().map(|all| all.narrow(0, start, len)?.reshape(state.values.shape()));
        let values = parts.next().unwrap_or_else(|| Ok(state.values.clone()))?;
        Ok(State { values, memory: parts.collect::<Result<_>>()? })
    };
    states.iter().map(part).collect()
}
