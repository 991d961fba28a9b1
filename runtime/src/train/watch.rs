//! What the validation figures of epochs decide: which was best, whether to go on, and how fast.
//!
//! All of it is a function of the figures so far, in order. So a training that goes on from a checkpoint, and one that is
//! done again with the figures at hand, decide as the first one did.

use nasrec_compiler::recipe::{Early, Metric, Schedule};

use super::figures::Figures;

/// How epochs are judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Watch {
    /// When to stop, and by what.
    pub early: Early,
    /// Cuts the learning rate, where it is a plateau's.
    pub schedule: Schedule,
}

impl Watch {
    /// Larger is better; below everything where there is no such figure.
    pub fn score(&self, figures: &Figures) -> f64 {
        let score = match self.early.metric {
            Metric::LogLoss => figures.log_loss.map(|loss| -loss),
            Metric::Auc => figures.auc,
            Metric::GroupAuc => figures.group_auc,
        };
        score.unwrap_or(f64::NEG_INFINITY)
    }

    /// Whether each epoch was better than all before it.
    fn improved(&self, epochs: &[Figures]) -> impl Iterator<Item = bool> {
        let mut best = f64::NEG_INFINITY;
        epochs.iter().map(move |figures| {
            let score = self.score(figures);
            let improved = score > best;
            best = best.max(score);
            improved
        })
    }

    /// The best epoch, from 1: the first of those that are equally good, the last where none has a figure.
    pub fn best(&self, epochs: &[Figures]) -> usize {
        let improved: Vec<bool> = self.improved(epochs).collect();
        improved.iter().rposition(|&improved| improved).map_or(epochs.len(), |last| last + 1)
    }

    /// Whether an epoch after these is the best so far.
    pub fn is_best(&self, before: &[Figures], next: &Figures) -> bool {
        let all = [before, std::slice::from_ref(next)].concat();
        self.best(&all) == all.len()
    }

    /// Whether so many epochs passed without an improvement that training ends.
    pub fn is_over(&self, epochs: &[Figures]) -> bool {
        let since = self.improved(epochs).fold(0, |since, improved| if improved { 0 } else { since + 1 });
        since >= self.early.patience
    }

    /// What the learning rate is multiplied by after these epochs: `factor` each time that more than `patience` epochs in a
    /// row were no better.
    pub fn rate(&self, epochs: &[Figures]) -> f64 {
        let Schedule::Plateau { factor, patience } = self.schedule else { return 1.0 };
        let (mut rate, mut since) = (1.0, 0);
        for improved in self.improved(epochs) {
            since = if improved { 0 } else { since + 1 };
            if since > patience {
                (rate, since) = (rate * factor, 0);
            }
        }
        rate
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn epochs(aucs: &[Option<f64>]) -> Vec<Figures> {
        let of = |&auc: &Option<f64>| Figures {
            log_loss: auc.map(|auc| 1.0 - auc),
            auc,
            group_auc: auc,
            calibration_error: None,
            normalised_entropy: None,
            calibration: None,
            accuracy: 0.0,
            samples: 1,
            alike: false,
            calibrated: None,
        };
        aucs.iter().map(of).collect()
    }

    fn watch(metric: Metric, patience: u64, cut: u64) -> Watch {
        let schedule = Schedule::Plateau { factor: 0.5, patience: cut };
        Watch { early: Early { patience, metric }, schedule }
    }

    #[test]
    fn the_first_of_the_best_is_kept() {
        let seen = epochs(&[Some(0.5), Some(0.7), Some(0.6), Some(0.7)]);
        for metric in [Metric::Auc, Metric::LogLoss, Metric::GroupAuc] {
            let watch = watch(metric, 2, 0);
            assert_eq!(watch.best(&seen), 2);
            let is_best = [0, 1, 2, 3].map(|at| watch.is_best(&seen[..at], &seen[at]));
            assert_eq!(is_best, [true, true, false, false]);
            assert_eq!((watch.is_over(&seen[..3]), watch.is_over(&seen)), (false, true));
            assert_eq!([1, 2, 3, 4].map(|to| watch.rate(&seen[..to])), [1.0, 1.0, 0.5, 0.25]);
        }
        assert_eq!(watch(Metric::Auc, 2, 1).rate(&seen), 0.5);
        assert_eq!(watch(Metric::Auc, 2, 0).best(&epochs(&[None, None])), 2, "the last, where nothing tells");
        assert_eq!(watch(Metric::Auc, 2, 0).best(&epochs(&[Some(0.4), None])), 1);
        let constant = Watch { schedule: Schedule::Constant, ..watch(Metric::Auc, 1, 0) };
        assert_eq!(constant.rate(&seen), 1.0);
    }

    proptest! {
        /// As torch's `ReduceLROnPlateau` and the usual loop with a counter do it, one epoch after the other.
        #[test]
        fn it_is_the_usual_loop(scores in proptest::collection::vec(proptest::option::of(0..6u8), 1..20), patience in 1..4u64, cut in 0..3u64) {
            let scores: Vec<Option<f64>> = scores.into_iter().map(|score| score.map(f64::from)).collect();
            let seen = epochs(&scores);
            let watch = watch(Metric::Auc, patience, cut);
            let (mut best, mut at, mut waited, mut bad, mut rate) = (None, None, 0, 0, 1.0);
            for (epoch, score) in scores.iter().enumerate() {
                if *score > best {
                    (best, at, waited, bad) = (*score, Some(epoch + 1), 0, 0);
                } else {
                    waited += 1;
                    bad += 1;
                    if bad > cut {
                        rate *= 0.5;
                        bad = 0;
                    }
                }
                let seen = &seen[..=epoch];
                prop_assert_eq!(watch.is_over(seen), waited >= patience);
                prop_assert_eq!(watch.rate(seen), rate);
                prop_assert_eq!(watch.best(seen), at.unwrap_or(epoch + 1));
            }
        }
    }
}
