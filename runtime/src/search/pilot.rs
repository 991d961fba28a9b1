//! What a table has to find, asked of a few candidates before the time that there is for it is divided up: by how much architectures
//! differ, how much of a figure is the luck of one training, and what a training takes.
//!
//! They are the first candidates of a search without a supernet, trained as those are, so that nothing of it is done twice.

use super::retrain::{Contender, Course};
use super::seeds::{self, Inside};
use super::surrogate::{Seen, Surrogate, Told};
use super::{searching, strategies, trials};
use crate::Result;
use crate::Stage;
use crate::backend::Backend;
use crate::run::{Baseline, Entry, Job, Journal};

/// The training that shows what one takes, where there is no baseline to show it.
const ONE: &str = "pilot";
/// What a training of a candidate takes, beside the baselines' mean: in the space `tabular` 11.8 s beside 5.7 s on a sample of Criteo, 5.5 s
/// beside 2.8 s on MovieLens 100k.
const OF_BASELINES: f64 = 2.0;
/// What of the time that is left is for a pilot, at most, and how many candidates it has: fewer tell nothing of luck, more hardly more
/// than so many.
const SHARE: f64 = 0.2;
const LEAST: u64 = 4;
const MOST: u64 = 8;
/// How often each is trained.
const TRAININGS: u64 = 2;
/// A ratio of luck to what there is to find is told by so few trainings only within limits.
const LEAST_LUCK: f64 = 0.05;
const MOST_LUCK: f64 = 8.0;
/// Standard deviations to either side within which nineteen of twenty lie.
const CONFIDENCE: f64 = 1.96;
/// What is decided by the clock.
const CANDIDATES: &str = "candidates of the pilot";

/// What a pilot tells of log losses, in nats.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pilot {
    pub candidates: usize,
    /// Standard deviation of what architectures are worth.
    pub spread: f64,
    /// Standard deviation of trainings of one architecture, each of which is judged as the best are: on other rows, where there are
    /// folds.
    pub luck: f64,
}

impl Pilot {
    /// The variance of a training's luck, beside that of what architectures are worth.
    pub fn ratio(&self) -> f64 {
        (self.luck / self.spread).powi(2).clamp(LEAST_LUCK, MOST_LUCK)
    }

    /// For a person.
    pub fn told(&self, seconds: f64) -> String {
        format!(
            "pilot: {} candidates, each trained {TRAININGS} times, in {seconds:.0} s: log losses of architectures differ by {:.4}, those of \
             one that is trained again by {:.4} (standard deviations)",
            self.candidates, self.spread, self.luck
        )
    }

    /// What trainings of the best will tell, so many of them in each round; nothing where there is none.
    pub fn resolved(&self, rounds: &[usize]) -> Option<String> {
        let trainings = 1 + rounds.len();
        let told = CONFIDENCE * self.luck * (2.0 / trainings as f64).sqrt();
        let many: usize = rounds.iter().sum();
        (many > 0).then(|| {
            format!(
                "there is time for about {many} trainings of the best with other seeds, {trainings} of the last two: {told:.4} of log loss \
                 between these are told from luck, nineteen times in twenty"
            )
        })
    }
}

/// Trains some candidates twice, by the recipe of the search; nothing where there is no time for it, or nothing was told. `left`: seconds
/// for the whole search; `training`: what one training takes, as far as it is known.
pub(super) fn asked<B: Backend>(
    course: &Course<'_, B>,
    (left, training): (f64, f64),
    journal: &mut Journal,
) -> Result<Option<Pilot>> {
    let Course { shop, job, data } = *course;
    let many = journal.decide(CANDIDATES, |_| {
        let many = (SHARE * left / (TRAININGS as f64 * training)).clamp(0.0, MOST as f64) as u64;
        if many < LEAST { 0 } else { many }
    })?;
    let candidates = searching::first(job, &mut *strategies::of(&job.recipe), many, shop.observer)?;
    let total = TRAININGS * candidates.len() as u64;
    if total == 0 {
        return Ok(None);
    }
    shop.observer.begin(Stage { name: "pilot".to_owned(), total: Some(total), unit: "trainings" });
    let inside = Inside::new(shop.observer);
    let course = course.observed_by(&inside);
    let mut seen: Vec<Seen> =
        candidates.iter().map(|(live, _)| Seen::on_validation(live.clone(), std::iter::empty())).collect();
    let mut done = 0;
    for training in 0..TRAININGS {
        let rows = course.data_of(training as usize)?;
        let (course, fold) = (Course { data: &rows, ..course }, seeds::fold(training as usize, data.folds()));
        for ((index, (_, plan)), seen) in (0..).zip(&candidates).zip(&mut seen) {
            inside.at(done, format!("candidate {index}, seed {}", training + 1));
            let figures = course.validated(&trials::contender(index, training + 1, plan.clone()), journal)?;
            seen.trainings.push(Told { fold, log_loss: figures.rank() });
            done += 1;
            shop.observer.progress(done, "");
        }
    }
    shop.observer.end();
    let told = Surrogate::fit(&job.space, &seen).map(|surrogate| Pilot {
        candidates: seen.len(),
        spread: surrogate.spread(),
        luck: surrogate.noise().hypot(surrogate.of_rows().unwrap_or(0.0)),
    });
    Ok(told.filter(|told| told.spread > 0.0 && told.luck.is_finite()))
}

/// Trains one candidate, where there is no baseline to show what that takes.
pub(super) fn one<B: Backend>(course: &Course<'_, B>, journal: &mut Journal) -> Result<()> {
    let job = course.job;
    if job.networks().next().is_some() {
        return Ok(());
    }
    let counts = job.recipe.train.paths.counts();
    let mut rng = job.streams().rng(ONE, 0);
    let architecture = match &job.start {
        Some(start) => job.space.walk(counts).draw(start, &mut rng),
        None => job.space.sample(counts, &mut rng),
    };
    course.validated(&Contender::new(ONE, job.plan(&architecture)?), journal)?;
    Ok(())
}

/// Seconds that a training of a candidate takes, and one epoch of it, by the recipe as it is: from what the baselines took, or one
/// candidate.
pub(super) fn expected(job: &Job, journal: &Journal) -> (f64, f64) {
    let is_network = |model: &str| {
        let known = job.baselines.iter().find(|(name, _)| name == model);
        known.map_or(model == ONE, |(_, baseline)| matches!(baseline, Baseline::Network(_)))
    };
    let larger = if job.networks().next().is_some() { OF_BASELINES } else { 1.0 };
    let (training, epoch) = took(job, journal, is_network).unwrap_or_default();
    ((larger * training).max(1e-3), (larger * epoch).max(1e-3))
}

/// The same from candidates that were trained on their own, where there are any.
pub(super) fn of_candidates(job: &Job, journal: &Journal) -> Option<(f64, f64)> {
    took(job, journal, trials::is_first)
}

/// In the mean of the first trainings of some models.
fn took(job: &Job, journal: &Journal, is_one: impl Fn(&str) -> bool) -> Option<(f64, f64)> {
    let each = journal.entries().iter().filter_map(|entry| match entry {
        Entry::Trained { model, last: false, seconds, epochs, parts, .. }
            if is_one(model) && (parts.is_empty() || !epochs.is_empty()) =>
        {
            let epochs = if epochs.is_empty() { job.recipe.retrain.epochs as usize } else { epochs.len() };
            Some((*seconds, *seconds / epochs as f64))
        }
        _ => None,
    });
    let each: Vec<(f64, f64)> = each.collect();
    let mean = |one: fn(&(f64, f64)) -> f64| each.iter().map(one).sum::<f64>() / each.len() as f64;
    (!each.is_empty()).then(|| (mean(|each| each.0), mean(|each| each.1)))
}
