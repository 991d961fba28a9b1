//! Numbers, `[n, t]`, times vectors of their own, `[n, dim]`: `[n, dim, t]`.

use super::{elementwise, simd};

/// `y = x w`
pub(crate) fn times(t: usize, x: &[f32], w: &[f32], y: &mut [f32]) {
    let dim = y.len() / x.len();
    for ((x, w), y) in x.chunks_exact(t).zip(w.chunks_exact(dim)).zip(y.chunks_exact_mut(dim * t)) {
        w.iter().zip(y.chunks_exact_mut(t)).for_each(|(&w, y)| elementwise::scaled(x, w, y, false));
    }
}

/// Adds the gradients of the vectors.
pub(crate) fn backward_weight(t: usize, x: &[f32], dy: &[f32], dw: &mut [f32]) {
    let dim = dy.len() / x.len();
    simd::vectorised(
        #[inline(always)]
        || {
            for ((x, dw), dy) in x.chunks_exact(t).zip(dw.chunks_exact_mut(dim)).zip(dy.chunks_exact(dim * t)) {
                dw.iter_mut().zip(dy.chunks_exact(t)).for_each(|(dw, dy)| *dw += simd::dot(x, dy));
            }
        },
    );
}

/// The gradient of the numbers, to `dx`, or added to it.
pub(crate) fn backward_input(t: usize, w: &[f32], dy: &[f32], dx: &mut [f32], accumulate: bool) {
    let dim = w.len() * t / dx.len();
    for ((dx, w), dy) in dx.chunks_exact_mut(t).zip(w.chunks_exact(dim)).zip(dy.chunks_exact(dim * t)) {
        for (at, (&w, dy)) in w.iter().zip(dy.chunks_exact(t)).enumerate() {
            elementwise::scaled(dy, w, dx, accumulate || at > 0);
        }
    }
}
