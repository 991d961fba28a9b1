//! How good logits are.

use super::calibration::Calibration;
use crate::backend::cross_entropy;

/// Figures over a set of samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metrics {
    /// How many samples there were.
    pub samples: usize,
    /// Mean cross-entropy, in nats.
    pub log_loss: f64,
    /// Area under the ROC curve; NaN where all labels are the same, for there is none.
    pub auc: f64,
    /// Share of samples whose logit has the sign of their label.
    pub accuracy: f64,
    /// Whether all logits are one number, so that nothing tells the samples apart.
    pub alike: bool,
    /// Mean of the AUC within each group that has both labels, each counting as many times as it has samples (Zhou et al.,
    /// KDD '18, section 6.3); none where samples have no groups, NaN where no group has both labels.
    pub group_auc: Option<f64>,
    /// How far predictions are from what comes true.
    pub calibration: Calibration,
}

impl Metrics {
    /// Of logits and labels of one length; NaN throughout where there are none.
    pub fn of(logits: &[f32], labels: &[f32]) -> Self {
        Self {
            samples: logits.len(),
            log_loss: log_loss(logits, labels),
            auc: auc(logits, labels),
            accuracy: accuracy(logits, labels),
            alike: logits.windows(2).all(|pair| pair[0] == pair[1]),
            group_auc: None,
            calibration: Calibration::of(logits, labels),
        }
    }

    /// The same, of samples that have groups, unless there are none.
    pub fn of_groups(logits: &[f32], labels: &[f32], groups: &[u64]) -> Self {
        let group_auc = (!groups.is_empty()).then(|| group_auc(logits, labels, groups));
        Self { group_auc, ..Self::of(logits, labels) }
    }
}

/// Mean cross-entropy; not finite where a logit is not.
pub fn log_loss(logits: &[f32], labels: &[f32]) -> f64 {
    logits.iter().zip(labels).map(|(&z, &y)| cross_entropy(z, y)).sum::<f64>() / logits.len() as f64
}

/// Share of samples on the right side of logit 0, which counts as no click.
pub fn accuracy(logits: &[f32], labels: &[f32]) -> f64 {
    let right = logits.iter().zip(labels).filter(|&(&z, &y)| (z > 0.0) == (y > 0.5)).count();
    right as f64 / logits.len() as f64
}

/// Area under the ROC curve, exact: the share of pairs of a click and a non-click in which the click has the larger
/// logit; ties count half. NaN where there is no such pair, and where a logit is.
pub fn auc(logits: &[f32], labels: &[f32]) -> f64 {
    if logits.is_empty() || logits.iter().any(|z| z.is_nan()) {
        return f64::NAN;
    }
    let mut scores: Vec<(f32, bool)> = logits.iter().zip(labels).map(|(&z, &y)| (z, y > 0.5)).collect();
    share_won(&mut scores, f32::total_cmp).unwrap_or(f64::NAN)
}

/// The mean of the AUC within each group that has both labels, each counting as many times as it has samples.
pub fn group_auc(logits: &[f32], labels: &[f32], groups: &[u64]) -> f64 {
    if logits.iter().any(|z| z.is_nan()) {
        return f64::NAN;
    }
    let mut order: Vec<usize> = (0..logits.len()).collect();
    order.sort_by_key(|&sample| groups[sample]);
    let (mut sum, mut samples) = (0.0, 0.0);
    for group in order.chunk_by(|&a, &b| groups[a] == groups[b]) {
        let mut scores: Vec<(f32, bool)> = group.iter().map(|&sample| (logits[sample], labels[sample] > 0.5)).collect();
        if let Some(auc) = share_won(&mut scores, f32::total_cmp) {
            sum += auc * group.len() as f64;
            samples += group.len() as f64;
        }
    }
    sum / samples
}

/// The share of pairs of a click and a non-click in which the click has the larger score, ties as half; `None` where
/// there is no such pair. Sorts the scores by `order`.
pub(super) fn share_won<S: PartialEq>(
    scores: &mut [(S, bool)],
    order: impl Fn(&S, &S) -> std::cmp::Ordering,
) -> Option<f64> {
    scores.sort_unstable_by(|a, b| order(&a.0, &b.0));
    let clicks = scores.iter().filter(|(_, click)| *click).count() as u128;
    let others = scores.len() as u128 - clicks;
    if clicks == 0 || others == 0 {
        return None;
    }
    // Twice the number of won pairs, in whole numbers. `==` chunks, so that -0 and 0 tie.
    let (mut below, mut won) = (0u128, 0u128);
    for tie in scores.chunk_by(|a, b| a.0 == b.0) {
        let tied = tie.iter().filter(|(_, click)| *click).count() as u128;
        let tied_others = tie.len() as u128 - tied;
        won += tied * (2 * below + tied_others);
        below += tied_others;
    }
    Some(won as f64 / (2 * clicks * others) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auc_counts_pairs() {
        let logits = [0.1f32, 0.4, 0.35, 0.8, 0.4, -0.0, 0.0];
        let labels = [0.0f32, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0];
        let mut score = 0.0;
        for (i, &click) in logits.iter().enumerate().filter(|&(i, _)| labels[i] == 1.0) {
            for (j, &other) in logits.iter().enumerate().filter(|&(j, _)| labels[j] == 0.0) {
                assert_ne!(i, j);
                score += if click > other {
                    1.0
                } else if click == other {
                    0.5
                } else {
                    0.0
                };
            }
        }
        assert_eq!(auc(&logits, &labels), score / 12.0);
        assert!(auc(&[1.0, 2.0], &[1.0, 1.0]).is_nan(), "one class has no curve");
        assert_eq!(auc(&[1.0, 1.0], &[0.0, 1.0]), 0.5);
        assert!(auc(&[f32::NAN, 1.0], &[0.0, 1.0]).is_nan());
    }

    #[test]
    fn groups_have_curves_of_their_own() {
        let (logits, labels) = ([0.9, 0.1, 0.4, 0.6, 0.3, 0.2], [1.0, 0.0, 1.0, 0.0, 1.0, 1.0]);
        // Group 7 is right, group 3 is wrong, and all of group 5 are clicks.
        let groups = [7, 7, 3, 3, 5, 5];
        assert_eq!(group_auc(&logits, &labels, &groups), 0.5);
        assert_eq!(group_auc(&logits, &labels, &[7, 7, 3, 7, 5, 5]), 1.0);
        assert_eq!(group_auc(&logits, &labels, &[1; 6]), auc(&logits, &labels));
        assert!(group_auc(&logits, &labels, &[1, 2, 3, 4, 5, 6]).is_nan());
        assert_eq!(Metrics::of_groups(&logits, &labels, &[]).group_auc, None);
    }

    #[test]
    fn loss_and_accuracy() {
        let metrics = Metrics::of(&[0.0, 2.0, -2.0, 2.0], &[1.0, 1.0, 0.0, 0.0]);
        let expected = (2f64.ln() + 2.0 * (1.0 + (-2f64).exp()).ln() + (1.0 + 2f64.exp()).ln()) / 4.0;
        assert!((metrics.log_loss - expected).abs() < 1e-12);
        assert_eq!((metrics.accuracy, metrics.alike), (0.5, false));
        let alike = |logits: &[f32]| Metrics::of(logits, &[1.0, 0.0]).alike;
        assert!(alike(&[0.5, 0.5]) && !alike(&[0.5, 0.25]) && !alike(&[f32::NAN, f32::NAN]));
        assert!(log_loss(&[f32::NAN], &[1.0]).is_nan());
    }
}
