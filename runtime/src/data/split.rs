//! Which rows are for training, validation and test.

use hashbrown::HashMap;
use nasrec_compiler::recipe::{self, By};
use nasrec_compiler::schema::Schema;
use nasrec_compiler::streams::Streams;
use rayon::prelude::*;

use super::keys::Keys;
use super::rows::{Rows, shuffle};
use crate::Result;
use crate::error::DataError;

const NAMES: [&str; 3] = ["training", "validation", "test"];

/// Shares the rows out. The first of `bounds` rows are those that the recipe splits; those behind them, as many for each part,
/// are of files that were given for it. Each part is in an order shuffled by the recipe's seed: its first batches are a
/// fair sample of it. What the shares are of, [`By`] says; of a shuffle that is `stratified`, clicks and non-clicks are shared
/// out separately, so that the parts' click counts differ from equal rates by rounding only.
///
/// # Errors
/// [`DataError::NothingToTrain`], [`DataError::EmptyPart`] and [`DataError::NoneForPart`]: no share for training, or too few
/// rows for a part that has one.
pub(super) fn split(keys: &Keys, bounds: [u64; 4], recipe: &recipe::Data) -> Result<[Rows; 3]> {
    let (shares, given) = (recipe.split, recipe.given.each().map(|files| !files.is_empty()));
    if shares[0] == 0 && !given[0] {
        return Err(DataError::NothingToTrain { shares }.into());
    }
    let mut order: Vec<u32> = (0..keys.len() as u32).collect();
    shuffle(&mut order, &mut Streams::new(recipe.seed).rng("data/split", 0));

    let shared = bounds[0] as usize;
    let ends_of_given = [1, 2].map(|part| bounds[..=part].iter().sum::<u64>());
    let mut sharing = Sharing::new(keys, shared, recipe);
    let mut parts = [const { Vec::new() }; 3];
    for row in order {
        let part = match row as usize {
            row if row < shared => sharing.part(keys, row),
            row => ends_of_given.iter().filter(|&&end| end <= row as u64).count(),
        };
        parts[part].push(row);
    }
    for (at, _) in parts.iter().enumerate().filter(|(_, part)| part.is_empty()) {
        let none = |why: String| Err(DataError::NoneForPart { part: NAMES[at], why }.into());
        let [train, valid, test] = shares;
        match recipe.by {
            _ if given[at] => return none("its files hold no sound row".to_owned()),
            By::Part => return none("the column that tells the parts names it in none".to_owned()),
            _ if shares[at] == 0 => {}
            By::Chance => return Err(DataError::EmptyPart { rows: shared, shares, part: NAMES[at] }.into()),
            By::Time => {
                let shares = format!("{shared} rows are split {train}:{valid}:{test} by their time");
                return none(format!("{shares}, where those of one time stay in one part"));
            }
            By::Group => {
                let shares = format!("{shared} rows are split {train}:{valid}:{test} by their groups");
                return none(format!("{shares}, where those of one group stay in one part"));
            }
        }
    }
    Ok(parts.map(Rows::from))
}

/// How the rows are shared out that no files are given for.
enum Sharing {
    /// Where the parts of others and of clicks end, if these are told apart, and how many were met.
    Chance {
        stratified: bool,
        ends: [[u64; 3]; 2],
        met: [u64; 2],
    },
    /// The first times of validation and of test.
    Time([f64; 2]),
    Group(HashMap<u64, u8>),
    Part,
}

impl Sharing {
    fn new(keys: &Keys, shared: usize, recipe: &recipe::Data) -> Self {
        let shares = recipe.split;
        match recipe.by {
            By::Chance => {
                let stratified = recipe.stratified;
                let clicks = keys.labels[..shared].iter().map(|&label| u64::from(label)).sum::<u64>();
                let sizes = if stratified { [shared as u64 - clicks, clicks] } else { [shared as u64, 0] };
                Self::Chance { stratified, ends: sizes.map(|size| ends(size, shares)), met: [0; 2] }
            }
            By::Time => {
                let mut times = keys.times[..shared].to_vec();
                times.sort_unstable_by(f64::total_cmp);
                Self::Time(cuts(&times, ends(shared as u64, shares)))
            }
            By::Group => {
                let mut rows = HashMap::<u64, u64>::new();
                keys.groups[..shared].iter().for_each(|&group| *rows.entry(group).or_default() += 1);
                let mut order: Vec<u64> = rows.keys().copied().collect();
                order.sort_unstable();
                let mut places: Vec<u32> = (0..order.len() as u32).collect();
                shuffle(&mut places, &mut Streams::new(recipe.seed).rng("data/split/groups", 0));
                let (ends, mut before) = (ends(shared as u64, shares), 0);
                let placed = places.into_iter().map(|place| {
                    let group = order[place as usize];
                    let part = ends[..2].iter().filter(|&&end| end <= before).count();
                    before += rows[&group];
                    (group, part as u8)
                });
                Self::Group(placed.collect())
            }
            By::Part => Self::Part,
        }
    }

    /// The part of a row; rows are asked for once each.
    fn part(&mut self, keys: &Keys, row: usize) -> usize {
        match self {
            Self::Chance { stratified, ends, met } => {
                let stratum = if *stratified { usize::from(keys.labels[row]) } else { 0 };
                // The last end is the size of the stratum, so a part is always found.
                let part = ends[stratum].iter().filter(|&&end| end <= met[stratum]).count();
                met[stratum] += 1;
                part
            }
            Self::Time(cuts) => cuts.iter().filter(|&&cut| cut <= keys.times[row]).count(),
            Self::Group(parts) => parts.get(&keys.groups[row]).map_or(0, |&part| usize::from(part)),
            Self::Part => usize::from(keys.parts[row]),
        }
    }
}

/// Where each part ends in a list of `size`, rounded to the nearest row.
fn ends(size: u64, shares: [u32; 3]) -> [u64; 3] {
    let total: u128 = shares.iter().map(|&share| u128::from(share)).sum::<u128>().max(1);
    let mut before = 0;
    shares.map(|share| {
        before += u128::from(share);
        ((2 * u128::from(size) * before + total) / (2 * total)) as u64
    })
}

/// The first times of the second and of the third part, so that no time is in two parts: where they should begin, or at the
/// next other time before or after, whichever is nearer.
fn cuts(times: &[f64], ends: [u64; 3]) -> [f64; 2] {
    let mut least = 0;
    [ends[0], ends[1]].map(|end| {
        let end = end as usize;
        let Some(&here) = times.get(end) else { return f64::INFINITY };
        if end == 0 {
            return f64::NEG_INFINITY;
        }
        let begins = times.partition_point(|&time| time < here);
        let after = times.partition_point(|&time| time <= here);
        let is_open = |place: usize| place > least && place < times.len();
        let place = match (is_open(begins), is_open(after)) {
            (true, true) if end - begins <= after - end => begins,
            (_, true) => after,
            (true, false) => begins,
            (false, false) => return f64::INFINITY,
        };
        least = place;
        times[place]
    })
}

/// What was done, for a person.
pub(super) fn told(parts: &[Rows; 3], keys: &Keys, schema: &Schema, recipe: &recipe::Data) -> String {
    let purposes = ["to train on", "to validate on", "to test on"];
    let sizes = parts.iter().zip(purposes).map(|(part, purpose)| {
        let clicks: u64 = part.par_iter().map(|&row| u64::from(keys.labels[row as usize])).sum();
        let rate = 100.0 * clicks as f64 / part.len().max(1) as f64;
        format!("{} {purpose} ({rate:.1} % clicks)", part.len())
    });
    let sizes = sizes.collect::<Vec<_>>().join(", ");
    let given = recipe.given.each().map(|files| !files.is_empty());
    if recipe.files()[0].is_empty() && !recipe.given.is_empty() {
        return format!("rows: {sizes}, as the files of each part have them");
    }
    let column = |name: Option<&String>| name.cloned().unwrap_or_default();
    let how = match recipe.by {
        // Nothing is shared out.
        _ if given == [false, true, true] => String::new(),
        By::Chance => {
            let time =
                schema.time.as_ref().map(|time| format!("; `by_time` would test on the latest by {}", time.column));
            let group = schema.group.as_ref();
            let group = group.map(|group| format!("; `by_group` would keep the rows of each {group} in one part"));
            format!("shuffled{}{}", time.unwrap_or_default(), group.unwrap_or_default())
        }
        By::Time => format!("the latest by {} are tested on", column(schema.time.as_ref().map(|time| &time.column))),
        By::Group => format!("all rows of a {} in one part", column(schema.group.as_ref())),
        By::Part => format!("as {} says", column(schema.part.as_ref())),
    };
    let files = NAMES.iter().zip(given).filter(|(_, given)| *given).map(|(name, _)| *name).collect::<Vec<_>>();
    let files = if files.is_empty() { String::new() } else { format!("{} as given", files.join(" and ")) };
    let both = [how, files].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ");
    format!("rows: {sizes}: {both}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn data(shares: [u32; 3], by: By, seed: u64) -> recipe::Data {
        let source = recipe::Source::Files(vec!["t".to_owned()]);
        let given = recipe::Given::default();
        recipe::Data { source, given, split: shares, by, stratified: false, folds: 0, seed, max_malformed: 0.0 }
    }

    fn by_chance(labels: &[u8], shares: [u32; 3], stratified: bool, seed: u64) -> Result<[Rows; 3]> {
        let mut keys = Keys::new(By::Chance);
        keys.labels = labels.to_vec();
        let recipe = recipe::Data { stratified, ..data(shares, By::Chance, seed) };
        split(&keys, [labels.len() as u64, 0, 0, 0], &recipe)
    }

    proptest! {
        #[test]
        fn parts_are_disjoint_and_cover_everything(
            labels in prop::collection::vec(0u8..2, 50..400), seed: u64, stratified: bool,
            shares in [1u32..9, 0u32..4, 0u32..4],
        ) {
            let total: u32 = shares.iter().sum();
            let exact = |share: u32| labels.len() as f64 * f64::from(share) / f64::from(total);
            if let Ok(parts) = by_chance(&labels, shares, stratified, seed) {
                let mut all: Vec<u32> = parts.iter().flat_map(|part| part.iter().copied()).collect();
                all.sort_unstable();
                prop_assert_eq!(all, (0..labels.len() as u32).collect::<Vec<_>>());
                prop_assert_eq!(by_chance(&labels, shares, stratified, seed).expect("as before"), parts.clone());
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
        let of = |seed| by_chance(&labels, [8, 1, 1], true, seed).expect("enough rows");
        assert_ne!(of(1), of(2));
        assert_eq!(of(1).map(|part| part.len()), [800, 100, 100]);
    }

    #[test]
    fn a_part_is_not_sorted_by_label() {
        let labels: Vec<u8> = (0..1000).map(|row| u8::from(row < 500)).collect();
        let [_, validation, _] = by_chance(&labels, [8, 1, 1], true, 3).expect("enough rows");
        let head = validation[..50].iter().filter(|&&row| row < 500).count();
        assert!((10..40).contains(&head), "{head} of the first 50 are clicks");
    }

    #[test]
    fn impossible_splits_are_explained() {
        let message =
            |rows: usize, shares| by_chance(&vec![0; rows], shares, false, 0).expect_err("impossible").to_string();
        assert_eq!(message(9, [0, 1, 1]), "the split 0:1:1 leaves nothing to train on; expected shares such as 8:1:1");
        assert_eq!(
            message(3, [8, 1, 1]),
            "3 rows split 8:1:1 leave no row for test; supply more rows, or a larger share"
        );
    }

    proptest! {
        /// Nothing of a later part is earlier than anything of an earlier one, and no time is in two.
        #[test]
        fn by_time_the_latest_are_the_test_part(
            times in prop::collection::vec(0u8..40, 3..200), seed: u64, shares in [1u32..9, 1u32..4, 1u32..4],
        ) {
            let mut keys = Keys::new(By::Time);
            keys.labels = vec![0; times.len()];
            keys.times = times.iter().map(|&time| f64::from(time)).collect();
            let mut different = times.clone();
            different.sort_unstable();
            different.dedup();
            match split(&keys, [times.len() as u64, 0, 0, 0], &data(shares, By::Time, seed)) {
                Ok(parts) => {
                    let span = |part: &Rows| {
                        let times = part.iter().map(|&row| times[row as usize]);
                        (times.clone().min().unwrap(), times.max().unwrap())
                    };
                    let spans = parts.each_ref().map(span);
                    prop_assert!(spans[0].1 < spans[1].0 && spans[1].1 < spans[2].0, "{:?}", spans);
                    let rows: usize = parts.iter().map(|part| part.len()).sum();
                    prop_assert_eq!(rows, times.len());
                    let ends = ends(times.len() as u64, shares);
                    // A part that would round to nothing has a row.
                    if different.len() == times.len() && 0 < ends[0] && ends[0] < ends[1] && ends[1] < ends[2] {
                        prop_assert_eq!(parts[0].len() as u64, ends[0]);
                        prop_assert_eq!((parts[0].len() + parts[1].len()) as u64, ends[1]);
                    }
                }
                Err(error) => {
                    let exact = shares.map(|share| times.len() as u32 * share / shares.iter().sum::<u32>());
                    let few = different.len() < 8 || exact.iter().any(|&rows| rows < 40);
                    prop_assert!(few, "{}", error);
                }
            }
        }

        #[test]
        fn groups_stay_together(groups in prop::collection::vec(0u64..30, 60..300), seed: u64) {
            let mut keys = Keys::new(By::Group);
            keys.labels = vec![0; groups.len()];
            keys.groups = groups.clone();
            if let Ok(parts) = split(&keys, [groups.len() as u64, 0, 0, 0], &data([2, 1, 1], By::Group, seed)) {
                let of = |part: &Rows| part.iter().map(|&row| groups[row as usize]).collect::<std::collections::BTreeSet<_>>();
                let [train, valid, test] = parts.each_ref().map(of);
                prop_assert!(train.is_disjoint(&valid) && train.is_disjoint(&test) && valid.is_disjoint(&test));
                let most = groups.iter().map(|group| groups.iter().filter(|other| *other == group).count()).max();
                let most = most.unwrap_or(0);
                prop_assert!(parts[0].len().abs_diff(groups.len() / 2) <= most + 1);
            }
        }
    }

    #[test]
    fn parts_that_are_given_are_those() {
        let mut keys = Keys::new(By::Chance);
        keys.labels = vec![0; 100];
        let files = |name: &str| vec![name.to_owned()];
        let given = recipe::Given { valid: files("v"), test: files("t"), train: Vec::new() };
        let recipe = recipe::Data { given, ..data([8, 0, 0], By::Chance, 1) };
        let parts = split(&keys, [60, 0, 30, 10], &recipe).expect("all there");
        let sorted = |part: &Rows| {
            let mut rows = part.to_vec();
            rows.sort_unstable();
            rows
        };
        assert_eq!(
            parts.each_ref().map(sorted),
            [(0..60).collect::<Vec<_>>(), (60..90).collect(), (90..100).collect()]
        );
        assert_ne!(parts[0].to_vec(), (0..60).collect::<Vec<_>>(), "shuffled");
        let error = split(&keys, [60, 0, 40, 0], &recipe).expect_err("no test").to_string();
        assert_eq!(error, "no row is for test: its files hold no sound row");
        // One is given, the others share the rest out.
        let given = recipe::Given { test: files("t"), ..recipe::Given::default() };
        let recipe = recipe::Data { given, ..data([8, 1, 0], By::Chance, 1) };
        let parts = split(&keys, [90, 0, 0, 10], &recipe).expect("all there");
        assert_eq!(parts.each_ref().map(|part| part.len()), [80, 10, 10]);
        assert!(parts[2].iter().all(|&row| row >= 90));
    }
}
