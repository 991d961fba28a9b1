//! Bayesian optimisation: after some that are drawn, each candidate is the best of what a model of what was seen holds possible
//! (Thompson sampling; Russo et al., A Tutorial on Thompson Sampling, 2018).

use rand::{Rng, RngExt};

use super::{Attempt, History, Proposal, Strategy};
use crate::search::surrogate::{Seen, Surrogate};

/// Architectures that are drawn from the whole space, and around the best so far, of which the most promising is proposed.
const DRAWN: usize = 100;
const AROUND: usize = 100;
/// Candidates that others are drawn around: those of which most is expected.
const PARENTS: usize = 8;
/// Choices that are made anew around them, at most.
const CHANGES: u64 = 3;

/// Proposes what is best in a draw of a Gaussian process over the choices.
#[derive(Debug)]
pub struct Bayesian {
    /// How many candidates.
    candidates: u64,
    /// How many of them are drawn, before there is something to go by.
    first: u64,
    /// Whether time is short, so that of two that are worth as much the cheaper is better.
    paced: bool,
    /// What to propose next for a candidate, the most promising last.
    pool: Vec<Proposal>,
}

impl Bayesian {
    /// So many candidates, of which the first are drawn. `paced`: not candidates are few but time, which they take by what they
    /// multiply.
    pub fn new(candidates: u64, first: u64, paced: bool) -> Self {
        Self { candidates, first: first.clamp(1, candidates.max(1)), paced, pool: Vec::new() }
    }
}

impl Strategy for Bayesian {
    fn budget(&self) -> Option<u64> {
        Some(self.candidates)
    }

    fn candidates(&mut self, history: &History<'_>) -> u64 {
        u64::from((history.evaluated().len() as u64) < self.candidates)
    }

    fn ask(&mut self, history: &History<'_>, attempt: Attempt<'_>) -> Proposal {
        if (history.evaluated().len() as u64) < self.first {
            return Proposal { architecture: history.sample(attempt.rng), parent: None };
        }
        if attempt.tries == 0 {
            self.pool = pool(history, self.paced, attempt.rng);
        }
        self.pool.pop().unwrap_or_else(|| Proposal { architecture: history.sample(attempt.rng), parent: None })
    }
}

/// What might be next, the most promising last; nothing where nothing is known yet.
fn pool(history: &History<'_>, paced: bool, rng: &mut dyn Rng) -> Vec<Proposal> {
    let (space, evaluated) = (history.space(), history.evaluated());
    let seen =
        evaluated.iter().map(|candidate| Seen::on_validation(candidate.live.clone(), [candidate.figures.rank()]));
    let seen: Vec<Seen> = seen.collect();
    let Some(surrogate) = Surrogate::fit(space, &seen) else { return Vec::new() };
    let mut parents: Vec<(f64, usize)> =
        seen.iter().enumerate().map(|(at, seen)| (surrogate.expect(&seen.architecture).mean, at)).collect();
    parents.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    parents.truncate(PARENTS);
    let mut proposals: Vec<Proposal> =
        (0..DRAWN).map(|_| Proposal { architecture: history.sample(rng), parent: None }).collect();
    for _ in 0..AROUND {
        let parent = &evaluated[parents[rng.random_range(0..parents.len())].1];
        let changes = rng.random_range(1..=CHANGES);
        let architecture = history.mutate(&parent.architecture, changes, rng);
        proposals.push(Proposal { architecture, parent: Some(parent.index) });
    }
    let best = parents.first().map_or(f64::INFINITY, |(mean, _)| *mean);
    let usual = evaluated.iter().map(|candidate| candidate.macs as f64).sum::<f64>() / evaluated.len() as f64;
    let planned = proposals.into_iter().filter_map(|proposal| {
        let (plan, live) = space.selected(&proposal.architecture).ok()?;
        // What a training takes whatever it multiplies is taken for a tenth of the usual.
        Some((live, (plan.macs() as f64 + usual / 10.0, proposal)))
    });
    let (live, proposals): (Vec<_>, Vec<_>) = planned.unzip();
    let drawn = surrogate.draw(&live, rng).into_iter().zip(proposals);
    let worth = drawn.map(|(drawn, (cost, proposal))| match best - drawn {
        gain if paced && gain > 0.0 => (gain / cost, proposal),
        gain => (gain, proposal),
    });
    let mut promising: Vec<(f64, Proposal)> = worth.collect();
    promising.sort_by(|a, b| a.0.total_cmp(&b.0));
    promising.into_iter().map(|(_, proposal)| proposal).collect()
}
