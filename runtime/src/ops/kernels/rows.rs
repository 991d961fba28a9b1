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
