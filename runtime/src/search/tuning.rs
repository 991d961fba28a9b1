//! Settings of trainings that are found for each model on its own, by as many trials for what a search found as for each baseline.

use nasrec_compiler::recipe::{Domain, Knob, Recipe, Tune};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use super::boosted::Subject;
use super::clock::{self, Clock};
use super::report::{Row, Setting};
use super::retrain::{Contender, Course};
use super::{seeds, settled};
use crate::Result;
use crate::Stage;
use crate::backend::Backend;
use crate::run::{Job, Journal};
use crate::train::Figures;
use crate::trees::Growth;

/// Of so many trials the first are spread evenly, before there is something to go by: a third of them, and no fewer than this.
const SPREAD: usize = 4;
/// The better part of what was tried, of which others are drawn.
const BETTER: f64 = 0.3;
/// Draws of which the one is taken that is likeliest among the better.
const DRAWN: usize = 24;
/// Behind the name of a model, before the number of a trial.
const TUNED: &str = "-tuned-";
/// How many settings are tried with a second seed: the luck of a training is as large as most of their differences. What is left of a
/// budget goes to further seeds of the best two.
const AGAIN: usize = 3;

/// A model with the settings that it is trained by.
pub(super) struct Tuned {
    pub subject: Subject,
    /// On the validation part, in the mean where it was judged on that more than once.
    pub figures: Figures,
    /// What it is compared by: the mean of all its trainings, each on the rows of its fold.
    pub rank: f64,
    pub trainings: usize,
    /// None where the recipe's own are best.
    pub settings: Vec<Setting>,
}

impl Tuned {
    /// A row with what came of it: nothing new, where the recipe's own settings are best.
    pub fn told(&self, row: Row) -> Row {
        if self.settings.is_empty() && row.trainings >= self.trainings {
            return row;
        }
        let (validation, trainings, settings) = (self.figures, self.trainings, self.settings.clone());
        Row { validation, trainings, settings, expected: None, ..row }
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
    fn again(&self, seed: u64) -> Self {
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

/// One that was tried.
struct Tried {
    subject: Subject,
    /// Where it lies in the domains, from 0 to 1 each; nowhere, of the recipe's own settings.
    places: Option<Vec<f64>>,
    figures: Vec<Figures>,
}

/// A model that is tuned.
struct Model {
    subject: Subject,
    domains: Vec<Domain>,
    tried: Vec<Tried>,
}

/// Until when there is time for tuning.
pub(super) struct Until {
    pub clock: Clock,
    /// Seconds of the whole run; without them there are as many trials as the recipe says.
    pub budget: Option<f64>,
}

impl<B: Backend> Course<'_, B> {
    /// Tries settings for models: the recipe's, and as many others for each; how many. One is tried for all before the next, so that
    /// all have had as many wherever a budget ends.
    pub fn tuned(
        &self,
        subjects: Vec<Subject>,
        tune: &Tune,
        until: &Until,
        journal: &mut Journal,
    ) -> Result<(Vec<Tuned>, u64)> {
        let models = subjects.into_iter().map(|subject| {
            let own = self.validated_as(&subject, journal)?;
            let own = Tried { subject: subject.clone(), places: None, figures: vec![own] };
            Ok(Model { domains: subject.domains(tune), subject, tried: vec![own] })
        });
        let mut models = models.collect::<Result<Vec<Model>>>()?;
        let observer = self.shop.observer;
        let total = tune.trials * models.len() as u64;
        observer.begin(Stage { name: "tune".to_owned(), total: Some(total), unit: "trials" });
        let inside = seeds::Inside::new(observer);
        let result = self.observed_by(&inside).try_all(&mut models, tune, until, &inside, journal);
        observer.end();
        let trials = result?;
        let folds = self.data.folds();
        let tuned: Vec<Tuned> = models.into_iter().map(|model| model.tuned(tune, folds)).collect();
        for Tuned { subject, figures, settings, .. } in &tuned {
            let shown: Vec<String> = settings.iter().map(Setting::to_string).collect();
            let shown = if shown.is_empty() { "the settings that it had".to_owned() } else { shown.join(", ") };
            let loss = figures.log_loss.unwrap_or(f64::NAN);
            observer.say(&format!("tune {}: {shown}, log loss {loss:.5} on validation", subject.title()));
        }
        Ok((tuned, trials))
    }

    /// How many settings were tried for each.
    fn try_all(
        &self,
        models: &mut [Model],
        tune: &Tune,
        until: &Until,
        inside: &seeds::Inside<'_>,
        journal: &mut Journal,
    ) -> Result<u64> {
        let mut done = 0;
        let mut tried = 0;
        while tried < journal.decided(TRIALS).unwrap_or(tune.trials) {
            if journal.decided(TRIALS).is_none() && until.is_over(self, models, journal) {
                break;
            }
            tried += 1;
            for model in &mut *models {
                inside.at(done, format!("{}, trial {tried}", model.subject.title()));
                self.try_one(model, tune, tried, journal)?;
                done += 1;
                inside.outer().progress(done, "");
            }
        }
        if until.budget.is_some() {
            journal.decide(TRIALS, |_| tried)?;
        }
        if tried == 0 {
            // There was no time for any, and nothing to be told from what each has.
            return Ok(0);
        }
        models.iter_mut().for_each(|model| sort(&mut model.tried));
        for seed in 2..=1 + self.data.folds().max(1) as u64 {
            let goes_on = |journal: &Journal| u64::from(until.has_time(self, models, 2, journal));
            if seed > 2
                && (until.budget.is_none()
                    || journal.decide(&format!("{FURTHER} {seed}"), |journal| goes_on(journal))? == 0)
            {
                break;
            }
            let data = self.data_of(seed as usize - 1)?;
            let course = Course { data: &data, ..*self };
            for model in &mut *models {
                // The best with another seed, and at first the recipe's own in any case: they are what has to be beaten.
                let own = model.tried.iter().position(|one| one.places.is_none()).filter(|_| seed == 2);
                let many = if seed == 2 { AGAIN } else { 2 };
                let again = model.tried.iter_mut().enumerate();
                for (rank, one) in again.filter(|(rank, _)| *rank < many || Some(*rank) == own) {
                    inside.at(done, format!("{}, seed {seed} of number {}", model.subject.title(), rank + 1));
                    one.figures.push(course.validated_as(&one.subject.again(seed), journal)?);
                }
                model.tried.retain(|one| one.figures.len() as u64 == seed);
                sort(&mut model.tried);
            }
        }
        Ok(tried)
    }

    /// One more setting for a model.
    fn try_one(&self, model: &mut Model, tune: &Tune, trial: u64, journal: &mut Journal) -> Result<()> {
        let Model { subject, domains, tried } = model;
        let recipe = &self.job.recipe;
        let mut rng = self.job.streams().rng(&format!("tune/{}", subject.title()), trial);
        let known = tried.iter().filter_map(|one| Some((one.figures.first()?.rank(), one.places.as_deref()?)));
        let places = propose(domains, tune.trials, known.collect(), trial, &mut rng);
        let subject = subject.at(trial, &places, tune, recipe);
        let figures = self.validated_as(&subject, journal)?;
        tried.push(Tried { subject, places: Some(places), figures: vec![figures] });
        Ok(())
    }
}

impl Model {
    /// The best of what was tried.
    fn tuned(mut self, tune: &Tune, folds: usize) -> Tuned {
        let best = self.tried.swap_remove(0);
        let settings = best.places.iter().flat_map(|places| best.subject.settings(places, tune)).collect();
        let (figures, rank) = (seeds::on_validation(&best.figures, folds), seeds::mean(&best.figures).rank());
        Tuned { subject: best.subject, trainings: best.figures.len(), figures, rank, settings }
    }
}

impl Until {
    /// Whether the time is over for one more setting of each model, a second seed of the best and their last trainings.
    fn is_over<B: Backend>(&self, course: &Course<'_, B>, models: &[Model], journal: &Journal) -> bool {
        !self.within(OVER, course, models, 1 + AGAIN + 1, journal)
    }

    /// Whether there is time for so many trainings of each model and their last ones.
    fn has_time<B: Backend>(&self, course: &Course<'_, B>, models: &[Model], many: usize, journal: &Journal) -> bool {
        self.within(1.0, course, models, many, journal)
    }

    /// Whether they end within so many times the budget.
    fn within<B: Backend>(
        &self,
        times: f64,
        course: &Course<'_, B>,
        models: &[Model],
        many: usize,
        journal: &Journal,
    ) -> bool {
        let Some(budget) = self.budget else { return true };
        let each = models.iter().map(|model| {
            let name = model.subject.name();
            let is_of_model =
                |other: &str| other.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(TUNED));
            let took = clock::first_trainings(journal, is_of_model);
            took.iter().sum::<f64>() / took.len().max(1) as f64
        });
        let each: f64 = each.sum();
        let wanted = many as f64 * each + clock::more_rows(course.job, course.data) * each;
        self.clock.elapsed() + wanted <= times * budget
    }
}

/// The best first.
fn sort(tried: &mut [Tried]) {
    let rank = |one: &Tried| seeds::mean(&one.figures).rank();
    tried.sort_by(|a, b| rank(a).total_cmp(&rank(b)));
}

fn settings(tune: &Tune, places: &[f64]) -> Vec<(Knob, f64)> {
    tune.over.iter().zip(places).map(|((knob, domain), &place)| (*knob, knob.at(domain, place))).collect()
}

/// A loss, and the place that it is of.
type Known<'a> = (f64, &'a [f64]);

/// Where to try next: the first are spread out; then a place that is likelier among the better third than among the others, a
/// tree-structured Parzen estimator (Bergstra et al., NeurIPS 2011).
fn propose(domains: &[Domain], trials: u64, mut known: Vec<Known<'_>>, trial: u64, rng: &mut impl Rng) -> Vec<f64> {
    let spread = SPREAD.max(trials as usize / 3);
    if trial as usize <= spread || known.len() < 3 {
        return (0..domains.len()).map(|axis| halton(trial, axis)).collect();
    }
    known.sort_by(|a, b| a.0.total_cmp(&b.0));
    let better = ((known.len() as f64 * BETTER).ceil() as usize).clamp(1, known.len() - 1);
    let (better, others) = known.split_at(better);
    let axes = domains.iter().enumerate().map(|(axis, domain)| {
        let on = |part: &[Known<'_>]| part.iter().map(|(_, places)| places[axis]).collect::<Vec<f64>>();
        Axis { domain, better: on(better), others: on(others) }
    });
    axes.map(|axis| axis.likeliest(rng)).collect()
}

/// The digits of a number in a base that is the axis' own, behind the point: evenly spread, whatever their count is.
fn halton(index: u64, axis: usize) -> f64 {
    const BASES: [u64; 8] = [2, 3, 5, 7, 11, 13, 17, 19];
    let base = BASES[axis % BASES.len()];
    let (mut left, mut place, mut scale) = (index, 0.0, 1.0);
    while left > 0 {
        scale /= base as f64;
        place += scale * (left % base) as f64;
        left /= base;
    }
    place
}

/// What was tried of one number.
struct Axis<'a> {
    domain: &'a Domain,
    better: Vec<f64>,
    others: Vec<f64>,
}

impl Axis<'_> {
    /// Of some draws around the better, the one that is likeliest among them beside the others.
    fn likeliest(&self, rng: &mut impl Rng) -> f64 {
        let drawn = (0..DRAWN).map(|_| self.draw(rng));
        let ratio = |place: f64| self.density(&self.better, place) / self.density(&self.others, place);
        let each: Vec<(f64, f64)> = drawn.map(|place| (ratio(place), place)).collect();
        each.into_iter().max_by(|a, b| a.0.total_cmp(&b.0)).map_or(0.5, |(_, place)| place)
    }

    /// Anywhere, once in as many as there are better ones and one; else around one of them.
    fn draw(&self, rng: &mut impl Rng) -> f64 {
        let which = rng.random_range(0..=self.better.len());
        let (Some(&around), None) = (self.better.get(which), self.domain.listed()) else {
            return match self.better.get(which) {
                Some(&around) => around,
                None => rng.random_range(0.0..1.0),
            };
        };
        let near: f64 = rng.sample(StandardNormal);
        (around + near * width(self.better.len())).clamp(0.0, 1.0)
    }

    /// How dense places lie: even, and around each of them.
    fn density(&self, places: &[f64], at: f64) -> f64 {
        let even = 1.0;
        let around: f64 = match self.domain.listed() {
            Some(values) => {
                let index = |place: f64| (place * values as f64) as usize;
                places.iter().filter(|place| index(**place) == index(at)).count() as f64 * values as f64
            }
            None => {
                let width = width(places.len());
                let bump = |place: &f64| {
                    (-((at - place) / width).powi(2) / 2.0).exp() / (width * std::f64::consts::TAU.sqrt())
                };
                places.iter().map(bump).sum()
            }
        };
        (even + around) / (1.0 + places.len() as f64)
    }
}

/// How far a bump reaches, of so many.
fn width(count: usize) -> f64 {
    0.5 / (1.0 + count as f64).sqrt()
}

/// What of a budget is kept for tuning, at most.
const SHARE: f64 = 0.4;
/// Fewer trials than this find nothing, and their time is better spent on candidates.
const LEAST: u64 = 3;
/// By so much a budget may be passed before a trial is given up for it.
const OVER: f64 = 1.05;
/// What is decided by the clock: how many settings are expected to be tried for each model, and how many were.
const EXPECTED: &str = "expected trials of settings";
const TRIALS: &str = "trials of settings";
/// And whether the best two of each model are trained with one more seed.
const FURTHER: &str = "the best settings with seed";

/// What is tuned, and how many seconds of a budget are kept for it; `None` where nothing is, also because there is no time. What was
/// decided before stays. With how many trials there is time for in the end, tuning itself decides.
pub(super) fn decided<B: Backend>(
    course: &Course<'_, B>,
    clock: Clock,
    journal: &mut Journal,
) -> Result<Option<(Tune, f64)>> {
    let (job, data) = (course.job, course.data);
    let Some(tune) = job.recipe.tune.as_ref().filter(|_| job.model.is_none()) else { return Ok(None) };
    let Some(budget) = job.recipe.budget else { return Ok((tune.trials > 0).then(|| (tune.clone(), 0.0))) };
    settled::pilot(course, journal)?;
    let expected = journal.decide(EXPECTED, |journal| {
        let left = budget - clock.elapsed() - clock::of_baselines(job, data, journal);
        let rounds = SHARE * left / of_each(job, tune, journal) - (AGAIN + 1) as f64;
        let trials = tune.trials.min(rounds.max(0.0) as u64);
        if trials < LEAST.min(tune.trials) { 0 } else { trials }
    })?;
    let takes = (expected as usize + AGAIN + 1) as f64 * of_each(job, tune, journal);
    Ok((expected > 0).then(|| (tune.clone(), takes)))
}

/// Seconds that one training of each model takes that is tuned: the baselines, and what is found, which is not known yet.
fn of_each(job: &Job, tune: &Tune, journal: &Journal) -> f64 {
    let is_baseline = |model: &str| job.baselines.iter().any(|(name, _)| name == model);
    let baselines: f64 = clock::first_trainings(journal, is_baseline).iter().sum();
    (baselines + tune.top as f64 * settled::training(job, journal).0).max(1e-3)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Places that are proposed one after the other, where `loss` says how good each is.
    fn proposed(tune: &Tune, seed: u64, loss: impl Fn(&[f64]) -> f64) -> Vec<Vec<f64>> {
        let mut places: Vec<Vec<f64>> = Vec::new();
        for trial in 1..=tune.trials {
            let known: Vec<Known<'_>> = places.iter().map(|places| (loss(places), places.as_slice())).collect();
            let domains: Vec<Domain> = tune.over.iter().map(|(_, domain)| domain.clone()).collect();
            let next = propose(&domains, tune.trials, known, trial, &mut ChaCha8Rng::seed_from_u64(seed + trial));
            places.push(next);
        }
        places
    }

    fn tune(trials: u64, over: Vec<(Knob, Domain)>) -> Tune {
        Tune { trials, top: 1, over }
    }

    #[test]
    fn trials_come_nearer_to_what_is_best() {
        let over = vec![(Knob::Lr, Domain::Log(1e-4, 1e-1)), (Knob::Batch, Domain::OneOf(vec![64.0, 128.0, 256.0]))];
        let tune = tune(40, over);
        let best = |places: &[f64]| (places[0] - 0.7).powi(2) + if (places[1] * 3.0) as usize == 1 { 0.0 } else { 0.2 };
        let (mut first, mut last) = (0.0, 0.0);
        for seed in 0..10 {
            let places = proposed(&tune, 100 * seed, best);
            let mean = |part: &[Vec<f64>]| part.iter().map(|places| best(places)).sum::<f64>() / part.len() as f64;
            first += mean(&places[..13]);
            last += mean(&places[30..]);
        }
        assert!(last < 0.5 * first, "{first} {last}");
    }

    #[test]
    fn the_first_are_spread_evenly() {
        let places: Vec<f64> = (1..=7).map(|index| halton(index, 0)).collect();
        assert_eq!(places, [0.5, 0.25, 0.75, 0.125, 0.625, 0.375, 0.875]);
        assert_eq!([halton(1, 1), halton(2, 1), halton(3, 1)].map(|place| (place * 9.0).round()), [3.0, 6.0, 1.0]);
    }

    proptest! {
        #[test]
        fn what_is_proposed_is_within_its_domain(seed in 0u64..500, losses in prop::collection::vec(-1.0f64..1.0, 30)) {
            let over = vec![
                (Knob::Lr, Domain::Log(1e-4, 1e-1)),
                (Knob::Epochs, Domain::Integers(1.0, 3.0)),
                (Knob::LabelSmoothing, Domain::Uniform(0.0, 0.5)),
                (Knob::Schedule, Domain::OneOf(vec![0.0, 1.0])),
            ];
            let tune = tune(24, over);
            let places = proposed(&tune, seed, |places| losses[(places[0] * 29.0) as usize]);
            for places in places {
                let found = settings(&tune, &places);
                prop_assert!((1e-4..=1e-1).contains(&found[0].1));
                prop_assert!([1.0, 2.0, 3.0].contains(&found[1].1));
                prop_assert!((0.0..=0.5).contains(&found[2].1));
                prop_assert!([0.0, 1.0].contains(&found[3].1));
            }
        }
    }
}
