//! Settings of trainings that are found for each model on its own, by as many trials for what a search found as for each baseline.
//!
//! The baselines come before the search, so that its candidates are trained by what is best for the best network among them: candidates
//! that are compared with settings that suit none of them are not told apart by what they are worth. What is found comes after it.

mod model;
mod parzen;
mod time;

use nasrec_compiler::recipe::{Knob, Tune};

use super::boosted::Subject;
use super::clock::Clock;
use super::report::{Row, Setting};
use super::retrain::{Contender, Course};
use super::{repeated, seeds};
use crate::Result;
use crate::Stage;
use crate::backend::Backend;
use crate::run::{Job, Journal};

use model::Model;
pub(super) use model::Tuned;
use time::{AGAIN, Until};

/// What is decided by the clock: how many settings were tried for each baseline, and for what was found.
const TRIALS: &str = "trials of settings";
const TRIALS_OF_FOUND: &str = "trials of settings of what was found";
/// And whether the best of each model are trained with one more seed.
const FURTHER: &str = "the best settings with seed";

/// How many settings of each model have all seeds that there is time for.
const TOP: usize = 2;

/// The settings of a run, as they are found.
pub(super) struct Tuning {
    tune: Tune,
    clock: Clock,
    /// Seconds of the run until the last trainings of all, but for those that are told on the test part again.
    budget: Option<f64>,
    /// Of these, what is kept for tuning what is found.
    of_found: f64,
    baselines: Vec<Model>,
    /// How many settings were tried for each.
    tried: u64,
    /// What candidates are trained by that the recipe does not say.
    adopted: Vec<(Knob, f64)>,
}

/// What tuning comes to, the baselines in the order of the recipe.
pub(super) struct Settings {
    pub found: Vec<Tuned>,
    pub baselines: Vec<Tuned>,
    /// How many were tried for each model, at most.
    pub tried: u64,
}

impl Tuning {
    /// Of the baselines; `None` where nothing is tuned.
    pub fn of_baselines<B: Backend>(
        course: &Course<'_, B>,
        clock: Clock,
        journal: &mut Journal,
    ) -> Result<Option<Self>> {
        let job = course.job;
        let Some(tune) = job.recipe.tune.as_ref().filter(|_| job.model.is_none()) else { return Ok(None) };
        if !time::is_tuned(course, tune, clock, journal)? {
            return Ok(None);
        }
        let kept = repeated::kept(job, course.data, journal);
        let (tune, budget) = (tune.clone(), job.recipe.budget.map(|budget| budget - kept));
        let subjects = job.baselines.iter().map(|(name, baseline)| Subject::of(name, baseline));
        let mut baselines = course.as_they_are(subjects, &tune, journal)?;
        let until = Until::of_baselines(course, &tune, clock, journal);
        let has_time = |models: &[Model], journal: &Journal| until.has_time_for_one(models, 0.0, journal);
        let trials = Trials { tune: &tune, many: tune.trials, told: budget.map(|_| TRIALS) };
        let tried = course.try_settings(&mut baselines, &trials, has_time, journal)?;
        // The best network's.
        let networks = baselines.iter().filter(|model| matches!(model.subject, Subject::Network(_)));
        let best = networks.min_by(|a, b| a.rank().total_cmp(&b.rank()));
        let adopted = best.map(|model| model.best(&tune)).unwrap_or_default();
        if let Some(best) = best.filter(|_| !adopted.is_empty()) {
            course.shop.observer.say(&format!(
                "candidates are trained by what is best for {}: {}",
                best.subject.title(),
                shown(adopted.iter().copied().map(Setting::from))
            ));
        }
        let of_found = match budget {
            Some(_) => {
                time::of_found(job, &tune, &baselines, if baselines.is_empty() { tune.trials } else { tried }, journal)
            }
            None => 0.0,
        };
        Ok(Some(Self { tune, clock, budget, of_found, baselines, tried, adopted }))
    }

    /// What candidates are trained by that the recipe does not say.
    pub fn adopted(&self) -> &[(Knob, f64)] {
        &self.adopted
    }

    /// How many times as long a training takes with other settings as by the recipe's own.
    pub fn times(&self, journal: &Journal) -> f64 {
        time::times(&self.baselines, journal)
    }

    /// The job of the search in between: by the settings that its candidates are trained by, and with the time that is left for it.
    pub fn of_search(&self, job: &mut Job) {
        self.adopted.iter().for_each(|&(knob, value)| knob.set(&mut job.recipe, value));
        job.recipe.budget = job.recipe.budget.map(|budget| budget - self.of_found);
    }

    /// Of the best that were found by that, and then of all in what time is left. `own`: the course of the recipe as it is, for the
    /// baselines; `course`: that of the search.
    pub fn of_found<B: Backend>(
        mut self,
        own: &Course<'_, B>,
        course: &Course<'_, B>,
        best: &mut [(Row, Contender)],
        journal: &mut Journal,
    ) -> Result<Settings> {
        best.iter_mut().for_each(|(row, _)| row.settings = self.adopted.iter().copied().map(Setting::from).collect());
        let sound = best.iter().filter(|(row, _)| !row.failed()).take(self.tune.top);
        let subjects = sound.map(|(_, contender)| Subject::Network(contender.clone()));
        let mut found = course.as_they_are(subjects, &self.tune, journal)?;
        let until = Until { clock: self.clock, end: self.budget };
        let kept = time::last_trainings(own, &self.baselines, journal);
        let has_time = |models: &[Model], journal: &Journal| {
            until.has_time_for_one(models, kept + time::last_trainings(course, models, journal), journal)
        };
        // As many as there were for the others, and no more.
        let many = if self.baselines.is_empty() { self.tune.trials } else { self.tried };
        let trials = Trials { tune: &self.tune, many, told: self.budget.map(|_| TRIALS_OF_FOUND) };
        let tried = course.try_settings(&mut found, &trials, has_time, journal)?;
        let mut further: Vec<(&Course<'_, B>, &mut Vec<Model>)> = Vec::new();
        further.extend((self.tried > 0).then_some((own, &mut self.baselines)));
        further.extend((tried > 0).then_some((course, &mut found)));
        for seed in 3..=1 + own.data.folds().max(1) as u64 {
            let has_time = |journal: &Journal| {
                let each = further.iter().map(|(course, models)| {
                    TOP as f64 * time::each(models, journal) + time::last_trainings(course, models, journal)
                });
                until.has_time(each.sum())
            };
            let goes_on = self.budget.is_some()
                && !further.is_empty()
                && journal.decide(&format!("{FURTHER} {seed}"), |journal| u64::from(has_time(journal)))? > 0;
            if !goes_on {
                break;
            }
            for (course, models) in &mut further {
                course.one_more_seed(models, (TOP, seed), (&seeds::Inside::new(course.shop.observer), 0), journal)?;
            }
        }
        let folds = own.data.folds();
        let [found, baselines] = [&found, &self.baselines]
            .map(|models| models.iter().map(|model| model.tuned(&self.tune, folds)).collect::<Vec<Tuned>>());
        found.iter().chain(&baselines).for_each(|tuned| {
            let settings = tuned.settings.as_ref().map(|settings| shown(settings.iter().cloned()));
            let settings = settings.unwrap_or_else(|| "the settings that it had".to_owned());
            let loss = tuned.figures.log_loss.unwrap_or(f64::NAN);
            let title = tuned.subject.title();
            course.shop.observer.say(&format!("tune {title}: {settings}, log loss {loss:.5} on validation"));
        });
        Ok(Settings { found, baselines, tried: tried.max(self.tried) })
    }
}

/// How many settings are tried.
struct Trials<'a> {
    tune: &'a Tune,
    /// For each model, at most.
    many: u64,
    /// What the journal calls how many there were, where the clock decides that.
    told: Option<&'a str>,
}

impl<B: Backend> Course<'_, B> {
    /// Models with the settings that they have.
    fn as_they_are(
        &self,
        subjects: impl Iterator<Item = Subject>,
        tune: &Tune,
        journal: &mut Journal,
    ) -> Result<Vec<Model>> {
        let models = subjects.map(|subject| {
            let figures = self.validated_as(&subject, journal)?;
            Ok(Model::new(subject, figures, tune))
        });
        models.collect()
    }

    /// Tries settings for models, and the best with a second seed; how many for each. One is tried for all before the next, so that all have
    /// had as many wherever the time ends.
    fn try_settings(
        &self,
        models: &mut [Model],
        trials: &Trials<'_>,
        has_time: impl Fn(&[Model], &Journal) -> bool,
        journal: &mut Journal,
    ) -> Result<u64> {
        if models.is_empty() {
            return Ok(0);
        }
        let observer = self.shop.observer;
        let total = Some(trials.many * models.len() as u64);
        observer.begin(Stage { name: "tune".to_owned(), total, unit: "trials" });
        let inside = seeds::Inside::new(observer);
        let tried = self.observed_by(&inside).try_all(models, trials, has_time, &inside, journal);
        observer.end();
        tried
    }

    fn try_all(
        &self,
        models: &mut [Model],
        trials: &Trials<'_>,
        has_time: impl Fn(&[Model], &Journal) -> bool,
        inside: &seeds::Inside<'_>,
        journal: &mut Journal,
    ) -> Result<u64> {
        let decided = trials.told.and_then(|told| journal.decided(told));
        let (mut tried, count) = (0, models.len() as u64);
        // A round that an earlier process began is ended.
        while tried < decided.unwrap_or(trials.many)
            && (decided.is_some()
                || models.iter().any(|model| model.has_tried(tried + 1, journal))
                || has_time(models, journal))
        {
            for (place, model) in (0..).zip(&mut *models) {
                let done = tried * count + place;
                inside.at(done, format!("{}, trial {}", model.subject.title(), tried + 1));
                model.try_one(self, trials.tune, tried + 1, journal)?;
                inside.outer().progress(done + 1, "");
            }
            tried += 1;
        }
        if let Some(told) = trials.told {
            journal.decide(told, |_| tried)?;
        }
        if tried > 0 {
            models.iter_mut().for_each(Model::sort);
            self.one_more_seed(models, (AGAIN, 2), (inside, tried * count), journal)?;
        }
        Ok(tried)
    }

    /// So many of the best settings of each with one more seed, judged on other rows, and with the second those that it had in any case: they
    /// are what has to be beaten.
    fn one_more_seed(
        &self,
        models: &mut [Model],
        (many, seed): (usize, u64),
        (inside, done): (&seeds::Inside<'_>, u64),
        journal: &mut Journal,
    ) -> Result<()> {
        let data = self.data_of(seed as usize - 1)?;
        let course = Course { data: &data, ..*self };
        for model in models {
            let own = model.tried.iter().position(|one| one.places.is_none()).filter(|_| seed == 2);
            let again = model.tried.iter_mut().enumerate();
            for (rank, one) in again.filter(|(rank, _)| *rank < many || Some(*rank) == own) {
                inside.at(done, format!("{}, seed {seed} of number {}", model.subject.title(), rank + 1));
                one.figures.push(course.validated_as(&one.subject.again(seed), journal)?);
            }
            model.tried.retain(|one| one.figures.len() as u64 == seed);
            model.sort();
        }
        Ok(())
    }
}

/// Settings for a person.
fn shown(settings: impl Iterator<Item = Setting>) -> String {
    settings.map(|setting| setting.to_string()).collect::<Vec<String>>().join(", ")
}
