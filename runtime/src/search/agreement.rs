//! How far two orders agree.

use std::cmp::Ordering;

/// Kendall's tau-b: of all pairs how many more are in one order than in the other, over the geometric mean of the pairs that
/// each side does not tie (Kendall, Biometrika 33, 1945). Nothing where a side ties all of them.
pub(super) fn tau(a: &[f64], b: &[f64]) -> Option<f64> {
    let (mut more, mut untied_a, mut untied_b) = (0i64, 0i64, 0i64);
    for (at, (first_a, first_b)) in a.iter().zip(b).enumerate() {
        for (second_a, second_b) in a.iter().zip(b).skip(at + 1) {
            let (of_a, of_b) = (sign(first_a, second_a), sign(first_b, second_b));
            more += of_a * of_b;
            untied_a += of_a.abs();
            untied_b += of_b.abs();
        }
    }
    let pairs = (untied_a as f64 * untied_b as f64).sqrt();
    (pairs > 0.0).then(|| more as f64 / pairs)
}

/// Of infinities two are as good as each other.
fn sign(a: &f64, b: &f64) -> i64 {
    match a.partial_cmp(b) {
        Some(Ordering::Less) => -1,
        Some(Ordering::Greater) => 1,
        Some(Ordering::Equal) | None => 0,
    }
}

/// Spearman's rank correlation: Pearson's of ranks, where those that are tied share the mean of theirs.
pub(super) fn spearman(a: &[f64], b: &[f64]) -> Option<f64> {
    pearson(&ranks(a), &ranks(b))
}

fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    for tied in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let middle = start as f64 + (tied.len() - 1) as f64 / 2.0;
        tied.iter().for_each(|&at| ranks[at] = middle);
        start += tied.len();
    }
    ranks
}

/// Pearson's correlation of the values themselves. Nothing where a side does not vary, or is not finite.
pub(super) fn pearson(a: &[f64], b: &[f64]) -> Option<f64> {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let (mut both, mut of_a, mut of_b) = (0.0, 0.0, 0.0);
    for (a, b) in a.iter().zip(b) {
        let (a, b) = (a - mean_a, b - mean_b);
        both += a * b;
        of_a += a * a;
        of_b += b * b;
    }
    let found = both / (of_a * of_b).sqrt();
    found.is_finite().then(|| found.clamp(-1.0, 1.0))
}

/// How much worse than the best of all by the truth the best by the truth is among the so many that are best by the scores. Of
/// those that the scores tie, the one counts that comes first.
pub(super) fn regret(scores: &[f64], truths: &[f64], top: usize) -> Option<f64> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]).then(a.cmp(&b)));
    let least = |values: &mut dyn Iterator<Item = f64>| values.min_by(f64::total_cmp);
    let found = least(&mut order.iter().take(top).map(|&at| truths[at]))?;
    Some(found - least(&mut truths.iter().copied())?)
}

/// The same in the mean where scores say nothing: of so many that are drawn without looking.
pub(super) fn regret_by_chance(truths: &[f64], top: usize) -> Option<f64> {
    let mut sorted = truths.to_vec();
    sorted.sort_by(f64::total_cmp);
    let best = *sorted.first()?;
    let (all, top) = (sorted.len(), top.min(sorted.len()));
    // The best of them is the one at a place where none before it is drawn and it is.
    let (mut mean, mut none_before) = (0.0, 1.0);
    for (at, truth) in sorted.iter().enumerate() {
        let drawn = (top as f64 / (all - at) as f64).min(1.0);
        mean += none_before * drawn * truth;
        none_before *= 1.0 - drawn;
    }
    Some(mean - best)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Few different values, so that many are tied.
    fn two() -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
        (2usize..14).prop_flat_map(|n| {
            let side = || proptest::collection::vec((0u8..6).prop_map(f64::from), n);
            (side(), side())
        })
    }

    /// As the definitions say it: pairs counted in classes, ranks by counting who is less.
    fn tau_by_classes(a: &[f64], b: &[f64]) -> Option<f64> {
        let (mut concordant, mut discordant, mut only_a, mut only_b) = (0.0, 0.0, 0.0, 0.0);
        for i in 0..a.len() {
            for j in 0..i {
                match (a[i] == a[j], b[i] == b[j]) {
                    (true, true) => {}
                    (true, false) => only_a += 1.0,
                    (false, true) => only_b += 1.0,
                    (false, false) if (a[i] < a[j]) == (b[i] < b[j]) => concordant += 1.0,
                    (false, false) => discordant += 1.0,
                }
            }
        }
        let pairs: f64 = concordant + discordant;
        let whole = ((pairs + only_a) * (pairs + only_b)).sqrt();
        (whole > 0.0).then(|| (concordant - discordant) / whole)
    }

    fn ranks_by_counting(values: &[f64]) -> Vec<f64> {
        let of = |value: &f64| {
            let less = values.iter().filter(|other| *other < value).count() as f64;
            less + (values.iter().filter(|other| *other == value).count() - 1) as f64 / 2.0
        };
        values.iter().map(of).collect()
    }

    fn near(a: Option<f64>, b: Option<f64>) -> bool {
        match (a, b) {
            (Some(a), Some(b)) => (a - b).abs() < 1e-12,
            (a, b) => a == b,
        }
    }

    proptest! {
        #[test]
        fn measures_are_what_their_definitions_say((a, b) in two()) {
            prop_assert!(near(tau(&a, &b), tau_by_classes(&a, &b)));
            prop_assert_eq!(ranks(&a), ranks_by_counting(&a));
            for measure in [tau, spearman, pearson] {
                let told = measure(&a, &b);
                prop_assert!(near(told, measure(&b, &a)));
                let turned: Vec<f64> = b.iter().map(|b| 3.0 - b).collect();
                prop_assert!(near(told.map(|told| -told), measure(&a, &turned)));
                prop_assert!(told.is_none_or(|told| told.abs() <= 1.0));
            }
            for measure in [tau, spearman, pearson] {
                let (itself, varies) = (measure(&a, &a), a.iter().any(|value| *value != a[0]));
                prop_assert!(near(itself, varies.then_some(1.0)));
            }
        }

        #[test]
        fn an_order_is_all_that_counts_but_for_pearson((a, b) in two()) {
            let bent: Vec<f64> = a.iter().map(|a| a.exp()).collect();
            prop_assert!(near(tau(&a, &b), tau(&bent, &b)) && near(spearman(&a, &b), spearman(&bent, &b)));
        }

        #[test]
        fn regret_falls_with_how_many_are_looked_at((scores, truths) in two()) {
            let each: Vec<f64> = (1..=scores.len()).map(|top| regret(&scores, &truths, top).expect("some")).collect();
            prop_assert!(each.windows(2).all(|two| two[0] >= two[1]) && each[each.len() - 1] == 0.0);
            prop_assert_eq!(regret(&truths, &truths, 1), Some(0.0));
        }

        #[test]
        fn chance_is_the_mean_over_all_subsets((truths, _) in two(), top in 1usize..6) {
            let (n, best) = (truths.len(), truths.iter().copied().fold(f64::INFINITY, f64::min));
            let top = top.min(n);
            let (mut sum, mut sets) = (0.0, 0.0);
            for mask in (0u32..1 << n).filter(|mask| mask.count_ones() as usize == top) {
                let found = (0..n).filter(|at| mask >> at & 1 == 1).map(|at| truths[at]);
                sum += found.fold(f64::INFINITY, f64::min) - best;
                sets += 1.0;
            }
            prop_assert!(near(regret_by_chance(&truths, top), Some(sum / sets)));
        }
    }

    #[test]
    fn what_failed_comes_last_and_has_no_pearson() {
        let (scores, truths) = ([0.3, f64::INFINITY, 0.1, f64::INFINITY], [0.5, 0.6, 0.4, 0.7]);
        assert_eq!(regret(&scores, &truths, 1), Some(0.0));
        assert_eq!(pearson(&scores, &truths), None);
        // Five pairs of six are in order, and one is tied by the scores.
        assert!(near(tau(&scores, &truths), Some(5.0 / (5.0f64 * 6.0).sqrt())));
    }
}
