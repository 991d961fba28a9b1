//! How sure a measure of agreement is: what it would be of other architectures of the space, by the bootstrap over those that
//! were drawn (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, section 13.3). What else is luck in it, that
//! of the supernet's training and of the seeds, is not in the interval.

use nasrec_compiler::streams::Streams;
use rand::RngExt;

use super::report::{Agreement, Estimate, Regret};
use crate::search::agreement::{pearson, regret, spearman, tau};

/// Draws of as many architectures as there are, the same for all that is measured, so that differences are paired.
pub(super) struct Resamples(Vec<Vec<usize>>);

/// How many there are: ends of an interval are then sure to a few hundredths of its width.
const RESAMPLES: u64 = 1000;
/// Of how many a measure has to exist for an interval of it.
const MOST_UNDEFINED: f64 = 0.1;

/// What is said of architectures, and what is so.
pub(super) struct Reading {
    pub scores: Vec<f64>,
    pub truths: Vec<f64>,
}

type Measure = fn(&[f64], &[f64]) -> Option<f64>;

impl Reading {
    fn measured(&self, measure: Measure) -> Option<f64> {
        measure(&self.scores, &self.truths)
    }

    fn of(&self, drawn: &[usize], measure: Measure) -> Option<f64> {
        let pick = |values: &[f64]| drawn.iter().map(|&at| values[at]).collect::<Vec<f64>>();
        measure(&pick(&self.scores), &pick(&self.truths))
    }
}

impl Resamples {
    pub fn draw(streams: Streams, many: usize) -> Self {
        let draw = |index| {
            let mut rng = streams.rng("ranking/bootstrap", index);
            (0..many).map(|_| rng.random_range(0..many.max(1))).collect()
        };
        Self((0..RESAMPLES).map(draw).collect())
    }

    /// What a way of judging comes to: the mean over its readings, where it has several.
    pub fn agreement(&self, variant: Option<&str>, by: &str, readings: &[Reading]) -> Agreement {
        let estimate = |measure: Measure| {
            let value = mean(readings.iter().map(|reading| reading.measured(measure)))?;
            let each = self.0.iter().map(|drawn| mean(readings.iter().map(|reading| reading.of(drawn, measure))));
            Some(estimated(value, each))
        };
        let behind = |top| mean(readings.iter().map(|reading| regret(&reading.scores, &reading.truths, top)));
        Agreement {
            variant: variant.map(str::to_owned),
            by: by.to_owned(),
            tau: estimate(tau),
            spearman: estimate(spearman),
            pearson: estimate(pearson),
            regret: Regret { of_1: behind(1), of_5: behind(5) },
            more: None,
        }
    }

    /// By how much more tau one way agrees than another, on the same architectures.
    pub fn more(&self, one: &Reading, other: &Reading) -> Option<Estimate> {
        let value = one.measured(tau)? - other.measured(tau)?;
        Some(estimated(value, self.0.iter().map(|drawn| Some(one.of(drawn, tau)? - other.of(drawn, tau)?))))
    }
}

/// The mean, where all are there.
fn mean(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let values: Vec<f64> = values.collect::<Option<_>>()?;
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn estimated(value: f64, resampled: impl Iterator<Item = Option<f64>>) -> Estimate {
    let all: Vec<Option<f64>> = resampled.collect();
    let mut found: Vec<f64> = all.iter().copied().flatten().collect();
    found.sort_by(f64::total_cmp);
    let known = (found.len() as f64) >= (1.0 - MOST_UNDEFINED) * all.len() as f64 && !found.is_empty();
    let quantile = |share: f64| {
        let at = (share * found.len().saturating_sub(1) as f64).round() as usize;
        found.get(at).copied().filter(|_| known)
    };
    Estimate { value, low: quantile(0.025), high: quantile(0.975) }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use rand_distr::StandardNormal;

    use super::*;

    /// A truth, and a score that tells some of it.
    fn drawn(many: usize, share: f64, rng: &mut ChaCha8Rng) -> Reading {
        let mut normal = || rng.sample::<f64, _>(StandardNormal);
        let truths: Vec<f64> = (0..many).map(|_| normal()).collect();
        let scores = truths.iter().map(|truth| share * truth + (1.0 - share * share).sqrt() * normal()).collect();
        Reading { scores, truths }
    }

    /// Of normal pairs tau is known: two thirds of a right angle's share of the correlation.
    #[test]
    fn nineteen_of_twenty_intervals_hold_what_is_so() {
        let (mut held, mut all) = (0, 0);
        for (seed, share) in (0..60).flat_map(|seed| [0.0, 0.5, 0.8].map(|share| (seed, share))) {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let reading = drawn(50, share, &mut rng);
            let told = Resamples::draw(Streams::new(seed), 50).agreement(None, "it", &[reading]).tau.expect("a tau");
            let (low, high) = (told.low.expect("low"), told.high.expect("high"));
            let so = 2.0 / std::f64::consts::PI * share.asin();
            held += usize::from((low..=high).contains(&so));
            all += 1;
            assert!(low <= told.value && told.value <= high, "{told:?}");
        }
        let share = held as f64 / all as f64;
        assert!((0.88..=0.99).contains(&share), "{share}");
    }

    #[test]
    fn differences_are_paired() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let reading = drawn(40, 0.6, &mut rng);
        let bent = Reading { scores: reading.scores.iter().map(|x| x.exp()).collect(), truths: reading.truths.clone() };
        let more = Resamples::draw(Streams::new(1), 40).more(&bent, &reading).expect("both have one");
        assert_eq!(more, Estimate { value: 0.0, low: Some(0.0), high: Some(0.0) });
    }

    #[test]
    fn what_does_not_vary_has_no_agreement() {
        let reading = Reading { scores: vec![1.0; 9], truths: (0..9).map(f64::from).collect() };
        let told = Resamples::draw(Streams::new(1), 9).agreement(Some("flat"), "it", &[reading]);
        assert_eq!((told.tau, told.spearman, told.pearson), (None, None, None));
        assert_eq!(told.regret.of_1, Some(0.0), "the first is taken");
    }
}
