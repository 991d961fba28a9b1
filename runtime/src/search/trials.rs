//! Candidates that are trained on their own, each as the best are, and the best of them with further seeds.

use nasrec_compiler::plan::Plan;
use nasrec_compiler::recipe::Method;

use super::bar::{self, Bar};
use super::clock::{self, CANDIDATES, Clock, Within};
use super::retrain::{Contender, Course};
use super::searching::{self, Evaluate};
use super::seeds::{self, Finalist, Inside, Rounds};
use super::settled;
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
            let so_far = clock::first_trainings(journal, is_first);
            let (start, known) = (clock.elapsed() - so_far.iter().sum::<f64>(), so_far.len());
            let end = budget - clock::of_baselines(job, course.data, journal);
            let decided = journal.decided(CANDIDATES).map(|many| many as usize);
            let again = Some(settled::again(journal));
            let mut strategy =
                Within { inner: strategy, clock, start, end, known, decided, again, together: 1, observer };
            let all = searching::search(job, &mut alone, journal, observer, &mut strategy)?;
            journal.decide(CANDIDATES, |_| all.len() as u64)?;
            all
        }
        None => searching::search(job, &mut alone, journal, observer, strategy)?,
    };
    let candidates = all.len();
    // Those that were trained for a part of an epoch were not worth the rest.
    let to_the_end = all.into_iter().filter(|one| bar::as_if_ended(journal, &name(one.index), is_first).is_none());
    let mut finalists: Vec<Finalist> = to_the_end
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
            let bar = self.bar(index, journal);
            let parts = bar.asks_parts() || index < self.first();
            let contender = Contender { bar, parts, ..contender(index, 1, plan.clone()) };
            let figures = self.course.validated(&contender, journal)?;
            let figures = bar::as_if_ended(journal, &name(index), is_first).unwrap_or(figures);
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
        let Some(early) = retrain.stop else { return Bar::default() };
        let watch = Watch { early, schedule: retrain.schedule };
        let is_before = |model: &str| number(model).is_some_and(|number| number < index);
        let bar = Bar::after(journal, &watch, self.first() as usize, is_before);
        if let Some(told) = bar.told().filter(|_| index == self.first()) {
            self.inside.outer().say(&told);
        }
        bar
    }

    /// How many are trained to the end in any case.
    fn first(&self) -> u64 {
        if let Method::Trials { first, .. } = self.course.job.recipe.method { first } else { 0 }
    }
}

/// Whether a training is the first one of a candidate.
pub(super) fn is_first(model: &str) -> bool {
    number(model).is_some()
}

/// Of which candidate a training is the first one.
fn number(model: &str) -> Option<u64> {
    model.strip_prefix(CANDIDATE)?.parse().ok()
}

/// What the first training of a candidate is called.
fn name(index: u64) -> String {
    format!("{CANDIDATE}{index}")
}

/// A candidate as it is trained with its first seed, or with another, to the end.
pub(super) fn contender(index: u64, seed: u64, plan: Plan) -> Contender {
    Contender { parts: seed == 1, ..seeds::contender(&name(index), seed, plan) }
}
