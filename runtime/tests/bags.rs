//! Bags, lists of numbers, and embedding tables that columns share. What rows become is worked out again here.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;

use nasrec_compiler::recipe::{self, Source};
use nasrec_compiler::schema::Schema;
use nasrec_runtime::data::{Batch, Dataset, EMPTY, Encoder, infer, locate};
use nasrec_runtime::{Result, Stop};
use parquet::data_type::{ByteArray, ByteArrayType, FloatType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;

use crate::data::{Place, Recorder, recipe};
use crate::tables::written;

const SCHEMA: &str = "schema shop {
  format csv
  missing \"NA\"
  label click
  dense v[1..3] from vector | list(\" \") | clip(-5, 5)
  dense w[1..3] from vector | list(\" \") | standardise
  sparse genres: text | list(\"|\", most: 3) | vocabulary
  sparse tags: text | list(\", \", most: 4, pool: max) | hash(rows: 50, seed: 3)
  sparse item: int | vocabulary(min_count: 2)
  sparse history: int | list(\"^\", most: 5, pool: sum) | same(item)
  sparse last: int | same(item)
}";

/// What of a row is there, by columns: genres, tags, item, history, last, vector.
struct Row {
    click: bool,
    genres: Vec<String>,
    tags: Vec<String>,
    item: Option<u64>,
    history: Vec<u64>,
    last: Option<u64>,
    vector: Option<[i32; 3]>,
}

const ROWS: usize = 400;

fn pick(row: usize, of: u64, most: u64) -> u64 {
    let mixed = (row as u64 * 1_000 + of).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 33) % most
}

fn row(row: usize) -> Row {
    let several = |of: u64, most: u64| (0..pick(row, of, most)).map(move |at| pick(row, 10 * of + at + 100, 9));
    Row {
        click: pick(row, 0, 3) == 0,
        genres: several(1, 6).map(|genre| format!("g{}", genre * genre)).collect(),
        tags: several(2, 5).map(|tag| format!("t {tag}")).collect(),
        item: (pick(row, 3, 10) > 0).then(|| pick(row, 4, 40)),
        history: several(5, 7).collect(),
        last: (pick(row, 6, 10) > 0).then(|| pick(row, 7, 60)),
        vector: (pick(row, 8, 10) > 0).then(|| [0, 1, 2].map(|at| pick(row, 20 + at, 15) as i32 - 7)),
    }
}

/// Texts of the columns after the label, nothing of what is missing.
fn texts(row: &Row) -> [String; 6] {
    let number = |number: Option<u64>| number.map_or_else(String::new, |number| number.to_string());
    let history: Vec<String> = row.history.iter().map(u64::to_string).collect();
    let vector = row.vector.map_or_else(String::new, |[a, b, c]| format!("{a} {b} {c}"));
    [row.genres.join("|"), row.tags.join(", "), number(row.item), history.join("^"), number(row.last), vector]
}

fn csv() -> String {
    let mut text = "click,genres,tags,item,history,last,vector\n".to_owned();
    for row in (0..ROWS).map(row) {
        let [genres, tags, item, history, last, vector] = texts(&row);
        // What is empty between separators is nothing, and so is what is missing.
        let genres = if genres.is_empty() { "NA".to_owned() } else { format!("|{genres}||NA") };
        writeln!(text, "{},{genres},\"{tags}\",{item},{history},{last},{vector}", u8::from(row.click)).expect("memory");
    }
    text
}

fn parquet() -> Vec<u8> {
    let message = "message rows {
      required int64 click;
      optional binary genres (UTF8);
      optional binary tags (UTF8);
      optional int64 item;
      optional binary history (UTF8);
      optional int64 last;
      optional binary vector (UTF8);
    }";
    let message = Arc::new(parse_message_type(message).expect("sound"));
    let rows: Vec<Row> = (0..ROWS).map(row).collect();
    let mut writer =
        SerializedFileWriter::new(Vec::new(), message, Arc::new(WriterProperties::default())).expect("new");
    for rows in rows.chunks(150) {
        let mut group = writer.next_row_group().expect("a group");
        let mut column = group.next_column().expect("a column").expect("one");
        let clicks: Vec<i64> = rows.iter().map(|row| i64::from(row.click)).collect();
        column.typed::<Int64Type>().write_batch(&clicks, None, None).expect("written");
        column.close().expect("closed");
        for at in 0..6 {
            let texts: Vec<String> = rows.iter().map(|row| texts(row)[at].clone()).collect();
            let levels: Vec<i16> = texts.iter().map(|text| i16::from(!text.is_empty())).collect();
            let there = texts.iter().filter(|text| !text.is_empty());
            let mut column = group.next_column().expect("a column").expect("one");
            if at == 2 || at == 4 {
                let values: Vec<i64> = there.map(|text| text.parse().expect("a number")).collect();
                column.typed::<Int64Type>().write_batch(&values, Some(&levels), None).expect("written");
            } else {
                let values: Vec<ByteArray> = there.map(|text| ByteArray::from(text.as_str())).collect();
                column.typed::<ByteArrayType>().write_batch(&values, Some(&levels), None).expect("written");
            }
            column.close().expect("closed");
        }
        group.close().expect("closed");
    }
    writer.into_inner().expect("finished")
}

fn prepare(schema: &Schema, name: &str, contents: &[u8]) -> (Place, Result<Dataset>) {
    let place = Place::new(&[(name, contents)]);
    let recipe = recipe::Data { split: [1, 0, 0], ..recipe(Source::Files(vec![name.to_owned()])) };
    let cache = place.path().join("cache");
    let data = Dataset::prepare(schema, &recipe, place.path(), &cache, &Recorder::default(), &Stop::new());
    (place, data)
}

fn all(data: &Dataset) -> Batch {
    data.batch(&(0..data.rows() as u32).collect::<Vec<_>>()).expect("readable")
}

/// Rows of the most frequent values first, from row 2 on, equally frequent ones by their bytes.
fn vocabulary<T: Clone + Eq + std::hash::Hash>(
    values: impl Iterator<Item = T>,
    least: usize,
    bytes: impl Fn(&T) -> Vec<u8>,
) -> HashMap<T, u32> {
    let mut counts: HashMap<T, usize> = HashMap::new();
    values.for_each(|value| *counts.entry(value).or_default() += 1);
    let mut all: Vec<(T, usize)> = counts.into_iter().filter(|(_, count)| *count >= least).collect();
    all.sort_by_key(|(value, count)| (std::cmp::Reverse(*count), bytes(value)));
    all.into_iter().zip(2..).map(|((value, _), row)| (value, row)).collect()
}

#[test]
fn rows_are_those_of_categories_one_by_one() {
    let schema = written(SCHEMA);
    let (_place, data) = prepare(&schema, "a.csv", csv().as_bytes());
    let data = data.expect("sound");
    let batch = all(&data);
    assert_eq!(batch.ends, [3, 7, 8, 13, 14]);
    let rows: Vec<Row> = (0..ROWS).map(row).collect();
    let genres =
        vocabulary(rows.iter().flat_map(|row| row.genres.iter().take(3).cloned()), 1, |text| text.clone().into());
    let seen = rows.iter().flat_map(|row| {
        row.item.iter().chain(row.history.iter().take(5)).chain(&row.last).copied().collect::<Vec<_>>()
    });
    let items = vocabulary(seen, 2, |item| item.to_le_bytes().to_vec());
    assert!(rows.iter().filter_map(|row| row.last).any(|item| !items.contains_key(&item)), "some are rare");
    let hashed = |text: &String| (twox_hash::XxHash3_64::oneshot_with_seed(3, text.as_bytes()) % 49 + 1) as u32;
    let of_item = |item: &u64| items.get(item).copied().unwrap_or(1);
    for (index, row) in rows.iter().enumerate() {
        let ids = |field: usize| -> Vec<u32> {
            batch.ids_of(field).expect("there")[index..].iter().step_by(ROWS).copied().collect()
        };
        // A bag of nothing has the row of what is missing.
        let bag = |known: Vec<u32>, slots: usize| {
            let mut known = if known.is_empty() { vec![0] } else { known };
            known.resize(slots.max(known.len()), EMPTY);
            known.truncate(slots);
            known
        };
        assert_eq!(
            ids(0),
            bag(row.genres.iter().map(|genre| genres.get(genre).copied().unwrap_or(1)).take(3).collect(), 3)
        );
        assert_eq!(ids(1), bag(row.tags.iter().map(hashed).collect(), 4));
        assert_eq!(ids(2), [row.item.as_ref().map_or(0, of_item)]);
        assert_eq!(ids(3), bag(row.history.iter().map(of_item).collect(), 5));
        assert_eq!(ids(4), [row.last.as_ref().map_or(0, of_item)]);
        let numbers: Vec<f32> = batch.numeric[index..].iter().step_by(ROWS).copied().collect();
        let expected = row.vector.map_or([0.0; 3], |vector| vector.map(|number| (number as f32).clamp(-5.0, 5.0)));
        assert_eq!(numbers[..3], expected);
    }
    for at in 3..6 {
        let numbers = &batch.numeric[at * ROWS..][..ROWS];
        let there = numbers.iter().zip(&rows).filter(|(_, row)| row.vector.is_some());
        let (sum, squares) = there.fold((0.0, 0.0), |(sum, squares), (x, _)| (sum + x, squares + x * x));
        let count = rows.iter().filter(|row| row.vector.is_some()).count() as f32;
        assert!((sum / count).abs() < 1e-4 && (squares / count - 1.0).abs() < 1e-3, "standardised");
    }
}

#[test]
fn text_and_columns_are_the_same_rows() {
    let schema = written(SCHEMA);
    let (_one, text) = prepare(&schema, "a.csv", csv().as_bytes());
    let columns = written(&SCHEMA.replace("format csv", "format parquet"));
    let (_other, columns) = prepare(&columns, "a.parquet", &parquet());
    let (text, columns) = (text.expect("sound"), columns.expect("sound"));
    assert!(all(&text) == all(&columns), "rows differ");
    let bytes =
        |data: &Dataset| data.encoder(&schema).expect("readable").expect("learnt").to_bytes(&schema).expect("written");
    assert!(bytes(&text) == bytes(&columns), "encoders differ");
    let again = Encoder::from_bytes(&bytes(&text), &schema).expect("sound");
    assert!(again.to_bytes(&schema).expect("written") == bytes(&text), "not read back");
}

/// A file that has lists as such.
fn listed() -> Vec<u8> {
    let message = "message rows {
      required int64 click;
      optional group genres (LIST) { repeated group list { optional binary element (UTF8); } }
      optional group history (LIST) { repeated group list { required int64 element; } }
      required group vector (LIST) { repeated group list { required float element; } }
    }";
    let message = Arc::new(parse_message_type(message).expect("sound"));
    let mut writer = SerializedFileWriter::new(Vec::new(), message, Arc::default()).expect("new");
    let mut group = writer.next_row_group().expect("a group");
    let mut put = |put: &mut dyn FnMut(&mut SerializedColumnWriter)| {
        let mut column = group.next_column().expect("a column").expect("one");
        put(&mut column);
        column.close().expect("closed");
    };
    put(&mut |column| {
        column.typed::<Int64Type>().write_batch(&[1, 0, 1, 0], None, None).map(drop).expect("written");
    });
    // a, b|c; nothing; null; a, and one that is null.
    put(&mut |column| {
        let values = ["a", "b|c", "a"].map(ByteArray::from);
        let written =
            column.typed::<ByteArrayType>().write_batch(&values, Some(&[3, 3, 1, 0, 3, 2]), Some(&[0, 1, 0, 0, 0, 1]));
        written.map(drop).expect("written");
    });
    put(&mut |column| {
        let written =
            column.typed::<Int64Type>().write_batch(&[5, 6, 7, 5], Some(&[2, 2, 2, 1, 2]), Some(&[0, 1, 1, 0, 0]));
        // The last row is null.
        written.map(drop).expect("written");
        column.typed::<Int64Type>().write_batch(&[], Some(&[0]), Some(&[0])).map(drop).expect("written");
    });
    put(&mut |column| {
        let values = [0.5f32, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5];
        let written = column.typed::<FloatType>().write_batch(&values, Some(&[1; 8]), Some(&[0, 1, 0, 1, 0, 1, 0, 1]));
        written.map(drop).expect("written");
    });
    group.close().expect("closed");
    writer.into_inner().expect("finished")
}

#[test]
fn lists_of_parquet_need_no_separator() {
    let schema = written(
        "schema t {
  format parquet
  label click
  dense v[1..2] from vector | list
  sparse genres: text | list(most: 2) | vocabulary
  sparse history: int | list(pool: sum) | modulo(rows: 100)
}",
    );
    let (place, data) = prepare(&schema, "a.parquet", &listed());
    let batch = all(&data.expect("sound"));
    assert_eq!(batch.numeric, [0.5, 2.5, 4.5, 6.5, 1.5, 3.5, 5.5, 7.5]);
    // `b|c` is one category.
    assert_eq!(batch.ids_of(0).expect("there"), [2, 0, 0, 2, 3, EMPTY, EMPTY, EMPTY]);
    let history = batch.ids_of(1).expect("there");
    assert_eq!(history[..12], [6, 0, 6, 0, 7, EMPTY, EMPTY, EMPTY, 8, EMPTY, EMPTY, EMPTY]);
    let located = locate(place.path(), &["a.parquet".to_owned()]).expect("there");
    let source = infer(&located[0], None, None).expect("a table").source;
    for expected in [
        "sparse genres: text | list | vocabulary(rows: ",
        "sparse history: int | list | vocabulary(rows: ",
        "dense vector[1..2] from vector | list",
    ] {
        assert!(source.contains(expected), "{source}");
    }
}

#[test]
fn lists_of_another_length_and_what_is_no_number_are_malformed() {
    let schema = written(
        "schema t {
  format csv
  label click
  dense v[1..3] from vector | list(\" \")
  sparse ids: int | list(\"|\") | modulo(rows: 10)
}",
    );
    let rows = "click,vector,ids\n1,1 2 3,4|5\n0,1 2,4\n0,1 2 3 4,4\n1,1 x 3,4\n0,1 2 3,4|x\n0,1 2 3,\n";
    let place = Place::new(&[("a.csv", rows.as_bytes())]);
    let observer = Recorder::default();
    let recipe =
        recipe::Data { split: [1, 0, 0], max_malformed: 0.9, ..recipe(Source::Files(vec!["a.csv".to_owned()])) };
    let cache = place.path().join("cache");
    let data = Dataset::prepare(&schema, &recipe, place.path(), &cache, &observer, &Stop::new()).expect("sound");
    assert_eq!(data.rows(), 2);
    assert_eq!(data.malformed().malformed, 4);
    let batch = all(&data);
    assert_eq!(batch.ids_of(0).expect("there")[..4], [5, 0, 6, EMPTY]);
    let told = observer.lines().join("\n");
    for expected in
        ["line 3, column 2 (vector): found \"1 2\"", "expected a list of as many numbers as the schema says", "\"4|x\""]
    {
        assert!(told.contains(expected), "{told}");
    }
}

#[test]
fn of_a_longer_list_the_last_are_read() {
    let schema = written(
        "schema t {
  format csv
  label click
  sparse seen: int | list(\"^\", last: 3) | modulo(rows: 100)
  sparse known from seen: int | list(\"^\", last: 2) | vocabulary
}",
    );
    let rows = "click,seen\n1,1^2^3^4^5\n0,7^^8\n0,\n1,9^3^^5^5\n";
    let (_place, data) = prepare(&schema, "a.csv", rows.as_bytes());
    let batch = all(&data.expect("sound"));
    assert_eq!(batch.ids_of(0).expect("there"), [4, 8, 0, 4, 5, 9, EMPTY, 6, 6, EMPTY, EMPTY, 6]);
    // 5 is read three times, 4, 7 and 8 once.
    assert_eq!(batch.ids_of(1).expect("there"), [3, 4, 0, 2, 2, 5, EMPTY, 2]);
    let one = |place| nasrec_compiler::plan::Lookup { field: 0, pool: None, slots: 1, place: Some(place) };
    assert_eq!(batch.looked_up(one(1)).expect("there"), [5, 9, EMPTY, 6]);
    assert_eq!(batch.looked_up(one(3)), None);
}
