//! How well a model could do at best where the click probabilities are known, and at worst.

use super::metrics::share_won;
use crate::Result;
use crate::data::{Dataset, Rows};

/// Scores of the planted click probabilities on some rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attainable {
    /// Mean entropy of the probabilities, in nats: the log loss that no model can beat on average.
    pub entropy: f64,
    /// Log loss of the probabilities against the labels that were drawn; differs from `entropy` by chance only.
    pub log_loss: f64,
    /// Area under the curve of the probabilities against the labels; not a number where one label is absent.
    pub auc: f64,
    /// Log loss of the best constant, the rows' own click rate.
    pub base_rate_log_loss: f64,
}

impl Attainable {
    /// How well any model could do on these rows at best; known for synthetic data only.
    ///
    /// # Errors
    /// The rows can no longer be read.
    pub fn of(dataset: &Dataset, rows: &Rows) -> Result<Option<Self>> {
        Ok(dataset.planted(rows)?.map(|mut pairs| Self::of_pairs(&mut pairs)))
    }

    /// Of (probability, click) pairs, which it sorts; all not a number where there are none.
    fn of_pairs(pairs: &mut [(f64, bool)]) -> Self {
        let count = pairs.len() as f64;
        let rate = pairs.iter().filter(|(_, click)| *click).count() as f64 / count;
        let entropy = pairs.iter().map(|&(p, _)| entropy(p)).sum::<f64>() / count;
        let log_loss = pairs.iter().map(|&(p, click)| -(if click { p } else { 1.0 - p }).ln()).sum::<f64>() / count;
        Self {
            entropy,
            log_loss,
            auc: share_won(pairs, f64::total_cmp).unwrap_or(f64::NAN),
            base_rate_log_loss: entropy_of_rate(rate),
        }
    }
}

/// Entropy of a coin, in nats.
fn entropy(p: f64) -> f64 {
    -(p * p.ln() + (1.0 - p) * (-p).ln_1p())
}

fn entropy_of_rate(rate: f64) -> f64 {
    if rate == 0.0 || rate == 1.0 { 0.0 } else { entropy(rate) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_agree_with_sums_by_hand() {
        let mut pairs = [(0.5, true), (0.5, false), (0.8, true), (0.2, false), (0.2, true)];
        let found = Attainable::of_pairs(&mut pairs);
        // Clicks against non-clicks: 0.5 has a tie and a win, 0.8 two wins, 0.2 a tie.
        assert!((found.auc - (0.5 + 1.0 + 2.0 + 0.5) / 6.0).abs() < 1e-12);
        let ln = f64::ln;
        assert!((found.log_loss + (2.0 * ln(0.5) + 2.0 * ln(0.8) + ln(0.2)) / 5.0).abs() < 1e-12);
        let unfair = -(0.8 * ln(0.8) + 0.2 * ln(0.2));
        assert!((found.entropy - (2.0 * ln(2.0) + 3.0 * unfair) / 5.0).abs() < 1e-12);
        assert!((found.base_rate_log_loss + 0.6 * ln(0.6) + 0.4 * ln(0.4)).abs() < 1e-12);
    }

    #[test]
    fn one_kind_of_label_has_no_curve() {
        let found = Attainable::of_pairs(&mut [(0.5, true), (0.25, true)]);
        assert!(found.auc.is_nan());
        assert_eq!(found.base_rate_log_loss, 0.0);
    }
}
