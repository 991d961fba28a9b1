//! Candidates that are trained on their own, each as the best are, and the best of them with further seeds.

use nasrec_compiler::plan::Plan;
use nasrec_compiler::recipe::Method;

use super::bar::Bar;
use super::clock::{self, CANDIDATES, Clock, Within};
use super::retrain::{Contender, Course};
use super::searching::{self, Evaluate};
use super::seeds::{self, Finalist, Inside, Rounds};
use super::strategies::Strategy;
use crate::Result;
use crate::backend::Backend;
use crate::run::Journal;
use crate::train::{Figures, Watch};

/// What trainings of candidates are called, before their numbers.
const CANDIDATE: &str = "candidate-";

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
    let mut finalists: Vec<Finalist> = all
        .into_iter()
        .map(|candidate| {
            let figures = candidate.figures;
            Finalist::new(name(candidate.index), candidate, figures)
        })
        .collect();
    let seeds = if let Method::Trials { seeds, .. } = job.recipe.method { seeds } else { 1 };
    let mut top = job.recipe.retrain.top;
    let wanted: Vec<usize> = (1..seeds).map(|round| (top >> (round - 1).min(63)).max(2)).collect();
    let rounds = job.recipe.budget.map_or(Rounds::Of(&wanted), |budget| Rounds::Within(budget, clock));
    let (rounds, luck) = seeds::again(course, &rounds, &mut finalists, journal)?;
    if job.recipe.budget.is_some() {
        top = rounds.first().copied().unwrap_or(top);
    }
    finalists.truncate(top);
    Ok(Tried { best: finalists, candidates, luck })
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
                self.inside
                    .outer()
                    .say(&format!("candidate {index} failed: its loss was not finite; it counts as bad"));
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
            self.inside.outer().say(
                "candidates are ordered after an epoch much as they are in the end: those that are behind half of the others then \
                 are trained no longer",
            );
        }
        bar
    }
}

/// What the first training of a candidate is called.
fn name(index: u64) -> String {
    format!("{CANDIDATE}{index}")
}

/// A candidate as it is trained with its first seed, or with another.
pub(super) fn contender(index: u64, seed: u64, plan: Plan) -> Contender {
    seeds::contender(&name(index), seed, plan)
}
