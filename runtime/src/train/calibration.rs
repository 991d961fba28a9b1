//! How well predicted probabilities say how many clicks there will be.

use serde::Serialize;

use super::metrics::log_loss;

/// Bins of samples whose predictions are near each other.
const BINS: usize = 20;

/// Figures of predicted probabilities against what came true; NaN where they are not defined.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Calibration {
    /// Expected calibration error: the mean over samples of how far the mean prediction of a bin is from its click rate. Samples
    /// are in 20 bins by their prediction, about as many in each (Nguyen and O'Connor, EMNLP 2015), and those that are
    /// predicted alike in one: of bins of one width, most clicks and others of a rare label would be in the first.
    pub error: f64,
    /// The log loss over that of the constant which is the click rate of the samples (He et al., ADKDD '14): below 1 where more is
    /// known than that rate. NaN where all labels are the same.
    pub normalised_entropy: f64,
    /// The mean prediction over the click rate (He et al.): 1 where as many clicks came as were expected. NaN without clicks.
    pub ratio: f64,
}

impl Calibration {
    /// Of logits and labels of one length.
    pub fn of(logits: &[f32], labels: &[f32]) -> Self {
        let (bins, count) = (Bin::all(logits, labels), logits.len() as f64);
        let (expected, clicks) = bins.iter().fold((0.0, 0.0), |(p, y), bin| (p + bin.expected, y + bin.clicks));
        let off: f64 = bins.iter().map(|bin| (bin.expected - bin.clicks).abs()).sum();
        let rate = clicks / count;
        let entropy = -(rate * rate.ln() + (1.0 - rate) * (1.0 - rate).ln());
        Self { error: off / count, normalised_entropy: log_loss(logits, labels) / entropy, ratio: expected / clicks }
    }
}

/// Samples whose predictions are near each other.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bin {
    /// How many there are.
    pub samples: usize,
    /// The sum of their predicted probabilities.
    pub expected: f64,
    /// How many of them are clicks.
    pub clicks: f64,
}

impl Bin {
    /// The bins of [`Calibration::error`], by rising prediction.
    pub fn all(logits: &[f32], labels: &[f32]) -> Vec<Self> {
        let mut samples: Vec<(f32, bool)> = logits.iter().zip(labels).map(|(&z, &y)| (z, y > 0.5)).collect();
        samples.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let (mut bins, mut left) = (Vec::with_capacity(BINS), samples.as_slice());
        while !left.is_empty() {
            let wanted = left.len().div_ceil(BINS.saturating_sub(bins.len()).max(1));
            let last = left[wanted - 1].0;
            let (bin, rest) = left.split_at(left.partition_point(|(logit, _)| logit.total_cmp(&last).is_le()));
            bins.push(Self::of(bin));
            left = rest;
        }
        bins
    }

    fn of(samples: &[(f32, bool)]) -> Self {
        let probability = |logit: f32| 1.0 / (1.0 + (-f64::from(logit)).exp());
        Self {
            samples: samples.len(),
            expected: samples.iter().map(|&(logit, _)| probability(logit)).sum(),
            clicks: samples.iter().filter(|(_, click)| *click).count() as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logit(probability: f64) -> f32 {
        (probability / (1.0 - probability)).ln() as f32
    }

    #[test]
    fn a_prediction_that_comes_true_has_no_error() {
        // Of 30 samples each, at 0.2 and at 0.5.
        let logits: Vec<f32> = (0..60).map(|sample| logit(if sample < 30 { 0.2 } else { 0.5 })).collect();
        let labels: Vec<f32> =
            (0..60).map(|sample| f32::from(sample % 30 < if sample < 30 { 6 } else { 15 })).collect();
        let found = Calibration::of(&logits, &labels);
        assert!(found.error < 1e-7 && (found.ratio - 1.0).abs() < 1e-7, "{found:?}");
        let entropy = |p: f64| -(p * p.ln() + (1.0 - p) * (1.0 - p).ln());
        let expected = f64::midpoint(entropy(0.2), entropy(0.5)) / entropy(0.35);
        assert!((found.normalised_entropy - expected).abs() < 1e-7, "{found:?}");

        // All of them as 0.35: as many clicks as expected, in the one bin that there is.
        let found = Calibration::of(&[logit(0.35); 60], &labels);
        assert!(found.error < 1e-7 && (found.normalised_entropy - 1.0).abs() < 1e-7, "{found:?}");
        // Twice as many as there are.
        let found = Calibration::of(&[logit(0.7); 60], &labels);
        assert!((found.error - 0.35).abs() < 1e-7 && (found.ratio - 2.0).abs() < 1e-6, "{found:?}");
    }

    #[test]
    fn bins_are_of_samples_by_their_rank() {
        // 40 samples: two a bin, one of them a click, and predictions that say which.
        let logits: Vec<f32> = (0..40).map(|sample| sample as f32 / 10.0 - 2.0).collect();
        let labels: Vec<f32> = (0..40).map(|sample| f32::from(sample % 2 == 0)).collect();
        let probability = |logit: &f32| 1.0 / (1.0 + (-f64::from(*logit)).exp());
        let bins = logits.chunks(2).map(|bin| (bin.iter().map(probability).sum::<f64>() - 1.0).abs());
        let expected = bins.sum::<f64>() / 40.0;
        assert!((Calibration::of(&logits, &labels).error - expected).abs() < 1e-12);
        // In whatever order they come.
        let reversed = |all: &[f32]| all.iter().rev().copied().collect::<Vec<f32>>();
        let found = Calibration::of(&reversed(&logits), &reversed(&labels));
        assert_eq!(found.error, Calibration::of(&logits, &labels).error);
    }

    #[test]
    fn what_is_not_defined_is_no_number() {
        let one = Calibration::of(&[0.0, 1.0], &[0.0, 0.0]);
        assert!(!one.normalised_entropy.is_finite() && !one.ratio.is_finite() && one.error.is_finite(), "{one:?}");
        let none = Calibration::of(&[], &[]);
        assert!(none.error.is_nan() && none.ratio.is_nan());
        let lost = Calibration::of(&[f32::NAN, 0.0], &[0.0, 1.0]);
        assert!(!lost.error.is_finite() && !lost.ratio.is_finite(), "{lost:?}");
    }
}
