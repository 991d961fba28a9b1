//! What is so: each architecture trained on its own as the best of a search are, with several seeds.

use std::cell::Cell;

use nasrec_compiler::Space;

use super::super::retrain::Course;
use super::super::seeds::Inside;
use super::super::surrogate::Seen;
use super::super::trials::contender;
use super::drawn::Subject;
use super::intervals::Reading;
use crate::backend::Backend;
use crate::error::RunError;
use crate::run::{Entry, Journal, Ranking};
use crate::{Result, Stage};

/// The trainings of all that was drawn.
pub(super) struct Trainings<'a> {
    pub space: &'a Space,
    /// How many are judged; those behind them are others, that models learn from.
    judged: usize,
    seeds: usize,
    subjects: &'a [Subject],
    /// Of each, the log loss on the validation part with each of its seeds; not finite where one failed.
    losses: Vec<Vec<f64>>,
    /// The same after the first epoch, where epochs were judged and there could have been more of them.
    firsts: Vec<Vec<Option<f64>>>,
    /// Of those that are judged, the ones no training of which failed.
    sound: Vec<usize>,
}

/// Trains them, unless the journal holds it.
pub(super) fn train<'a, B: Backend>(
    course: &Course<'a, B>,
    ranking: &Ranking,
    subjects: &'a [Subject],
    journal: &mut Journal,
) -> Result<Trainings<'a>> {
    let (job, observer) = (course.job, course.shop.observer);
    let inside = Inside::new(observer);
    let course = course.observed_by(&inside);
    let mut losses = vec![Vec::new(); subjects.len()];
    let mut firsts = vec![Vec::new(); subjects.len()];
    let judged = subjects.iter().take(ranking.architectures);
    let rest = subjects.iter().skip(ranking.architectures);
    // One seed of all before the next.
    let planned = (1..=ranking.seeds).flat_map(|seed| (0..judged.len()).map(move |at| (at, seed)));
    let planned: Vec<(usize, u64)> = planned.chain((0..rest.len()).map(|at| (ranking.architectures + at, 1))).collect();
    let total = Some(planned.len() as u64);
    observer.begin(Stage { name: "train alone".into(), total, unit: "trainings" });
    let done = Cell::new(0);
    let result: Result<()> = planned.iter().try_for_each(|&(at, seed)| {
        let Some(subject) = subjects.get(at) else { return Ok(()) };
        inside.at(done.get(), format!("architecture {at}, seed {seed}"));
        let contender = contender(at as u64, seed, subject.plan.clone());
        let figures = course.validated(&contender, journal)?;
        losses[at].push(figures.rank());
        let first = journal.entries().iter().find_map(|entry| match entry {
            Entry::Trained { model, last: false, epochs, .. } if *model == contender.name => epochs.first().copied(),
            _ => None,
        });
        firsts[at].push(first.filter(|_| job.recipe.retrain.epochs > 1).and_then(|figures| figures.log_loss));
        done.set(done.get() + 1);
        observer.progress(done.get(), "");
        Ok(())
    });
    observer.end();
    result?;
    let is_sound = |&at: &usize| losses[at].iter().all(|loss: &f64| loss.is_finite());
    let sound: Vec<usize> = (0..ranking.architectures).filter(is_sound).collect();
    let failed = ranking.architectures - sound.len();
    if failed > 0 {
        observer.say(&format!("{failed} of {} architectures failed and are left out", ranking.architectures));
    }
    if sound.len() < 2 {
        let what =
            format!("trainings of {failed} of {} architectures failed, and no order is left", ranking.architectures);
        return Err(RunError::Ranking { what }.into());
    }
    let seeds = ranking.seeds as usize;
    Ok(Trainings { space: &job.space, judged: ranking.architectures, seeds, subjects, losses, firsts, sound })
}

impl Trainings<'_> {
    /// Those that count, by their numbers.
    pub fn sound(&self) -> &[usize] {
        &self.sound
    }

    pub fn seeds(&self) -> usize {
        self.seeds
    }

    /// The mean log loss of each that counts.
    pub fn means(&self) -> Vec<f64> {
        self.without(usize::MAX)
    }

    /// The same without one of the seeds.
    pub fn without(&self, left_out: usize) -> Vec<f64> {
        let of = |&at: &usize| {
            let kept = self.losses[at].iter().enumerate().filter(|(seed, _)| *seed != left_out).map(|(_, loss)| *loss);
            let kept: Vec<f64> = kept.collect();
            kept.iter().sum::<f64>() / kept.len() as f64
        };
        self.sound.iter().map(of).collect()
    }

    /// The log loss of each that counts, with one of the seeds.
    pub fn with(&self, seed: usize) -> Vec<f64> {
        self.sound.iter().map(|&at| self.losses[at][seed]).collect()
    }

    /// The log loss after the first epoch of each that counts, with one of the seeds; nothing where it is not known of all.
    pub fn after_first_epoch(&self, seed: usize) -> Option<Vec<f64>> {
        self.sound.iter().map(|&at| self.firsts[at][seed]).collect()
    }

    /// Scores of all that was drawn, against the means of those that count.
    pub fn against_means(&self, scores: &[f64]) -> Reading {
        Reading { scores: self.sound.iter().map(|&at| scores[at]).collect(), truths: self.means() }
    }

    /// Standard deviation between seeds.
    pub fn luck(&self) -> Option<f64> {
        let squares = self
            .sound
            .iter()
            .zip(self.means())
            .flat_map(|(&at, mean)| self.losses[at].iter().map(move |loss| (loss - mean).powi(2)));
        let free = self.sound.len() * self.seeds.saturating_sub(1);
        (free > 0).then(|| (squares.sum::<f64>() / free as f64).sqrt())
    }

    /// The numbers of all that are judged, and of the others.
    pub fn numbers(&self) -> (std::ops::Range<usize>, std::ops::Range<usize>) {
        (0..self.judged, self.judged..self.subjects.len())
    }

    /// What is seen of some, all of their seeds.
    pub fn seen(&self, numbers: impl IntoIterator<Item = usize>) -> Vec<Seen> {
        let each = numbers
            .into_iter()
            .map(|at| Seen::on_validation(self.subjects[at].live.clone(), self.losses[at].iter().copied()));
        each.collect()
    }
}
