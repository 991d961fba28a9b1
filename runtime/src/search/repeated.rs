//! Further trainings that are told on the test part: who beats whom is told of the mean of several, as one may be lucky by more than two
//! models differ.

use nasrec_compiler::recipe::Retrain;

use super::boosted::Subject;
use super::clock::{self, Clock};
use super::pilot;
use super::report::Repeated;
use super::retrain::{self, Contender, Course};
use crate::Result;
use crate::backend::Backend;
use crate::data::Dataset;
use crate::run::{Job, Journal};
use crate::train::{Blocks, Figures, Luck};

/// For how many seeds time is kept in a budget, where the recipe does not say; more are taken while there is time.
const KEPT: u64 = 3;
/// Of a budget, what is kept for that at most.
const SHARE: f64 = 0.1;
/// Behind the name of a model, before the number of a further training.
const TEST: &str = "-test-";

/// With how many seeds models are told on the test part, where there is time.
fn seeds(job: &Job) -> u64 {
    job.recipe.retrain.tests.unwrap_or(if job.recipe.budget.is_some() { Retrain::MOST_TESTS } else { 1 })
}

/// Seconds of a budget to keep for that.
pub(super) fn kept(job: &Job, data: &Dataset, journal: &Journal) -> f64 {
    // Who has nothing to be compared with is told once.
    let Some(budget) = job.recipe.budget.filter(|_| !job.baselines.is_empty()) else { return 0.0 };
    let is_baseline = |model: &str| job.baselines.iter().any(|(name, _)| name == model);
    let baselines: f64 = clock::first_trainings(journal, is_baseline).iter().sum();
    let each = baselines + pilot::expected(job, journal).0;
    let last = if job.recipe.retrain.refit { clock::more_rows(job, data) } else { 0.0 };
    ((seeds(job).min(KEPT) - 1) as f64 * each * (1.0 + last)).min(SHARE * budget)
}

/// A model with all of its trainings that were told on the test part.
pub(super) struct Told {
    /// The figures of each, those of the first before the others.
    figures: Vec<Figures>,
    blocks: Vec<Blocks>,
    is_network: bool,
}

impl Told {
    /// By its first training alone.
    pub fn once(subject: &Subject, test: Figures, journal: &Journal) -> Self {
        let blocks = retrain::blocks(journal, subject.name()).cloned();
        let is_network = matches!(subject, Subject::Network(_));
        Self { figures: vec![test], blocks: blocks.into_iter().collect(), is_network }
    }

    /// With how many seeds.
    pub fn trainings(&self) -> usize {
        self.figures.len()
    }

    /// The mean of its figures.
    pub fn mean(&self) -> Figures {
        super::seeds::mean(&self.figures)
    }

    /// The mean of its figures on blocks of the test part.
    pub fn blocks(&self) -> Option<Blocks> {
        (self.blocks.len() == self.figures.len()).then(|| Blocks::mean(&self.blocks)).flatten()
    }

    /// What a report has of it; nothing where it was told once.
    pub fn repeated(&self) -> Option<Repeated> {
        let mean = self.mean();
        let told = Repeated { trainings: self.figures.len(), log_loss: mean.log_loss, auc: mean.auc };
        (told.trainings > 1).then_some(told)
    }

    fn log_losses(&self) -> Option<Vec<f64>> {
        self.figures.iter().map(|figures| figures.log_loss).collect()
    }
}

/// How far log losses on the test part are apart of one model's trainings, where any was told more than once: of networks, or of trees.
pub(super) fn luck<'t>(told: impl Iterator<Item = &'t Told>, networks: bool) -> Option<Luck> {
    let (mut squares, mut freedom) = (0.0, 0);
    for losses in told.filter(|told| told.is_network == networks).filter_map(Told::log_losses) {
        let mean = losses.iter().sum::<f64>() / losses.len() as f64;
        squares += losses.iter().map(|loss| (loss - mean).powi(2)).sum::<f64>();
        freedom += losses.len() - 1;
    }
    (freedom > 0).then(|| Luck { variance: squares / freedom as f64, freedom: freedom as f64 })
}

impl<B: Backend> Course<'_, B> {
    /// Trains models with further seeds and tells them on the test part: as many as the recipe says, or as there is time for, all of them, and at the end
    /// the first ones, which what was found is the first of. Each has its own course.
    pub fn repeated(
        models: &mut [(&Self, &Subject, Told)],
        clock: Clock,
        budget: Option<f64>,
        journal: &mut Journal,
    ) -> Result<()> {
        let Some((course, ..)) = models.first() else { return Ok(()) };
        for seed in 2..=seeds(course.shop.run.job()) {
            let all = match budget {
                Some(budget) => {
                    let what = format!("whether models are told on the test part with seed {seed}");
                    let each = |journal: &Journal| -> f64 {
                        models.iter().map(|(course, subject, _)| course.takes(subject, journal)).sum()
                    };
                    let fits = |journal: &Journal| clock.elapsed() + each(journal) <= budget;
                    journal.decide(&what, |journal| u64::from(fits(journal)))? == 1
                }
                None => true,
            };
            let mut found = Vec::new();
            for (course, subject, _) in &*models {
                if let Some(budget) = budget.filter(|_| !all) {
                    let what = format!("whether {} is told on the test part with seed {seed}", subject.name());
                    let fits = |journal: &Journal| clock.elapsed() + course.takes(subject, journal) <= budget;
                    if journal.decide(&what, |journal| u64::from(fits(journal)))? == 0 {
                        break;
                    }
                }
                let again = again(subject, seed);
                let is_sound = course.validated_as(&again, journal)?.log_loss.is_some();
                let test = if is_sound { Some(course.tested_as(&again, journal)?) } else { None };
                let Some(test) = test.filter(|test| test.log_loss.is_some()) else {
                    let title = subject.title();
                    course.shop.observer.say(&format!(
                        "{title} failed with seed {seed}: models are compared by the {} before it",
                        if seed == 2 { "training".to_owned() } else { format!("{} trainings", seed - 1) }
                    ));
                    return Ok(());
                };
                found.push((test, retrain::blocks(journal, again.name()).cloned()));
            }
            for ((.., told), (test, blocks)) in models.iter_mut().zip(found) {
                told.figures.push(test);
                told.blocks.extend(blocks);
            }
            if !all {
                break;
            }
        }
        Ok(())
    }

    /// Seconds that one more training of a model takes, with its last one.
    fn takes(&self, subject: &Subject, journal: &Journal) -> f64 {
        let first: f64 = clock::first_trainings(journal, |model| model == subject.name()).iter().sum();
        let refit = self.job.recipe.retrain.refit;
        first + if refit { clock::kept_training(self.job, self.data, journal, subject.name()) } else { 0.0 }
    }
}

/// The same model with another seed.
fn again(subject: &Subject, seed: u64) -> Subject {
    let name = format!("{}{TEST}{seed}", subject.name());
    match subject {
        Subject::Network(contender) => {
            let title = format!("{}, seed {seed}", contender.title);
            Subject::Network(Contender { name, title, order: seed - 1, ..contender.clone() })
        }
        Subject::Trees { growth, .. } => Subject::Trees { name, growth: *growth },
    }
}
