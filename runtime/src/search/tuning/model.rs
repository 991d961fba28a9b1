//! A model that is tuned: which settings it was tried with, what came of them, and which are best.

use nasrec_compiler::recipe::{Domain, Knob, Recipe, Tune};

use super::parzen::propose;
use crate::Result;
use crate::backend::Backend;
use crate::run::Journal;
use crate::search::boosted::Subject;
use crate::search::report::{Row, Setting};
use crate::search::retrain::{self, Contender, Course};
use crate::search::seeds;
use crate::train::Figures;
use crate::trees::Growth;

/// Behind the name of a model, before the number of a trial.
pub(super) const TUNED: &str = "-tuned-";

/// A model with the settings that it is trained by.
pub(in crate::search) struct Tuned {
    pub subject: Subject,
    /// On the validation part, in the mean where it was judged on that more than once.
    pub figures: Figures,
    /// What it is compared by: the mean of all its trainings, each on the rows of its fold.
    pub rank: f64,
    pub trainings: usize,
    /// None where those that it had are best.
    pub settings: Option<Vec<Setting>>,
}

impl Tuned {
    /// A row with what came of it: nothing new, where the settings that it had are best.
    pub fn told(&self, row: Row) -> Row {
        if self.settings.is_none() && row.trainings >= self.trainings {
            return row;
        }
        let settings = self.settings.clone().unwrap_or_else(|| row.settings.clone());
        Row { validation: self.figures, trainings: self.trainings, settings, expected: None, ..row }
    }
}

/// One that was tried.
pub(super) struct Tried {
    pub subject: Subject,
    /// Where it lies in the domains, from 0 to 1 each; nowhere, of the settings that the model had.
    pub places: Option<Vec<f64>>,
    pub figures: Vec<Figures>,
}

/// A model that is tuned.
pub(super) struct Model {
    pub subject: Subject,
    domains: Vec<Domain>,
    pub tried: Vec<Tried>,
}

impl Model {
    /// As it is with the settings that it has.
    pub fn new(subject: Subject, figures: Figures, tune: &Tune) -> Self {
        let own = Tried { subject: subject.clone(), places: None, figures: vec![figures] };
        Self { domains: subject.domains(tune), subject, tried: vec![own] }
    }

    /// Whether a training is one of its first, with whatever settings.
    pub fn is_of(&self, training: &str) -> bool {
        training.strip_prefix(self.subject.name()).is_some_and(|rest| rest.is_empty() || rest.starts_with(TUNED))
    }

    /// Whether a setting was tried before, maybe by an earlier process.
    pub fn has_tried(&self, trial: u64, journal: &Journal) -> bool {
        retrain::known(journal, &format!("{}{TUNED}{trial}", self.subject.name()), false).is_some()
    }

    /// One more setting, from 1.
    pub fn try_one<B: Backend>(
        &mut self,
        course: &Course<'_, B>,
        tune: &Tune,
        trial: u64,
        journal: &mut Journal,
    ) -> Result<()> {
        let title = self.subject.title();
        let mut rng = course.job.streams().rng(&format!("tune/{title}"), trial);
        let known = self.tried.iter().filter_map(|one| Some((one.figures.first()?.rank(), one.places.as_deref()?)));
        let places = propose(&self.domains, tune.trials, known.collect(), trial, &mut rng);
        let subject = self.subject.at(trial, &places, tune, &course.job.recipe);
        let figures = course.validated_as(&subject, journal)?;
        self.tried.push(Tried { subject, places: Some(places), figures: vec![figures] });
        Ok(())
    }

    /// The best first.
    pub fn sort(&mut self) {
        let rank = |one: &Tried| seeds::mean(&one.figures).rank();
        self.tried.sort_by(|a, b| rank(a).total_cmp(&rank(b)));
    }

    /// What the best is compared by.
    pub fn rank(&self) -> f64 {
        seeds::mean(&self.tried[0].figures).rank()
    }

    /// The numbers of the recipe that are best for a network; none where those that it had are, and of trees.
    pub fn best(&self, tune: &Tune) -> Vec<(Knob, f64)> {
        match (&self.subject, &self.tried[0].places) {
            (Subject::Network(_), Some(places)) => settings(tune, places),
            _ => Vec::new(),
        }
    }

    /// With what is best of what was tried.
    pub fn tuned(&self, tune: &Tune, folds: usize) -> Tuned {
        let best = &self.tried[0];
        let settings = best.places.as_ref().map(|places| best.subject.settings(places, tune));
        let (figures, rank) = (seeds::on_validation(&best.figures, folds), seeds::mean(&best.figures).rank());
        Tuned { subject: best.subject.clone(), trainings: best.figures.len(), figures, rank, settings }
    }
}

impl Subject {
    /// What its settings are looked for in.
    fn domains(&self, tune: &Tune) -> Vec<Domain> {
        match self {
            Self::Network(_) => tune.over.iter().map(|(_, domain)| domain.clone()).collect(),
            Self::Trees { .. } => Growth::domains().to_vec(),
        }
    }

    /// The same with the settings at a place.
    fn at(&self, number: u64, places: &[f64], tune: &Tune, recipe: &Recipe) -> Self {
        let name = format!("{}{TUNED}{number}", self.name());
        match self {
            Self::Network(contender) => {
                let mut recipe = recipe.clone();
                settings(tune, places).iter().for_each(|&(knob, value)| knob.set(&mut recipe, value));
                Self::Network(Contender { name, recipe: Some(recipe.into()), ..contender.clone() })
            }
            Self::Trees { .. } => Self::Trees { name, growth: Growth::at(places) },
        }
    }

    /// The same with another seed.
    pub(super) fn again(&self, seed: u64) -> Self {
        let name = format!("{}-seed-{seed}", self.name());
        match self {
            Self::Network(contender) => Self::Network(Contender { name, order: seed - 1, ..contender.clone() }),
            Self::Trees { growth, .. } => Self::Trees { name, growth: *growth },
        }
    }

    /// The settings at a place, for a person.
    fn settings(&self, places: &[f64], tune: &Tune) -> Vec<Setting> {
        match self {
            Self::Network(_) => settings(tune, places).into_iter().map(Setting::from).collect(),
            Self::Trees { .. } => {
                let all = Growth::at(places).shown();
                all.map(|(name, value)| Setting { name: name.to_owned(), value }).to_vec()
            }
        }
    }
}

/// The numbers of a recipe at a place.
pub(super) fn settings(tune: &Tune, places: &[f64]) -> Vec<(Knob, f64)> {
    tune.over.iter().zip(places).map(|((knob, domain), &place)| (*knob, knob.at(domain, place))).collect()
}
