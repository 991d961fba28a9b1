//! Candidates that are not worth training to the end: after parts of the first epoch, and after each epoch, those that are behind half of
//! the others as they were then.
//!
//! That is the median stopping rule (Golovin et al., Google Vizier, KDD 2017). It is only applied where the order after so many rows is
//! much that of the end, which the first candidates show, all of which are trained to the end.

use super::agreement::tau;
use crate::run::{Entry, Journal};
use crate::train::{Figures, Watch};

/// An order that agrees with that of the end this well is as good as another seed's (docs/ranking.md).
const AGREES: f64 = 0.5;
/// Fewer candidates show nothing.
const SHOWN_BY: usize = 8;
/// How much of the first epoch is seen when it is asked before its end: one over so much.
const PARTS: [u64; 2] = [4, 2];

/// What is asked of a training on the way: scores, of which more is better.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Bar {
    /// After each part of the first epoch.
    parts: Vec<Asked>,
    /// After the first epoch, the second and so on.
    epochs: Vec<Asked>,
}

/// What is asked at one time.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Asked {
    /// The score of half of the others then, where their order then tells that of the end.
    least: Option<f64>,
    /// How well it does (Kendall's tau-b).
    agreement: Option<f64>,
}

/// How a training went: its score after each part of the first epoch, and the best up to each epoch.
#[derive(Clone, Debug, Default, PartialEq)]
struct Scores {
    parts: Vec<f64>,
    epochs: Vec<f64>,
}

impl Bar {
    /// For a candidate after all of which the journal has a first training, in `trained`; of these the `first` were trained to the
    /// end, however they did.
    pub fn after(journal: &Journal, watch: &Watch, first: usize, is_candidate: impl Fn(&str) -> bool) -> Self {
        let trained = journal.entries().iter().filter_map(|entry| match entry {
            Entry::Trained { model, last: false, parts, epochs, .. } if is_candidate(model) => Some(Scores {
                parts: parts.iter().map(|figures| watch.score(figures)).collect(),
                epochs: best_so_far(watch, epochs),
            }),
            _ => None,
        });
        let trained: Vec<Scores> =
            trained.filter(|scores| !(scores.parts.is_empty() && scores.epochs.is_empty())).collect();
        match trained.get(..first) {
            Some(first) if first.len() >= SHOWN_BY => Self::of(&trained, first),
            _ => Self::default(),
        }
    }

    fn of(trained: &[Scores], whole: &[Scores]) -> Self {
        let ends: Vec<f64> = whole.iter().map(|scores| at(&scores.epochs, usize::MAX)).collect();
        let asked = |then: Option<Vec<f64>>, those: &dyn Fn(&Scores) -> Option<f64>| {
            let agreement = then.and_then(|then| tau(&then, &ends));
            let least = agreement.filter(|tau| *tau >= AGREES).and_then(|_| {
                // Of those that came as far.
                let mut all: Vec<f64> = trained.iter().filter_map(those).collect();
                all.sort_by(f64::total_cmp);
                all.get(all.len() / 2).copied()
            });
            Asked { least, agreement }
        };
        let parts = trained.iter().map(|scores| scores.parts.len()).max().unwrap_or(0);
        let epochs = trained.iter().map(|scores| scores.epochs.len()).max().unwrap_or(0);
        let of_part = |part: usize| {
            let then = whole.iter().map(|scores| scores.parts.get(part).copied()).collect();
            asked(then, &|scores| scores.parts.get(part).copied())
        };
        let of_epoch = |epoch: usize| {
            let then = whole.iter().map(|scores| at(&scores.epochs, epoch)).collect();
            asked(Some(then), &|scores| scores.epochs.get(epoch).copied())
        };
        let mut bar = Self { parts: (0..parts).map(of_part).collect(), epochs: (0..epochs).map(of_epoch).collect() };
        // An order that is lost again was kept by chance.
        let mut is_kept = true;
        for asked in bar.epochs.iter_mut().rev().chain(bar.parts.iter_mut().rev()) {
            is_kept &= asked.least.is_some();
            asked.least = asked.least.filter(|_| is_kept);
        }
        bar
    }

    /// Whether anything is asked after a part of an epoch.
    pub fn asks_parts(&self) -> bool {
        self.parts.iter().any(|asked| asked.least.is_some())
    }

    /// Whether a training is behind it after these parts of its first epoch.
    pub fn is_missed_in_part(&self, watch: &Watch, parts: &[Figures]) -> bool {
        let asked = parts.len().checked_sub(1).and_then(|last| self.parts.get(last));
        asked.and_then(|asked| asked.least).zip(parts.last()).is_some_and(|(least, last)| watch.score(last) < least)
    }

    /// Whether a training is behind it after these epochs.
    pub fn is_missed(&self, watch: &Watch, epochs: &[Figures]) -> bool {
        let asked = epochs.len().checked_sub(1).and_then(|last| self.epochs.get(last));
        let least = asked.and_then(|asked| asked.least);
        least.zip(best_so_far(watch, epochs).pop()).is_some_and(|(least, best)| best < least)
    }

    /// What the order on the way is worth, for a person; nothing where nothing showed it.
    pub fn told(&self) -> Option<String> {
        let parts = PARTS.iter().zip(&self.parts).map(|(share, asked)| (format!("1/{share} of the rows"), asked));
        let epochs = self.epochs.iter().zip(1..).map(|(asked, epoch)| {
            let plural = if epoch == 1 { "" } else { "s" };
            (format!("{epoch} epoch{plural}"), asked)
        });
        // The last is the end of the longest.
        let all: Vec<(String, &Asked)> = parts.chain(epochs.take(self.epochs.len().saturating_sub(1))).collect();
        let agreement = all.iter().filter_map(|(when, asked)| Some((when, asked.agreement?)));
        let agreement: Vec<String> = agreement.map(|(when, tau)| format!("{tau:.2} after {when}")).collect();
        let from = all.iter().find(|(_, asked)| asked.least.is_some());
        let what = match from {
            Some((when, _)) => {
                format!("those that are behind half of the others are trained no longer, from {when} on")
            }
            None => "none of it tells who is worth training to the end".to_owned(),
        };
        (!agreement.is_empty()).then(|| {
            format!(
                "how well the order of candidates on the way agrees with that of the end (tau): {}; {what}",
                agreement.join(", ")
            )
        })
    }
}

/// Steps of the first epoch, of so many, after which it is asked.
pub(super) fn parts(steps: u64) -> Vec<u64> {
    let each = PARTS.iter().map(|share| steps / share);
    let mut each: Vec<u64> = each.filter(|&part| part > 0 && part < steps).collect();
    each.dedup();
    each
}

/// What a candidate that was trained no longer after a part of an epoch counts as: its log loss then, and what that of those trained to the
/// end changed by from there, in the mean. Nothing of one that had an epoch.
pub(super) fn as_if_ended(journal: &Journal, name: &str, is_candidate: impl Fn(&str) -> bool) -> Option<Figures> {
    let trained = |of: &dyn Fn(&str) -> bool| {
        let each = journal.entries().iter().filter_map(|entry| match entry {
            Entry::Trained { model, last: false, parts, epochs, figures, .. } if of(model) && !parts.is_empty() => {
                Some((parts.clone(), epochs.is_empty(), *figures))
            }
            _ => None,
        });
        each.collect::<Vec<_>>()
    };
    let (parts, _, figures) = trained(&|model| model == name).into_iter().find(|(_, in_part, _)| *in_part)?;
    let changes = trained(&is_candidate).into_iter().filter(|(_, in_part, _)| !in_part);
    let changes = changes.filter_map(|(then, _, end)| Some(end.log_loss? - then.get(parts.len() - 1)?.log_loss?));
    let changes: Vec<f64> = changes.collect();
    let change = changes.iter().sum::<f64>() / changes.len().max(1) as f64;
    Some(Figures { log_loss: figures.log_loss.map(|loss| loss + change), ..figures })
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

    /// Trainings whose order after each part and each epoch is that of the end, the first the best.
    fn trained(count: usize) -> Vec<Scores> {
        let of = |at: f64| Scores { parts: vec![-at - 9.0, -at - 5.0], epochs: vec![-at - 1.0, -at - 0.5, -at] };
        (0..count).map(|at| of(at as f64)).collect()
    }

    fn least(asked: &[Asked]) -> Vec<Option<f64>> {
        asked.iter().map(|asked| asked.least).collect()
    }

    #[test]
    fn the_bar_is_the_median_of_those_that_came_as_far() {
        let mut all = trained(9);
        let bar = Bar::of(&all, &all.clone());
        assert_eq!(least(&bar.epochs), [Some(-5.0), Some(-4.5), Some(-4.0)]);
        assert_eq!(least(&bar.parts), [Some(-13.0), Some(-9.0)]);
        // One that ended after its first epoch counts there, and is nowhere else.
        let ended = Scores { parts: vec![-100.0; 2], epochs: vec![-100.0] };
        all.push(ended.clone());
        assert_eq!(Bar::of(&all, &all[..9]), bar);
        all.extend([ended.clone(), ended]);
        let bar = Bar::of(&all, &all[..9]);
        assert_eq!(least(&bar.epochs), [Some(-6.0), Some(-4.5), Some(-4.0)]);
        // As does one that ended in its first epoch.
        all.extend(vec![Scores { parts: vec![-200.0], epochs: Vec::new() }; 2]);
        let bar = Bar::of(&all, &all[..9]);
        assert_eq!(least(&bar.epochs), [Some(-6.0), Some(-4.5), Some(-4.0)]);
        assert_eq!(least(&bar.parts), [Some(-15.0), Some(-10.0)]);
        assert!(bar.asks_parts());
        let told = bar.told().expect("it is shown");
        assert!(told.contains("1.00 after 1/4 of the rows") && told.ends_with("from 1/4 of the rows on"), "{told}");
    }

    #[test]
    fn an_order_that_is_not_kept_stops_nobody() {
        let turned: Vec<Scores> =
            (0..9).map(f64::from).map(|at| Scores { parts: vec![at], epochs: vec![at, -at] }).collect();
        let bar = Bar::of(&turned, &turned);
        assert_eq!((least(&bar.parts), least(&bar.epochs)), (vec![None], vec![None, Some(-4.0)]));
        // Kept after a part, lost after the first epoch.
        let lost: Vec<Scores> =
            (0..9).map(f64::from).map(|at| Scores { parts: vec![-at], ..turned[at as usize].clone() }).collect();
        let bar = Bar::of(&lost, &lost);
        assert_eq!((bar.parts[0].agreement, bar.parts[0].least), (Some(1.0), None));
        assert!(!bar.asks_parts());
        let told = bar.told().expect("it is shown");
        assert!(
            told.contains("-1.00 after 1 epoch;")
                && told.ends_with("none of it tells who is worth training to the end"),
            "{told}"
        );
        assert_eq!(Bar::default().told(), None);
        let alike = vec![Scores { parts: Vec::new(), epochs: vec![0.5, 0.5] }; 9];
        assert!(Bar::of(&alike, &alike).epochs.iter().all(|asked| asked.least.is_none()), "no order at all");
    }

    #[test]
    fn parts_of_short_epochs() {
        assert_eq!((parts(100), parts(7), parts(3), parts(1)), (vec![25, 50], vec![1, 3], vec![1], vec![]));
    }
}
