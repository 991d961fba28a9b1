//! How much of a budget is for tuning, and whether there is time for more of it.

use nasrec_compiler::recipe::Tune;

use super::model::{Model, TUNED};
use crate::Result;
use crate::backend::Backend;
use crate::run::{Job, Journal};
use crate::search::clock::{self, Clock};
use crate::search::pilot;
use crate::search::retrain::Course;

/// How many settings are tried with a second seed: the luck of a training is as large as most of their differences. What is left of a
/// budget goes to further seeds of the best two.
pub(super) const AGAIN: usize = 3;
/// What of a budget is kept for tuning, at most.
const SHARE: f64 = 0.4;
/// Fewer trials than this find nothing, and their time is better spent on candidates.
const LEAST: u64 = 3;
/// By so much a budget may be passed before a trial is given up for it.
const OVER: f64 = 1.05;
/// What is decided by the clock: how many settings are expected to be tried for each model.
const EXPECTED: &str = "expected trials of settings";

/// Whether anything is tuned: not where a budget has no time for it. What was decided before stays.
pub(super) fn is_tuned<B: Backend>(
    course: &Course<'_, B>,
    tune: &Tune,
    clock: Clock,
    journal: &mut Journal,
) -> Result<bool> {
    let (job, data) = (course.job, course.data);
    let Some(budget) = job.recipe.budget else { return Ok(tune.trials > 0) };
    pilot::one(course, journal)?;
    let expected = journal.decide(EXPECTED, |journal| {
        let left = budget - clock.elapsed() - clock::of_baselines(job, data, journal);
        let rounds = SHARE * left / Each::of(job, tune, journal).both() - (AGAIN + 1) as f64;
        let trials = tune.trials.min(rounds.max(0.0) as u64);
        if trials < LEAST.min(tune.trials) { 0 } else { trials }
    })?;
    Ok(expected > 0)
}

/// Seconds of one training of each model that is tuned, as the recipe says: of the baselines, and of what is found, which is not known yet.
struct Each {
    baselines: f64,
    found: f64,
}

impl Each {
    fn of(job: &Job, tune: &Tune, journal: &Journal) -> Self {
        let is_baseline = |model: &str| job.baselines.iter().any(|(name, _)| name == model);
        let baselines = clock::first_trainings(journal, is_baseline).iter().sum();
        Self { baselines, found: tune.top as f64 * pilot::expected(job, journal).0 }
    }

    fn both(&self) -> f64 {
        (self.baselines + self.found).max(1e-3)
    }
}

/// Seconds to keep for tuning what is found by as many trials as the baselines have had; where there are none, by as many as are expected.
pub(super) fn of_found(job: &Job, tune: &Tune, baselines: &[Model], tried: u64, journal: &Journal) -> f64 {
    let trials = if baselines.is_empty() { journal.decided(EXPECTED).unwrap_or(tune.trials) } else { tried };
    if trials == 0 {
        return 0.0;
    }
    (trials as usize + AGAIN + 1) as f64 * Each::of(job, tune, journal).found * times(baselines, journal)
}

/// How many times as long a training of the baselines takes, in the mean of all settings that were tried, as by the recipe's own.
pub(super) fn times(baselines: &[Model], journal: &Journal) -> f64 {
    let is_own = |training: &str| baselines.iter().any(|model| model.subject.name() == training);
    let own: f64 = clock::first_trainings(journal, is_own).iter().sum();
    if own > 0.0 { each(baselines, journal) / own } else { 1.0 }
}

/// Until when there is time.
#[derive(Clone, Copy)]
pub(super) struct Until {
    pub clock: Clock,
    /// Seconds of the whole run; without them there are as many trials as the recipe says.
    pub end: Option<f64>,
}

impl Until {
    /// Until the baselines have had their part of what is for tuning, from when the first of their settings was tried.
    pub fn of_baselines<B: Backend>(course: &Course<'_, B>, tune: &Tune, clock: Clock, journal: &Journal) -> Self {
        let (job, data) = (course.job, course.data);
        let so_far: f64 = clock::first_trainings(journal, |model| model.contains(TUNED)).iter().sum();
        let begun = clock.elapsed() - so_far;
        let end = job.recipe.budget.map(|budget| {
            let (left, each) = (budget - begun - clock::of_baselines(job, data, journal), Each::of(job, tune, journal));
            begun + SHARE * left * each.baselines / each.both()
        });
        Self { clock, end }
    }

    /// Whether so many seconds are left.
    pub fn has_time(&self, seconds: f64) -> bool {
        self.end.is_none_or(|end| self.clock.elapsed() + seconds <= end)
    }

    /// Whether one more setting of each model, a second seed of the best and what is kept back end in time, or nearly so.
    pub fn has_time_for_one(&self, models: &[Model], kept: f64, journal: &Journal) -> bool {
        let seconds = (1 + AGAIN + 1) as f64 * each(models, journal) + kept;
        self.end.is_none_or(|end| self.clock.elapsed() + seconds <= OVER * end)
    }
}

/// Seconds that one training of each takes, in the mean of its first ones.
pub(super) fn each(models: &[Model], journal: &Journal) -> f64 {
    let each = models.iter().map(|model| {
        let took = clock::first_trainings(journal, |training| model.is_of(training));
        took.iter().sum::<f64>() / took.len().max(1) as f64
    });
    each.sum()
}

/// Seconds that the last trainings of models take.
pub(super) fn last_trainings<B: Backend>(course: &Course<'_, B>, models: &[Model], journal: &Journal) -> f64 {
    clock::more_rows(course.job, course.data) * each(models, journal)
}
