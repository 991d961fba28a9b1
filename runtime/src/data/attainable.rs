//! How well a model could do at best where the click probabilities are known, and at worst.

/// Scores of the planted click probabilities on some rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attainable {
    /// Mean entropy of the probabilities, in nats: the log loss that no model can beat on average.
    pub entropy: f64,
    /// Log loss of the probabilities against the labels that were drawn; differs from `entropy` by chance only.
    pub logloss: f64,
    /// Area under the curve of the probabilities against the labels; not a number where one label is absent.
    pub auc: f64,
    /// Log loss of the best constant, the rows' own click rate.
    pub base_rate_logloss: f64,
}

impl Attainable {
    /// Of (probability, label) pairs; all not a number where there are none.
    pub(super) fn of(pairs: &mut [(f64, bool)]) -> Self {
        let count = pairs.len() as f64;
        let rate = pairs.iter().filter(|(_, click)| *click).count() as f64 / count;
        let entropy = pairs.iter().map(|&(p, _)| entropy(p)).sum::<f64>() / count;
        let logloss = pairs.iter().map(|&(p, click)| -(if click { p } else { 1.0 - p }).ln()).sum::<f64>() / count;
        Self { entropy, logloss, auc: auc(pairs), base_rate_logloss: entropy_of_rate(rate) }
    }
}

/// Entropy of a coin, in nats.
fn entropy(p: f64) -> f64 {
    -(p * p.ln() + (1.0 - p) * (-p).ln_1p())
}

fn entropy_of_rate(rate: f64) -> f64 {
    if rate == 0.0 || rate == 1.0 { 0.0 } else { entropy(rate) }
}

/// Area under the curve; pairs with equal probabilities share their rank. Sorts the pairs.
fn auc(pairs: &mut [(f64, bool)]) -> f64 {
    pairs.sort_unstable_by(|(a, _), (b, _)| a.total_cmp(b));
    let (mut below, mut clicks, mut wins) = (0.0, 0.0, 0.0);
    for ties in pairs.chunk_by(|(a, _), (b, _)| a == b) {
        let positive = ties.iter().filter(|(_, click)| *click).count() as f64;
        let negative = ties.len() as f64 - positive;
        wins += positive * (below + negative / 2.0);
        below += negative;
        clicks += positive;
    }
    wins / (clicks * below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_agree_with_sums_by_hand() {
        let mut pairs = [(0.5, true), (0.5, false), (0.8, true), (0.2, false), (0.2, true)];
        let found = Attainable::of(&mut pairs);
        // Clicks against non-clicks: 0.5 has a tie and a win, 0.8 two wins, 0.2 a tie.
        assert!((found.auc - (0.5 + 1.0 + 2.0 + 0.5) / 6.0).abs() < 1e-12);
        let ln = f64::ln;
        assert!((found.logloss + (2.0 * ln(0.5) + 2.0 * ln(0.8) + ln(0.2)) / 5.0).abs() < 1e-12);
        let unfair = -(0.8 * ln(0.8) + 0.2 * ln(0.2));
        assert!((found.entropy - (2.0 * ln(2.0) + 3.0 * unfair) / 5.0).abs() < 1e-12);
        assert!((found.base_rate_logloss + 0.6 * ln(0.6) + 0.4 * ln(0.4)).abs() < 1e-12);
    }

    #[test]
    fn one_kind_of_label_has_no_curve() {
        let found = Attainable::of(&mut [(0.5, true), (0.25, true)]);
        assert!(found.auc.is_nan());
        assert_eq!(found.base_rate_logloss, 0.0);
    }
}
