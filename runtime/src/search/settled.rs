//! `method: auto`: whether candidates are trained on their own, or judged in a supernet first.
//!
//! Judged in a supernet, more candidates are seen, and each is seen worse. Which finds the better one is worked out for the time
//! that there is, from what a training takes and how well each way tells what an architecture is worth.

use nasrec_compiler::recipe::{Finetune, Method};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use super::clock::{self, AGAIN, Clock};
use super::pilot;
use super::retrain::Course;
use crate::Result;
use crate::backend::Backend;
use crate::data::Part;
use crate::run::{Entry, Job, Journal};

/// The variance of a training's luck, beside that of what architectures are worth, where no pilot told it: two trainings go together with
/// .83 on the quickstart's space and .55 on a sample of Criteo (docs/ranking.md), so it is .2 and .8 there.
const LUCK: f64 = 0.5;
/// Figures in a supernet order them with a tau of at most this, and half of it after so many steps: .13 was measured on a sample of
/// Criteo after 170 steps, on the quickstart's space .44 and .38 after 3,750, and .49 after 11,000 (docs/ranking.md).
const MOST_IN_SUPERNET: f64 = 0.45;
const HALF: f64 = 700.0;
/// How often a supernet may see the rows: so many times as the recipe says.
const EPOCHS: [u64; 5] = [1, 2, 4, 8, 16];
/// What of the time for candidates on their own may be for training the best again.
const SHARES: [f64; 5] = [0.1, 0.2, AGAIN, 0.4, 0.5];
/// What a step of a supernet takes, beside one of an architecture on its own.
const OF_A_PATH: f64 = 1.3;
/// What a sample takes to train, beside one that is only evaluated.
const OF_TRAINING: f64 = 3.0;
/// Times that a search is drawn to say what it is expected to find.
const DRAWN: u64 = 500;
/// Candidates that such a search has at most: that what orders sixty architectures orders the best of thousands was never measured.
const MOST: usize = 200;
/// By so much more, in standard deviations, a supernet has to be expected to find: it is the longer way, and .11 and .13 on a sample of
/// Criteo came to less than trials did there (docs/decisions/trials.md).
const CLEARLY: f64 = 0.2;
/// Most that are trained on their own after a supernet has judged them.
const MOST_TOP: usize = 8;
/// What is decided before candidates are trained on their own: what of their time is for training the best again.
const PERCENT: &str = "percent of the time for training the best again";

/// What a search within a time does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Time {
    /// Seconds that there are for it.
    pub left: f64,
    /// What one training takes.
    pub training: f64,
    /// The variance of its luck, beside that of what architectures are worth.
    pub luck: f64,
    /// Candidates that a pilot has trained.
    pub known: usize,
    /// What a supernet takes to train as the recipe says, and in how many steps.
    pub supernet: f64,
    pub steps: u64,
    /// What it takes to judge a candidate in it.
    pub judging: f64,
    /// How many candidates there can be.
    pub architectures: usize,
}

/// A way of spending the time, with what it is expected to find, in standard deviations of what architectures are worth.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Expectation {
    pub candidates: usize,
    /// How many of those that a supernet judged are trained on their own.
    pub trained: usize,
    /// How many times as often as the recipe says a supernet sees the rows.
    pub epochs: u64,
    /// What of the time is for training the best again, and how many of them in each round.
    pub again: f64,
    pub rounds: Vec<usize>,
    pub gain: f64,
}

impl Time {
    /// Of candidates that are trained on their own, the best of them again in what part of the time is best.
    pub fn alone(&self, rng: &(impl Rng + Clone)) -> Expectation {
        let trainings = (self.left / self.training).max(0.0) + self.known as f64;
        let [first, others @ ..] = SHARES.map(|share| {
            let again = clock::trainings_again(share, trainings) as usize;
            let candidates = (trainings as usize - again).min(self.architectures);
            let rounds = clock::rounds(again, candidates);
            // All ways are drawn from the same numbers.
            let gain = self.gain(candidates, 1.0 / self.luck, &rounds, &mut rng.clone());
            Expectation { candidates, trained: candidates, epochs: 0, again: share, rounds, gain }
        });
        others.into_iter().fold(first, |best, each| if each.gain > best.gain { each } else { best })
    }

    /// Of candidates that are judged in a supernet, the best of them trained on their own: as many, and after as many epochs, as is
    /// best.
    pub fn in_supernet(&self, rng: &(impl Rng + Clone)) -> Option<Expectation> {
        let ways = EPOCHS.into_iter().flat_map(|epochs| (1..=MOST_TOP).map(move |trained| (epochs, trained)));
        let each = ways.filter_map(|(epochs, trained)| {
            let judging = self.left - epochs as f64 * self.supernet - trained as f64 * self.training;
            let candidates = ((judging / self.judging).max(0.0) as usize).min(self.architectures);
            let how_well = how_well(epochs * self.steps);
            let rounds = vec![trained];
            (candidates > trained).then(|| {
                let gain =
                    self.gain(candidates, how_well.powi(2) / (1.0 - how_well.powi(2)), &rounds, &mut rng.clone());
                Expectation { candidates, trained, epochs, again: 0.0, rounds, gain }
            })
        });
        each.max_by(|a, b| a.gain.total_cmp(&b.gain))
    }

    /// How much better than the mean the chosen one is, in standard deviations, where all are told once and so many of the best are
    /// trained in each round. `precision`: what the first figures tell, one over the variance of their luck.
    fn gain(&self, candidates: usize, precision: f64, rounds: &[usize], rng: &mut impl Rng) -> f64 {
        if candidates == 0 {
            return 0.0;
        }
        let mut sum = 0.0;
        for _ in 0..DRAWN {
            let mut all: Vec<Drawn> = (0..candidates.min(MOST)).map(|_| Drawn::new(precision, rng)).collect();
            for &many in rounds {
                all.sort_by(|a, b| b.expected().total_cmp(&a.expected()));
                all.iter_mut().take(many).for_each(|one| one.tell(1.0 / self.luck, rng));
            }
            let best = all.iter().max_by(|a, b| a.expected().total_cmp(&b.expected()));
            sum += best.map_or(0.0, |best| best.worth);
        }
        sum / DRAWN as f64
    }
}

/// An architecture that is drawn, with what was told of it.
struct Drawn {
    worth: f64,
    /// What all figures of it tell, and these weighed by that.
    precision: f64,
    told: f64,
}

impl Drawn {
    fn new(precision: f64, rng: &mut impl Rng) -> Self {
        let mut drawn = Self { worth: rng.sample(StandardNormal), precision: 0.0, told: 0.0 };
        drawn.tell(precision, rng);
        drawn
    }

    /// One more figure.
    fn tell(&mut self, precision: f64, rng: &mut impl Rng) {
        let luck: f64 = rng.sample(StandardNormal);
        self.told += precision * self.worth + precision.sqrt() * luck;
        self.precision += precision;
    }

    /// What it is expected to be worth.
    fn expected(&self) -> f64 {
        self.told / (1.0 + self.precision)
    }
}

/// How figures in a supernet of so many steps go with what architectures are worth (Pearson), from Kendall's tau.
fn how_well(steps: u64) -> f64 {
    let tau = MOST_IN_SUPERNET * steps as f64 / (steps as f64 + HALF);
    (tau * std::f64::consts::FRAC_PI_2).sin()
}

/// The job with the way that its candidates are found settled, where the recipe leaves that open; what was settled before stays.
/// `alone`: whether there is no supernet in any case. `times`: how many times as long a training takes as one by the recipe itself.
pub(super) fn settled<B: Backend>(
    course: &Course<'_, B>,
    clock: Clock,
    (alone, times): (bool, f64),
    journal: &mut Journal,
) -> Result<Job> {
    let job = course.job;
    let known = journal.entries().iter().find_map(|entry| match entry {
        Entry::Settled { method, top, epochs } => Some((method.clone(), *top, *epochs)),
        _ => None,
    });
    let (method, top, epochs) = match (known, job.recipe.budget) {
        (Some(known), _) => known,
        (None, Some(budget)) if !alone => {
            let (method, top, epochs) = decided(course, clock, (budget, times), journal)?;
            journal.append(Entry::Settled { method: method.clone(), top, epochs })?;
            (method, top, epochs)
        }
        (None, budget) => {
            let method = Method::trials(budget);
            if let (Method::Trials { candidates, .. }, None) = (&method, budget) {
                course.shop.observer.say(&format!(
                    "method auto, and no budget: {candidates} candidates are trained on their own, the best with further seeds"
                ));
            }
            (method, job.recipe.retrain.top, job.recipe.train.epochs)
        }
    };
    let mut settled = job.clone();
    settled.recipe.method = method;
    settled.recipe.retrain.top = top;
    settled.recipe.train.epochs = epochs;
    Ok(settled)
}

/// What of the time for candidates that are trained on their own is for training the best again.
pub(super) fn again(journal: &Journal) -> f64 {
    journal.decided(PERCENT).map_or(AGAIN, |percent| percent as f64 / 100.0)
}

/// What is expected to find the best in what is left of the budget; of a supernet also how many of its best are trained on their own,
/// and its epochs.
fn decided<B: Backend>(
    course: &Course<'_, B>,
    clock: Clock,
    (budget, times): (f64, f64),
    journal: &mut Journal,
) -> Result<(Method, usize, u64)> {
    let Course { shop, job, data } = *course;
    let (recipe, observer) = (&job.recipe, shop.observer);
    pilot::one(course, journal)?;
    let left = |journal: &Journal| budget - clock.elapsed() - clock::of_baselines(job, data, journal);
    let (training, epoch) = pilot::expected(shop.run.job(), journal);
    let (training, epoch) = (times * training, times * epoch);
    let begun = clock.elapsed();
    let pilot = pilot::asked(course, (left(journal), training), journal)?;
    if let Some(pilot) = &pilot {
        observer.say(&pilot.told(clock.elapsed() - begun));
    }
    let (training, epoch) = pilot::of_candidates(job, journal).unwrap_or((training, epoch));
    let rows = |part: Part| data.part(part).len() as f64;
    // What a sample takes that is trained on.
    let sample = epoch / rows(Part::Train).max(1.0);
    let finetuned =
        recipe.evaluate.finetune.regime().map_or(0.0, |(steps, _)| steps as f64 * recipe.train.batch as f64);
    let judged = (recipe.evaluate.validate as f64 * recipe.evaluate.batch as f64).min(rows(Part::Validation));
    let time = Time {
        left: left(journal),
        training,
        luck: pilot.map_or(LUCK, |pilot| pilot.ratio()),
        known: pilot.map_or(0, |pilot| pilot.candidates),
        supernet: recipe.train.epochs as f64 * epoch * OF_A_PATH,
        steps: recipe.train.epochs * (rows(Part::Train) as u64).div_ceil(recipe.train.batch as u64),
        // Of heads a sample is only evaluated, but for next to nothing.
        judging: match recipe.evaluate.finetune {
            Finetune::All { .. } => sample * finetuned + sample * judged / OF_TRAINING,
            Finetune::Head { .. } | Finetune::None => sample * (finetuned + judged) / OF_TRAINING,
        },
        architectures: job.space.graph().raw_count().try_into().unwrap_or(usize::MAX),
    };
    let rng = job.streams().rng("settled", 0);
    let (alone, shared) = (time.alone(&rng), time.in_supernet(&rng));
    let told = format!(
        "method auto: a training takes {training:.1} s; in {:.0} s {} candidates on their own{} are expected to come to one {:.2} \
         standard deviations better than the mean",
        time.left.max(0.0),
        alone.candidates,
        if time.known > 0 { ", those of the pilot among them," } else { "" },
        alone.gain
    );
    let on_their_own = (Method::trials(Some(budget)), recipe.retrain.top, recipe.train.epochs);
    let (settled, why) = match shared {
        Some(shared) => {
            let found = format!(
                "{told}; a supernet of {:.0} s that judges {}, of which the best {} are trained on their own, {:.2}",
                time.supernet * shared.epochs as f64,
                shared.candidates,
                shared.trained,
                shared.gain
            );
            match shared.gain > alone.gain + CLEARLY {
                true => {
                    let method = Method::Random { samples: 10 * shared.candidates as u64 };
                    let settled = (method, shared.trained, shared.epochs * recipe.train.epochs);
                    (settled, format!("{found}: they are judged in a supernet"))
                }
                false => (on_their_own, format!("{found}: they are trained on their own")),
            }
        }
        None => (on_their_own, format!("{told}; for a supernet there is no time: they are trained on their own")),
    };
    observer.say(&why);
    if !settled.0.has_supernet() {
        journal.decide(PERCENT, |_| (100.0 * alone.again).round() as u64)?;
        if let Some(told) = pilot.and_then(|pilot| pilot.resolved(&alone.rounds)) {
            observer.say(&told);
        }
    }
    Ok(settled)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn rng() -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(5)
    }

    /// Of a table on which a training takes a minute, an epoch of it 20 s, and a candidate is judged in one.
    fn time(left: f64) -> Time {
        Time {
            left,
            training: 60.0,
            luck: LUCK,
            known: 0,
            supernet: 26.0,
            steps: 10_000,
            judging: 1.0,
            architectures: usize::MAX,
        }
    }

    #[test]
    fn what_is_expected_of_some_draws() {
        let time = Time { luck: 0.5, ..time(0.0) };
        let one = time.gain(1, 2.0, &[1], &mut rng());
        assert!(one.abs() < 0.15, "one is as good as the mean: {one}");
        // The expected largest of 40 standard normals is 2.16, of which a figure with half as much luck tells the root of two thirds.
        let forty = time.gain(40, 2.0, &[], &mut rng());
        assert!((forty - 2.16 * (2.0_f64 / 3.0).sqrt()).abs() < 0.15, "{forty}");
        // What is said of all again is all that counts.
        let again = time.gain(40, 0.0, &[40], &mut rng());
        assert!((again - forty).abs() < 0.15, "{again}");
        assert!(time.gain(40, 2.0, &[8], &mut rng()) > forty);
        assert_eq!(time.gain(0, 2.0, &[3], &mut rng()), 0.0);
    }

    #[test]
    fn the_louder_the_luck_the_more_the_best_are_trained_again() {
        let quiet = Time { training: 6.0, luck: 0.05, ..time(600.0) };
        let loud = Time { luck: 8.0, ..quiet };
        let (quiet, loud) = (quiet.alone(&rng()), loud.alone(&rng()));
        assert!(quiet.again < loud.again && quiet.candidates > loud.candidates, "{quiet:?} {loud:?}");
        assert!(quiet.gain > loud.gain + 0.5, "{quiet:?} {loud:?}");
    }

    #[test]
    fn few_trainings_are_better_spent_on_what_a_supernet_judged() {
        let few = time(300.0);
        let (alone, shared) = (few.alone(&rng()), few.in_supernet(&rng()).expect("there is time"));
        assert_eq!((alone.candidates, alone.trained), (5, 5));
        assert!(shared.gain > alone.gain, "{shared:?} {alone:?}");
        assert!(shared.trained < 5 && shared.candidates > 10, "{shared:?}");
        let many = Time { training: 2.0, supernet: 1.0, judging: 1.0, ..time(600.0) };
        let (alone, shared) = (many.alone(&rng()), many.in_supernet(&rng()).expect("there is time"));
        assert!(alone.gain + CLEARLY > shared.gain, "{shared:?} {alone:?}");
    }

    #[test]
    fn a_supernet_of_few_steps_tells_little() {
        // On a small table an epoch is some hundred steps.
        let small = Time { training: 10.0, supernet: 3.0, steps: 120, judging: 2.0, ..time(60.0) };
        let (alone, shared) = (small.alone(&rng()), small.in_supernet(&rng()).expect("there is time"));
        assert!(alone.gain + CLEARLY > shared.gain, "{shared:?} {alone:?}");
        assert!(how_well(100) < 0.1 && how_well(100_000) > 0.6);
    }

    #[test]
    fn no_time_is_for_no_supernet() {
        assert_eq!(time(80.0).in_supernet(&rng()), None);
        assert_eq!((time(-5.0).in_supernet(&rng()), time(-5.0).alone(&rng()).candidates), (None, 0));
        // There is nothing to judge where all there are can be trained.
        let small = Time { architectures: 3, ..time(3000.0) };
        let (alone, shared) = (small.alone(&rng()), small.in_supernet(&rng()));
        assert!(shared.as_ref().is_none_or(|shared| shared.gain <= alone.gain + CLEARLY), "{shared:?} {alone:?}");
    }
}
