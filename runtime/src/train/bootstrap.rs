//! How far figures would be apart on other samples of the same kind: those of samples that are drawn from the ones there are,
//! as many, with replacement (Efron, Annals of Statistics 1979).

use nasrec_compiler::streams::{Streams, at};
use rand::Rng;
use rayon::prelude::*;
use serde::Serialize;

use super::evaluate::Scores;
use crate::backend::cross_entropy;

/// Of resamples, the share that is left out at each end of an interval.
const TAIL: f64 = 0.025;

/// Figures of several models on resamples of one set of samples. Each resample is the same for all of the models, so that their
/// differences are paired.
#[derive(Clone, Debug)]
pub struct Resamples {
    /// Log loss and AUC of each model, resample after resample; no number where there is none.
    each: Vec<Vec<[f64; 2]>>,
}

/// Between what a figure is on 19 of 20 resamples; nothing where it is not defined on some.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Resampled {
    /// The least and the most of them.
    pub low: f64,
    /// See there.
    pub high: f64,
}

impl Resamples {
    /// So many, of models whose scores are of the same samples in the same order. Which samples a resample has follows from its number
    /// and how many there are alone.
    pub fn of(models: &[&Scores], times: usize) -> Self {
        let sorted: Vec<Sorted> = models.iter().map(|scores| Sorted::of(scores)).collect();
        let (key, samples) = (Streams::new(0).key("bootstrap"), models.first().map_or(0, |scores| scores.logits.len()));
        let each = (0..times as u64).into_par_iter().map_init(Vec::new, |counts: &mut Vec<u32>, time| {
            counts.clear();
            counts.resize(samples, 0);
            let mut rng = at(key, time);
            for _ in 0..samples {
                let drawn = (u128::from(rng.next_u64()) * samples as u128) >> 64;
                counts[drawn as usize] += 1;
            }
            sorted.iter().map(|sorted| sorted.figures(counts)).collect()
        });
        Self { each: each.collect() }
    }

    /// Of the log loss and of the AUC of a model.
    pub fn of_model(&self, model: usize) -> [Option<Resampled>; 2] {
        self.between(|figures, which| figures[model][which])
    }

    /// By how much one model is ahead of another: by how much lower its log loss is, and by how much higher its AUC.
    pub fn ahead(&self, model: usize, other: usize) -> [Option<Resampled>; 2] {
        self.between(|figures, which| {
            let ahead = figures[model][which] - figures[other][which];
            if which == 0 { -ahead } else { ahead }
        })
    }

    fn between(&self, figure: impl Fn(&[[f64; 2]], usize) -> f64) -> [Option<Resampled>; 2] {
        [0, 1].map(|which| {
            let mut all: Vec<f64> = self.each.iter().map(|figures| figure(figures, which)).collect();
            all.sort_unstable_by(f64::total_cmp);
            let left_out = (TAIL * all.len() as f64) as usize;
            let (low, high) = (*all.get(left_out)?, *all.get(all.len().checked_sub(1 + left_out)?)?);
            let defined = all.iter().all(|figure| figure.is_finite());
            defined.then_some(Resampled { low, high })
        })
    }
}

/// Samples by rising logit.
struct Sorted {
    /// Each with whether it is a click, its loss, and whether its logit is that of the one before.
    samples: Vec<(u32, bool, f64, bool)>,
}

impl Sorted {
    fn of(Scores { logits, labels, .. }: &Scores) -> Self {
        let mut order: Vec<u32> = (0..logits.len() as u32).collect();
        order.sort_by(|&a, &b| logits[a as usize].total_cmp(&logits[b as usize]));
        let mut before = f32::NAN;
        let samples = order.into_iter().map(|sample| {
            let (logit, label) = (logits[sample as usize], labels[sample as usize]);
            // Minus zero and zero tie.
            let ties = std::mem::replace(&mut before, logit) == logit;
            (sample, label > 0.5, cross_entropy(logit, label), ties)
        });
        Self { samples: samples.collect() }
    }

    /// Log loss and AUC where each sample is there so many times.
    fn figures(&self, counts: &[u32]) -> [f64; 2] {
        let (mut loss, mut clicks, mut others, mut won) = (0.0, 0u64, 0u64, 0.0);
        // Of those that tie.
        let (mut tied_clicks, mut tied_others) = (0u64, 0u64);
        let end = |clicks: u64, tied_clicks: u64, tied_others: u64| {
            tied_others as f64 * (clicks as f64 + 0.5 * tied_clicks as f64)
        };
        for &(sample, click, of_one, ties) in &self.samples {
            if !ties {
                // Pairs in which the other one has the larger logit: what is left of all pairs is won.
                won += end(clicks, tied_clicks, tied_others);
                (clicks, others) = (clicks + tied_clicks, others + tied_others);
                (tied_clicks, tied_others) = (0, 0);
            }
            let count = u64::from(counts[sample as usize]);
            loss += of_one * count as f64;
            if click {
                tied_clicks += count;
            } else {
                tied_others += count;
            }
        }
        won += end(clicks, tied_clicks, tied_others);
        (clicks, others) = (clicks + tied_clicks, others + tied_others);
        let pairs = clicks as f64 * others as f64;
        [loss / (clicks + others) as f64, 1.0 - won / pairs]
    }
}

#[cfg(test)]
mod tests {
    use rand::RngExt;

    use super::*;
    use crate::train::{auc, log_loss};

    fn scores(samples: usize, noise: f32) -> Scores {
        let mut rng = Streams::new(5).rng("scores", 0);
        let mut scores = Scores::default();
        for _ in 0..samples {
            let logit: f32 = rng.random_range(-2.0..2.0);
            scores.labels.push(f32::from(rng.random::<f32>() < 1.0 / (1.0 + (-logit).exp())));
            // Of one decimal, so that many tie.
            scores.logits.push(((logit + noise * rng.random_range(-1.0..1.0f32)) * 10.0).round() / 10.0);
        }
        scores
    }

    #[test]
    fn a_sample_of_each_has_the_figures_of_all() {
        let scores = scores(500, 0.3);
        let [loss, curve] = Sorted::of(&scores).figures(&[1; 500]);
        assert!((loss - log_loss(&scores.logits, &scores.labels)).abs() < 1e-12);
        assert!((curve - auc(&scores.logits, &scores.labels)).abs() < 1e-12);
        // Twice the samples that are there twice.
        let counts: Vec<u32> = (0..500).map(|sample| sample % 3).collect();
        let often = |values: &[f32]| -> Vec<f32> {
            values.iter().zip(&counts).flat_map(|(&value, &count)| (0..count).map(move |_| value)).collect()
        };
        let (logits, labels) = (often(&scores.logits), often(&scores.labels));
        let [loss, curve] = Sorted::of(&scores).figures(&counts);
        assert!((loss - log_loss(&logits, &labels)).abs() < 1e-12 && (curve - auc(&logits, &labels)).abs() < 1e-12);
    }

    #[test]
    fn intervals_hold_what_was_found_and_are_paired() {
        let (good, bad) = (scores(2_000, 0.1), scores(2_000, 3.0));
        let resamples = Resamples::of(&[&good, &bad], 200);
        let [loss, curve] = resamples.of_model(0).map(|interval| interval.expect("both labels are there"));
        let (found_loss, found_curve) = (log_loss(&good.logits, &good.labels), auc(&good.logits, &good.labels));
        assert!(loss.low < found_loss && found_loss < loss.high && loss.high - loss.low < 0.1, "{loss:?}");
        assert!(curve.low < found_curve && found_curve < curve.high && curve.high - curve.low < 0.1, "{curve:?}");
        let [by_loss, by_curve] = resamples.ahead(0, 1).map(|interval| interval.expect("both labels are there"));
        assert!(by_loss.low > 0.0 && by_curve.low > 0.0, "{by_loss:?} {by_curve:?}");
        let same = Resamples::of(&[&good, &good], 100).ahead(0, 1);
        assert_eq!(same, [Some(Resampled { low: 0.0, high: 0.0 }); 2]);
        assert_eq!(Resamples::of(&[&good], 200).of_model(0)[0], Some(loss), "whoever else is there");
        let alike = Scores { labels: vec![1.0; 2_000], ..good };
        assert!(Resamples::of(&[&alike], 10).of_model(0)[1].is_none(), "one class has no curve");
    }
}
