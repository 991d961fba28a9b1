//! One number a row. A row is a stretch of the last axis, `width` values of `t` samples: a field of a sparse tensor, or
//! the whole of a dense one.

use nasrec_compiler::primitives::Reduction;

use super::{elementwise, fields, simd};

/// `y = x g`, with `g [rows, t]`.
pub(crate) fn scale(t: usize, x: &[f32], g: &[f32], y: &mut [f32], accumulate: bool) {
    let row = x.len() / g.len() * t;
    for ((x, y), g) in x.chunks_exact(row).zip(y.chunks_exact_mut(row)).zip(g.chunks_exact(t)) {
        for (x, y) in x.chunks_exact(t).zip(y.chunks_exact_mut(t)) {
            elementwise::mul(x, g, y, accumulate);
        }
    }
}

/// The gradient of `g`; that of `x` is `dy` scaled.
pub(crate) fn scale_backward(t: usize, x: &[f32], dy: &[f32], dg: &mut [f32], accumulate: bool) {
    let row = x.len() / dg.len() * t;
    for ((x, dy), dg) in x.chunks_exact(row).zip(dy.chunks_exact(row)).zip(dg.chunks_exact_mut(t)) {
        for (k, (x, dy)) in x.chunks_exact(t).zip(dy.chunks_exact(t)).enumerate() {
            elementwise::mul(x, dy, dg, accumulate || k > 0);
        }
    }
}

/// `x [rows, width, t]` to `y [rows, t]`.
pub(crate) fn reduce(by: Reduction, t: usize, x: &[f32], y: &mut [f32]) {
    let row = x.len() / y.len() * t;
    let share = t as f32 / row as f32;
    for (x, y) in x.chunks_exact(row).zip(y.chunks_exact_mut(t)) {
        match by {
            Reduction::Sum => fields::sum(x, y),
            Reduction::Mean => {
                fields::sum(x, y);
                y.iter_mut().for_each(|y| *y *= share);
            }
            Reduction::Max => largest(x, y),
        }
    }
}

pub(crate) fn reduce_backward(by: Reduction, t: usize, x: &[f32], dy: &[f32], dx: &mut [f32], accumulate: bool) {
    let row = dx.len() / dy.len() * t;
    let share = t as f32 / row as f32;
    for (i, (dx, dy)) in dx.chunks_exact_mut(row).zip(dy.chunks_exact(t)).enumerate() {
        match by {
            Reduction::Sum => fields::sum_backward(dy, dx, accumulate),
            Reduction::Mean => {
                dx.chunks_exact_mut(t).for_each(|dx| elementwise::scaled(dy, share, dx, accumulate));
            }
            Reduction::Max => largest_backward(&x[i * row..][..row], dy, dx, accumulate),
        }
    }
}

/// NaN stays NaN, so that a diverged model shows.
fn largest(x: &[f32], y: &mut [f32]) {
    let (first, rest) = x.split_at(y.len());
    y.copy_from_slice(first);
    simd::vectorised(
        #[inline(always)]
        || {
            for x in rest.chunks_exact(y.len()) {
                y.iter_mut().zip(x).for_each(|(y, &x)| *y = if *y >= x || y.is_nan() { *y } else { x });
            }
        },
    );
}

/// Equal largest values share the gradient evenly.
fn largest_backward(x: &[f32], dy: &[f32], dx: &mut [f32], accumulate: bool) {
    let t = dy.len();
    for s in 0..t {
        let row = || x[s..].iter().step_by(t);
        let largest = row().copied().fold(f32::NEG_INFINITY, f32::max);
        let share = dy[s] / row().filter(|&&x| x == largest).count() as f32;
        for (dx, &x) in dx[s..].iter_mut().step_by(t).zip(row()) {
            let add = if x == largest { share } else { 0.0 };
            *dx = if accumulate { *dx + add } else { add };
        }
    }
}

/// `y = x + b`, one number a position.
pub(crate) fn shift(t: usize, x: &[f32], bias: &[f32], y: &mut [f32]) {
    for ((x, y), &bias) in x.chunks_exact(t).zip(y.chunks_exact_mut(t)).zip(bias) {
        elementwise::raised(x, bias, y);
    }
}

/// Any device and float type.
pub(crate) mod portable {
    use candle_core::{Result, Tensor};
    use nasrec_compiler::primitives::Reduction;

    /// The axis that the rows lie along.
    fn width(x: &Tensor) -> usize {
        x.rank() - 2
    }

    /// One number a row as a tensor that broadcasts against `x`: the number of a dense tensor already does.
    fn beside(g: &Tensor, x: &Tensor) -> Result<Tensor> {
        if x.rank() == 3 { g.unsqueeze(1) } else { Ok(g.clone()) }
    }

    /// A row's values made one by `sum` or another reduction that keeps the axis.
    fn of_row(reduced: &Tensor, rank: usize) -> Result<Tensor> {
        if rank == 3 { reduced.squeeze(1) } else { Ok(reduced.clone()) }
    }

    pub(crate) fn scale(x: &Tensor, g: &Tensor) -> Result<Tensor> {
        x.broadcast_mul(&beside(g, x)?)
    }

    pub(crate) fn scale_backward(x: &Tensor, g: &Tensor, dy: &Tensor) -> Result<[Tensor; 2]> {
        Ok([scale(dy, g)?, of_row(&(x * dy)?.sum_keepdim(width(x))?, x.rank())?])
    }

    pub(crate) fn reduce(by: Reduction, x: &Tensor) -> Result<Tensor> {
        let along = width(x);
        let reduced = match by {
            Reduction::Sum => x.sum_keepdim(along)?,
            Reduction::Mean => x.mean_keepdim(along)?,
            Reduction::Max => x.max_keepdim(along)?,
        };
        of_row(&reduced, x.rank())
    }

    /// `shape`: that of the input. Only the largest reads the input itself.
    pub(crate) fn reduce_backward(by: Reduction, x: Option<&Tensor>, shape: &[usize], dy: &Tensor) -> Result<Tensor> {
        let along = shape.len() - 2;
        let dy = if shape.len() == 3 { dy.unsqueeze(1)? } else { dy.clone() };
        match (by, x) {
            (Reduction::Max, Some(x)) => {
                let largest = x.broadcast_eq(&x.max_keepdim(along)?)?.to_dtype(x.dtype())?;
                let share = dy.broadcast_div(&largest.sum_keepdim(along)?)?;
                largest.broadcast_mul(&share)
            }
            (Reduction::Mean, _) => (dy / shape[along] as f64)?.broadcast_as(shape)?.contiguous(),
            _ => dy.broadcast_as(shape)?.contiguous(),
        }
    }
}
