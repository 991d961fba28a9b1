//! Batch normalisation, by the statistics of the batch or by those that were kept.

use candle_core::{Result, Tensor};
use nasrec_compiler::primitives::BatchNorm;

use super::device::{Back, Forward, Vjp};
use super::kernels::moments::{self, Pairs};
use super::tiled::{Across, Gathered, Here, Kernel, Lowered, Out, ParamGradients, Site, Stretch};
use super::{Op, Reads};

/// Where its parameters are.
const SCALE: usize = 0;
const SHIFT: usize = 1;
const MEAN: usize = 2;
const VARIANCE: usize = 3;

/// What the biased variance of so many samples is multiplied by to be unbiased. Of one sample it is 0 either way.
pub(crate) fn unbiased(samples: usize) -> f64 {
    samples as f64 / (samples.max(2) - 1) as f64
}

impl Op for BatchNorm {
    fn reads(&self) -> Reads {
        Reads::OPERANDS
    }

    fn lower(&self, site: &Site<'_>) -> Lowered {
        site.step(*self)
    }

    fn statistics(&self, x: &Tensor) -> Result<Option<Tensor>> {
        let mean = x.mean(0)?;
        let variance = x.broadcast_sub(&mean)?.sqr()?.mean(0)?;
        Tensor::stack(&[mean, variance], 0).map(Some)
    }

    fn forward(&self, at: &Forward<'_>) -> Result<Tensor> {
        let (xhat, _) = normalised(at.inputs[0], at.given, &at.params, self.eps)?;
        xhat.broadcast_mul(at.params[SCALE])?.broadcast_add(at.params[SHIFT])
    }

    fn backward(&self, at: &Back<'_>) -> Result<Vjp> {
        let (xhat, deviation) = normalised(at.input(0)?, at.given, &at.params, self.eps)?;
        let (dscale, dshift) = ((at.dy * &xhat)?.sum(0)?, at.dy.sum(0)?);
        let by = (deviation * at.params[SCALE])?;
        let dx = match at.given {
            // The statistics depend on every sample.
            Some(_) => {
                let per = 1.0 / at.batch()? as f64;
                let along = xhat.broadcast_mul(&(&dscale * per)?)?;
                at.dy.broadcast_sub(&(&dshift * per)?)?.sub(&along)?
            }
            None => at.dy.clone(),
        };
        Ok(Vjp::with(dx.broadcast_mul(&by)?, [dscale, dshift]))
    }
}

/// The input without its mean and over its deviation, and the reciprocal of that; by what the step supplies, else by the
/// statistics that were kept.
fn normalised(x: &Tensor, given: Option<&Tensor>, params: &[&Tensor], eps: f64) -> Result<(Tensor, Tensor)> {
    let (mean, variance) = match given {
        Some(given) => (given.get(0)?, given.get(1)?),
        None => (params[MEAN].clone(), params[VARIANCE].clone()),
    };
    let deviation = (variance + eps)?.sqrt()?.recip()?;
    Ok((x.broadcast_sub(&mean)?.broadcast_mul(&deviation)?, deviation))
}

/// Mean and reciprocal deviation of each position.
fn statistics<'h>(eps: f64, here: &'h dyn Here) -> Box<dyn Iterator<Item = [f32; 2]> + 'h> {
    let one = move |mean: f64, variance: f64| [mean as f32, (1.0 / (variance + eps).sqrt()) as f32];
    match here.gathered() {
        Some(gathered) => Box::new(gathered.forward.iter().map(move |&[mean, variance]| one(mean, variance))),
        None => {
            let kept = |which| here.weight(which).unwrap_or(&[]);
            let pairs = kept(MEAN).iter().zip(kept(VARIANCE));
            Box::new(pairs.map(move |(&mean, &variance)| one(f64::from(mean), f64::from(variance))))
        }
    }
}

impl Kernel for BatchNorm {
    fn reads(&self, _: bool) -> Reads {
        Reads::OPERANDS
    }

    fn across(&self) -> Option<&dyn Across> {
        Some(self)
    }

    fn forward(&self, here: &dyn Here, out: Out<'_>) {
        let (t, weight) = (here.samples(), |which| here.weight(which).unwrap_or(&[]));
        let rows = here.operand(0).chunks_exact(t).zip(out.y.chunks_exact_mut(t));
        let affine = weight(SCALE).iter().zip(weight(SHIFT));
        for (((x, y), (scale, shift)), [mean, deviation]) in rows.zip(affine).zip(statistics(self.eps, here)) {
            moments::normalise(x, [mean, deviation * scale, *shift], y);
        }
    }

    fn backward_params(&self, here: &dyn Here, dy: &[f32], gradients: &mut ParamGradients<'_>) {
        let sums = match here.gathered() {
            // Those of all tiles at once.
            Some(gathered) if here.first() == 0 => gathered.backward.clone(),
            Some(_) => return,
            None => Across::backward(self, here, dy),
        };
        for (index, which) in [(SCALE, 1), (SHIFT, 0)] {
            if let Some(part) = gradients.take(index) {
                part.iter_mut().zip(&sums).for_each(|(part, sums)| *part += sums[which] as f32);
            }
        }
    }

    fn backward(&self, here: &dyn Here, _: Stretch, dy: &[f32], dx: &mut [f32], accumulate: bool) {
        let t = here.samples();
        let rows = here.operand(0).chunks_exact(t).zip(dy.chunks_exact(t)).zip(dx.chunks_exact_mut(t));
        let scales = here.weight(SCALE).unwrap_or(&[]);
        for (position, ((((x, dy), dx), scale), [mean, deviation])) in
            rows.zip(scales).zip(statistics(self.eps, here)).enumerate()
        {
            // Of the sums that depend on every sample, where the statistics do.
            let [shift, along] = here.gathered().map_or([0.0; 2], |gathered| {
                gathered.backward[position].map(|sum| (sum / gathered.samples as f64) as f32)
            });
            let by = deviation * scale;
            moments::differentiate([x, dy], [mean, deviation * along, shift, by], dx, accumulate);
        }
    }
}

impl Across for BatchNorm {
    fn forward(&self, here: &dyn Here) -> Pairs {
        here.operand(0).chunks_exact(here.samples()).map(moments::of).collect()
    }

    fn joined(&self, tiles: &[(usize, Pairs)]) -> Pairs {
        moments::joined(tiles)
    }

    fn backward(&self, here: &dyn Here, dy: &[f32]) -> Pairs {
        let t = here.samples();
        let rows = here.operand(0).chunks_exact(t).zip(dy.chunks_exact(t));
        rows.zip(statistics(self.eps, here)).map(|((x, dy), statistics)| moments::sums(x, dy, statistics)).collect()
    }

    fn found(&self, gathered: &Gathered) -> [(usize, Vec<f32>); 2] {
        let of = |which: usize, by: f64| gathered.forward.iter().map(|pair| (pair[which] * by) as f32).collect();
        [(MEAN, of(0, 1.0)), (VARIANCE, of(1, unbiased(gathered.samples)))]
    }

    fn momentum(&self) -> f64 {
        self.momentum
    }
}
