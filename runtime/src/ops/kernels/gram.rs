//! Pairwise inner products `T Tᵀ` of a sample's fields, and the strictly lower triangle of a square.
//!
//! Vertical over samples: a sample's products are too small for a matrix product of their own. The triangle of a gram
//! matrix is computed without the matrix.

use super::elementwise;
use super::lanes::{Block, LANES, load, store, vertical};

/// Products that share the loads of one operand.
const GROUP: usize = 4;

/// Where the pair `(i, j)`, `j < i`, lies in a lower triangle.
fn pair(i: usize, j: usize) -> usize {
    i * (i - 1) / 2 + j
}

/// `x [n, e, t]` to `y [n, n, t]`.
pub(crate) fn gram(n: usize, e: usize, t: usize, x: &[f32], y: &mut [f32]) {
    vertical(
        t,
        #[inline(always)]
        |sample| {
            for i in 0..n {
                products(
                    e,
                    t,
                    x,
                    i,
                    n,
                    sample,
                    #[inline(always)]
                    |j, values| store(y, (i * n + j) * t, sample, values),
                );
            }
        },
    );
}

/// `x [n, e, t]` to the lower triangle, `y [n (n - 1) / 2, t]`.
pub(crate) fn triangle_of_gram(n: usize, e: usize, t: usize, x: &[f32], y: &mut [f32]) {
    vertical(
        t,
        #[inline(always)]
        |sample| {
            for i in 1..n {
                products(
                    e,
                    t,
                    x,
                    i,
                    i,
                    sample,
                    #[inline(always)]
                    |j, values| store(y, pair(i, j) * t, sample, values),
                );
            }
        },
    );
}

pub(crate) fn gram_backward(n: usize, e: usize, t: usize, x: &[f32], dy: &[f32], dx: &mut [f32], accumulate: bool) {
    weighted(
        n,
        e,
        t,
        x,
        dx,
        accumulate,
        #[inline(always)]
        |i, j, sample| {
            let mut sum = [0f32; LANES];
            let (forth, back) = (load(dy, (i * n + j) * t, sample), load(dy, (j * n + i) * t, sample));
            for lane in 0..LANES {
                sum[lane] = forth[lane] + back[lane];
            }
            sum
        },
    );
}

pub(crate) fn triangle_of_gram_backward(
    n: usize,
    e: usize,
    t: usize,
    x: &[f32],
    dy: &[f32],
    dx: &mut [f32],
    accumulate: bool,
) {
    weighted(
        n,
        e,
        t,
        x,
        dx,
        accumulate,
        #[inline(always)]
        |i, j, sample| {
            if i == j { [0f32; LANES] } else { load(dy, pair(i.max(j), i.min(j)) * t, sample) }
        },
    );
}

/// Inner products of field `i` with fields `0..to`.
#[inline(always)]
fn products(
    e: usize,
    t: usize,
    x: &[f32],
    i: usize,
    to: usize,
    block: Block,
    mut put: impl FnMut(usize, &[f32; LANES]),
) {
    let mut j = 0;
    while j + GROUP <= to {
        let mut sums = [[0f32; LANES]; GROUP];
        for d in 0..e {
            let left = load(x, (i * e + d) * t, block);
            for (k, sum) in sums.iter_mut().enumerate() {
                let right = load(x, ((j + k) * e + d) * t, block);
                for lane in 0..LANES {
                    sum[lane] += left[lane] * right[lane];
                }
            }
        }
        sums.iter().enumerate().for_each(|(k, sum)| put(j + k, sum));
        j += GROUP;
    }
    for j in j..to {
        let mut sum = [0f32; LANES];
        for d in 0..e {
            let (left, right) = (load(x, (i * e + d) * t, block), load(x, (j * e + d) * t, block));
            for lane in 0..LANES {
                sum[lane] += left[lane] * right[lane];
            }
        }
        put(j, &sum);
    }
}

/// `dx_i = sum_j weight(i, j) x_j`
#[inline(always)]
fn weighted(
    n: usize,
    e: usize,
    t: usize,
    x: &[f32],
    dx: &mut [f32],
    accumulate: bool,
    weight: impl Fn(usize, usize, Block) -> [f32; LANES],
) {
    vertical(
        t,
        #[inline(always)]
        |block| {
            for i in 0..n {
                for first in (0..e).step_by(GROUP) {
                    let count = GROUP.min(e - first);
                    let mut sums = [[0f32; LANES]; GROUP];
                    for j in 0..n {
                        let weight = weight(i, j, block);
                        for (k, sum) in sums[..count].iter_mut().enumerate() {
                            let x = load(x, (j * e + first + k) * t, block);
                            for lane in 0..LANES {
                                sum[lane] += weight[lane] * x[lane];
                            }
                        }
                    }
                    for (k, sum) in sums[..count].iter_mut().enumerate() {
                        let at = (i * e + first + k) * t;
                        if accumulate {
                            let old = load(dx, at, block);
                            for lane in 0..LANES {
                                sum[lane] += old[lane];
                            }
                        }
                        store(dx, at, block, sum);
                    }
                }
            }
        },
    );
}

/// `x [n, n, t]` to `y [n (n - 1) / 2, t]`.
pub(crate) fn triangle(n: usize, t: usize, x: &[f32], y: &mut [f32]) {
    for i in 1..n {
        y[pair(i, 0) * t..][..i * t].copy_from_slice(&x[i * n * t..][..i * t]);
    }
}

pub(crate) fn triangle_backward(n: usize, t: usize, dy: &[f32], dx: &mut [f32], accumulate: bool) {
    if !accumulate {
        dx.fill(0.0);
    }
    for i in 1..n {
        elementwise::copy(&dy[pair(i, 0) * t..][..i * t], &mut dx[i * n * t..][..i * t], accumulate);
    }
}
