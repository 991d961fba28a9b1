//! How well one column tells the label alone.

/// Rows with a score: how many, and how many of them are clicks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scored {
    pub score: f64,
    pub rows: u64,
    pub clicks: u64,
}

/// The area under the ROC curve of these scores; none where there is one label only.
pub(super) fn auc(mut all: Vec<Scored>) -> Option<f64> {
    all.sort_unstable_by(|a, b| a.score.total_cmp(&b.score));
    let (mut below, mut pairs, mut clicks, mut others) = (0.0, 0.0, 0.0, 0.0);
    for alike in all.chunk_by(|a, b| a.score == b.score) {
        let here = alike.iter().map(|scored| scored.clicks).sum::<u64>() as f64;
        let not = alike.iter().map(|scored| scored.rows - scored.clicks).sum::<u64>() as f64;
        pairs += here * (below + not / 2.0);
        below += not;
        clicks += here;
        others += not;
    }
    (clicks > 0.0 && others > 0.0).then(|| pairs / (clicks * others))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(all: &[(f64, u64, u64)]) -> Option<f64> {
        auc(all.iter().map(|&(score, rows, clicks)| Scored { score, rows, clicks }).collect())
    }

    #[test]
    fn an_area_is_the_share_of_pairs_in_order() {
        assert_eq!(of(&[(1.0, 3, 0), (2.0, 5, 5)]), Some(1.0));
        assert_eq!(of(&[(2.0, 3, 0), (1.0, 5, 5)]), Some(0.0));
        assert_eq!(of(&[(1.0, 4, 1), (1.0, 2, 1)]), Some(0.5));
        // Clicks at 1 and 3, others at 2 and 3: of four pairs one is in order, and one alike.
        assert_eq!(of(&[(1.0, 1, 1), (2.0, 1, 0), (3.0, 2, 1)]), Some(1.5 / 4.0));
        assert_eq!(of(&[(1.0, 3, 3)]), None);
    }
}
