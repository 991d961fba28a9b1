//! How long a run has taken, and what is still to come will: what a budget is kept by.
//!
//! What is decided by a clock differs from one time to the next. So what was decided is written into the journal, and a run that
//! goes on keeps to that.

use std::time::Instant;

use super::strategies::{Attempt, Candidate, History, Proposal, Strategy};
use crate::Observer;
use crate::data::{Dataset, Part};
use crate::run::{Entry, Job, Journal};

/// Time that a run has taken, in seconds: what the journal tells of earlier processes, and this one.
#[derive(Clone, Copy)]
pub(super) struct Clock {
    start: Instant,
    before: f64,
}

impl Clock {
    /// Of a run that begins, or goes on, now.
    pub fn new(journal: &Journal) -> Self {
        // What a candidate took that was trained on its own is that of its training.
        let is_judged = journal.entries().iter().any(|entry| matches!(entry, Entry::Supernet { .. }));
        let before = journal.entries().iter().map(|entry| match entry {
            Entry::Trained { seconds, .. } | Entry::Supernet { seconds, .. } => *seconds,
            Entry::Candidate { seconds, .. } if is_judged => *seconds,
            _ => 0.0,
        });
        Self { start: Instant::now(), before: before.sum() }
    }

    pub fn elapsed(&self) -> f64 {
        self.before + self.start.elapsed().as_secs_f64()
    }
}

/// Seconds that the last training of a model takes which is kept: as long as its first, up to the epoch that was best, on more rows
/// where the validation part is learnt from, too.
pub(super) fn kept_training(job: &Job, data: &Dataset, journal: &Journal, name: &str) -> f64 {
    let more = more_rows(job, data);
    let found = journal.entries().iter().find_map(|entry| match entry {
        Entry::Trained { model, last: false, seconds, epochs, best_epoch, .. } if model == name => {
            let share = best_epoch.map_or(1.0, |best| best as f64 / epochs.len().max(1) as f64);
            Some(seconds * share * more)
        }
        _ => None,
    });
    found.unwrap_or(0.0)
}

/// The same of a baseline, which is not kept: where it was told on the test part at once, none follows.
fn last_training(job: &Job, data: &Dataset, journal: &Journal, name: &str) -> f64 {
    if job.recipe.retrain.refit { kept_training(job, data, journal, name) } else { 0.0 }
}

/// By how much more rows a last training reads.
pub(super) fn more_rows(job: &Job, data: &Dataset) -> f64 {
    let rows = |part: Part| data.part(part).len() as f64;
    if job.recipe.retrain.refit { 1.0 + rows(Part::Validation) / rows(Part::Train) } else { 1.0 }
}

/// Seconds that the baselines will still take, which were trained for the first time before.
pub(super) fn of_baselines(job: &Job, data: &Dataset, journal: &Journal) -> f64 {
    job.baselines.iter().map(|(name, _)| last_training(job, data, journal, name)).sum()
}

/// What first trainings of these models took, in seconds.
pub(super) fn first_trainings(journal: &Journal, mut of: impl FnMut(&str) -> bool) -> Vec<f64> {
    let each = journal.entries().iter().filter_map(|entry| match entry {
        Entry::Trained { model, last: false, seconds, .. } if of(model) => Some(*seconds),
        _ => None,
    });
    each.collect()
}

/// What is decided once there is no time for more of them.
pub(super) const CANDIDATES: &str = "candidates";

/// Candidates before it is known how long one takes.
const TRIED: usize = 3;
/// Seconds that each candidate took so far.
pub(super) fn judging(journal: &Journal) -> Vec<f64> {
    let each = journal.entries().iter().filter_map(|entry| match entry {
        Entry::Candidate { seconds, .. } => Some(*seconds),
        _ => None,
    });
    each.collect()
}

/// What share of the time that there is for candidates is for training the best again where nothing says what is best, and how many
/// trainings that is at most: more would tell nothing new.
pub(super) const AGAIN: f64 = 0.3;
const MOST_TRAININGS: f64 = 40.0;

/// A strategy that ends when its time is over.
pub(super) struct Within<'a> {
    pub inner: &'a mut dyn Strategy,
    pub clock: Clock,
    /// When the first candidate began, and when all that is done with candidates is to be over.
    pub start: f64,
    pub end: f64,
    /// How many candidates an earlier process, or a pilot, has evaluated: what was taken up to the start is theirs.
    pub known: usize,
    /// How many candidates there were, where that was decided before.
    pub decided: Option<usize>,
    /// Whether candidates are trained on their own, so that the best are trained again and the winner once more, each time as a
    /// candidate is, in this share of the time; else time for that is kept back.
    pub again: Option<f64>,
    /// How many are asked for at once, at most.
    pub together: usize,
    pub observer: &'a dyn Observer,
}

impl Within<'_> {
    /// Seconds that one candidate took, of so many.
    fn each(&self, done: usize) -> f64 {
        (self.clock.elapsed() - self.start) / done.max(self.known).max(1) as f64
    }
}

impl Strategy for Within<'_> {
    fn candidates(&mut self, history: &History<'_>) -> u64 {
        let wanted = self.inner.candidates(history).min(self.together as u64);
        let done = history.evaluated().len();
        match self.decided {
            Some(decided) => wanted.min(decided.saturating_sub(done) as u64),
            None if done < TRIED || done < self.known => wanted,
            None => {
                let each = self.each(done);
                let again = match self.again {
                    Some(share) => each * (1.0 + trainings_again(share, (self.end - each - self.start) / each)),
                    None => 0.0,
                };
                let until = self.end - again;
                if self.again.is_some() && done == TRIED.max(self.known) {
                    self.observer.say(&format!(
                        "a training takes {each:.1} s: there is time for about {:.0} candidates, and for {:.0} trainings of the best \
                         with other seeds",
                        ((until - self.start) / each).max(TRIED as f64),
                        again / each - 1.0
                    ));
                }
                wanted.min(((until - self.clock.elapsed()) / each).max(0.0) as u64)
            }
        }
    }

    fn ask(&mut self, history: &History<'_>, attempt: Attempt<'_>) -> Proposal {
        self.inner.ask(history, attempt)
    }

    fn tell(&mut self, evaluated: &[Candidate]) {
        self.inner.tell(evaluated);
    }
}

/// How many trainings are of the best again, of so many in all: none where that is not enough for two of them to be told apart.
pub(super) fn trainings_again(share: f64, trainings: f64) -> f64 {
    let again = (share * trainings).clamp(0.0, MOST_TRAININGS);
    if again < 2.0 { 0.0 } else { again }
}

/// How many of the best are trained with another seed, where there is time for so many trainings: the better half of those that
/// were before, and no fewer than two; at first so many that there is as much time for all later rounds. None where there is no time.
pub(super) fn round(before: Option<usize>, trainings: usize, candidates: usize) -> usize {
    let many = match before {
        None => (trainings / 2).clamp(2, MOST_AGAIN).min(candidates),
        Some(before) => (before / 2).max(2.min(before)),
    };
    if many <= trainings { many } else { 0 }
}

/// All rounds, where each training takes as long as was thought.
pub(super) fn rounds(trainings: usize, candidates: usize) -> Vec<usize> {
    let (mut left, mut rounds) = (trainings, Vec::new());
    while rounds.len() < MOST_SEEDS {
        let many = round(rounds.last().copied(), left, candidates);
        if many == 0 {
            break;
        }
        rounds.push(many);
        left -= many;
    }
    rounds
}

/// Candidates that are trained again, at most.
const MOST_AGAIN: usize = 16;
/// Seeds beside the first, at most.
pub(super) const MOST_SEEDS: usize = 9;

#[cfg(test)]
mod tests {
    use super::{rounds, trainings_again};

    #[test]
    fn what_is_too_little_to_tell_two_apart_goes_to_candidates() {
        assert_eq!([5.0, 20.0, 60.0, 1000.0, -3.0].map(|all| trainings_again(0.1, all)), [0.0, 2.0, 6.0, 40.0, 0.0]);
    }

    #[test]
    fn rounds_halve_and_take_no_more_than_there_is() {
        assert_eq!(rounds(20, 60), [10, 5, 2, 2]);
        assert_eq!(rounds(1000, 60), [16, 8, 4, 2, 2, 2, 2, 2, 2]);
        assert_eq!((rounds(1, 60), rounds(0, 60), rounds(9, 0)), (vec![], vec![], vec![]));
        assert_eq!((rounds(9, 1), rounds(5, 3)), (vec![1; 9], vec![2, 2]));
        for trainings in 0..200 {
            assert!(rounds(trainings, 40).iter().sum::<usize>() <= trainings);
        }
    }
}
