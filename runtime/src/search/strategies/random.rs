//! Random search: what every other strategy has to beat.

use super::{Attempt, History, Proposal, Strategy};

/// Draws each candidate on its own.
#[derive(Clone, Copy, Debug)]
pub struct Random {
    /// How many candidates.
    pub samples: u64,
}

impl Strategy for Random {
    fn budget(&self) -> Option<u64> {
        Some(self.samples)
    }

    fn candidates(&mut self, history: &History<'_>) -> u64 {
        self.samples.saturating_sub(history.evaluated().len() as u64)
    }

    fn ask(&mut self, history: &History<'_>, attempt: Attempt<'_>) -> Proposal {
        Proposal { architecture: history.sample(attempt.rng), parent: None }
    }
}
