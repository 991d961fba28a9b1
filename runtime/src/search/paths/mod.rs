//! What a supernet is trained on, step by step.
//!
//! Lives here: one file a way of sampling paths, and the list of those that a recipe names. Never: how a path is
//! trained, or how candidates are drawn.

mod fair;
mod sandwich;
mod single_operator_any_connection;
#[cfg(test)]
mod tests;

use nasrec_compiler::recipe::{Counts, Length, Paths, Train};
use nasrec_compiler::space::Sampling;
use nasrec_compiler::streams::Streams;
use nasrec_compiler::{Architecture, Space};
use rand::Rng;

use fair::Fair;
use sandwich::Sandwich;
use single_operator_any_connection::SingleOperatorAnyConnection;

/// A way of sampling the paths that a supernet is trained on. What it gives is a function of the step and of the streams
/// of the run, so that training goes on from a checkpoint as if it had not stopped.
pub(super) trait PathSampling {
    /// The path of a step, an architecture that may be relaxed (language rule 10).
    fn path(&self, space: &Space, step: Step) -> Architecture;

    /// The path that teaches that of a step, where paths learn from another: the full one. None where it learns from the labels alone.
    fn teacher(&self, space: &Space, step: Step) -> Option<Architecture> {
        let sampling = Sampling { counts: Counts::Uniform, full_path: 1.0 };
        Some(space.sample_path(sampling, &mut step.streams.rng(STREAM_OF_TEACHERS, 0)))
    }
}

/// A step of the training of a supernet.
#[derive(Clone, Copy)]
pub(super) struct Step {
    /// From 0.
    pub at: u64,
    /// How many there are.
    pub of: u64,
    /// Of the run.
    pub streams: Streams,
}

/// What the draws of paths are named by, and of those that teach.
const STREAM: &str = "supernet/path";
const STREAM_OF_TEACHERS: &str = "supernet/teacher";

impl Step {
    /// The draws of this step alone.
    fn rng(self) -> impl Rng {
        self.streams.rng(STREAM, self.at)
    }

    /// How likely each coin of the full path is that is mixed in for so long: from 1 down to 0, linearly.
    fn full_path(self, mixed: Length) -> f64 {
        let mixed = mixed.steps(self.of);
        if self.at < mixed { 1.0 - self.at as f64 / mixed as f64 } else { 0.0 }
    }
}

/// The way of a recipe.
pub(super) fn of(recipe: &Train) -> Box<dyn PathSampling> {
    let full_path = recipe.full_path;
    match recipe.paths {
        Paths::SingleOperatorAnyConnection { counts } => Box::new(SingleOperatorAnyConnection { counts, full_path }),
        Paths::Fair => Box::new(Fair { full_path }),
        Paths::Sandwich { random, counts } => Box::new(Sandwich { random, counts, full_path }),
    }
}

/// A path that is no smaller than any other, whichever the way: what memory is worked out from.
pub(super) fn largest(recipe: &Train, space: &Space, rng: &mut impl Rng) -> Architecture {
    space.sample_path(Sampling { counts: recipe.paths.counts(), full_path: 1.0 }, rng)
}
