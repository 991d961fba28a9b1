//! Multi-head self-attention over the fields of a sample.
//!
//! The fused kernel keeps projections as `[e, n, samples]`, so that each projection is one matrix product, and never
//! stores the `n x n` attention weights: the backward computes them again from the maxima and sums it kept.

use std::ops::Range;

use super::gemm::{Matrix, gemm};
use super::linear::backward_bias;
use super::simd;

/// Values a sample that the forward leaves: queries, keys and values, the mixed values, and two statistics a head and
/// field.
pub(crate) fn saved_len(n: usize, e: usize, heads: usize) -> usize {
    4 * e * n + 2 * heads * n
}

/// Scratch values a sample.
pub(crate) fn scratch_len(n: usize, e: usize) -> usize {
    6 * e * n + 2 * n + 1
}

/// Sizes and parameters of one attention over `t` samples.
#[derive(Clone, Copy)]
pub(crate) struct Attention<'a> {
    pub n: usize,
    pub e: usize,
    pub heads: usize,
    pub t: usize,
    /// `[3 e, e]` and `[e, e]`
    pub project: &'a [f32],
    pub output: &'a [f32],
}

/// Where each parameter's gradient is added, for those that are trained.
#[derive(Default)]
pub(crate) struct Gradients<'a> {
    pub project: Option<&'a mut [f32]>,
    pub project_bias: Option<&'a mut [f32]>,
    pub output: Option<&'a mut [f32]>,
    pub output_bias: Option<&'a mut [f32]>,
}

/// `[a, b, t] -> [b, a, t]`
fn swap(a: usize, b: usize, t: usize, x: &[f32], y: &mut [f32]) {
    for i in 0..a {
        for j in 0..b {
            y[(j * a + i) * t..][..t].copy_from_slice(&x[(i * b + j) * t..][..t]);
        }
    }
}

fn fill_rows(bias: &[f32], y: &mut [f32]) {
    let cols = y.len() / bias.len();
    y.chunks_exact_mut(cols).zip(bias).for_each(|(row, &b)| row.fill(b));
}

impl Attention<'_> {
    fn plane(&self) -> usize {
        self.n * self.t
    }

    fn scale(&self) -> f32 {
        1.0 / ((self.e / self.heads) as f32).sqrt()
    }

    pub(crate) fn forward(
        &self,
        biases: [&[f32]; 2],
        x: &[f32],
        saved: &mut [f32],
        scratch: &mut [f32],
        y: &mut [f32],
    ) {
        let Attention { n, e, t, .. } = *self;
        let (area, plane) = (e * n * t, self.plane());
        let (swapped, scores) = scratch.split_at_mut(area);
        swap(n, e, t, x, swapped);
        let (qkv, rest) = saved.split_at_mut(3 * area);
        let (mixed, statistics) = rest.split_at_mut(area);
        fill_rows(biases[0], qkv);
        gemm(qkv, plane, Matrix::new(self.project, 3 * e, e), Matrix::new(swapped, e, plane), true);
        simd::vectorised(
            #[inline(always)]
            || self.mix(qkv, mixed, statistics, &mut scores[..plane]),
        );
        fill_rows(biases[1], swapped);
        gemm(swapped, plane, Matrix::new(self.output, e, e), Matrix::new(mixed, e, plane), true);
        swap(e, n, t, swapped, y);
    }

    /// Scores, softmax and mixing, one head and field at a time.
    #[inline(always)]
    fn mix(&self, qkv: &[f32], mixed: &mut [f32], statistics: &mut [f32], scores: &mut [f32]) {
        let Attention { n, e, heads, t, .. } = *self;
        let (plane, scale, width) = (self.plane(), self.scale(), e / heads);
        for head in 0..heads {
            for i in 0..n {
                let dims = head * width..(head + 1) * width;
                let statistics = &mut statistics[(head * n + i) * 2 * t..][..2 * t];
                let (maximum, reciprocal) = statistics.split_at_mut(t);
                self.scores(qkv, dims.clone(), i, scores);
                maximum.fill(f32::NEG_INFINITY);
                for scores in scores.chunks_exact(t) {
                    for (maximum, &score) in maximum.iter_mut().zip(scores) {
                        *maximum = if score < *maximum { *maximum } else { score };
                    }
                }
                reciprocal.fill(0.0);
                for scores in scores.chunks_exact_mut(t) {
                    for (score, maximum) in scores.iter_mut().zip(&*maximum) {
                        *score = simd::exp((*score - maximum) * scale);
                    }
                    for (sum, score) in reciprocal.iter_mut().zip(&*scores) {
                        *sum += score;
                    }
                }
                reciprocal.iter_mut().for_each(|sum| *sum = 1.0 / *sum);
                for d in dims {
                    let out = &mut mixed[d * plane + i * t..][..t];
                    let values = &qkv[(2 * e + d) * plane..][..plane];
                    out.fill(0.0);
                    for (v, p) in values.chunks_exact(t).zip(scores.chunks_exact(t)) {
                        multiply_add(out, v, p);
                    }
                    out.iter_mut().zip(&*reciprocal).for_each(|(out, reciprocal)| *out *= reciprocal);
                }
            }
        }
    }

    /// The products of field `i`'s query with every key, not yet scaled.
    #[inline(always)]
    fn scores(&self, qkv: &[f32], dims: Range<usize>, i: usize, scores: &mut [f32]) {
        let (plane, t) = (self.plane(), self.t);
        for d in dims.clone() {
            let q = &qkv[d * plane + i * t..][..t];
            let keys = &qkv[(self.e + d) * plane..][..plane];
            for (scores, k) in scores.chunks_exact_mut(t).zip(keys.chunks_exact(t)) {
                if d == dims.start {
                    multiply(scores, q, k);
                } else {
                    multiply_add(scores, q, k);
                }
            }
        }
    }

    /// Adds to the parameters' gradients, and writes or adds the input's to `dx` where given.
    pub(crate) fn backward(
        &self,
        x: &[f32],
        saved: &[f32],
        dy: &[f32],
        scratch: &mut [f32],
        gradients: Gradients,
        dx: Option<(&mut [f32], bool)>,
    ) {
        let Attention { n, e, t, .. } = *self;
        let (area, plane) = (e * n * t, self.plane());
        let (qkv, rest) = saved.split_at(3 * area);
        let (mixed, statistics) = rest.split_at(area);
        let (swapped, rest) = scratch.split_at_mut(area);
        let (dmixed, rest) = rest.split_at_mut(area);
        let (dqkv, rest) = rest.split_at_mut(3 * area);
        swap(n, e, t, dy, swapped);
        if let Some(dw) = gradients.output {
            gemm(dw, e, Matrix::new(swapped, e, plane), Matrix::new(mixed, e, plane).transposed(), true);
        }
        if let Some(db) = gradients.output_bias {
            backward_bias(plane, swapped, db);
        }
        gemm(dmixed, plane, Matrix::new(self.output, e, e).transposed(), Matrix::new(swapped, e, plane), false);
        dqkv.fill(0.0);
        let weights = &mut rest[..2 * plane + t];
        simd::vectorised(
            #[inline(always)]
            || self.unmix(qkv, mixed, statistics, dmixed, dqkv, weights),
        );
        if let Some(dw) = gradients.project {
            swap(n, e, t, x, swapped);
            gemm(dw, e, Matrix::new(dqkv, 3 * e, plane), Matrix::new(swapped, e, plane).transposed(), true);
        }
        if let Some(db) = gradients.project_bias {
            backward_bias(plane, dqkv, db);
        }
        if let Some((dx, accumulate)) = dx {
            let project = Matrix::new(self.project, 3 * e, e).transposed();
            gemm(swapped, plane, project, Matrix::new(dqkv, 3 * e, plane), false);
            if accumulate {
                let back = &mut dmixed[..];
                swap(e, n, t, swapped, back);
                super::elementwise::copy(back, dx, true);
            } else {
                swap(e, n, t, swapped, dx);
            }
        }
    }

    /// The reverse of [`Attention::mix`]; `dqkv` starts at zero, `scratch` holds two rows a field and one more.
    #[inline(always)]
    fn unmix(
        &self,
        qkv: &[f32],
        mixed: &[f32],
        statistics: &[f32],
        dmixed: &[f32],
        dqkv: &mut [f32],
        scratch: &mut [f32],
    ) {
        let Attention { n, e, heads, t, .. } = *self;
        let (plane, scale, width) = (self.plane(), self.scale(), e / heads);
        let (weights, rest) = scratch.split_at_mut(plane);
        let (slopes, centre) = rest.split_at_mut(plane);
        let (dq, rest) = dqkv.split_at_mut(e * plane);
        let (dk, dv) = rest.split_at_mut(e * plane);
        for head in 0..heads {
            for i in 0..n {
                let dims = head * width..(head + 1) * width;
                let (maximum, reciprocal) = statistics[(head * n + i) * 2 * t..][..2 * t].split_at(t);
                self.scores(qkv, dims.clone(), i, weights);
                for weights in weights.chunks_exact_mut(t) {
                    for (weight, maximum) in weights.iter_mut().zip(maximum) {
                        *weight = simd::exp((*weight - maximum) * scale);
                    }
                    weights.iter_mut().zip(reciprocal).for_each(|(weight, reciprocal)| *weight *= reciprocal);
                }
                centre.fill(0.0);
                for d in dims.clone() {
                    let at = d * plane + i * t;
                    let dm = &dmixed[at..][..t];
                    multiply_add(centre, dm, &mixed[at..][..t]);
                    let values = qkv[(2 * e + d) * plane..][..plane].chunks_exact(t);
                    let dvalues = dv[d * plane..][..plane].chunks_exact_mut(t);
                    let rows = weights.chunks_exact(t).zip(slopes.chunks_exact_mut(t));
                    for ((p, slopes), (v, dv)) in rows.zip(values.zip(dvalues)) {
                        multiply_add(dv, dm, p);
                        if d == dims.start {
                            multiply(slopes, dm, v);
                        } else {
                            multiply_add(slopes, dm, v);
                        }
                    }
                }
                for (p, slopes) in weights.chunks_exact(t).zip(slopes.chunks_exact_mut(t)) {
                    for ((slope, p), centre) in slopes.iter_mut().zip(p).zip(&*centre) {
                        *slope = p * (*slope - centre) * scale;
                    }
                }
                for d in dims {
                    let at = d * plane + i * t;
                    let (q, dq) = (&qkv[at..][..t], &mut dq[at..][..t]);
                    let keys = qkv[(e + d) * plane..][..plane].chunks_exact(t);
                    let dkeys = dk[d * plane..][..plane].chunks_exact_mut(t);
                    for (slopes, (k, dk)) in slopes.chunks_exact(t).zip(keys.zip(dkeys)) {
                        multiply_add(dq, slopes, k);
                        multiply_add(dk, slopes, q);
                    }
                }
            }
        }
    }
}

/// `out = a b`, value by value.
#[inline(always)]
fn multiply(out: &mut [f32], a: &[f32], b: &[f32]) {
    out.iter_mut().zip(a).zip(b).for_each(|((out, a), b)| *out = a * b);
}

/// `out += a b`, value by value.
#[inline(always)]
fn multiply_add(out: &mut [f32], a: &[f32], b: &[f32]) {
    out.iter_mut().zip(a).zip(b).for_each(|((out, a), b)| *out += a * b);
}

/// Any device and float type.
pub(crate) mod portable {
    use candle_core::{D, Result, Tensor};

    use crate::ops::linear::portable as linear;
    use crate::ops::matmul::matmul;
    use nasrec_compiler::primitives::Axis;

    struct Forward {
        /// `[heads, B, n, e / heads]` each.
        qkv: [Tensor; 3],
        /// `[heads, B, n, n]`
        weights: Tensor,
        /// `[n, e, B]`
        mixed: Tensor,
    }

    /// `[n, e, B] -> [heads, B, n, e / heads]`
    fn split(x: &Tensor, heads: usize) -> Result<Tensor> {
        let (n, e, b) = x.dims3()?;
        x.reshape((n, heads, e / heads, b))?.permute((1, 3, 0, 2))?.contiguous()
    }

    fn join(x: &Tensor) -> Result<Tensor> {
        let (heads, b, n, width) = x.dims4()?;
        x.permute((2, 0, 3, 1))?.contiguous()?.reshape((n, heads * width, b))
    }

    fn transposed(x: &Tensor) -> Result<Tensor> {
        x.transpose(2, 3)?.contiguous()
    }

    fn run(heads: usize, x: &Tensor, params: &[&Tensor]) -> Result<Forward> {
        let (_, e, _) = x.dims3()?;
        let all = linear::forward(Axis::Last, x, params[0], Some(params[1]))?;
        let part = |i: usize| split(&all.narrow(1, i * e, e)?.contiguous()?, heads);
        let qkv = [part(0)?, part(1)?, part(2)?];
        let scores = (matmul(&qkv[0], &transposed(&qkv[1])?)? * scale(e, heads))?;
        let shifted = scores.broadcast_sub(&scores.max_keepdim(D::Minus1)?)?.exp()?;
        let weights = shifted.broadcast_div(&shifted.sum_keepdim(D::Minus1)?)?;
        let mixed = join(&matmul(&weights, &qkv[2])?)?;
        Ok(Forward { qkv, weights, mixed })
    }

    fn scale(e: usize, heads: usize) -> f64 {
        1.0 / ((e / heads) as f64).sqrt()
    }

    pub(crate) fn forward(heads: usize, x: &Tensor, params: &[&Tensor]) -> Result<Tensor> {
        let mixed = run(heads, x, params)?.mixed;
        linear::forward(Axis::Last, &mixed, params[2], Some(params[3]))
    }

    /// Gradients of the input and of the four parameters.
    pub(crate) fn backward(heads: usize, x: &Tensor, params: &[&Tensor], dy: &Tensor) -> Result<[Option<Tensor>; 5]> {
        let e = x.dim(1)?;
        let Forward { qkv, weights, mixed } = run(heads, x, params)?;
        let [dmixed, dout, dout_bias] = linear::backward(Axis::Last, Some(&mixed), params[2], dy, [true; 3])?;
        let Some(dmixed) = dmixed else { unreachable!("the input's gradient was asked for") };
        let dmixed = split(&dmixed, heads)?;
        let dv = matmul(&transposed(&weights)?, &dmixed)?;
        let dweights = matmul(&dmixed, &transposed(&qkv[2])?)?;
        let centre = (&dweights * &weights)?.sum_keepdim(D::Minus1)?;
        let dscores = ((weights * dweights.broadcast_sub(&centre)?)? * scale(e, heads))?;
        let dq = matmul(&dscores, &qkv[1])?;
        let dk = matmul(&transposed(&dscores)?, &qkv[0])?;
        let dqkv = Tensor::cat(&[join(&dq)?, join(&dk)?, join(&dv)?], 1)?;
        let [dx, dproject, dproject_bias] = linear::backward(Axis::Last, Some(x), params[0], &dqkv, [true; 3])?;
        Ok([dx, dproject, dproject_bias, dout, dout_bias])
    }
}
