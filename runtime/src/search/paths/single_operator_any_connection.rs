//! Single-operator any-connection sampling (NASRec, section 3): one operator a branch and any number of connections,
//! with the full path mixed in early, so that every weight is trained before paths compete for it.

use nasrec_compiler::recipe::{Counts, Length};
use nasrec_compiler::space::Sampling;
use nasrec_compiler::{Architecture, Space};

use super::{PathSampling, Step};

pub(super) struct SingleOperatorAnyConnection {
    /// How many sources a multi-pick takes.
    pub counts: Counts,
    /// How long the full path is mixed in.
    pub full_path: Length,
}

impl PathSampling for SingleOperatorAnyConnection {
    fn path(&self, space: &Space, step: Step) -> Architecture {
        let sampling = Sampling { counts: self.counts, full_path: step.full_path(self.full_path) };
        space.sample_path(sampling, &mut step.rng())
    }
}
