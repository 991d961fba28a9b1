//! Products of matrices, one a sample: `a [n, m, t]` times `b [m, e, t]`. Vertical over samples, as a sample's matrices are too small
//! for a product of their own.

use super::lanes::{LANES, load, store, vertical};

/// The axes, and how many samples there are.
#[derive(Clone, Copy)]
pub(crate) struct Products {
    pub n: usize,
    pub m: usize,
    pub e: usize,
    pub t: usize,
}

impl Products {
    pub fn forward(self, a: &[f32], b: &[f32], y: &mut [f32]) {
        let Self { n, m, e, .. } = self;
        self.sums(
            y,
            0..n * e,
            false,
            m,
            #[inline(always)]
            |p, k| {
                let (i, d) = (p / e, p % e);
                [(a, i * m + k), (b, k * e + d)]
            },
        );
    }

    /// The derivatives of the left side's values from `from` on that `da` has room for.
    pub fn backward_left(self, b: &[f32], dy: &[f32], from: usize, da: &mut [f32], accumulate: bool) {
        let Self { m, e, t, .. } = self;
        let wanted = from..from + da.len() / t;
        self.sums(
            da,
            wanted,
            accumulate,
            e,
            #[inline(always)]
            |p, d| {
                let (i, k) = (p / m, p % m);
                [(dy, i * e + d), (b, k * e + d)]
            },
        );
    }

    /// The same of the right side.
    pub fn backward_right(self, a: &[f32], dy: &[f32], from: usize, db: &mut [f32], accumulate: bool) {
        let Self { n, m, e, t } = self;
        let wanted = from..from + db.len() / t;
        self.sums(
            db,
            wanted,
            accumulate,
            n,
            #[inline(always)]
            |p, i| {
                let (k, d) = (p / e, p % e);
                [(a, i * m + k), (dy, i * e + d)]
            },
        );
    }

    /// Into each of these values the sum of so many products of two others.
    #[inline(always)]
    fn sums<'a>(
        self,
        to: &mut [f32],
        values: std::ops::Range<usize>,
        accumulate: bool,
        terms: usize,
        factors: impl Fn(usize, usize) -> [(&'a [f32], usize); 2],
    ) {
        let t = self.t;
        vertical(
            t,
            #[inline(always)]
            |samples| {
                for (at, value) in values.clone().enumerate() {
                    let mut sum = if accumulate { load(to, at * t, samples) } else { [0.0; LANES] };
                    for term in 0..terms {
                        let [(a, i), (b, j)] = factors(value, term);
                        let (a, b) = (load(a, i * t, samples), load(b, j * t, samples));
                        for lane in 0..LANES {
                            sum[lane] += a[lane] * b[lane];
                        }
                    }
                    store(to, at * t, samples, &sum);
                }
            },
        );
    }
}
