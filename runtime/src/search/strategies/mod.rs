//! What is evaluated next.
//!
//! Lives here: what a strategy is, one file a strategy, and the list of those that a recipe names. Never: duplicates,
//! constraints, the journal and batches, which are the same for every strategy (`searching`, `unseen`); tensors, files.

mod bayesian;
mod evolution;
mod history;
mod random;

use nasrec_compiler::Architecture;
use nasrec_compiler::recipe::{Method, Recipe};
use rand::Rng;

pub use bayesian::Bayesian;
pub use evolution::Evolution;
pub use history::{Candidate, History};
pub use random::Random;

/// A way of searching: asked for architectures, told how good they are.
///
/// What it proposes has to be a function of what it was asked and told, and of the draws that it was handed, and of
/// nothing else: a run that goes on asks and tells a new strategy what the journal holds, and comes to the same search.
pub trait Strategy {
    /// How many candidates it comes to at most, where that is known before: shown as progress.
    fn budget(&self) -> Option<u64> {
        None
    }

    /// How many candidates the next generation has; 0 ends the search. What is proposed for one does not depend on how
    /// others of its generation did.
    fn candidates(&mut self, history: &History<'_>) -> u64;

    /// An architecture for the next candidate of the generation. One that is known already, or that a constraint
    /// excludes, is not evaluated, and the strategy is asked again. After a while one that is excluded is brought within
    /// what is required, from its parent where it has one; after [`MAX_TRIES`] the space counts as seen, and the search ends.
    fn ask(&mut self, history: &History<'_>, attempt: Attempt<'_>) -> Proposal;

    /// Is told of a whole generation, or as much of it as the space had. The history of what follows has it too.
    fn tell(&mut self, evaluated: &[Candidate]) {
        let _in_history = evaluated;
    }
}

/// How often a strategy is asked for one candidate.
pub const MAX_TRIES: usize = 3000;

/// One of the times that a strategy is asked for a candidate.
pub struct Attempt<'a> {
    /// How often it was asked for this candidate before, in vain.
    pub tries: usize,
    /// The draws of this candidate, which go on from one attempt to the next.
    pub rng: &'a mut dyn Rng,
}

/// What a strategy proposes.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// What is to be evaluated; it has a place for each choice of the space.
    pub architecture: Architecture,
    /// The index of the candidate that it was made from.
    pub parent: Option<u64>,
}

/// The strategy that a recipe names.
pub(super) fn of(recipe: &Recipe) -> Box<dyn Strategy> {
    match recipe.method {
        Method::Evolve { population, generations, children, tournament } => {
            Box::new(Evolution { population, generations, children, tournament })
        }
        Method::Random { samples } => Box::new(Random { samples }),
        Method::Trials { candidates, first, .. } => Box::new(Bayesian::new(candidates, first, recipe.budget.is_some())),
        // A run settles it before it asks.
        Method::Auto => of(&Recipe { method: Method::trials(recipe.budget), ..recipe.clone() }),
    }
}
