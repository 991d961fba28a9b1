//! What a strategy knows: the space, and what was evaluated.

use nasrec_compiler::recipe::Counts;
use nasrec_compiler::{Architecture, Space};
use rand::Rng;

use crate::run::Job;
use crate::train::Figures;

/// An evaluated architecture.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Number in the order of evaluation, from 0.
    pub index: u64,
    /// 0 for the first.
    pub generation: u64,
    /// The index of the candidate that it was made from.
    pub parent: Option<u64>,
    /// As it was proposed: it may decide what its logit does not depend on.
    pub architecture: Architecture,
    /// Without that.
    pub live: Architecture,
    /// Multiply-accumulates a sample.
    pub macs: u64,
    /// With the supernet's weights, or trained on its own, on the validation part.
    pub figures: Figures,
}

/// What was evaluated before a generation, and the space that it is from.
#[derive(Clone, Copy)]
pub struct History<'a> {
    space: &'a Space,
    /// How many sources a pick takes.
    counts: Counts,
    generation: u64,
    evaluated: &'a [Candidate],
}

impl<'a> History<'a> {
    pub(in crate::search) fn new(job: &'a Job, generation: u64, evaluated: &'a [Candidate]) -> Self {
        Self { space: &job.space, counts: job.recipe.train.paths.counts(), generation, evaluated }
    }

    /// The space that is searched.
    pub fn space(&self) -> &'a Space {
        self.space
    }

    /// The number of the generation that is drawn now, from 0.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The candidates of all generations before, in the order of evaluation.
    pub fn evaluated(&self) -> &'a [Candidate] {
        self.evaluated
    }

    /// The candidate with the least log loss, the first of those that are equal.
    pub fn best(&self) -> Option<&'a Candidate> {
        self.evaluated.iter().min_by(|a, b| a.figures.rank().total_cmp(&b.figures.rank()))
    }

    /// Draws an architecture of the space, picks as the recipe counts them.
    pub fn sample(&self, mut rng: &mut dyn Rng) -> Architecture {
        self.space.sample(self.counts, &mut rng)
    }

    /// The same architecture with some choices drawn again, `times` of them.
    pub fn mutate(&self, parent: &Architecture, times: u64, mut rng: &mut dyn Rng) -> Architecture {
        self.space.mutate(parent, times, self.counts, &mut rng)
    }
}
