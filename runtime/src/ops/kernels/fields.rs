//! The sum over fields, `[n, e] -> [e]`.

use super::elementwise;

/// `y [e, samples]` is the sum of the `n` stretches of its size that make up `x`.
pub(crate) fn sum(x: &[f32], y: &mut [f32]) {
    let len = y.len();
    let (first, rest) = x.split_at(len);
    y.copy_from_slice(first);
    rest.chunks_exact(len).for_each(|x| elementwise::copy(x, y, true));
}

pub(crate) fn sum_backward(dy: &[f32], dx: &mut [f32], accumulate: bool) {
    dx.chunks_exact_mut(dy.len()).for_each(|dx| elementwise::copy(dy, dx, accumulate));
}
