//! Dropout: which values a step drops.

use candle_core::{Result, Tensor};
use nasrec_compiler::primitives::Dropout;
use nasrec_compiler::streams::{self, Key};
use rand::Rng;

use super::Op;
use super::device::{Back, Forward, Vjp};
use super::kernels::elementwise;
use super::tiled::{Here, Kernel, Lowered, Out, Site, Stretch};

/// What a dropout node does to a batch in one step: a function of the key, the sample and the position alone, whatever the
/// tiles, the threads and the backend are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mask {
    key: Key,
    /// A value stays where the number drawn for it is at least this.
    least: u32,
    /// What it is multiplied by then.
    pub by: f32,
}

impl Mask {
    /// Of a node of the plan, in the step with these draws.
    pub fn new(dropout: Dropout, node: usize, step: Key) -> Self {
        let least = (dropout.rate * 2f64.powi(32)) as u32;
        Self { key: streams::below(step, node as u64), least, by: (1.0 / (1.0 - dropout.rate)) as f32 }
    }

    /// Which values of a sample stay, in the order of the positions.
    pub fn kept(&self, sample: usize) -> impl Iterator<Item = bool> + use<> {
        let (mut rng, least) = (streams::at(self.key, sample as u64), self.least);
        std::iter::repeat_with(move || rng.next_u32() >= least)
    }
}

impl Op for Dropout {
    fn lower(&self, site: &Site<'_>) -> Lowered {
        if !site.trains {
            return Lowered::View;
        }
        site.step(Masked { dropout: *self, node: site.index, len: site.len() }).nonzero(site.live[0])
    }

    fn forward(&self, at: &Forward<'_>) -> Result<Tensor> {
        masked(at.inputs[0], at.given)
    }

    fn backward(&self, at: &Back<'_>) -> Result<Vjp> {
        Ok(Vjp::of([masked(at.dy, at.given)?]))
    }
}

/// `x`, or what is left of it: the mask has its shape, zeros and what stays is multiplied by.
fn masked(x: &Tensor, mask: Option<&Tensor>) -> Result<Tensor> {
    mask.map_or_else(|| Ok(x.clone()), |mask| x * mask)
}

/// A node of a program that trains something.
#[derive(Clone, Copy, Debug)]
struct Masked {
    dropout: Dropout,
    node: usize,
    /// Values a sample.
    len: usize,
}

impl Kernel for Masked {
    fn saved(&self) -> usize {
        self.len
    }

    fn forward(&self, here: &dyn Here, out: Out<'_>) {
        let (t, x) = (here.samples(), here.operand(0));
        let Some(step) = here.noise() else { return elementwise::copy(x, out.y, false) };
        let mask = Mask::new(self.dropout, self.node, step);
        let by = &mut out.saved[..self.len * t];
        for sample in 0..t {
            for (by, kept) in by[sample..].iter_mut().step_by(t).zip(mask.kept(here.first() + sample)) {
                *by = if kept { mask.by } else { 0.0 };
            }
        }
        elementwise::mul(x, by, out.y, false);
    }

    fn backward(&self, here: &dyn Here, _: Stretch, dy: &[f32], dx: &mut [f32], accumulate: bool) {
        match here.noise() {
            Some(_) => elementwise::mul(dy, &here.saved()[..dy.len()], dx, accumulate),
            None => elementwise::copy(dy, dx, accumulate),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many values of so many samples, one after the other.
    fn drawn(rate: f64, node: usize, step: Key, samples: usize, len: usize) -> Vec<bool> {
        let mask = Mask::new(Dropout { rate }, node, step);
        (0..samples).flat_map(|sample| mask.kept(sample).take(len)).collect()
    }

    fn share(kept: impl Iterator<Item = bool>) -> f64 {
        let (dropped, all) = kept.fold((0, 0), |(dropped, all), kept| (dropped + u64::from(!kept), all + 1));
        dropped as f64 / f64::from(all)
    }

    /// Shares within five deviations: of all values, of the samples, of the positions, of neighbours both.
    #[test]
    fn the_share_that_is_dropped_is_the_rate() {
        let (samples, len) = (2000, 50);
        for rate in [0.05, 0.2, 0.5, 0.9] {
            let kept = drawn(rate, 3, [1; 32], samples, len);
            let within = |what: &str, found: f64, rate: f64, count: usize| {
                let deviation = (rate * (1.0 - rate) / count as f64).sqrt();
                assert!((found - rate).abs() < 5.0 * deviation, "{what} of {rate}: {found}");
            };
            within("all", share(kept.iter().copied()), rate, samples * len);
            for position in 0..len {
                within("position", share(kept[position..].iter().step_by(len).copied()), rate, samples);
            }
            for sample in kept.chunks_exact(len * 40) {
                within("samples", share(sample.iter().copied()), rate, len * 40);
            }
            // Both of two, side by side and of one sample and the next, as often as if they were drawn apart.
            for apart in [1, len] {
                let both = kept.iter().zip(&kept[apart..]).map(|(a, b)| *a || *b);
                within("both", share(both), rate * rate, samples * len - apart);
            }
            let mask = Mask::new(Dropout { rate }, 0, [1; 32]);
            assert!((f64::from(mask.by) * (1.0 - rate) - 1.0).abs() < 1e-6, "the mean stays");
        }
    }

    #[test]
    fn every_node_step_and_run_draws_on_its_own() {
        let one = drawn(0.5, 3, [1; 32], 100, 50);
        assert_eq!(drawn(0.5, 3, [1; 32], 100, 50), one);
        for other in [drawn(0.5, 4, [1; 32], 100, 50), drawn(0.5, 3, streams::below([1; 32], 1), 100, 50)] {
            let same = one.iter().zip(&other).filter(|(a, b)| a == b).count();
            assert!((2250..2750).contains(&same), "{same} of 5000");
        }
        // What is dropped at a lower rate is dropped at a higher one.
        assert!(drawn(0.2, 3, [1; 32], 100, 50).iter().zip(&one).all(|(low, high)| *low || !*high));
    }
}
