//! Which rows are for training, validation and test.

use nasrec_compiler::streams::Streams;

use super::rows::{Rows, shuffle};
use crate::Result;
use crate::error::DataError;

const NAMES: [&str; 3] = ["training", "validation", "test"];

/// Splits the rows with these labels by `shares`, in an order shuffled by `seed`. With `stratified`, clicks and
/// non-clicks are shared out separately, so that the parts' click counts differ from equal rates by rounding only.
/// Each part keeps the shuffled order: its first batches are a fair sample of it.
///
/// # Errors
/// [`DataError::NothingToTrain`] and [`DataError::EmptyPart`]: no share for training, or too few rows for a part that
/// has one.
pub(super) fn split(labels: &[u8], shares: [u32; 3], stratified: bool, seed: u64) -> Result<[Rows; 3]> {
    if shares[0] == 0 {
        return Err(DataError::NothingToTrain { shares }.into());
    }
    let mut order: Vec<u32> = (0..labels.len() as u32).collect();
    shuffle(&mut order, &mut Streams::new(seed).rng("data/split", 0));

    let stratum = |row: u32| if stratified { usize::from(labels[row as usize]) } else { 0 };
    let mut sizes = [0u64; 2];
    labels.iter().enumerate().for_each(|(row, _)| sizes[stratum(row as u32)] += 1);
    let ends = sizes.map(|size| ends(size, shares));
    let mut parts = [0, 1, 2].map(|part| {
        let rows: u64 = ends.iter().map(|ends| ends[part] - if part == 0 { 0 } else { ends[part - 1] }).sum();
        Vec::with_capacity(rows as usize)
    });
    let mut seen = [0u64; 2];
    for row in order {
        let stratum = stratum(row);
        // The last end is the size of the stratum, so a part is always found.
        let part = ends[stratum].iter().filter(|&&end| end <= seen[stratum]).count();
        parts[part].push(row);
        seen[stratum] += 1;
    }
    for ((part, share), name) in parts.iter().zip(shares).zip(NAMES) {
        if part.is_empty() && share > 0 {
            return Err(DataError::EmptyPart { rows: labels.len(), shares, part: name }.into());
        }
    }
    Ok(parts.map(Rows::from))
}

/// Where each part ends in a list of `size`, rounded to the nearest row.
fn ends(size: u64, shares: [u32; 3]) -> [u64; 3] {
    let total: u128 = shares.iter().map(|&share| u128::from(share)).sum();
    let mut before = 0;
    shares.map(|share| {
        before += u128::from(share);
        ((2 * u128::from(size) * before + total) / (2 * total)) as u64
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn parts_are_disjoint_and_cover_everything(
            labels in prop::collection::vec(0u8..2, 50..400), seed: u64, stratified: bool,
            shares in [1u32..9, 0u32..4, 0u32..4],
        ) {
            let total: u32 = shares.iter().sum();
            let exact = |share: u32| labels.len() as f64 * f64::from(share) / f64::from(total);
            if let Ok(parts) = split(&labels, shares, stratified, seed) {
                let mut all: Vec<u32> = parts.iter().flat_map(|part| part.iter().copied()).collect();
                all.sort_unstable();
                prop_assert_eq!(all, (0..labels.len() as u32).collect::<Vec<_>>());
                prop_assert_eq!(split(&labels, shares, stratified, seed).expect("as before"), parts.clone());
                for (part, share) in parts.iter().zip(shares) {
                    let exact = exact(share);
                    let strata = if stratified { 2.0 } else { 1.0 };
                    prop_assert!((part.len() as f64 - exact).abs() <= strata, "{} of {exact}", part.len());
                    if stratified {
                        let clicks = labels.iter().filter(|&&label| label == 1).count() as f64;
                        let found = part.iter().filter(|&&row| labels[row as usize] == 1).count() as f64;
                        let exact = clicks * f64::from(share) / f64::from(total);
                        prop_assert!((found - exact).abs() <= 1.0, "{found} clicks, {exact} expected");
                    }
                }
            } else {
                let smallest = shares.into_iter().filter(|&share| share > 0).map(exact).fold(f64::MAX, f64::min);
                prop_assert!(smallest < 2.0, "refused although every part has {smallest} rows");
            }
        }
    }

    #[test]
    fn another_seed_is_another_split() {
        let labels: Vec<u8> = (0..1000u32).map(|row| u8::from(row.is_multiple_of(3))).collect();
        let of = |seed| split(&labels, [8, 1, 1], true, seed).expect("enough rows");
        assert_ne!(of(1), of(2));
        assert_eq!(of(1).map(|part| part.len()), [800, 100, 100]);
    }

    #[test]
    fn a_part_is_not_sorted_by_label() {
        let labels: Vec<u8> = (0..1000).map(|row| u8::from(row < 500)).collect();
        let [_, validation, _] = split(&labels, [8, 1, 1], true, 3).expect("enough rows");
        let head = validation[..50].iter().filter(|&&row| row < 500).count();
        assert!((10..40).contains(&head), "{head} of the first 50 are clicks");
    }

    #[test]
    fn impossible_splits_are_explained() {
        let message =
            |rows: usize, shares| split(&vec![0; rows], shares, false, 0).expect_err("impossible").to_string();
        assert_eq!(message(9, [0, 1, 1]), "the split 0:1:1 leaves nothing to train on; expected shares such as 8:1:1");
        assert_eq!(
            message(3, [8, 1, 1]),
            "3 rows split 8:1:1 leave no row for test; supply more rows, or a larger share"
        );
    }
}
