//! Scores, softmax and mixing where a head is so narrow that all that belongs to one field of it stays in registers.
//!
//! Nothing is stored for a pair of fields but, in the forward, its score. Scores are in units of `log2 e`, so that a
//! power of two is what is taken of them.

use std::array::from_fn;
use std::f32::consts::{LN_2, LOG2_E};

use pulp::{Arch, Simd, WithSimd};

use super::Attention;

/// The widest head.
pub(super) const WIDEST: usize = 4;

impl Attention<'_> {
    pub(super) fn mix_narrow(&self, qkv: &[f32], mixed: &mut [f32], statistics: &mut [f32], scratch: &mut [f32]) {
        Arch::new().dispatch(Mix { of: *self, qkv, mixed, statistics, scratch });
    }

    /// The reverse; writes `dqkv`.
    pub(super) fn unmix_narrow(
        &self,
        qkv: &[f32],
        mixed: &[f32],
        statistics: &[f32],
        dmixed: &[f32],
        dqkv: &mut [f32],
        scratch: &mut [f32],
    ) {
        Arch::new().dispatch(Unmix { of: *self, qkv, mixed, statistics, dmixed, dqkv, scratch });
    }
}

struct Mix<'a> {
    of: Attention<'a>,
    qkv: &'a [f32],
    mixed: &'a mut [f32],
    statistics: &'a mut [f32],
    scratch: &'a mut [f32],
}

struct Unmix<'a> {
    of: Attention<'a>,
    qkv: &'a [f32],
    mixed: &'a [f32],
    statistics: &'a [f32],
    dmixed: &'a [f32],
    dqkv: &'a mut [f32],
    scratch: &'a mut [f32],
}

impl WithSimd for Mix<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match self.of.width() {
            1 => self.run::<S, 1>(simd),
            2 => self.run::<S, 2>(simd),
            3 => self.run::<S, 3>(simd),
            _ => self.run::<S, WIDEST>(simd),
        }
    }
}

impl WithSimd for Unmix<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match self.of.width() {
            1 => self.run::<S, 1>(simd),
            2 => self.run::<S, 2>(simd),
            3 => self.run::<S, 3>(simd),
            _ => self.run::<S, WIDEST>(simd),
        }
    }
}

/// Where the vectors of one head and one vector of samples lie: `n` fields a dimension, `blocks` vectors a field.
#[derive(Clone, Copy)]
struct Place {
    n: usize,
    blocks: usize,
    first: usize,
    block: usize,
}

impl Place {
    /// Dimension `d` of the head, counted from row `from`, of a field.
    #[inline(always)]
    fn of(self, from: usize, d: usize, field: usize) -> usize {
        ((from + self.first + d) * self.n + field) * self.blocks + self.block
    }

    /// Where the two statistics of a head and field lie.
    #[inline(always)]
    fn statistics(self, head: usize, field: usize) -> usize {
        2 * ((head * self.n + field) * self.blocks + self.block)
    }

    /// The dimensions of a field.
    #[inline(always)]
    fn read<V: Copy, const W: usize>(self, from: usize, values: &[V], field: usize) -> [V; W] {
        from_fn(
            #[inline(always)]
            |d| values[self.of(from, d, field)],
        )
    }

    /// The same of all fields.
    #[inline(always)]
    fn read_all<V: Copy, const W: usize>(self, from: usize, values: &[V], to: &mut [[V; W]]) {
        to.iter_mut().enumerate().for_each(
            #[inline(always)]
            |(field, to)| *to = self.read(from, values, field),
        );
    }

    #[inline(always)]
    fn write<V: Copy, const W: usize>(self, from: usize, values: &mut [V], field: usize, dimensions: [V; W]) {
        for (d, value) in dimensions.into_iter().enumerate() {
            values[self.of(from, d, field)] = value;
        }
    }
}

/// The heads, vectors of samples and places of a chunk.
fn places(of: &Attention, blocks: usize) -> impl Iterator<Item = (usize, Place)> + use<> {
    let (n, width) = (of.n, of.width());
    (0..of.heads)
        .flat_map(move |head| (0..blocks).map(move |block| (head, Place { n, blocks, first: head * width, block })))
}

impl Mix<'_> {
    #[inline(always)]
    fn run<S: Simd, const W: usize>(self, simd: S) {
        let (n, e) = (self.of.n, self.of.e);
        let (qkv, mixed) = (S::as_simd_f32s(self.qkv).0, S::as_mut_simd_f32s(self.mixed).0);
        let (statistics, scratch) = (S::as_mut_simd_f32s(self.statistics).0, S::as_mut_simd_f32s(self.scratch).0);
        let blocks = mixed.len() / (e * n);
        let (keys, scratch) = scratch.split_at_mut(W * n);
        let (values, scratch) = scratch.split_at_mut(W * n);
        let (keys, values) = (keys.as_chunks_mut::<W>().0, values.as_chunks_mut::<W>().0);
        let scores = &mut scratch[..n];
        let factor = simd.splat_f32s(self.of.scale() * LOG2_E);
        for (head, place) in places(&self.of, blocks) {
            place.read_all(e, qkv, keys);
            place.read_all(2 * e, qkv, values);
            for i in 0..n {
                let query: [S::f32s; W] = scaled(simd, place.read(0, qkv, i), factor);
                let mut maximum = simd.splat_f32s(f32::NEG_INFINITY);
                for (key, score) in keys.iter().zip(&mut *scores) {
                    *score = dot(simd, &query, key, simd.splat_f32s(0.0));
                    maximum = simd.max_f32s(*score, maximum);
                }
                let mut sum = simd.splat_f32s(0.0);
                let mut out = [sum; W];
                for (score, value) in scores.iter().zip(&*values) {
                    let weight = power_of_two(simd, simd.sub_f32s(*score, maximum));
                    sum = simd.add_f32s(sum, weight);
                    add_product(simd, &mut out, weight, value);
                }
                let reciprocal = simd.div_f32s(simd.splat_f32s(1.0), sum);
                let both = place.statistics(head, i);
                (statistics[both], statistics[both + 1]) = (maximum, reciprocal);
                place.write(0, mixed, i, scaled(simd, out, reciprocal));
            }
        }
    }
}

/// What the backward of every query reads.
#[derive(Clone, Copy)]
struct Left<'a, V> {
    qkv: &'a [V],
    mixed: &'a [V],
    statistics: &'a [V],
    dmixed: &'a [V],
    factor: V,
}

impl<V: Copy> Left<'_, V> {
    /// What that of one field's needs.
    #[inline(always)]
    fn query<S: Simd<f32s = V>, const W: usize>(self, simd: S, head: usize, place: Place, i: usize) -> Query<V, W> {
        let both = place.statistics(head, i);
        let (maximum, reciprocal) = (self.statistics[both], self.statistics[both + 1]);
        let flowing = scaled(simd, place.read(0, self.dmixed, i), reciprocal);
        let centre = dot(simd, &flowing, &place.read(0, self.mixed, i), simd.splat_f32s(0.0));
        let query = scaled(simd, place.read(0, self.qkv, i), self.factor);
        Query { query, maximum, flowing, centre, gradient: [simd.splat_f32s(0.0); W] }
    }
}

/// What the backward of one field's query reads, and the gradient that it sums.
struct Query<V, const W: usize> {
    query: [V; W],
    maximum: V,
    /// The gradient of what was mixed, and its product with that, over the sum of all weights.
    flowing: [V; W],
    centre: V,
    gradient: [V; W],
}

impl Unmix<'_> {
    #[inline(always)]
    fn run<S: Simd, const W: usize>(self, simd: S) {
        let (n, e) = (self.of.n, self.of.e);
        let (qkv, mixed) = (S::as_simd_f32s(self.qkv).0, S::as_simd_f32s(self.mixed).0);
        let (statistics, dmixed) = (S::as_simd_f32s(self.statistics).0, S::as_simd_f32s(self.dmixed).0);
        let (dqkv, scratch) = (S::as_mut_simd_f32s(self.dqkv).0, S::as_mut_simd_f32s(self.scratch).0);
        let blocks = mixed.len() / (e * n);
        let [keys, values, dkeys, dvalues] = quarters::<_, W>(n, scratch);
        let scale = simd.splat_f32s(self.of.scale());
        let left = Left { qkv, mixed, statistics, dmixed, factor: simd.splat_f32s(self.of.scale() * LOG2_E) };
        for (head, place) in places(&self.of, blocks) {
            place.read_all(e, qkv, keys);
            place.read_all(2 * e, qkv, values);
            dkeys.fill([simd.splat_f32s(0.0); W]);
            dvalues.fill([simd.splat_f32s(0.0); W]);
            // Two fields at a time share what is loaded and stored of the others.
            for i in (0..n - n % 2).step_by(2) {
                let mut both = [left.query(simd, head, place, i), left.query(simd, head, place, i + 1)];
                reverse(simd, &mut both, [keys, values], dkeys, dvalues);
                place.write(0, dqkv, i, scaled(simd, both[0].gradient, scale));
                place.write(0, dqkv, i + 1, scaled(simd, both[1].gradient, scale));
            }
            if n % 2 == 1 {
                let mut last = [left.query(simd, head, place, n - 1)];
                reverse(simd, &mut last, [keys, values], dkeys, dvalues);
                place.write(0, dqkv, n - 1, scaled(simd, last[0].gradient, scale));
            }
            for (j, (dkey, dvalue)) in dkeys.iter().zip(&*dvalues).enumerate() {
                // Queries were in units of log2 e.
                place.write(e, dqkv, j, scaled(simd, *dkey, simd.splat_f32s(LN_2)));
                place.write(2 * e, dqkv, j, *dvalue);
            }
        }
    }
}

/// Four times `n` fields of `W` vectors.
#[inline(always)]
fn quarters<V, const W: usize>(n: usize, scratch: &mut [V]) -> [&mut [[V; W]]; 4] {
    let (a, rest) = scratch.split_at_mut(W * n);
    let (b, rest) = rest.split_at_mut(W * n);
    let (c, rest) = rest.split_at_mut(W * n);
    [a, b, c, &mut rest[..W * n]].map(|quarter| quarter.as_chunks_mut::<W>().0)
}

/// The reverse of some fields' mixing: their queries' gradients, and what they add to those of all keys and values.
#[inline(always)]
fn reverse<S: Simd, const W: usize, const I: usize>(
    simd: S,
    queries: &mut [Query<S::f32s, W>; I],
    [keys, values]: [&[[S::f32s; W]]; 2],
    dkeys: &mut [[S::f32s; W]],
    dvalues: &mut [[S::f32s; W]],
) {
    for ((key, value), (dkey, dvalue)) in keys.iter().zip(values).zip(dkeys.iter_mut().zip(dvalues)) {
        let (mut dk, mut dv) = (*dkey, *dvalue);
        for query in &mut *queries {
            // As the forward has it to the bit: no difference is above zero, however large the scores are.
            let score = dot(simd, &query.query, key, simd.splat_f32s(0.0));
            let weight = power_of_two(simd, simd.sub_f32s(score, query.maximum));
            let slope = dot(simd, &query.flowing, value, simd.neg_f32s(query.centre));
            let slope = simd.mul_f32s(weight, slope);
            add_product(simd, &mut query.gradient, slope, key);
            add_product(simd, &mut dk, slope, &query.query);
            add_product(simd, &mut dv, weight, &query.flowing);
        }
        (*dkey, *dvalue) = (dk, dv);
    }
}

#[inline(always)]
fn scaled<S: Simd, const W: usize>(simd: S, x: [S::f32s; W], by: S::f32s) -> [S::f32s; W] {
    from_fn(
        #[inline(always)]
        |d| simd.mul_f32s(x[d], by),
    )
}

/// `start + a b`
#[inline(always)]
fn dot<S: Simd, const W: usize>(simd: S, a: &[S::f32s; W], b: &[S::f32s; W], start: S::f32s) -> S::f32s {
    a.iter().zip(b).fold(start, |sum, (a, b)| simd.mul_add_f32s(*a, *b, sum))
}

/// `sum += by x`
#[inline(always)]
fn add_product<S: Simd, const W: usize>(simd: S, sum: &mut [S::f32s; W], by: S::f32s, x: &[S::f32s; W]) {
    sum.iter_mut().zip(x).for_each(|(sum, x)| *sum = simd.mul_add_f32s(by, *x, *sum));
}

/// `2^x` for `x` of at most 1, to within 2 units in the last place; 0 below the smallest normal number, near
/// enough. NaN stays NaN.
#[inline(always)]
fn power_of_two<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    // Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits of the sum.
    const ROUND: f32 = 12_582_912.0;
    // The best polynomial of its degree on [-0.5, 0.5] that is 1 at 0; off by at most 9.2e-8.
    #[expect(clippy::approx_constant, reason = "the polynomial's, which is not quite that")]
    const COEFFICIENTS: [f32; 5] = [1.326_472_7e-3, 9.671_513e-3, 5.550_733_7e-2, 2.402_224_2e-1, 6.931_47e-1];
    let x = simd.max_f32s(simd.splat_f32s(-126.0), x);
    let shifted = simd.add_f32s(x, simd.splat_f32s(ROUND));
    let rest = simd.sub_f32s(x, simd.sub_f32s(shifted, simd.splat_f32s(ROUND)));
    let [highest, others @ ..] = COEFFICIENTS;
    let mut y = simd.splat_f32s(highest);
    for coefficient in others.into_iter().chain([1.0]) {
        y = simd.mul_add_f32s(y, rest, simd.splat_f32s(coefficient));
    }
    // Into the exponent.
    let power = simd.wrapping_dyn_shl_u32s(simd.transmute_u32s_f32s(shifted), simd.splat_u32s(23));
    simd.transmute_f32s_u32s(simd.add_u32s(simd.transmute_u32s_f32s(y), power))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Powers<'a>(&'a mut [f32]);

    impl WithSimd for Powers<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            S::as_mut_simd_f32s(self.0).0.iter_mut().for_each(|x| *x = power_of_two(simd, *x));
        }
    }

    #[test]
    fn powers_are_accurate_and_keep_nan() {
        let exponents: Vec<f32> = (0..16 * 800).map(|i| 1.0 - i as f32 * 0.0099).collect();
        let mut powers = exponents.clone();
        Arch::new().dispatch(Powers(&mut powers));
        for (&x, &power) in exponents.iter().zip(&powers) {
            let exact = f64::from(x.max(-126.0)).exp2();
            assert!((f64::from(power) - exact).abs() <= 2.5e-7 * exact, "{x}: {power} {exact}");
        }
        let mut odd = [f32::NAN; 16];
        odd[1..8].fill(0.0);
        odd[8..].fill(f32::NEG_INFINITY);
        Arch::new().dispatch(Powers(&mut odd));
        assert!(odd[0].is_nan() && odd[1..8].iter().all(|&one| one == 1.0) && odd[8..].iter().all(|&x| x < 1e-37));
    }
}
