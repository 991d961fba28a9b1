//! Single-operator any-connection sampling (NASRec, section 3): one operator a branch and any number of connections,
//! with the full path mixed in early, so that every weight is trained before paths compete for it.

use nasrec_compiler::recipe::{Counts, Length};
use nasrec_compiler::space::Sampling;
use nasrec_compiler::{Architecture, Space};
use rand::Rng;

use super::PathSampling;

pub(super) struct SingleOperatorAnyConnection {
    /// How many sources a multi-pick takes.
    pub counts: Counts,
    /// How long the full path is mixed in.
    pub full_path: Length,
}

impl PathSampling for SingleOperatorAnyConnection {
    fn path(&self, space: &Space, step: u64, steps: u64, mut rng: &mut dyn Rng) -> Architecture {
        let mixed = self.full_path.steps(steps);
        // From 1 down to 0, linearly.
        let full_path = if step < mixed { 1.0 - step as f64 / mixed as f64 } else { 0.0 };
        space.sample_path(Sampling { counts: self.counts, full_path }, &mut rng)
    }

    fn largest(&self, space: &Space, mut rng: &mut dyn Rng) -> Architecture {
        space.sample_path(Sampling { counts: self.counts, full_path: 1.0 }, &mut rng)
    }
}
