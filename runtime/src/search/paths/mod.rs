//! What a supernet is trained on, step by step.
//!
//! Lives here: one file a way of sampling paths, and the list of those that a recipe names. Never: how a path is
//! trained, or how candidates are drawn.

mod single_operator_any_connection;

use nasrec_compiler::recipe::{Paths, Train};
use nasrec_compiler::{Architecture, Space};
use rand::Rng;

use single_operator_any_connection::SingleOperatorAnyConnection;

/// A way of sampling the paths that a supernet is trained on. What it gives is a function of the step and of the draws
/// that it is handed, so that training goes on from a checkpoint as if it had not stopped.
pub(super) trait PathSampling {
    /// The path of step `step` of `steps`, an architecture that may be relaxed (language rule 10).
    fn path(&self, space: &Space, step: u64, steps: u64, rng: &mut dyn Rng) -> Architecture;

    /// A path that is no smaller than any other: what memory is worked out from.
    fn largest(&self, space: &Space, rng: &mut dyn Rng) -> Architecture;
}

/// The way of a recipe.
pub(super) fn of(recipe: &Train) -> Box<dyn PathSampling> {
    match recipe.paths {
        Paths::SingleOperatorAnyConnection { counts } => {
            Box::new(SingleOperatorAnyConnection { counts, full_path: recipe.full_path })
        }
    }
}
