//! Further trainings of the best: what a model comes to is told from the luck of one training, and from that of the rows that it was
//! chosen by, by training the best with another seed and judging them on another fold, the better half of them once more, and so on.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use nasrec_compiler::plan::Plan;
use nasrec_compiler::{Architecture, Space};

use super::clock::{self, Clock};
use super::retrain::{Contender, Course};
use super::strategies::Candidate;
use super::surrogate::{Expected, Seen, Surrogate, Told, distance};
use crate::backend::Backend;
use crate::data::Dataset;
use crate::run::Journal;
use crate::train::Figures;
use crate::{Observer, Result, Stage};

/// Architectures that differ in less than one choice, where numbers are next to each other, are one for who takes some that differ.
const ALIKE: f64 = 1.0;
/// Behind what a first training is called, before the number of another seed.
const SEED: &str = "-seed-";
/// Of so many of the best is taken how long a training of one of them takes.
const LOOKED_AT: usize = 8;

/// One of the best, with the figures of each of its trainings and what is expected of it.
pub(super) struct Finalist {
    /// What its first training is called.
    pub name: String,
    pub candidate: Candidate,
    /// Of its first training, its second and so on.
    pub figures: Vec<Figures>,
    pub expected: Option<Expected>,
}

impl Finalist {
    /// After its first training.
    pub fn new(name: String, candidate: Candidate, figures: Figures) -> Self {
        Self { name, candidate, figures: vec![figures], expected: None }
    }
}

/// Which rounds of further seeds there are.
pub(super) enum Rounds<'a> {
    /// So many of the best in each.
    Of(&'a [usize]),
    /// As many as there is time for in this budget.
    Within(f64, Clock),
}

/// Round after round, so many of the best with another seed, sorted by what is expected of them in the end; how many there were in
/// each round, and how much log losses of one architecture differ by seeds.
pub(super) fn again<B: Backend>(
    course: &Course<'_, B>,
    rounds: &Rounds<'_>,
    finalists: &mut [Finalist],
    journal: &mut Journal,
) -> Result<(Vec<usize>, Option<f64>)> {
    let (job, observer) = (course.job, course.shop.observer);
    let total = match rounds {
        Rounds::Of(rounds) => Some(rounds.iter().map(|&many| many.min(finalists.len()) as u64).sum()),
        Rounds::Within(..) => None,
    };
    observer.begin(Stage { name: "train the best with other seeds".into(), total, unit: "trainings" });
    let inside = Inside::new(observer);
    let trained = Again { course: course.observed_by(&inside), inside: &inside }.rounds(rounds, finalists, journal);
    observer.end();
    let trained = trained?;
    let surrogate = order(&job.space, course.data.folds(), finalists);
    if let Some(surrogate) = &surrogate {
        let rows = surrogate.of_rows();
        let rows = rows.map_or_else(String::new, |rows| format!(", those of one judged on other rows by {rows:.4}"));
        observer.say(&format!(
            "log losses of architectures differ by {:.4}{rows}, those of one trained with other seeds by {:.4} (standard deviations)",
            surrogate.spread(),
            surrogate.noise()
        ));
    }
    Ok((trained, surrogate.map(|surrogate| surrogate.noise())))
}

struct Again<'a, 'b, B: Backend> {
    course: Course<'a, B>,
    inside: &'b Inside<'b>,
}

impl<B: Backend> Again<'_, '_, B> {
    /// Within a budget each round is decided when it begins, by what the trainings before it took.
    fn rounds(&self, rounds: &Rounds<'_>, finalists: &mut [Finalist], journal: &mut Journal) -> Result<Vec<usize>> {
        let (mut trained, mut done) = (Vec::new(), 0);
        for seed in 2.. {
            order(&self.course.job.space, self.course.data.folds(), finalists);
            let many = match *rounds {
                Rounds::Of(rounds) => rounds.get(trained.len()).copied().unwrap_or(0),
                Rounds::Within(..) if trained.len() == clock::MOST_SEEDS => 0,
                Rounds::Within(budget, clock) => journal.decide(&format!("candidates with seed {seed}"), |journal| {
                    let trainings = affordable(&self.course, clock, budget, finalists, journal);
                    clock::round(trained.last().copied(), trainings, finalists.len()) as u64
                })? as usize,
            };
            if many == 0 {
                break;
            }
            trained.push(many);
            self.round(many, seed, finalists, &mut done, journal)?;
        }
        Ok(trained)
    }

    /// So many of the best with one more seed.
    fn round(
        &self,
        many: usize,
        seed: u64,
        finalists: &mut [Finalist],
        done: &mut u64,
        journal: &mut Journal,
    ) -> Result<()> {
        let before = seed as usize - 1;
        let data = self.course.data_of(before)?;
        let course = Course { data: &data, ..self.course };
        for finalist in finalists.iter_mut().filter(|finalist| finalist.figures.len() == before).take(many) {
            self.inside.at(*done, format!("{}, seed {seed}", finalist.name.replacen('-', " ", 1)));
            let plan = self.course.job.plan(&finalist.candidate.architecture)?;
            finalist.figures.push(course.validated(&contender(&finalist.name, seed, plan), journal)?);
            *done += 1;
            self.inside.outer.progress(*done, "");
        }
        Ok(())
    }
}

/// How many trainings of the best there are in what is left of the budget, once the winner and the baselines have theirs.
fn affordable<B: Backend>(
    course: &Course<'_, B>,
    clock: Clock,
    budget: f64,
    finalists: &[Finalist],
    journal: &Journal,
) -> usize {
    let (job, data) = (course.job, course.data);
    let best = || finalists.iter().take(LOOKED_AT);
    let is_of_best = |model: &str| {
        best().any(|finalist| {
            model.strip_prefix(&*finalist.name).is_some_and(|rest| rest.is_empty() || rest.starts_with(SEED))
        })
    };
    let took = clock::first_trainings(journal, is_of_best);
    let each = took.iter().sum::<f64>() / took.len().max(1) as f64;
    let last = best().map(|finalist| clock::kept_training(job, data, journal, &finalist.name));
    let left = budget - clock.elapsed() - clock::of_baselines(job, data, journal) - last.fold(0.0, f64::max);
    (left / each).clamp(0.0, 1e6) as usize
}

/// Sorts by what is expected of each: the best first, but those behind all others that are nearly one of which more is expected.
fn order<'s>(space: &'s Space, folds: usize, finalists: &mut [Finalist]) -> Option<Surrogate<'s>> {
    let seen = finalists.iter().map(|finalist| {
        let each = finalist.figures.iter().enumerate();
        let told = each.map(|(training, figures)| Told { fold: fold(training, folds), log_loss: figures.rank() });
        Seen { architecture: finalist.candidate.live.clone(), trainings: told.collect() }
    });
    let seen: Vec<Seen> = seen.collect();
    let surrogate = Surrogate::fit(space, &seen);
    for finalist in &mut *finalists {
        finalist.expected = surrogate.as_ref().map(|surrogate| surrogate.expect(&finalist.candidate.live));
    }
    let rank = |finalist: &Finalist| match finalist.expected {
        // What failed in each training is expected to be as good as others that decide alike, and is not.
        Some(expected) if finalist.figures.iter().any(|figures| figures.log_loss.is_some()) => expected.mean,
        _ => on_validation(&finalist.figures, folds).rank(),
    };
    finalists.sort_by(|a, b| rank(a).total_cmp(&rank(b)).then(a.candidate.index.cmp(&b.candidate.index)));
    let mut taken: Vec<Architecture> = Vec::new();
    let places = finalists.iter().map(|finalist| {
        let live = &finalist.candidate.live;
        let is_new = taken.iter().all(|other| distance(space.choices(), other, live) >= ALIKE);
        if is_new {
            taken.push(live.clone());
        }
        (finalist.candidate.index, !is_new)
    });
    let alike: HashMap<u64, bool> = places.collect();
    finalists.sort_by_key(|finalist| alike.get(&finalist.candidate.index).copied());
    surrogate
}

/// The fold that a training of a model is judged on, both counted from 0: each time another, in turn. The first is the recipe's own
/// split.
pub(super) fn fold(training: usize, folds: usize) -> usize {
    training % (folds + 1)
}

impl<B: Backend> Course<'_, B> {
    /// The rows of a model's training of this number, from 0.
    pub fn data_of(&self, training: usize) -> Result<Arc<Dataset>> {
        match fold(training, self.data.folds()) {
            0 => Ok(Arc::clone(self.data)),
            fold => Ok(Arc::new(self.data.fold(fold, &self.job.schema, self.shop.stop)?)),
        }
    }
}

/// What the trainings of an architecture came to that were judged on the validation part, in the mean.
pub(super) fn on_validation(figures: &[Figures], folds: usize) -> Figures {
    let judged: Vec<Figures> = figures.iter().step_by(folds + 1).copied().collect();
    mean(&judged)
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

/// A model as it is trained with its first seed, or with another. `name`: what its first training is called.
pub(super) fn contender(name: &str, seed: u64, plan: Plan) -> Contender {
    let name = if seed == 1 { name.to_owned() } else { format!("{name}{SEED}{seed}") };
    Contender { order: seed - 1, ..Contender::new(&name, plan) }
}
