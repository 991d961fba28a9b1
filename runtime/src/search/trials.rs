//! Candidates that are trained on their own, each as the best are: what the figures of a training are worth is found by training
//! the best with other seeds, the better half of them once more, and so on.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use nasrec_compiler::plan::Plan;
use nasrec_compiler::recipe::Method;
use nasrec_compiler::{Architecture, Space};

use super::bar::Bar;
use super::clock::{self, CANDIDATES, Clock, Within};
use super::retrain::{Contender, Course};
use super::searching::{self, Evaluate};
use super::strategies::{Candidate, Strategy};
use super::surrogate::{Expected, Seen, Surrogate, distance};
use crate::backend::Backend;
use crate::run::Journal;
use crate::train::{Figures, Watch};
use crate::{Observer, Result, Stage};

/// Architectures that differ in less than one choice, where numbers are next to each other, are one for who takes some that differ.
const ALIKE: f64 = 1.0;
/// What trainings of candidates are called, before their numbers.
const CANDIDATE: &str = "candidate-";
/// And behind them, before the number of another seed.
const SEED: &str = "-seed-";
/// Of so many of the best is taken how long a training of one of them takes.
const LOOKED_AT: usize = 8;

/// One of the best, with the figures of each of its trainings and what is expected of it.
pub(super) struct Finalist {
    pub candidate: Candidate,
    pub figures: Vec<Figures>,
    pub expected: Option<Expected>,
}

/// What trials come to: those that were trained with further seeds, the best first, of how many candidates; and how much log losses
/// of one architecture differ by seeds.
pub(super) struct Tried {
    pub best: Vec<Finalist>,
    pub candidates: usize,
    pub luck: Option<f64>,
}

/// Trains candidates until the strategy wants no more, and the best of them with further seeds.
pub(super) fn search<B: Backend>(
    course: &Course<'_, B>,
    clock: Clock,
    journal: &mut Journal,
    strategy: &mut dyn Strategy,
) -> Result<Tried> {
    let (job, observer) = (course.job, course.shop.observer);
    let inside = Inside::new(observer);
    let mut alone = Alone { course: course.observed_by(&inside), inside: &inside };
    let all = match job.recipe.budget {
        Some(budget) => {
            let so_far: f64 = clock::first_trainings(journal, |model| model.starts_with(CANDIDATE)).iter().sum();
            let start = clock.elapsed() - so_far;
            let end = budget - clock::of_baselines(job, course.data, journal);
            let decided = journal.decided(CANDIDATES).map(|many| many as usize);
            let mut strategy =
                Within { inner: strategy, clock, start, end, decided, alone: true, together: 1, observer };
            let all = searching::search(job, &mut alone, journal, observer, &mut strategy)?;
            journal.decide(CANDIDATES, |_| all.len() as u64)?;
            all
        }
        None => searching::search(job, &mut alone, journal, observer, strategy)?,
    };
    let candidates = all.len();
    let mut trials: Vec<Finalist> = all
        .into_iter()
        .map(|candidate| Finalist { figures: vec![candidate.figures], candidate, expected: None })
        .collect();
    let seeds = if let Method::Trials { seeds, .. } = job.recipe.method { seeds } else { 1 };
    let mut top = job.recipe.retrain.top;
    let wanted = |round: u64| (top >> (round - 1).min(63)).max(2);
    let total = match job.recipe.budget {
        Some(_) => None,
        None => Some((1..seeds).map(|round| wanted(round).min(candidates) as u64).sum()),
    };
    observer.begin(Stage { name: "train the best with other seeds".into(), total, unit: "trainings" });
    let rounds = match job.recipe.budget {
        Some(budget) => alone.again_within(budget, clock, &mut trials, journal),
        None => alone.again((1..seeds).map(wanted), &mut trials, journal),
    };
    observer.end();
    let rounds = rounds?;
    if job.recipe.budget.is_some() {
        top = rounds.first().copied().unwrap_or(top);
    }
    let surrogate = order(&job.space, &mut trials);
    if let Some(surrogate) = &surrogate {
        observer.say(&format!(
            "log losses of architectures differ by {:.4}, those of one trained with other seeds by {:.4} (standard deviations)",
            surrogate.spread(),
            surrogate.noise()
        ));
    }
    trials.truncate(top);
    Ok(Tried { best: trials, candidates, luck: surrogate.map(|surrogate| surrogate.noise()) })
}

/// How many trainings of the best there are in what is left of the budget, once the winner and the baselines have theirs.
fn affordable<B: Backend>(
    course: &Course<'_, B>,
    clock: Clock,
    budget: f64,
    trials: &[Finalist],
    journal: &Journal,
) -> usize {
    let (job, data) = (course.job, course.data);
    let best = || trials.iter().take(LOOKED_AT);
    let is_of_best = |model: &str| {
        best().any(|trial| {
            let first = name(trial.candidate.index, 1);
            model.strip_prefix(&first).is_some_and(|rest| rest.is_empty() || rest.starts_with(SEED))
        })
    };
    let took = clock::first_trainings(journal, is_of_best);
    let each = took.iter().sum::<f64>() / took.len().max(1) as f64;
    let last = best().map(|trial| clock::last_training(job, data, journal, &name(trial.candidate.index, 1)));
    let left = budget - clock.elapsed() - clock::of_baselines(job, data, journal) - last.fold(0.0, f64::max);
    (left / each).clamp(0.0, 1e6) as usize
}

/// Trains each candidate on its own.
struct Alone<'a, 'b, B: Backend> {
    course: Course<'a, B>,
    inside: &'b Inside<'b>,
}

impl<B: Backend> Evaluate for Alone<'_, '_, B> {
    fn together(&self) -> usize {
        1
    }

    fn figures(&mut self, first: u64, plans: &[Plan], journal: &mut Journal) -> Result<Vec<Figures>> {
        let each = plans.iter().zip(first..).map(|(plan, index)| {
            self.inside.at(index, format!("candidate {index}"));
            let contender = Contender { bar: self.bar(index, journal), ..contender(index, 1, plan.clone()) };
            let figures = self.course.validated(&contender, journal)?;
            if figures.log_loss.is_none() {
                self.inside.outer.say(&format!("candidate {index} failed: its loss was not finite; it counts as bad"));
            }
            Ok(figures)
        });
        each.collect()
    }
}

impl<B: Backend> Alone<'_, '_, B> {
    /// What a candidate has to come to after its epochs, as those before it did.
    fn bar(&self, index: u64, journal: &Journal) -> Bar {
        let retrain = &self.course.job.recipe.retrain;
        let (Some(early), Method::Trials { first, .. }) = (retrain.stop, &self.course.job.recipe.method) else {
            return Bar::default();
        };
        let watch = Watch { early, schedule: retrain.schedule };
        let is_before = |model: &str| {
            let number = model.strip_prefix(CANDIDATE).and_then(|number| number.parse().ok());
            number.is_some_and(|number: u64| number < index)
        };
        let bar = Bar::after(journal, &watch, *first as usize, is_before);
        if index == *first && bar.is_set() {
            self.inside.outer.say(
                "candidates are ordered after an epoch much as they are in the end: those that are behind half of the others then \
                 are trained no longer",
            );
        }
        bar
    }

    /// Round after round, so many of the best with another seed; how many there were in each.
    fn again(
        &self,
        rounds: impl Iterator<Item = usize>,
        trials: &mut [Finalist],
        journal: &mut Journal,
    ) -> Result<Vec<usize>> {
        let rounds: Vec<usize> = rounds.collect();
        let mut done = 0;
        for (&many, seed) in rounds.iter().zip(2..) {
            order(&self.course.job.space, trials);
            self.round(many, seed, trials, &mut done, journal)?;
        }
        Ok(rounds)
    }

    /// The same, as long as there is time. Each round is decided when it begins, by what the trainings before it took.
    fn again_within(
        &self,
        budget: f64,
        clock: Clock,
        trials: &mut [Finalist],
        journal: &mut Journal,
    ) -> Result<Vec<usize>> {
        let (mut rounds, mut done) = (Vec::new(), 0);
        for seed in 2..clock::MOST_SEEDS as u64 + 2 {
            order(&self.course.job.space, trials);
            let many = journal.decide(&format!("candidates with seed {seed}"), |journal| {
                let trainings = affordable(&self.course, clock, budget, trials, journal);
                clock::round(rounds.last().copied(), trainings, trials.len()) as u64
            })?;
            if many == 0 {
                break;
            }
            rounds.push(many as usize);
            self.round(many as usize, seed, trials, &mut done, journal)?;
        }
        Ok(rounds)
    }

    /// So many of the best with one more seed.
    fn round(
        &self,
        many: usize,
        seed: u64,
        trials: &mut [Finalist],
        done: &mut u64,
        journal: &mut Journal,
    ) -> Result<()> {
        let before = seed as usize - 1;
        for trial in trials.iter_mut().filter(|trial| trial.figures.len() == before).take(many) {
            let index = trial.candidate.index;
            self.inside.at(*done, format!("candidate {index}, seed {seed}"));
            let plan = self.course.job.plan(&trial.candidate.architecture)?;
            trial.figures.push(self.course.validated(&contender(index, seed, plan), journal)?);
            *done += 1;
            self.inside.outer.progress(*done, "");
        }
        Ok(())
    }
}

/// Sorts by what is expected of each: the best first, but those behind all others that are nearly one of which more is expected.
fn order<'s>(space: &'s Space, trials: &mut [Finalist]) -> Option<Surrogate<'s>> {
    let seen = trials.iter().map(|trial| Seen {
        architecture: trial.candidate.live.clone(),
        losses: trial.figures.iter().map(Figures::rank).collect(),
    });
    let seen: Vec<Seen> = seen.collect();
    let surrogate = Surrogate::fit(space, &seen);
    for trial in &mut *trials {
        trial.expected = surrogate.as_ref().map(|surrogate| surrogate.expect(&trial.candidate.live));
    }
    let rank = |trial: &Finalist| match trial.expected {
        // What failed in each training is expected to be as good as others that decide alike, and is not.
        Some(expected) if trial.figures.iter().any(|figures| figures.log_loss.is_some()) => expected.mean,
        _ => mean(&trial.figures).rank(),
    };
    trials.sort_by(|a, b| rank(a).total_cmp(&rank(b)).then(a.candidate.index.cmp(&b.candidate.index)));
    let mut taken: Vec<Architecture> = Vec::new();
    let places = trials.iter().map(|trial| {
        let live = &trial.candidate.live;
        let is_new = taken.iter().all(|other| distance(space.choices(), other, live) >= ALIKE);
        if is_new {
            taken.push(live.clone());
        }
        (trial.candidate.index, !is_new)
    });
    let alike: HashMap<u64, bool> = places.collect();
    trials.sort_by_key(|trial| alike.get(&trial.candidate.index).copied());
    surrogate
}

/// The mean of what the trainings of an architecture came to; what is not finite in one is not in the mean.
pub(super) fn mean(figures: &[Figures]) -> Figures {
    let of = |one: fn(&Figures) -> Option<f64>| {
        let all = figures.iter().map(one).collect::<Option<Vec<f64>>>()?;
        Some(all.iter().sum::<f64>() / all.len() as f64)
    };
    Figures {
        log_loss: of(|figures| figures.log_loss),
        auc: of(|figures| figures.auc),
        group_auc: of(|figures| figures.group_auc),
        calibration_error: of(|figures| figures.calibration_error),
        normalised_entropy: of(|figures| figures.normalised_entropy),
        calibration: of(|figures| figures.calibration),
        accuracy: of(|figures| Some(figures.accuracy)).unwrap_or_default(),
        ..figures[0]
    }
}

/// What trainings tell of while they are one of many: how far each is goes into the note of the whole, and what they say is left
/// out.
pub(super) struct Inside<'a> {
    outer: &'a dyn Observer,
    /// How many are done, and which this is.
    current: Mutex<(u64, String, Option<u64>)>,
}

impl<'a> Inside<'a> {
    pub fn new(outer: &'a dyn Observer) -> Self {
        Self { outer, current: Mutex::default() }
    }

    /// Who is told.
    pub fn outer(&self) -> &'a dyn Observer {
        self.outer
    }

    pub fn at(&self, done: u64, what: String) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = (done, what, None);
    }
}

impl Observer for Inside<'_> {
    fn begin(&self, stage: Stage) {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).2 = stage.total;
    }

    fn progress(&self, step: u64, note: &str) {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let (done, what, total) = &*current;
        let of = total.map_or_else(String::new, |total| format!(" of {total}"));
        self.outer.progress(*done, &format!("{what}: step {step}{of}, {note}"));
    }

    fn end(&self) {}

    fn say(&self, _: &str) {}
}

/// A candidate as it is trained with its first seed, or with another.
pub(super) fn contender(index: u64, seed: u64, plan: Plan) -> Contender {
    Contender { order: seed - 1, ..Contender::new(&name(index, seed), plan) }
}

fn name(index: u64, seed: u64) -> String {
    match seed {
        1 => format!("{CANDIDATE}{index}"),
        seed => format!("{CANDIDATE}{index}{SEED}{seed}"),
    }
}
