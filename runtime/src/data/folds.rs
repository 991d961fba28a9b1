//! Cross-validation: blocks of the training part that take the place of the validation part in turn.
//!
//! What is chosen among many by one validation part fits the rows of that. Whoever chooses can judge the best on other rows, too:
//! each fold is a training and a validation part of its own, and no row of the test part is in either.

use hashbrown::HashMap;
use nasrec_compiler::recipe::{self, By};

use super::keys::Keys;
use super::rows::Rows;

/// From so many rows of the validation part on there are no folds: so many say it all, and each fold is the table once more.
const ENOUGH: usize = 100_000;

/// How many folds there are of a table of so many rows, at most.
pub(crate) fn most_folds(recipe: &recipe::Data, rows: u64) -> usize {
    let [train, validation, test] = recipe.split.map(u128::from);
    let judged = u128::from(rows) * validation / (train + validation + test).max(1);
    if judged < ENOUGH as u128 { recipe.folds } else { 0 }
}

/// The training and the validation part of each fold but the recipe's own, in their order. As many as the recipe asks for, while there is
/// a block for another: each is as large as the validation part.
///
/// Of a shuffle, a block is drawn from the training part, and the validation part is learnt from in its place. Groups stay
/// together. By time the blocks are the latest of the training part, one before the other, and what is later than a block is not learnt
/// from (a rolling origin); no fewer than two fifths of the training rows are. There are none where the validation part was given, by
/// files or by a column: it may be of a kind that no other rows are.
pub(super) fn folds(keys: &Keys, [train, validation, _]: &[Rows; 3], recipe: &recipe::Data) -> Vec<[Rows; 2]> {
    let size = validation.len();
    if !recipe.given.valid.is_empty() || size == 0 || size >= ENOUGH {
        return Vec::new();
    }
    let most = recipe.folds;
    match recipe.by {
        By::Chance => {
            let blocks = train.chunks_exact(size).take(most).enumerate();
            let parts = blocks.map(|(at, block)| {
                let (before, after) = (&train[..at * size], &train[(at + 1) * size..]);
                [[before, after, validation].concat().into(), block.to_vec().into()]
            });
            parts.filter(|[train, _]: &[Rows; 2]| !train.is_empty()).collect()
        }
        By::Group => by_group(&keys.groups, train, validation, most),
        By::Time => by_time(&keys.times, train, size, most),
        By::Part => Vec::new(),
    }
}

/// Groups in the order in which the shuffled rows show them.
fn by_group(groups: &[u64], train: &Rows, validation: &Rows, most: usize) -> Vec<[Rows; 2]> {
    let mut rows = HashMap::<u64, usize>::new();
    train.iter().for_each(|&row| *rows.entry(groups[row as usize]).or_default() += 1);
    let (mut block_of, mut block, mut filled) = (HashMap::<u64, usize>::new(), 0, 0);
    for group in train.iter().map(|&row| groups[row as usize]) {
        if block < most && !block_of.contains_key(&group) {
            block_of.insert(group, block);
            filled += rows[&group];
            if filled >= validation.len() {
                (block, filled) = (block + 1, 0);
            }
        }
    }
    let parts = (0..block).map(|block| {
        let is_in = |row: &&u32| block_of.get(&groups[**row as usize]) == Some(&block);
        let (judged, learnt): (Vec<u32>, Vec<u32>) = train.iter().partition(is_in);
        [[&learnt, &validation[..]].concat().into(), judged.into()]
    });
    parts.filter(|[train, _]: &[Rows; 2]| train.len() > validation.len()).collect()
}

fn by_time(times: &[f64], train: &Rows, size: usize, most: usize) -> Vec<[Rows; 2]> {
    let mut sorted: Vec<f64> = train.iter().map(|&row| times[row as usize]).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let (mut folds, mut end) = (Vec::new(), sorted.len());
    while folds.len() < most {
        // All rows of one time are on one side.
        let Some(&first) = end.checked_sub(size).and_then(|begin| sorted.get(begin)) else { break };
        let begin = sorted.partition_point(|&time| time < first);
        if begin < 2 * sorted.len() / 5 {
            break;
        }
        let until = sorted.get(end).copied().unwrap_or(f64::INFINITY);
        let of = |is_in: &dyn Fn(f64) -> bool| {
            let rows = train.iter().copied().filter(|&row| is_in(times[row as usize]));
            Rows::from(rows.collect::<Vec<u32>>())
        };
        folds.push([of(&|time| time < first), of(&|time| time >= first && (end == sorted.len() || time < until))]);
        end = begin;
    }
    folds
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use nasrec_compiler::recipe::{Given, Source};
    use proptest::prelude::*;

    use super::*;
    use crate::data::split::split;

    fn recipe(by: By, seed: u64, folds: usize) -> recipe::Data {
        let (source, given) = (Source::Files(vec!["t".to_owned()]), Given::default());
        recipe::Data { source, given, split: [8, 1, 1], by, stratified: false, folds, seed, max_malformed: 0.0 }
    }

    fn rows(rows: &Rows) -> BTreeSet<u32> {
        rows.iter().copied().collect()
    }

    proptest! {
        /// No fold sees a row of the test part, learns from a row that it is judged on, or shares one of those with another.
        #[test]
        fn folds_are_judged_on_rows_of_their_own(
            values in prop::collection::vec(0u8..40, 40..300), seed: u64, way in 0usize..3, most in 0usize..10,
        ) {
            let by = [By::Chance, By::Group, By::Time][way];
            let mut keys = Keys::new(by);
            keys.labels = vec![0; values.len()];
            keys.times = values.iter().map(|&value| f64::from(value)).collect();
            keys.groups = values.iter().map(|&value| u64::from(value)).collect();
            let recipe = recipe(by, seed, most);
            let Ok(parts) = split(&keys, [values.len() as u64, 0, 0, 0], &recipe) else { return Ok(()) };
            let found = folds(&keys, &parts, &recipe);
            prop_assert!(found.len() <= most);
            prop_assert_eq!(&found, &folds(&keys, &parts, &recipe));
            let [train, validation, _] = parts.each_ref().map(rows);
            let mut judged = validation.clone();
            for fold in &found {
                let [learnt, block] = fold.each_ref().map(rows);
                prop_assert!(!learnt.is_empty() && !block.is_empty());
                prop_assert!(learnt.is_disjoint(&block));
                prop_assert!(block.is_subset(&train) && judged.is_disjoint(&block));
                judged.extend(&block);
                let of = |rows: &BTreeSet<u32>| rows.iter().map(|&row| values[row as usize]).collect::<BTreeSet<u8>>();
                match by {
                    By::Chance => {
                        prop_assert_eq!(block.len(), validation.len());
                        prop_assert_eq!(learnt.len(), train.len());
                    }
                    By::Time => {
                        prop_assert!(of(&learnt).last() < of(&block).first());
                        prop_assert!(5 * (learnt.len() + 1) >= 2 * train.len());
                        prop_assert!(block.len() >= validation.len());
                    }
                    _ => prop_assert!(of(&learnt).is_disjoint(&of(&block)), "a group is on both sides"),
                }
            }
            if by == By::Chance {
                prop_assert_eq!(found.len(), most.min(train.len() / validation.len()));
            }
        }
    }

    #[test]
    fn there_are_none_where_the_validation_part_says_it_all_or_was_given() {
        let parts = |rows: u32| {
            [0..8 * rows, 8 * rows..9 * rows, 9 * rows..10 * rows].map(|part| Rows::from(part.collect::<Vec<u32>>()))
        };
        let recipe = recipe(By::Chance, 1, 4);
        let keys = Keys::default();
        assert_eq!(folds(&keys, &parts(99_999), &recipe).len(), 4);
        assert_eq!(most_folds(&recipe, 999_990), 4);
        assert_eq!(folds(&keys, &parts(100_000), &recipe).len(), 0);
        assert_eq!(most_folds(&recipe, 1_000_000), 0);
        let valid = vec!["valid.csv".to_owned()];
        let given = recipe::Data { given: Given { valid, ..Given::default() }, ..recipe.clone() };
        assert_eq!(folds(&keys, &parts(100), &given).len(), 0);
        assert_eq!(folds(&keys, &parts(100), &recipe::Data { by: By::Part, ..recipe.clone() }).len(), 0);
        assert_eq!(folds(&keys, &parts(100), &recipe::Data { folds: 0, ..recipe }).len(), 0);
    }
}
