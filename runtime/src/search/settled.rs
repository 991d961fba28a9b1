//! `method: auto`: whether candidates are trained on their own, or judged in a supernet first.
//!
//! Judged in a supernet, more candidates are seen, and each is seen worse. Which finds the better one is worked out for the time
//! that there is, from what a training takes and how well each way tells what an architecture is worth.

use nasrec_compiler::recipe::{Finetune, Method};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;

use super::clock::{self, Clock};
use super::retrain::{Contender, Course};
use crate::Result;
use crate::backend::Backend;
use crate::data::Part;
use crate::run::{Baseline, Entry, Job, Journal};

/// How the figures of one training go with what its architecture is worth (Pearson). Two trainings go together with .83 on the
/// quickstart's space and .55 on a sample of Criteo (docs/ranking.md), and each with what both are of as the root of that does.
const ALONE: f64 = 0.82;
/// The same of the mean of four trainings with different seeds: what those come to that are trained again.
const AGAIN: f64 = 0.94;
/// How many of those that were trained on their own are trained again.
const CHOSEN: usize = 8;
/// Figures in a supernet order them with a tau of at most this, and half of it after so many steps: .13 was measured on a sample of
/// Criteo after 170 steps, on the quickstart's space .44 and .38 after 3,750, and .49 after 11,000 (docs/ranking.md).
const MOST_IN_SUPERNET: f64 = 0.45;
const HALF: f64 = 700.0;
/// How often a supernet may see the rows: so many times as the recipe says.
const EPOCHS: [u64; 5] = [1, 2, 4, 8, 16];
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
/// What a training of a candidate takes, beside the baselines' mean: in the space `tabular` 11.8 s beside 5.7 s on a sample of Criteo, 5.5 s
/// beside 2.8 s on MovieLens 100k.
const OF_BASELINES: f64 = 2.0;
/// The training that shows what one takes, where there is no baseline to show it.
const PILOT: &str = "pilot";

/// What a search within a time does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Time {
    /// Seconds that there are for it.
    pub left: f64,
    /// What one training takes.
    pub training: f64,
    /// What a supernet takes to train as the recipe says, and in how many steps.
    pub supernet: f64,
    pub steps: u64,
    /// What it takes to judge a candidate in it.
    pub judging: f64,
    /// How many candidates there can be.
    pub architectures: usize,
}

/// A way of spending the time, with what it is expected to find, in standard deviations of what architectures are worth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Expectation {
    pub candidates: usize,
    /// How many of these are trained on their own.
    pub trained: usize,
    /// How many times as often as the recipe says a supernet sees the rows.
    pub epochs: u64,
    pub gain: f64,
}

impl Time {
    /// Of candidates that are trained on their own. A third of the trainings are of those that were chosen.
    pub fn alone(&self, rng: &mut impl Rng) -> Expectation {
        let trainings = (self.left / self.training).max(0.0) as usize;
        let candidates = (trainings - trainings / 3).min(self.architectures);
        Expectation { candidates, trained: candidates, epochs: 0, gain: gain(candidates, ALONE, CHOSEN, AGAIN, rng) }
    }

    /// Of candidates that are judged in a supernet, the best of them trained on their own: as many, and after as many epochs, as is
    /// best.
    pub fn in_supernet(&self, rng: &mut impl Rng) -> Option<Expectation> {
        let ways = EPOCHS.into_iter().flat_map(|epochs| (1..=MOST_TOP).map(move |trained| (epochs, trained)));
        let each = ways.filter_map(|(epochs, trained)| {
            let judging = self.left - epochs as f64 * self.supernet - trained as f64 * self.training;
            let candidates = ((judging / self.judging).max(0.0) as usize).min(self.architectures);
            let how_well = how_well(epochs * self.steps);
            (candidates > trained).then(|| Expectation {
                candidates,
                trained,
                epochs,
                gain: gain(candidates, how_well, trained, ALONE, rng),
            })
        });
        each.max_by(|a, b| a.gain.total_cmp(&b.gain))
    }
}

/// How figures in a supernet of so many steps go with what architectures are worth (Pearson), from Kendall's tau.
fn how_well(steps: u64) -> f64 {
    let tau = MOST_IN_SUPERNET * steps as f64 / (steps as f64 + HALF);
    (tau * std::f64::consts::FRAC_PI_2).sin()
}

/// How much better than the mean the chosen one is, in standard deviations: of the `chosen` that are best by what tells worth so
/// well, the best by what tells it better.
fn gain(candidates: usize, how_well: f64, chosen: usize, better: f64, rng: &mut impl Rng) -> f64 {
    let candidates = candidates.min(MOST);
    let told = |worth: f64, how_well: f64, rng: &mut dyn Rng| {
        let luck: f64 = rng.sample(StandardNormal);
        how_well * worth + (1.0 - how_well * how_well).sqrt() * luck
    };
    let mut sum = 0.0;
    for _ in 0..DRAWN {
        let mut all: Vec<(f64, f64)> = (0..candidates)
            .map(|_| {
                let worth = rng.sample(StandardNormal);
                (told(worth, how_well, rng), worth)
            })
            .collect();
        all.sort_by(|a, b| b.0.total_cmp(&a.0));
        let again = all.iter().take(chosen).map(|(_, worth)| (told(*worth, better, rng), *worth));
        sum += again.max_by(|a, b| a.0.total_cmp(&b.0)).map_or(0.0, |(_, worth)| worth);
    }
    sum / DRAWN as f64
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

/// What is expected to find the best in what is left of the budget; of a supernet also how many of its best are trained on their own,
/// and its epochs.
fn decided<B: Backend>(
    course: &Course<'_, B>,
    clock: Clock,
    (budget, times): (f64, f64),
    journal: &mut Journal,
) -> Result<(Method, usize, u64)> {
    let Course { shop, job, data } = *course;
    let recipe = &job.recipe;
    pilot(course, journal)?;
    let (training, epoch) = training(shop.run.job(), journal);
    let (training, epoch) = (times * training, times * epoch);
    let rows = |part: Part| data.part(part).len() as f64;
    // What a sample takes that is trained on.
    let sample = epoch / rows(Part::Train).max(1.0);
    let finetuned =
        recipe.evaluate.finetune.regime().map_or(0.0, |(steps, _)| steps as f64 * recipe.train.batch as f64);
    let judged = (recipe.evaluate.validate as f64 * recipe.evaluate.batch as f64).min(rows(Part::Validation));
    let time = Time {
        left: budget - clock.elapsed() - clock::of_baselines(job, data, journal),
        training,
        supernet: recipe.train.epochs as f64 * epoch * OF_A_PATH,
        steps: recipe.train.epochs * (rows(Part::Train) as u64).div_ceil(recipe.train.batch as u64),
        // Of heads a sample is only evaluated, but for next to nothing.
        judging: match recipe.evaluate.finetune {
            Finetune::All { .. } => sample * finetuned + sample * judged / OF_TRAINING,
            Finetune::Head { .. } | Finetune::None => sample * (finetuned + judged) / OF_TRAINING,
        },
        architectures: job.space.graph().raw_count().try_into().unwrap_or(usize::MAX),
    };
    let mut rng = job.streams().rng("settled", 0);
    let (alone, shared) = (time.alone(&mut rng), time.in_supernet(&mut rng));
    let told = format!(
        "method auto: a training takes {:.1} s; in {:.0} s {} candidates on their own are expected to come to one {:.2} standard \
         deviations better than the mean",
        time.training,
        time.left.max(0.0),
        alone.candidates,
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
    shop.observer.say(&why);
    Ok(settled)
}

/// Trains one candidate, where there is no baseline to show what that takes.
pub(super) fn pilot<B: Backend>(course: &Course<'_, B>, journal: &mut Journal) -> Result<()> {
    let job = course.job;
    if job.networks().next().is_some() {
        return Ok(());
    }
    let counts = job.recipe.train.paths.counts();
    let mut rng = job.streams().rng(PILOT, 0);
    let architecture = match &job.start {
        Some(start) => job.space.walk(counts).draw(start, &mut rng),
        None => job.space.sample(counts, &mut rng),
    };
    course.validated(&Contender::new(PILOT, job.plan(&architecture)?), journal)?;
    Ok(())
}

/// Seconds that a training of a candidate takes, and one epoch of it, from what the baselines took, or the pilot.
pub(super) fn training(job: &Job, journal: &Journal) -> (f64, f64) {
    let is_network = |model: &str| {
        let known = job.baselines.iter().find(|(name, _)| name == model);
        known.map_or(model == PILOT, |(_, baseline)| matches!(baseline, Baseline::Network(_)))
    };
    let each = journal.entries().iter().filter_map(|entry| match entry {
        Entry::Trained { model, last: false, seconds, epochs, .. } if is_network(model) => {
            let epochs = if epochs.is_empty() { job.recipe.retrain.epochs as usize } else { epochs.len() };
            Some((*seconds, *seconds / epochs as f64))
        }
        _ => None,
    });
    let each: Vec<(f64, f64)> = each.collect();
    let larger = if job.networks().next().is_some() { OF_BASELINES } else { 1.0 };
    let mean = |one: fn(&(f64, f64)) -> f64| larger * each.iter().map(one).sum::<f64>() / each.len().max(1) as f64;
    (mean(|each| each.0).max(1e-3), mean(|each| each.1).max(1e-3))
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
        Time { left, training: 60.0, supernet: 26.0, steps: 10_000, judging: 1.0, architectures: usize::MAX }
    }

    #[test]
    fn what_is_expected_of_some_draws() {
        let one = gain(1, 0.8, 1, 0.9, &mut rng());
        assert!(one.abs() < 0.15, "one is as good as the mean: {one}");
        // The expected largest of 40 standard normals is 2.16.
        let forty = gain(40, 0.8, 1, 1.0, &mut rng());
        assert!((forty - 2.16 * 0.8).abs() < 0.15, "{forty}");
        // What is said of all again is all that counts.
        let again = gain(40, 0.0, 40, 0.5, &mut rng());
        assert!((again - 2.16 * 0.5).abs() < 0.15, "{again}");
        assert!(gain(40, 0.8, 8, 0.9, &mut rng()) > forty);
        assert_eq!(gain(0, 0.5, 3, 0.9, &mut rng()), 0.0);
    }

    #[test]
    fn few_trainings_are_better_spent_on_what_a_supernet_judged() {
        let few = time(300.0);
        let (alone, shared) = (few.alone(&mut rng()), few.in_supernet(&mut rng()).expect("there is time"));
        assert_eq!((alone.candidates, alone.trained), (4, 4));
        assert!(shared.gain > alone.gain, "{shared:?} {alone:?}");
        assert!(shared.trained < 5 && shared.candidates > 10, "{shared:?}");
        let many = Time { training: 2.0, supernet: 1.0, judging: 1.0, ..time(600.0) };
        let (alone, shared) = (many.alone(&mut rng()), many.in_supernet(&mut rng()).expect("there is time"));
        assert!(alone.gain + CLEARLY > shared.gain, "{shared:?} {alone:?}");
    }

    #[test]
    fn a_supernet_of_few_steps_tells_little() {
        // On a small table an epoch is some hundred steps.
        let small =
            Time { left: 60.0, training: 10.0, supernet: 3.0, steps: 120, judging: 2.0, architectures: usize::MAX };
        let (alone, shared) = (small.alone(&mut rng()), small.in_supernet(&mut rng()).expect("there is time"));
        assert!(alone.gain + CLEARLY > shared.gain, "{shared:?} {alone:?}");
        assert!(how_well(100) < 0.1 && how_well(100_000) > 0.6);
    }

    #[test]
    fn no_time_is_for_no_supernet() {
        assert_eq!(time(80.0).in_supernet(&mut rng()), None);
        assert_eq!((time(-5.0).in_supernet(&mut rng()), time(-5.0).alone(&mut rng()).candidates), (None, 0));
        // There is nothing to judge where all there are can be trained.
        let small = Time { architectures: 3, ..time(3000.0) };
        let (alone, shared) = (small.alone(&mut rng()), small.in_supernet(&mut rng()));
        assert!(shared.is_none_or(|shared| shared.gain <= alone.gain + CLEARLY), "{shared:?} {alone:?}");
    }
}
