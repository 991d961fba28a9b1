//! Regularised evolution (Real et al., AAAI 2019): the best of a few members of a population has children, and the
//! oldest leave, however good they are.

use rand::{Rng, RngExt};

use super::{Attempt, Candidate, History, Proposal, Strategy};

/// Attempts with winners of tournaments as parents, before any member of the population is one.
const FEW_TRIES: usize = 300;
/// Attempts with members of the population as parents, before the whole space is drawn from.
const MANY_TRIES: usize = 1500;

/// Evolves a population.
#[derive(Clone, Copy, Debug)]
pub struct Evolution {
    /// Candidates that are kept: the youngest.
    pub population: usize,
    /// How many generations of children there are.
    pub generations: u64,
    /// How many children a generation has, and how many of the oldest leave.
    pub children: usize,
    /// How many members are drawn, of which the best is a parent.
    pub tournament: usize,
}

impl Strategy for Evolution {
    fn budget(&self) -> Option<u64> {
        Some(self.population as u64 + self.generations * self.children as u64)
    }

    fn candidates(&mut self, history: &History<'_>) -> u64 {
        match history.generation() {
            0 => self.population as u64,
            generation if generation <= self.generations => self.children as u64,
            _ => 0,
        }
    }

    fn ask(&mut self, history: &History<'_>, attempt: Attempt<'_>) -> Proposal {
        // A parent whose neighbours are all known gives way to others, and at last to the whole space.
        let size = match attempt.tries {
            0..FEW_TRIES => Some(self.tournament),
            FEW_TRIES..MANY_TRIES => Some(1),
            _ => None,
        };
        let evaluated = history.evaluated();
        let population = &evaluated[evaluated.len().saturating_sub(self.population)..];
        let Some(size) = size.filter(|_| !population.is_empty()) else {
            return Proposal { architecture: history.sample(attempt.rng), parent: None };
        };
        let parent = best_of(size, population, attempt.rng);
        let left = self.generations.saturating_sub(history.generation() - 1);
        let mutations = left / (self.generations / 5).max(20) + 1;
        let architecture = history.mutate(&parent.architecture, mutations, attempt.rng);
        Proposal { architecture, parent: Some(parent.index) }
    }
}

/// The best of some members drawn without replacement.
fn best_of<'a>(size: usize, population: &'a [Candidate], rng: &mut dyn Rng) -> &'a Candidate {
    let mut left: Vec<usize> = (0..population.len()).collect();
    let drawn = (0..size.clamp(1, population.len())).map(|_| left.swap_remove(rng.random_range(0..left.len())));
    let best = drawn.min_by(|&a, &b| {
        let (a, b) = (&population[a], &population[b]);
        a.figures.rank().total_cmp(&b.figures.rank()).then(a.index.cmp(&b.index))
    });
    &population[best.unwrap_or(0)]
}
