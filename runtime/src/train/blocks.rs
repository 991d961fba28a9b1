//! How a model did on blocks of the samples, so that two can be compared without the predictions of either: what differs from
//! block to block tells how much of a difference is the luck of which samples there were.

use serde::{Deserialize, Serialize};

use super::evaluate::Scores;
use super::metrics::{auc, log_loss};

/// Blocks that samples are shared out into, and the fewest samples that a curve of one is worth something of.
const BLOCKS: usize = 100;
const FEWEST: usize = 20;
/// Blocks from which on a deviation between them is worth something.
const ENOUGH: usize = 5;

/// Figures of each of some blocks of consecutive samples, as many in each, but for one. Parts of a table are in a shuffled order, so
/// that each is a fair sample.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Blocks {
    /// Mean cross-entropy, in nats.
    pub log_loss: Vec<f32>,
    /// Area under the ROC curve; none where all labels are the same, or samples are few.
    pub auc: Vec<Option<f32>>,
}

/// Between what a difference is, in 19 of 20 cases.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The difference that was found.
    pub difference: f64,
    /// The least and the most that it may be.
    pub low: f64,
    /// See there.
    pub high: f64,
}

impl Interval {
    /// Whether it is on one side of 0.
    pub fn is_settled(&self) -> bool {
        self.low > 0.0 || self.high < 0.0
    }
}

impl Blocks {
    /// Of samples in the order in which they were evaluated.
    pub fn of(scores: &Scores) -> Self {
        let samples = scores.logits.len();
        let blocks = samples.clamp(1, BLOCKS);
        let mut all = Self::default();
        for block in 0..blocks {
            let range = block * samples / blocks..(block + 1) * samples / blocks;
            let (logits, labels) = (&scores.logits[range.clone()], &scores.labels[range]);
            all.log_loss.push(log_loss(logits, labels) as f32);
            let auc = (logits.len() >= FEWEST).then(|| auc(logits, labels) as f32);
            all.auc.push(auc.filter(|auc| auc.is_finite()));
        }
        all
    }

    /// The mean of several trainings of a model, on the same samples; none where they have not the same blocks.
    pub fn mean(all: &[Self]) -> Option<Self> {
        let first = all.first()?;
        let (blocks, count) = (first.log_loss.len(), all.len() as f64);
        if all.iter().any(|one| one.log_loss.len() != blocks || one.auc.len() != blocks) {
            return None;
        }
        let log_loss = |at: usize| (all.iter().map(|one| f64::from(one.log_loss[at])).sum::<f64>() / count) as f32;
        let auc = |at: usize| {
            let each: Option<Vec<f64>> = all.iter().map(|one| one.auc[at].map(f64::from)).collect();
            each.map(|each: Vec<f64>| (each.iter().sum::<f64>() / count) as f32)
        };
        Some(Self { log_loss: (0..blocks).map(log_loss).collect(), auc: (0..blocks).map(auc).collect() })
    }

    /// By how much another's log loss is above this one's, on the same samples. `luck`: of the difference between trainings, where that is known;
    /// otherwise the interval is that of these two.
    pub fn ahead_in_log_loss(&self, other: &Self, difference: f64, luck: &[Luck]) -> Option<Interval> {
        let pairs = self.log_loss.iter().zip(&other.log_loss).map(|(own, other)| f64::from(other - own));
        let pairs: Vec<f64> = pairs.filter(|pair| pair.is_finite()).collect();
        (self.log_loss.len() == other.log_loss.len()).then(|| interval(&pairs, difference, luck)).flatten()
    }

    /// By how much this one's AUC is above another's, on the same samples.
    pub fn ahead_in_auc(&self, other: &Self, difference: f64) -> Option<Interval> {
        let pairs = self.auc.iter().zip(&other.auc).filter_map(|(own, other)| Some(f64::from((*own)? - (*other)?)));
        let pairs: Vec<f64> = pairs.collect();
        (self.auc.len() == other.auc.len()).then(|| interval(&pairs, difference, &[])).flatten()
    }
}

/// The luck of a training, or of the mean of some: how far figures are apart that differ in nothing else.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Luck {
    /// The square of their standard deviation.
    pub variance: f64,
    /// How many trainings it is known from, but for one of each model.
    pub freedom: f64,
}

impl Luck {
    /// Of the mean of so many trainings.
    #[must_use]
    pub fn of_mean(self, trainings: usize) -> Self {
        Self { variance: self.variance / trainings as f64, ..self }
    }
}

/// Around `difference`, by how far those of the blocks are from each other (batch means), and what luck adds to it; nothing where there are too
/// few. How sure the sum of these variances is follows from how sure each is (Welch and Satterthwaite).
fn interval(pairs: &[f64], difference: f64, luck: &[Luck]) -> Option<Interval> {
    let blocks = pairs.len() as f64;
    if pairs.len() < ENOUGH {
        return None;
    }
    let mean = pairs.iter().sum::<f64>() / blocks;
    let variance = pairs.iter().map(|pair| (pair - mean).powi(2)).sum::<f64>() / (blocks - 1.0);
    let rows = Luck { variance: variance / blocks, freedom: blocks - 1.0 };
    let each = || luck.iter().chain([&rows]);
    let all: f64 = each().map(|one| one.variance).sum();
    let unsure: f64 = each().map(|one| one.variance * one.variance / one.freedom).sum();
    let freedom = if unsure > 0.0 { all * all / unsure } else { rows.freedom };
    let half = quantile(freedom) * all.sqrt();
    Some(Interval { difference, low: difference - half, high: difference + half })
}

/// The .975 quantile of Student's t (Abramowitz and Stegun, 26.7.5); below two degrees of freedom that of one, which the series does not reach.
fn quantile(freedom: f64) -> f64 {
    if freedom < 2.0 {
        return 12.706_204_736;
    }
    const Z: f64 = 1.959_963_984_540_054;
    let (z3, z5, z7) = (Z.powi(3), Z.powi(5), Z.powi(7));
    Z + (z3 + Z) / (4.0 * freedom)
        + (5.0 * z5 + 16.0 * z3 + 3.0 * Z) / (96.0 * freedom.powi(2))
        + (3.0 * z7 + 19.0 * z5 + 17.0 * z3 - 15.0 * Z) / (384.0 * freedom.powi(3))
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use rand_distr::StandardNormal;

    use super::*;

    /// Labels of these probabilities, and two models that know them but for noise.
    fn models(samples: usize, noise: [f32; 2], seed: u64) -> [Scores; 2] {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut all = [Scores::default(), Scores::default()];
        for _ in 0..samples {
            let logit: f32 = rng.sample(StandardNormal);
            let label = f32::from(rng.random::<f32>() < 1.0 / (1.0 + (-logit).exp()));
            for (scores, noise) in all.iter_mut().zip(noise) {
                scores.logits.push(logit + noise * rng.sample::<f32, _>(StandardNormal));
                scores.labels.push(label);
            }
        }
        all
    }

    fn compared([own, other]: &[Scores; 2]) -> [Interval; 2] {
        let (mine, theirs) = (Blocks::of(own), Blocks::of(other));
        let loss = |scores: &Scores| log_loss(&scores.logits, &scores.labels);
        let curve = |scores: &Scores| auc(&scores.logits, &scores.labels);
        [
            mine.ahead_in_log_loss(&theirs, loss(other) - loss(own), &[]).expect("enough blocks"),
            mine.ahead_in_auc(&theirs, curve(own) - curve(other)).expect("enough blocks"),
        ]
    }

    #[test]
    fn an_interval_has_the_true_difference_as_often_as_it_says() {
        // What the two differ by in the long run.
        let truth = compared(&models(2_000_000, [0.3, 0.5], 1)).map(|interval| interval.difference);
        let mut within = [0; 2];
        for seed in 0..400 {
            let found = compared(&models(2_000, [0.3, 0.5], 100 + seed));
            for (within, (found, truth)) in within.iter_mut().zip(found.iter().zip(truth)) {
                *within += usize::from(found.low < truth && truth < found.high);
            }
        }
        // 380 of 400 are expected, with a standard deviation of 4.4.
        assert!(within.iter().all(|within| (364..=394).contains(within)), "{within:?} of 400");
    }

    #[test]
    fn the_mean_of_trainings_is_that_of_each_block() {
        let [a, b] = models(2_000, [0.3, 0.5], 3).map(|scores| Blocks::of(&scores));
        let mean = Blocks::mean(&[a.clone(), b.clone()]).expect("of the same blocks");
        let half = |a: f32, b: f32| f32::midpoint(a, b);
        assert!(
            (0..a.log_loss.len()).all(|at| (mean.log_loss[at] - half(a.log_loss[at], b.log_loss[at])).abs() < 1e-6)
        );
        assert_eq!(Blocks::mean(&[a.clone(), Blocks::of(&models(50, [0.3, 0.5], 3)[0])]), None);
        // Of a block that has no AUC in one there is none in the mean.
        let mut none = b.clone();
        none.auc[0] = None;
        assert_eq!(Blocks::mean(&[a, none]).expect("of the same blocks").auc[0], None);
    }

    #[test]
    fn equals_are_not_settled_and_what_is_far_apart_is() {
        let settled = |noise, seed| compared(&models(4_000, noise, seed)).map(|interval| interval.is_settled());
        let by_chance = (0..100).filter(|&seed| settled([0.4, 0.4], seed)[0]).count();
        assert!(by_chance <= 12, "{by_chance} of 100");
        assert!((0..20).all(|seed| settled([0.2, 1.5], seed) == [true, true]));
        let [a, _] = models(4_000, [0.4, 0.4], 1);
        let same = Blocks::of(&a).ahead_in_log_loss(&Blocks::of(&a), 0.0, &[]).expect("blocks");
        assert_eq!((same.low, same.high, same.is_settled()), (0.0, 0.0, false));
    }

    #[test]
    fn the_luck_of_trainings_makes_it_wider_and_few_samples_have_none() {
        let [a, b] = models(2_000, [0.2, 1.5], 3);
        let (mine, theirs) = (Blocks::of(&a), Blocks::of(&b));
        let within =
            |variance, freedom| mine.ahead_in_log_loss(&theirs, 0.1, &[Luck { variance, freedom }]).expect("blocks");
        let of = |variance| within(variance, f64::INFINITY);
        assert_eq!(of(0.0), mine.ahead_in_log_loss(&theirs, 0.1, &[]).expect("blocks"));
        assert!(of(0.0).low < 0.1 && of(0.01).low < of(0.0).low && !of(0.01).is_settled());
        // What is known from few trainings is not sure, where it is much of what there is.
        let half = |freedom| within(0.01, freedom).high - 0.1;
        assert!(half(2.0) > 2.0 * half(f64::INFINITY) && half(6.0) < 1.3 * half(f64::INFINITY));
        assert!((within(1e-9, 1.0).high - of(1e-9).high).abs() < 1e-4);
        assert_eq!(Blocks::of(&models(90, [0.1, 0.2], 1)[0]).ahead_in_auc(&mine, 0.1), None, "other samples");
        // Each sample on its own has a loss, and no curve.
        let [a, b] = models(90, [0.1, 2.0], 1).map(|scores| Blocks::of(&scores));
        assert!(a.ahead_in_log_loss(&b, 0.1, &[]).is_some() && a.ahead_in_auc(&b, 0.1).is_none());
        let [a, b] = models(4, [0.1, 0.2], 1).map(|scores| Blocks::of(&scores));
        assert_eq!(a.ahead_in_log_loss(&b, 0.1, &[]), None, "too few blocks");
        let none = Blocks::of(&Scores::default());
        assert_eq!(none.ahead_in_auc(&none, 0.0), None);
    }

    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (freedom, known) in [(1.0, 12.706), (2.0, 4.303), (4.0, 2.776), (9.0, 2.262), (29.0, 2.045), (99.0, 1.984)]
        {
            assert!((quantile(freedom) / known - 1.0).abs() < 0.035, "{freedom}: {}", quantile(freedom));
        }
    }
}
