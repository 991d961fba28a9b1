//! Lists of rows of a dataset: a part, or parts one after the other.

use std::hint::black_box;
use std::ops::Deref;
use std::sync::Arc;

use rand::Rng;

/// Rows that change places one after the other, and are fetched together.
const TOGETHER: usize = 64;

/// Row indices of a dataset, in the order in which an evaluation reads them. Cloning shares the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows(Arc<[u32]>);

impl Rows {
    /// These lists one after the other, such as training and validation for the final retraining.
    pub fn concat<'a>(lists: impl IntoIterator<Item = &'a Rows>) -> Self {
        Self(lists.into_iter().flat_map(|rows| rows.iter().copied()).collect())
    }
}

impl From<Vec<u32>> for Rows {
    fn from(rows: Vec<u32>) -> Self {
        Self(rows.into())
    }
}

impl Deref for Rows {
    type Target = [u32];

    fn deref(&self) -> &[u32] {
        &self.0
    }
}

/// A uniform permutation in place. Written out so that no version of a library can move a split or a batch.
pub(super) fn shuffle(rows: &mut [u32], rng: &mut impl Rng) {
    let mut left = rows.len();
    let mut others = [0; TOGETHER];
    while left > 1 {
        let count = TOGETHER.min(left - 1);
        for (other, last) in others.iter_mut().zip((left - count..left).rev()) {
            *other = ((u128::from(rng.next_u64()) * (last as u128 + 1)) >> 64) as usize;
        }
        // Asked for at once, all these rows come from memory in the time of one.
        black_box(others[..count].iter().fold(0, |sum: u32, &other| sum.wrapping_add(rows[other])));
        for (&other, last) in others.iter().zip((left - count..left).rev()) {
            rows.swap(last, other);
        }
        left -= count;
    }
}

#[cfg(test)]
mod tests {
    use nasrec_compiler::streams::Streams;

    use super::*;

    #[test]
    fn every_order_is_equally_likely() {
        let streams = Streams::new(1);
        let mut counts = std::collections::BTreeMap::new();
        for index in 0..6_000 {
            let mut rows = [0, 1, 2];
            shuffle(&mut rows, &mut streams.rng("order", index));
            *counts.entry(rows).or_insert(0u32) += 1;
        }
        assert_eq!(counts.len(), 6);
        // The standard deviation of each count is 29.
        assert!(counts.values().all(|&count| (850..1150).contains(&count)), "{counts:?}");
    }

    /// Each last row changes places with one drawn among those up to it, whatever is fetched together.
    #[test]
    fn an_order_is_drawn_one_row_after_the_other() {
        let streams = Streams::new(1);
        for count in [0, 1, 2, TOGETHER, TOGETHER + 1, TOGETHER + 2, 1000] {
            let (mut rows, mut expected): (Vec<u32>, Vec<u32>) =
                ((0..count as u32).collect(), (0..count as u32).collect());
            shuffle(&mut rows, &mut streams.rng("order", 0));
            let mut rng = streams.rng("order", 0);
            for last in (1..count).rev() {
                let other = (u128::from(rng.next_u64()) * (last as u128 + 1)) >> 64;
                expected.swap(last, other as usize);
            }
            assert_eq!(rows, expected);
        }
    }

    #[test]
    fn lists_follow_each_other() {
        let joined = Rows::concat([&Rows::from(vec![3, 1]), &Rows::from(vec![2])]);
        assert_eq!(&*joined, [3, 1, 2]);
    }
}
