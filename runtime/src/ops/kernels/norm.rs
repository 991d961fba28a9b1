//! Layer normalisation along one axis.

use super::simd;

/// Columns worked on at a time forward: 64 rows of so many fill a first-level cache, so the second and third reading of a
/// norm along fields or embeddings find what the first one read.
const BLOCK: usize = 128;

/// The same backward, where statistics stay in that cache. The gradients of scale and shift are summed block after block, so
/// this decides how they round.
const BACKWARD_BLOCK: usize = 512;

/// The normalisation as seen in memory: `outer` blocks of `size` rows of `cols` columns, each column normalised.
#[derive(Clone, Copy)]
pub(crate) struct Norm<'a> {
    pub size: usize,
    pub cols: usize,
    pub eps: f32,
    pub scale: &'a [f32],
}

impl Norm<'_> {
    /// `saved [outer, 2, cols]` receives means and reciprocal deviations.
    pub(crate) fn forward(&self, shift: &[f32], x: &[f32], saved: &mut [f32], y: &mut [f32]) {
        simd::vectorised(
            #[inline(always)]
            || self.forward_body(shift, x, saved, y),
        );
    }

    #[inline(always)]
    fn forward_body(&self, shift: &[f32], x: &[f32], saved: &mut [f32], y: &mut [f32]) {
        let Norm { size, cols, eps, scale } = *self;
        let per = 1.0 / size as f32;
        let blocks = x.chunks_exact(size * cols).zip(y.chunks_exact_mut(size * cols));
        for ((x, y), saved) in blocks.zip(saved.chunks_exact_mut(2 * cols)) {
            let (mean, deviation) = saved.split_at_mut(cols);
            for start in (0..cols).step_by(BLOCK) {
                let range = start..(start + BLOCK).min(cols);
                let (mean, deviation) = (&mut mean[range.clone()], &mut deviation[range.clone()]);
                mean.fill(0.0);
                for x in x.chunks_exact(cols) {
                    for (mean, x) in mean.iter_mut().zip(&x[range.clone()]) {
                        *mean += x;
                    }
                }
                mean.iter_mut().for_each(|mean| *mean *= per);
                deviation.fill(0.0);
                for x in x.chunks_exact(cols) {
                    for ((sum, mean), x) in deviation.iter_mut().zip(&*mean).zip(&x[range.clone()]) {
                        *sum += (x - mean) * (x - mean);
                    }
                }
                deviation.iter_mut().for_each(|sum| *sum = 1.0 / (*sum * per + eps).sqrt());
                for (row, (x, y)) in x.chunks_exact(cols).zip(y.chunks_exact_mut(cols)).enumerate() {
                    let (scale, shift) = (scale[row], shift[row]);
                    let out = y[range.clone()].iter_mut().zip(&x[range.clone()]);
                    for ((y, x), (mean, deviation)) in out.zip(mean.iter().zip(&*deviation)) {
                        *y = (x - mean) * deviation * scale + shift;
                    }
                }
            }
        }
    }

    /// Adds the gradients of `scale` and `shift` to `parameters` where given, and writes or adds the input's to `dx`
    /// where given. `scratch`: `2 cols` values.
    pub(crate) fn backward(
        &self,
        x: &[f32],
        saved: &[f32],
        dy: &[f32],
        scratch: &mut [f32],
        parameters: [Option<&mut [f32]>; 2],
        dx: Option<(&mut [f32], bool)>,
    ) {
        simd::vectorised(
            #[inline(always)]
            || self.backward_body(x, saved, dy, scratch, parameters, dx),
        );
    }

    #[inline(always)]
    fn backward_body(
        &self,
        x: &[f32],
        saved: &[f32],
        dy: &[f32],
        scratch: &mut [f32],
        [mut dscales, mut dshifts]: [Option<&mut [f32]>; 2],
        mut dx: Option<(&mut [f32], bool)>,
    ) {
        let Norm { size, cols, scale, .. } = *self;
        let per = 1.0 / size as f32;
        let area = size * cols;
        let (sums, products) = scratch.split_at_mut(cols);
        for (block, saved) in saved.chunks_exact(2 * cols).enumerate() {
            let (x, dy) = (&x[block * area..][..area], &dy[block * area..][..area]);
            let (mean, deviation) = saved.split_at(cols);
            for start in (0..cols).step_by(BACKWARD_BLOCK) {
                let range = start..(start + BACKWARD_BLOCK).min(cols);
                let (mean, deviation) = (&mean[range.clone()], &deviation[range.clone()]);
                let (sums, products) = (&mut sums[range.clone()], &mut products[range.clone()]);
                sums.fill(0.0);
                products.fill(0.0);
                for (row, (x, dy)) in x.chunks_exact(cols).zip(dy.chunks_exact(cols)).enumerate() {
                    let (x, dy) = (&x[range.clone()], &dy[range.clone()]);
                    let (dscale, dshift) =
                        accumulate_row(x, dy, mean, deviation, scale[row], &mut *sums, &mut *products);
                    if let Some(dscales) = &mut dscales {
                        dscales[row] += dscale;
                    }
                    if let Some(dshifts) = &mut dshifts {
                        dshifts[row] += dshift;
                    }
                }
                let Some((dx, accumulate)) = &mut dx else { continue };
                for ((sum, product), deviation) in sums.iter_mut().zip(&mut *products).zip(deviation) {
                    *sum *= per;
                    *product *= per * deviation;
                }
                for (row, (x, dy)) in x.chunks_exact(cols).zip(dy.chunks_exact(cols)).enumerate() {
                    let dx = &mut dx[block * area + row * cols..][range.clone()];
                    let (x, dy) = (&x[range.clone()], &dy[range.clone()]);
                    let statistics = mean.iter().zip(deviation).zip(sums.iter().zip(&*products));
                    let scale = scale[row];
                    if *accumulate {
                        for (((dx, x), dy), ((mean, deviation), (sum, product))) in
                            dx.iter_mut().zip(x).zip(dy).zip(statistics)
                        {
                            *dx += deviation * (dy * scale - sum - (x - mean) * product);
                        }
                    } else {
                        for (((dx, x), dy), ((mean, deviation), (sum, product))) in
                            dx.iter_mut().zip(x).zip(dy).zip(statistics)
                        {
                            *dx = deviation * (dy * scale - sum - (x - mean) * product);
                        }
                    }
                }
            }
        }
    }
}

/// One row's share of the per-column sums of `g = dy scale` and of `g` times the normalised input; returns its
/// gradients of scale and shift.
#[inline(always)]
fn accumulate_row(
    x: &[f32],
    dy: &[f32],
    mean: &[f32],
    deviation: &[f32],
    scale: f32,
    sums: &mut [f32],
    products: &mut [f32],
) -> (f32, f32) {
    const LANES: usize = 8;
    let (mut dscale, mut dshift) = ([0f32; LANES], [0f32; LANES]);
    let len = x.len();
    let whole = len - len % LANES;
    for at in (0..whole).step_by(LANES) {
        let (x, dy) = (&x[at..at + LANES], &dy[at..at + LANES]);
        let (mean, deviation) = (&mean[at..at + LANES], &deviation[at..at + LANES]);
        let (sums, products) = (&mut sums[at..at + LANES], &mut products[at..at + LANES]);
        for i in 0..LANES {
            let product = dy[i] * ((x[i] - mean[i]) * deviation[i]);
            dscale[i] += product;
            dshift[i] += dy[i];
            sums[i] += dy[i] * scale;
            products[i] += product * scale;
        }
    }
    let (mut scale_sum, mut shift_sum) = (dscale.iter().sum::<f32>(), dshift.iter().sum::<f32>());
    for i in whole..len {
        let product = dy[i] * ((x[i] - mean[i]) * deviation[i]);
        scale_sum += product;
        shift_sum += dy[i];
        sums[i] += dy[i] * scale;
        products[i] += product * scale;
    }
    (scale_sum, shift_sum)
}
