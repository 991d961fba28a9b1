//! Shares of a whole: `exp(x_k) / sum_j exp(x_j)` along the middle axis of `[outer, along, inner]` values a sample.

use super::lanes::{LANES, load, store, vertical};
use super::simd;

/// The axes, and how many samples there are.
#[derive(Clone, Copy)]
pub(crate) struct Shares {
    pub outer: usize,
    pub along: usize,
    pub inner: usize,
    pub t: usize,
}

impl Shares {
    /// For each whole where its values are: the first, and how far one is from the next.
    #[inline(always)]
    fn wholes(self) -> impl Iterator<Item = usize> {
        (0..self.outer).flat_map(move |block| (0..self.inner).map(move |i| block * self.along * self.inner + i))
    }

    pub fn forward(self, x: &[f32], y: &mut [f32]) {
        let Self { along, inner, t, .. } = self;
        vertical(
            t,
            #[inline(always)]
            |samples| {
                for first in self.wholes() {
                    let row = |k: usize| (first + k * inner) * t;
                    let mut most = [f32::NEG_INFINITY; LANES];
                    for k in 0..along {
                        let x = load(x, row(k), samples);
                        for lane in 0..LANES {
                            most[lane] = if x[lane] > most[lane] { x[lane] } else { most[lane] };
                        }
                    }
                    let mut sum = [0.0; LANES];
                    for k in 0..along {
                        let mut x = load(x, row(k), samples);
                        for lane in 0..LANES {
                            x[lane] = simd::exp(x[lane] - most[lane]);
                            sum[lane] += x[lane];
                        }
                        store(y, row(k), samples, &x);
                    }
                    for k in 0..along {
                        let mut shares = load(y, row(k), samples);
                        for lane in 0..LANES {
                            shares[lane] /= sum[lane];
                        }
                        store(y, row(k), samples, &shares);
                    }
                }
            },
        );
    }

    /// From shares and their derivatives, those of the values from `from` on that `dx` has room for.
    pub fn backward(self, [y, dy]: [&[f32]; 2], from: usize, dx: &mut [f32], accumulate: bool) {
        let Self { along, inner, t, .. } = self;
        let wanted = from..from + dx.len() / t;
        vertical(
            t,
            #[inline(always)]
            |samples| {
                for first in self.wholes() {
                    let mut sum = [0.0; LANES];
                    for k in 0..along {
                        let row = (first + k * inner) * t;
                        let (y, dy) = (load(y, row, samples), load(dy, row, samples));
                        for lane in 0..LANES {
                            sum[lane] += y[lane] * dy[lane];
                        }
                    }
                    for value in (0..along).map(|k| first + k * inner).filter(|value| wanted.contains(value)) {
                        let (y, dy) = (load(y, value * t, samples), load(dy, value * t, samples));
                        let to = (value - from) * t;
                        let mut values = if accumulate { load(dx, to, samples) } else { [0.0; LANES] };
                        for lane in 0..LANES {
                            values[lane] += y[lane] * (dy[lane] - sum[lane]);
                        }
                        store(dx, to, samples, &values);
                    }
                }
            },
        );
    }
}
