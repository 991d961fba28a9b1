//! Categories as numbers: click rates out of fold, and counts. What they are is worked out again here, row by row.

use std::collections::HashMap;
use std::fmt::Write;

use nasrec_compiler::recipe::{Data, Source};
use nasrec_compiler::schema::Schema;
use nasrec_compiler::streams::Streams;
use nasrec_runtime::Stop;
use nasrec_runtime::data::{Dataset, Encoder, Part};
use proptest::prelude::*;
use rand::Rng;

use crate::data::{Place, Recorder, recipe};
use crate::tables::written;

const SEED: u64 = 11;
const FOLDS: u64 = 3;
const SMOOTHING: f64 = 2.5;

const SCHEMA: &str = "schema t {
  label click
  skip row
  dense rate from C: text | target(folds: 3, smoothing: 2.5)
  dense scaled from C: text | target(folds: 3, smoothing: 2.5) | standardise
  dense seen from C: text | count
  dense known from C: text | count | log1p | min_max
  sparse C: text | vocabulary
}";

/// One row: whether it is a click, and its category; nothing is a missing one.
type Row = (bool, Option<u8>);

fn text(rows: &[Row]) -> String {
    let mut text = String::new();
    for (index, (click, category)) in rows.iter().enumerate() {
        let category = category.map_or_else(String::new, |category| format!("c{category}"));
        writeln!(text, "{}\t{index}\t{category}", u8::from(*click)).expect("memory");
    }
    text
}

fn prepared(schema: &Schema, text: &str, seed: u64) -> (Place, Dataset) {
    let place = Place::new(&[("a.tsv", text.as_bytes())]);
    let source = Source::Files(vec!["a.tsv".to_owned()]);
    // Not stratified: which rows are learnt from must not follow from labels here.
    let recipe = Data { split: [6, 1, 1], stratified: false, seed, ..recipe(source) };
    let cache = place.path().join("cache");
    let data = Dataset::prepare(schema, &recipe, place.path(), &cache, &Recorder::default(), &Stop::new());
    (place, data.expect("sound"))
}

fn numbers(data: &Dataset) -> Vec<Vec<f32>> {
    (0..data.rows() as u32).map(|row| data.batch(&[row]).expect("there").numeric).collect()
}

fn of(row: u32) -> u64 {
    let draw = Streams::new(SEED).rng("data/folds", row.into()).next_u64();
    ((u128::from(draw) * u128::from(FOLDS)) >> 64) as u64
}

/// The same from the rows as they are.
fn by_hand(rows: &[Row], data: &Dataset) -> Vec<[f64; 4]> {
    let training: Vec<u32> = data.part(Part::Train).to_vec();
    let share = |clicks: f64, rows: f64| if rows == 0.0 { 0.0 } else { clicks / rows };
    let clicks = |rows_of: &[u32]| rows_of.iter().filter(|&&row| rows[row as usize].0).count() as f64;
    let prior = share(clicks(&training), training.len() as f64);
    let rates: Vec<(f64, f64)> = (0..rows.len() as u32)
        .map(|row| {
            let alike = |other: &&u32| rows[**other as usize].1 == rows[row as usize].1;
            let all: Vec<u32> = training.iter().filter(alike).copied().collect();
            let learnt_from = training.contains(&row);
            let used: Vec<u32> = all.iter().filter(|&&other| !learnt_from || of(other) != of(row)).copied().collect();
            ((clicks(&used) + SMOOTHING * prior) / (used.len() as f64 + SMOOTHING), all.len() as f64)
        })
        .collect();
    let learnt: Vec<(f64, f64)> = training.iter().map(|&row| rates[row as usize]).collect();
    let mean = learnt.iter().map(|(rate, _)| rate).sum::<f64>() / learnt.len() as f64;
    let deviation = (learnt.iter().map(|(rate, _)| (rate - mean).powi(2)).sum::<f64>() / learnt.len() as f64).sqrt();
    let logs = learnt.iter().map(|(_, count)| count.ln_1p());
    let (least, greatest) = logs.fold((f64::MAX, f64::MIN), |(lo, hi), log| (lo.min(log), hi.max(log)));
    let over = |span: f64| if span > 1e-12 { 1.0 / span } else { 0.0 };
    let all = rates.iter().map(|&(rate, count)| {
        let scaled = (rate - mean) * over(deviation);
        [rate, scaled, count, ((count.ln_1p() - least) * over(greatest - least)).clamp(0.0, 1.0)]
    });
    all.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn encodings_are_those_of_sums_by_hand(
        rows in prop::collection::vec((any::<bool>(), prop::option::weighted(0.9, 0u8..12)), 40..160),
    ) {
        let clicks = rows.iter().filter(|(click, _)| *click).count();
        prop_assume!(clicks > 0 && clicks < rows.len());
        let (_place, data) = prepared(&written(SCHEMA), &text(&rows), SEED);
        for ((found, expected), row) in numbers(&data).iter().zip(by_hand(&rows, &data)).zip(&rows) {
            for (found, expected) in found.iter().zip(expected) {
                prop_assert!((f64::from(*found) - expected).abs() < 1e-4, "{found} {expected} of {row:?}");
            }
        }
    }

    /// Nothing that the rows held back say reaches what is learnt, or the numbers of any row.
    #[test]
    fn labels_of_rows_held_back_change_nothing(
        rows in prop::collection::vec((any::<bool>(), prop::option::weighted(0.9, 0u8..12)), 40..160),
    ) {
        let clicks = rows.iter().filter(|(click, _)| *click).count();
        prop_assume!(clicks > 0 && clicks < rows.len());
        let schema = written(SCHEMA);
        let (_place, data) = prepared(&schema, &text(&rows), SEED);
        let mut flipped = rows.clone();
        for part in [Part::Validation, Part::Test] {
            data.part(part).iter().for_each(|&row| flipped[row as usize].0 ^= true);
        }
        prop_assume!(flipped.iter().any(|(click, _)| *click) && flipped.iter().any(|(click, _)| !click));
        let (_other, other) = prepared(&schema, &text(&flipped), SEED);
        let learnt = |data: &Dataset| {
            data.encoder(&schema).expect("sound").expect("it learns").to_bytes(&schema).expect("written")
        };
        prop_assert_eq!(learnt(&data), learnt(&other));
        prop_assert_eq!(numbers(&data), numbers(&other));
    }
}

/// A table of rows whose every fifth is a click, and an identity each.
fn identities(rows: u32) -> String {
    (0..rows).map(|row| format!("{}\t{row}\tid {row}\n", u8::from(row.is_multiple_of(5)))).collect()
}

#[test]
fn what_is_there_once_tells_a_training_row_nothing() {
    let (_place, data) = prepared(&written(SCHEMA), &identities(2_000), SEED);
    let training = data.part(Part::Train);
    let clicks = training.iter().filter(|row| row.is_multiple_of(5)).count();
    let prior = (clicks as f64 / training.len() as f64) as f32;
    let numbers = numbers(&data);
    // With its own label, a click would have (1 + 2.5 prior) / 3.5.
    assert!(numbers.iter().all(|of| of[0] == prior && of[1] == 0.0), "every row has the rate of all");
    for (row, of) in numbers.iter().enumerate() {
        assert_eq!(of[2], if training.contains(&(row as u32)) { 1.0 } else { 0.0 }, "{row}");
    }
}

#[test]
fn folds_follow_from_the_seed_and_not_from_threads() {
    let schema = written(SCHEMA);
    let rows: Vec<Row> = (0..40_000u32).map(|row| (row.is_multiple_of(3), Some((row % 250) as u8))).collect();
    let text = text(&rows);
    let with = |threads: usize, seed| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| prepared(&schema, &text, seed).1.fingerprint().to_owned())
    };
    let one = with(1, SEED);
    assert_eq!(with(3, SEED), one);
    assert_ne!(with(1, SEED + 1), one);
}

#[test]
fn what_is_kept_of_categories_is_read_as_it_was_written() {
    let schema = written(SCHEMA);
    let rows: Vec<Row> =
        (0..200u32).map(|row| (row.is_multiple_of(3), (row % 7 != 0).then_some(row as u8 % 5))).collect();
    let (_place, data) = prepared(&schema, &text(&rows), SEED);
    let encoder = data.encoder(&schema).expect("sound").expect("it learns");
    let bytes = encoder.to_bytes(&schema).expect("written");
    assert_eq!(Encoder::from_bytes(&bytes, &schema).expect("sound").to_bytes(&schema).expect("written"), bytes);
    let file = safetensors::SafeTensors::deserialize(&bytes).expect("sound");
    let mut names: Vec<&str> = file.names().into_iter().collect();
    names.sort_unstable();
    let categories = ["bytes", "ends", "seen"].map(|part| format!("categories.rate.{part}"));
    assert_eq!(names[..3], categories, "once for all columns that are made of the same");
    let words = |name: &str| -> Vec<u32> {
        let bytes = file.tensor(name).expect("there").data();
        bytes.as_chunks::<4>().0.iter().map(|&word| u32::from_le_bytes(word)).collect()
    };
    let mut expected: HashMap<Option<u8>, [u32; 2]> = HashMap::new();
    for &row in data.part(Part::Train).iter() {
        let (click, category) = rows[row as usize];
        let seen = expected.entry(category).or_default();
        *seen = [seen[0] + 1, seen[1] + u32::from(click)];
    }
    let order = (0..5).map(Some).chain([None]);
    let expected: Vec<u32> = order.flat_map(|category| expected[&category]).collect();
    assert_eq!(words("categories.rate.seen"), expected);
    // Counts of another table, or none.
    let other = written(&SCHEMA.replace("dense rate from C", "dense other from C"));
    let refused = Encoder::from_bytes(&bytes, &other).expect_err("another schema").to_string();
    assert!(refused.contains("it has no categories.other.bytes"), "{refused}");
}

#[test]
fn buckets_of_logarithms_are_those_of_the_published_benchmarks() {
    let schema = written(
        "schema t {
          label click
          sparse a from x: int | log_square
          sparse b from x: int | log_buckets(base: 2)
          sparse c from x: number | log_buckets(base: 10)
        }",
    );
    assert!(!schema.is_fitted(), "nothing is learnt");
    assert_eq!(schema.sparse.iter().map(|column| column.rows).collect::<Vec<_>>(), [1_979, 130, 40]);
    let values = ["", "0", "1", "2", "3", "5", "1023", "1024", "-1", "-3", "-100", "9223372036854775807"];
    let text: String = values.iter().enumerate().map(|(row, value)| format!("{}\t{value}\n", row % 2)).collect();
    let source = Source::Files(vec!["a.tsv".to_owned()]);
    let recipe = Data { split: [1, 0, 0], stratified: false, ..recipe(source) };
    let place = Place::new(&[("a.tsv", text.as_bytes())]);
    let cache = place.path().join("cache");
    let data = Dataset::prepare(&schema, &recipe, place.path(), &cache, &Recorder::default(), &Stop::new());
    let data = data.expect("sound");
    for (row, value) in values.iter().enumerate() {
        let ids = data.batch(&[row as u32]).expect("there").ids;
        let Ok(number) = value.parse::<f64>() else {
            assert_eq!(ids, [0, 0, 0], "missing");
            continue;
        };
        let square = if number > 2.0 { number.ln().powi(2).floor() } else { number.max(-10.0) };
        let log = |base: f64| ((1.0 + number.abs()).ln() / base.ln() + 1e-9).floor() * number.signum();
        let expected = [square + 11.0, log(2.0) + 65.0, log(10.0) + 20.0].map(|row| row as u32);
        assert_eq!(ids, expected, "{value}");
    }
}
