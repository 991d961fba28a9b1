//! Candidates that are not worth training to the end: after each epoch, those that are behind half of the others as they were then.
//!
//! That is the median stopping rule (Golovin et al., Google Vizier, KDD 2017). It is only applied where the order after an epoch is
//! much that of the end, which the first candidates show, all of which are trained to the end.

use super::agreement::tau;
use crate::run::{Entry, Journal};
use crate::train::{Figures, Watch};

/// An order that agrees with that of the end this well is as good as another seed's (docs/ranking.md).
const AGREES: f64 = 0.5;
/// Fewer candidates show nothing.
const SHOWN_BY: usize = 8;

/// What is asked of a training after its first epoch, its second and so on: scores, of which more is better.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Bar(Vec<f64>);

impl Bar {
    /// For a candidate after all of which the journal has a first training, in `trained`; of these the `first` were trained to the
    /// end, however they did.
    pub fn after(journal: &Journal, watch: &Watch, first: usize, is_candidate: impl Fn(&str) -> bool) -> Self {
        let trained = journal.entries().iter().filter_map(|entry| match entry {
            Entry::Trained { model, last: false, epochs, .. } if is_candidate(model) && !epochs.is_empty() => {
                Some(best_so_far(watch, epochs))
            }
            _ => None,
        });
        let trained: Vec<Vec<f64>> = trained.collect();
        match trained.get(..first) {
            Some(first) if first.len() >= SHOWN_BY => Self::of(&trained, first),
            _ => Self::default(),
        }
    }

    fn of(trained: &[Vec<f64>], whole: &[Vec<f64>]) -> Self {
        let ends: Vec<f64> = whole.iter().map(|scores| at(scores, usize::MAX)).collect();
        let epochs = trained.iter().map(Vec::len).max().unwrap_or(0);
        let bars = (0..epochs).map(|epoch| {
            let then: Vec<f64> = whole.iter().map(|scores| at(scores, epoch)).collect();
            match tau(&then, &ends) {
                Some(tau) if tau >= AGREES => {
                    // Of those that came as far.
                    let mut all: Vec<f64> = trained.iter().filter_map(|scores| scores.get(epoch).copied()).collect();
                    all.sort_by(f64::total_cmp);
                    all.get(all.len() / 2).copied().unwrap_or(f64::NEG_INFINITY)
                }
                _ => f64::NEG_INFINITY,
            }
        });
        Self(bars.collect())
    }

    /// Whether it is applied after any epoch.
    pub fn is_set(&self) -> bool {
        self.0.iter().any(|bar| bar.is_finite())
    }

    /// Whether a training is behind it after these epochs.
    pub fn is_missed(&self, watch: &Watch, epochs: &[Figures]) -> bool {
        let bar = epochs.len().checked_sub(1).and_then(|last| self.0.get(last));
        bar.is_some_and(|bar| best_so_far(watch, epochs).last().is_some_and(|best| best < bar))
    }
}

/// The best score up to each epoch.
fn best_so_far(watch: &Watch, epochs: &[Figures]) -> Vec<f64> {
    let mut best = f64::NEG_INFINITY;
    let each = epochs.iter().map(|figures| {
        best = best.max(watch.score(figures));
        best
    });
    each.collect()
}

/// What a training that was over before an epoch had come to.
fn at(scores: &[f64], epoch: usize) -> f64 {
    scores.get(epoch).or(scores.last()).copied().unwrap_or(f64::NEG_INFINITY)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Trainings whose order after each epoch is that of the end, the first the best.
    fn trained(count: usize) -> Vec<Vec<f64>> {
        (0..count).map(|at| vec![-(at as f64) - 1.0, -(at as f64) - 0.5, -(at as f64)]).collect()
    }

    #[test]
    fn the_bar_is_the_median_of_those_that_came_as_far() {
        let mut all = trained(9);
        let bar = Bar::of(&all, &all.clone());
        assert_eq!(bar, Bar(vec![-5.0, -4.5, -4.0]));
        // One that ended after its first epoch counts there, and is nowhere else.
        all.push(vec![-100.0]);
        assert_eq!(Bar::of(&all, &all[..9]), Bar(vec![-5.0, -4.5, -4.0]));
        all.extend([vec![-100.0], vec![-100.0]]);
        assert_eq!(Bar::of(&all, &all[..9]), Bar(vec![-6.0, -4.5, -4.0]));
        assert!(bar.is_set());
    }

    #[test]
    fn an_order_that_epochs_do_not_keep_stops_nobody() {
        let turned: Vec<Vec<f64>> = (0..9).map(|at| vec![f64::from(at), -f64::from(at)]).collect();
        let bar = Bar::of(&turned, &turned);
        assert_eq!(bar.0[0], f64::NEG_INFINITY);
        assert!(!Bar::default().is_set());
        let alike = vec![vec![0.5, 0.5]; 9];
        assert!(!Bar::of(&alike, &alike).is_set(), "no order at all");
    }
}
