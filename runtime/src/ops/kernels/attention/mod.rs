//! Multi-head self-attention over the fields of a sample.
//!
//! The fused kernel works on a few samples at a time, so that their projections stay in the second-level cache. It keeps
//! them as `[e, n, samples]`: each projection is one matrix product, and scores, softmax and mixing are vertical over
//! samples. The `n x n` attention weights are never stored: the backward computes them again from the maxima and sums
//! it kept. Samples are padded with zeros to whole blocks of lanes; what those yield is dropped, and they add nothing.

mod narrow;
mod wide;

use super::gemm::{Matrix, gemm, gemm_alike};
use super::lanes::LANES;
use super::linear::backward_bias;

/// Values of each of a chunk's projections, about: queries, keys and values of a chunk together fill half a
/// second-level cache.
const CHUNK: usize = 1024;

/// Values a sample that the forward leaves: queries, keys and values, the mixed values, and two statistics a head and
/// field.
pub(crate) fn saved_len(n: usize, e: usize, heads: usize) -> usize {
    4 * e * n + 2 * heads * n
}

/// Scratch values a sample: five projections, and what mixing needs.
pub(crate) fn scratch_len(n: usize, e: usize) -> usize {
    5 * e * n + (4 * narrow::WIDEST) * n
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

/// Samples that are worked on together: `count` of them from `start`, padded to `padded`.
#[derive(Clone, Copy)]
struct Chunk {
    start: usize,
    count: usize,
    padded: usize,
}

impl Chunk {
    /// `[n, e, t]` to `[e, n, padded]`.
    fn read(self, n: usize, e: usize, t: usize, x: &[f32], swapped: &mut [f32]) {
        for i in 0..n {
            for d in 0..e {
                let from = &x[(i * e + d) * t + self.start..][..self.count];
                let to = &mut swapped[(d * n + i) * self.padded..][..self.padded];
                if self.count == self.padded {
                    copy_lanes(from, to);
                } else {
                    to[..self.count].copy_from_slice(from);
                    to[self.count..].fill(0.0);
                }
            }
        }
    }

    /// `[e, n, padded]` to, or onto, `[n, e, t]`.
    fn write(self, n: usize, e: usize, t: usize, swapped: &[f32], y: &mut [f32], accumulate: bool) {
        for i in 0..n {
            for d in 0..e {
                let from = &swapped[(d * n + i) * self.padded..][..self.count];
                let to = &mut y[(i * e + d) * t + self.start..][..self.count];
                if accumulate {
                    to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
                } else if self.count == self.padded {
                    copy_lanes(from, to);
                } else {
                    to.copy_from_slice(from);
                }
            }
        }
    }
}

/// Whole blocks of lanes, without a call for each.
fn copy_lanes(from: &[f32], to: &mut [f32]) {
    to.as_chunks_mut::<LANES>().0.iter_mut().zip(from.as_chunks::<LANES>().0).for_each(|(to, from)| *to = *from);
}

fn fill_rows(bias: &[f32], y: &mut [f32]) {
    let cols = y.len() / bias.len();
    y.chunks_exact_mut(cols).zip(bias).for_each(|(row, &b)| row.fill(b));
}

impl Attention<'_> {
    fn width(&self) -> usize {
        self.e / self.heads
    }

    fn scale(&self) -> f32 {
        1.0 / (self.width() as f32).sqrt()
    }

    /// Whether what belongs to one field and head fits in registers.
    fn narrow(&self) -> bool {
        self.width() <= narrow::WIDEST
    }

    /// The chunks of a tile; how many samples one has depends on the number of fields alone.
    fn chunks(&self) -> impl Iterator<Item = Chunk> + use<> {
        let (t, size) = (self.t, (CHUNK / self.n / LANES * LANES).max(LANES));
        (0..t).step_by(size).map(move |start| {
            let count = size.min(t - start);
            Chunk { start, count, padded: count.next_multiple_of(LANES) }
        })
    }

    /// `keep`: whether a backward will read `saved`; otherwise one chunk's part of it serves all of them.
    pub(crate) fn forward(
        &self,
        biases: [&[f32]; 2],
        x: &[f32],
        saved: &mut [f32],
        keep: bool,
        scratch: &mut [f32],
        y: &mut [f32],
    ) {
        let Attention { n, e, heads, t, .. } = *self;
        for chunk in self.chunks() {
            let plane = n * chunk.padded;
            let at = if keep { chunk.start * saved_len(n, e, heads) } else { 0 };
            let saved = &mut saved[at..][..chunk.padded * saved_len(n, e, heads)];
            let (qkv, rest) = saved.split_at_mut(3 * e * plane);
            let (mixed, statistics) = rest.split_at_mut(e * plane);
            let (swapped, rest) = scratch.split_at_mut(e * plane);
            chunk.read(n, e, t, x, swapped);
            fill_rows(biases[0], qkv);
            gemm_alike(qkv, plane, Matrix::new(self.project, 3 * e, e), Matrix::new(swapped, e, plane), true);
            if self.narrow() {
                self.mix_narrow(qkv, mixed, statistics, rest);
            } else {
                self.mix_wide(qkv, mixed, statistics, rest);
            }
            fill_rows(biases[1], swapped);
            gemm_alike(swapped, plane, Matrix::new(self.output, e, e), Matrix::new(mixed, e, plane), true);
            chunk.write(n, e, t, swapped, y, false);
        }
    }

    /// Adds to the parameters' gradients, and writes or adds the input's to `dx` where given.
    pub(crate) fn backward(
        &self,
        x: &[f32],
        saved: &[f32],
        dy: &[f32],
        scratch: &mut [f32],
        mut gradients: Gradients,
        mut dx: Option<(&mut [f32], bool)>,
    ) {
        let Attention { n, e, heads, t, .. } = *self;
        for chunk in self.chunks() {
            let plane = n * chunk.padded;
            let area = e * plane;
            let saved = &saved[chunk.start * saved_len(n, e, heads)..][..chunk.padded * saved_len(n, e, heads)];
            let (qkv, rest) = saved.split_at(3 * area);
            let (mixed, statistics) = rest.split_at(area);
            let (swapped, rest) = scratch.split_at_mut(area);
            let (dmixed, rest) = rest.split_at_mut(area);
            let (dqkv, rest) = rest.split_at_mut(3 * area);
            chunk.read(n, e, t, dy, swapped);
            if let Some(dw) = &mut gradients.output {
                gemm(dw, e, Matrix::new(swapped, e, plane), Matrix::new(mixed, e, plane).transposed(), true);
            }
            if let Some(db) = &mut gradients.output_bias {
                backward_bias(plane, swapped, db);
            }
            gemm(dmixed, plane, Matrix::new(self.output, e, e).transposed(), Matrix::new(swapped, e, plane), false);
            if self.narrow() {
                self.unmix_narrow(qkv, mixed, statistics, dmixed, dqkv, rest);
            } else {
                self.unmix_wide(qkv, mixed, statistics, dmixed, dqkv, rest);
            }
            if let Some(dw) = &mut gradients.project {
                chunk.read(n, e, t, x, swapped);
                gemm(dw, e, Matrix::new(dqkv, 3 * e, plane), Matrix::new(swapped, e, plane).transposed(), true);
            }
            if let Some(db) = &mut gradients.project_bias {
                backward_bias(plane, dqkv, db);
            }
            if let Some((dx, accumulate)) = &mut dx {
                let project = Matrix::new(self.project, 3 * e, e).transposed();
                gemm(swapped, plane, project, Matrix::new(dqkv, 3 * e, plane), false);
                chunk.write(n, e, t, swapped, dx, *accumulate);
            }
        }
    }
}
