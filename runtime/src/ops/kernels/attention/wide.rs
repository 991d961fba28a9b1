//! Scores, softmax and mixing where a head has any width: blocks of lanes, two dimensions of a head at a time.

use std::ops::Range;

use super::Attention;
use crate::ops::kernels::lanes::LANES;
use crate::ops::kernels::simd;

type Lanes = [f32; LANES];

impl Attention<'_> {
    pub(super) fn mix_wide(&self, qkv: &[f32], mixed: &mut [f32], statistics: &mut [f32], scratch: &mut [f32]) {
        let scores = &mut lanes_mut(scratch)[..self.n];
        simd::vectorised(
            #[inline(always)]
            || self.mix(lanes(qkv), lanes_mut(mixed), lanes_mut(statistics), scores),
        );
    }

    /// The reverse; writes `dqkv`.
    pub(super) fn unmix_wide(
        &self,
        qkv: &[f32],
        mixed: &[f32],
        statistics: &[f32],
        dmixed: &[f32],
        dqkv: &mut [f32],
        scratch: &mut [f32],
    ) {
        let scratch = &mut lanes_mut(scratch)[..2 * self.n];
        dqkv.fill(0.0);
        simd::vectorised(
            #[inline(always)]
            || self.unmix(lanes(qkv), lanes(mixed), lanes(statistics), lanes(dmixed), lanes_mut(dqkv), scratch),
        );
    }

    /// One head, block of lanes and field at a time.
    #[inline(always)]
    fn mix(&self, qkv: &[Lanes], mixed: &mut [Lanes], statistics: &mut [Lanes], scores: &mut [Lanes]) {
        let Attention { n, e, heads, .. } = *self;
        let (blocks, width) = (mixed.len() / (e * n), e / heads);
        for head in 0..heads {
            let dims = head * width..(head + 1) * width;
            for block in 0..blocks {
                let at = |row: usize, field: usize| (row * n + field) * blocks + block;
                for i in 0..n {
                    self.scores(qkv, blocks, block, dims.clone(), i, scores);
                    let mut maximum = [f32::NEG_INFINITY; LANES];
                    for scores in &*scores {
                        for (maximum, &score) in maximum.iter_mut().zip(scores) {
                            *maximum = if score < *maximum { *maximum } else { score };
                        }
                    }
                    exponentials(scores, &maximum);
                    let mut sum = [0f32; LANES];
                    for scores in &*scores {
                        sum.iter_mut().zip(scores).for_each(|(sum, score)| *sum += score);
                    }
                    let reciprocal = sum.map(|sum| 1.0 / sum);
                    let both = 2 * ((head * n + i) * blocks + block);
                    (statistics[both], statistics[both + 1]) = (maximum, reciprocal);
                    each_few(
                        dims.clone(),
                        #[inline(always)]
                        |d| {
                            let mut sums = [[0f32; LANES]; 2];
                            for (j, score) in scores.iter().enumerate() {
                                for (k, sum) in sums.iter_mut().enumerate().take(d.len()) {
                                    fused(sum, score, &qkv[at(2 * e + d.start + k, j)]);
                                }
                            }
                            for (d, mut sum) in d.zip(sums) {
                                sum.iter_mut().zip(&reciprocal).for_each(|(sum, by)| *sum *= by);
                                mixed[at(d, i)] = sum;
                            }
                        },
                    );
                }
            }
        }
    }

    /// The scaled products of field `i`'s query with every key.
    #[inline(always)]
    fn scores(&self, qkv: &[Lanes], blocks: usize, block: usize, dims: Range<usize>, i: usize, scores: &mut [Lanes]) {
        let (n, e, scale, first) = (self.n, self.e, self.scale(), dims.start);
        let at = |row: usize, field: usize| (row * n + field) * blocks + block;
        each_few(
            dims,
            #[inline(always)]
            |d| {
                let mut queries = [[0f32; LANES]; 2];
                for (query, d) in queries.iter_mut().zip(d.clone()) {
                    *query = qkv[at(d, i)].map(|q| q * scale);
                }
                for (j, score) in scores.iter_mut().enumerate() {
                    let mut sum = if d.start == first { [0f32; LANES] } else { *score };
                    for (k, query) in queries.iter().enumerate().take(d.len()) {
                        fused(&mut sum, query, &qkv[at(e + d.start + k, j)]);
                    }
                    *score = sum;
                }
            },
        );
    }

    /// The reverse of [`Attention::mix`]; `dqkv` starts at zero, `scratch` holds two blocks of lanes a field.
    #[inline(always)]
    fn unmix(
        &self,
        qkv: &[Lanes],
        mixed: &[Lanes],
        statistics: &[Lanes],
        dmixed: &[Lanes],
        dqkv: &mut [Lanes],
        scratch: &mut [Lanes],
    ) {
        let Attention { n, e, heads, .. } = *self;
        let (blocks, width, scale) = (mixed.len() / (e * n), e / heads, self.scale());
        let (weights, slopes) = scratch.split_at_mut(n);
        for head in 0..heads {
            let dims = head * width..(head + 1) * width;
            for block in 0..blocks {
                let at = |row: usize, field: usize| (row * n + field) * blocks + block;
                for i in 0..n {
                    let both = 2 * ((head * n + i) * blocks + block);
                    let (maximum, reciprocal) = (&statistics[both], &statistics[both + 1]);
                    self.scores(qkv, blocks, block, dims.clone(), i, weights);
                    exponentials(weights, maximum);
                    let mut centre = [0f32; LANES];
                    each_few(
                        dims.clone(),
                        #[inline(always)]
                        |d| {
                            let mut flowing = [[0f32; LANES]; 2];
                            for (flowing, d) in flowing.iter_mut().zip(d.clone()) {
                                fused(&mut centre, &dmixed[at(d, i)], &mixed[at(d, i)]);
                                *flowing = dmixed[at(d, i)];
                            }
                            for (j, (weight, slope)) in weights.iter_mut().zip(&mut *slopes).enumerate() {
                                let mut sum = *slope;
                                if d.start == dims.start {
                                    weight.iter_mut().zip(reciprocal).for_each(|(weight, by)| *weight *= by);
                                    sum = [0f32; LANES];
                                }
                                for (k, flowing) in flowing.iter().enumerate().take(d.len()) {
                                    let value = at(2 * e + d.start + k, j);
                                    fused(&mut sum, flowing, &qkv[value]);
                                    fused(&mut dqkv[value], weight, flowing);
                                }
                                *slope = sum;
                            }
                        },
                    );
                    let scaled = scaled(centre, scale);
                    for (slope, weight) in slopes.iter_mut().zip(&*weights) {
                        for lane in 0..LANES {
                            slope[lane] = weight[lane] * slope[lane].mul_add(scale, -scaled[lane]);
                        }
                    }
                    each_few(
                        dims.clone(),
                        #[inline(always)]
                        |d| {
                            let mut queries = [[0f32; LANES]; 2];
                            let mut sums = [[0f32; LANES]; 2];
                            for (query, d) in queries.iter_mut().zip(d.clone()) {
                                *query = qkv[at(d, i)];
                            }
                            for (j, slope) in slopes.iter().enumerate() {
                                for (k, (query, sum)) in queries.iter().zip(&mut sums).enumerate().take(d.len()) {
                                    let key = at(e + d.start + k, j);
                                    fused(sum, slope, &qkv[key]);
                                    fused(&mut dqkv[key], slope, query);
                                }
                            }
                            for (d, sum) in d.zip(sums) {
                                dqkv[at(d, i)] = sum;
                            }
                        },
                    );
                }
            }
        }
    }
}

fn lanes(values: &[f32]) -> &[Lanes] {
    values.as_chunks().0
}

fn lanes_mut(values: &mut [f32]) -> &mut [Lanes] {
    values.as_chunks_mut().0
}

/// Calls `f` for two dimensions of a head at a time, so that what it keeps of each fits in registers.
#[inline(always)]
fn each_few(dims: Range<usize>, mut f: impl FnMut(Range<usize>)) {
    let mut d = dims.start;
    while d + 2 <= dims.end {
        f(d..d + 2);
        d += 2;
    }
    if d < dims.end {
        f(d..d + 1);
    }
}

/// `sum += a b`, rounded once.
#[inline(always)]
fn fused(sum: &mut Lanes, a: &Lanes, b: &Lanes) {
    for lane in 0..LANES {
        sum[lane] = a[lane].mul_add(b[lane], sum[lane]);
    }
}

#[inline(always)]
fn scaled(lanes: Lanes, by: f32) -> Lanes {
    lanes.map(|value| value * by)
}

/// `e^(score - maximum)` in place: one loop over all values, which vectorises best.
#[inline(always)]
fn exponentials(scores: &mut [Lanes], maximum: &Lanes) {
    for scores in &mut *scores {
        scores.iter_mut().zip(maximum).for_each(|(score, maximum)| *score -= maximum);
    }
    scores.as_flattened_mut().iter_mut().for_each(|score| *score = simd::exp(*score));
}
