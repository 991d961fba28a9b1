//! Models look at rows: whatever these are written in, wherever they are in their file, and whatever is wrong with some of them.

use std::fs;
use std::path::Path;

use nasrec_compiler::recipe::{self, Source};
use nasrec_compiler::{ItemKind, Space};
use nasrec_runtime::backend::Tiled;
use nasrec_runtime::data::{Arriving, Batches, Dataset, Given, Part, Unreadable, locate};
use nasrec_runtime::model::{Evidence, Model, Rows};
use nasrec_runtime::supernet::Store;
use nasrec_runtime::{Result, Silent, Stop};
use parquet::file::properties::WriterProperties;

use crate::data::{Place, gzip, recipe};
use crate::families::support;
use crate::parquet::{ROWS, SCHEMA, packed, text, with_tabs};

const SPACE: &str = "space net {
  input numeric: dense
  input fields: categorical
  let deep = relu(linear(concat(numeric, flatten(embed(fields, 4, deviation: 0.5))), 8))
  logit = linear(concat(deep, numeric), 1)
}";

/// A model of drawn weights, whose schema has learnt of the training rows of a file; and that file prepared.
pub(crate) fn drawn(schema: &str, place: &Path, name: &str) -> (Model, Dataset) {
    let text = format!("{schema}\n{SPACE}\nsearch s on net with t {{ data {{ files: \"{name}\" }} }}");
    let program = support::load(&text);
    let item = program.items().into_iter().find(|item| item.kind == ItemKind::Search).expect("it is there");
    let search = program.search(&item, &[]).expect("it is sound");
    let space = Space::bind(&search.space, &search.schema).expect("the schema fits");
    let mut rng = nasrec_compiler::streams::Streams::new(1).rng("arch", 0);
    let plan = space.plan(&space.sample(recipe::Counts::Uniform, &mut rng)).expect("a plan").standalone();
    let recipe = recipe::Data { split: [8, 1, 1], ..recipe(Source::Files(vec![name.to_owned()])) };
    let cache = place.join("cache");
    let data = Dataset::prepare(&search.schema, &recipe, place, &cache, &Silent, &Stop::new()).expect("sound");
    let encoder = data.encoder(&search.schema).expect("readable");
    let store = Store::standalone(&plan, 3).expect("drawable");
    let model = Model::new("net", (search.schema.clone(), encoder), plan, store, 3, Evidence::default());
    (model.expect("they fit"), data)
}

/// What is said of a file: the kept texts of each row, and its probability where it has one.
pub(crate) fn said(
    model: &Model,
    place: &Path,
    name: &str,
    keep: &[&str],
    unreadable: Unreadable,
) -> Result<Vec<(Vec<String>, Option<f32>)>> {
    let located = locate(place, &[name.to_owned()])?;
    let keep: Vec<String> = keep.iter().map(|name| (*name).to_owned()).collect();
    let tiled = Tiled::new(2)?;
    let ready = model.clone().ready(&tiled)?;
    let mut all = Vec::new();
    let rows = Rows { located: &located, keep: &keep, stored: false, unreadable };
    ready.predict(rows, &Silent, &Stop::new(), |portion, probabilities| {
        for (row, &probability) in probabilities.iter().enumerate() {
            let kept = portion.kept.row(row).map(|text| String::from_utf8_lossy(text).into_owned()).collect();
            let blank = portion.blank.contains(&(row as u32));
            all.push((kept, (!blank).then_some(probability)));
        }
        Ok(())
    })?;
    Ok(all)
}

fn refused(model: &Model, place: &Path, name: &str, keep: &[&str]) -> String {
    let error = said(model, place, name, keep, Unreadable::Refused).map(drop).expect_err(name).to_string();
    error.replace(&place.display().to_string(), "HERE")
}

#[test]
fn rows_are_the_same_whatever_they_are_written_in() {
    let whole = text(0..ROWS);
    let place = Place::new(&[
        ("t.csv", whole.as_bytes()),
        ("t.tsv", &with_tabs(&whole)),
        ("t.csv.gz", &gzip(&whole)),
        ("t.csv.zst", &zstd::encode_all(whole.as_bytes(), 1).expect("memory")),
        ("t.parquet", &packed(0..ROWS, 3_333, WriterProperties::builder())),
        ("plain.parquet", &packed(0..ROWS, 7_000, WriterProperties::builder().set_dictionary_enabled(false))),
    ]);
    let (model, data) = drawn(SCHEMA, place.path(), "t.csv");
    let of = |name: &str, keep: &[&str]| said(&model, place.path(), name, keep, Unreadable::Refused).expect(name);
    let expected = of("t.csv", &["user", "item"]);
    assert_eq!(expected.len(), ROWS);
    for name in ["t.tsv", "t.csv.gz", "t.csv.zst", "t.parquet", "plain.parquet"] {
        assert!(of(name, &["user", "item"]) == expected, "{name}");
    }
    // As the rows of the table are that the schema has learnt of, each as it is there.
    let tiled = Tiled::new(1).expect("threads");
    let rows: Vec<u32> = (0..ROWS as u32).collect();
    let batches = rows.chunks(512).map(|rows| data.batch(rows));
    let predicted = model.predict(&tiled, batches).expect("readable");
    assert!(expected.iter().map(|(_, probability)| probability.expect("sound")).eq(predicted), "rows of the cache");
    // And wherever a row is, to the last bit.
    let lines: Vec<&str> = whole.lines().collect();
    let later = format!("{}\n{}\n", lines[0], lines[778..1_900].join("\n"));
    fs::write(place.path().join("later.csv"), later).expect("written");
    let later = of("later.csv", &[]);
    assert_eq!(later.len(), 1_122);
    assert!(later.iter().zip(&expected[777..]).all(|(a, b)| a.1 == b.1 && a.1.is_some()));
}

#[test]
fn rows_that_arrive_are_those_of_a_table() {
    let whole = text(0..3_000);
    let place = Place::new(&[("t.csv", whole.as_bytes())]);
    let schema = SCHEMA.replacen(
        "sparse user:",
        "dense liked from user: text | target(folds: 3, smoothing: 5) | standardise\n    dense times from item: int | count | log1p\n    sparse user:",
        1,
    );
    let (model, _) = drawn(&schema, place.path(), "t.csv");
    let expected = said(&model, place.path(), "t.csv", &[], Unreadable::Refused).expect("sound");
    let expected: Vec<f32> = expected.into_iter().filter_map(|(_, probability)| probability).collect();
    let mut reader = csv::Reader::from_reader(whole.as_bytes());
    let header = reader.headers().expect("a header").clone();
    let rows: Vec<csv::StringRecord> = reader.records().map(|record| record.expect("sound")).collect();
    let arriving = Arriving::new(model.schema()).expect("a schema");
    let places: Vec<usize> = arriving
        .columns()
        .iter()
        .map(|name| header.iter().position(|known| known == name).expect("a column"))
        .collect();
    assert_eq!(places.len(), 12, "all but the label");
    /// The value with its type, where it has one.
    fn typed<'t>(name: &str, text: &'t str) -> Given<'t> {
        match name {
            _ if text.is_empty() && name == "price" => Given::Real(f64::NAN),
            _ if text.is_empty() => Given::Missing,
            "item" => Given::Int(text.parse().expect("a number")),
            "big" => Given::Unsigned(text.parse().expect("a number")),
            "share" => Given::Single(text.parse().expect("a number")),
            "price" | "visits" | "cost" => Given::Real(text.parse().expect("a number")),
            "member" => Given::Truth(text == "True"),
            _ => Given::Text(text.as_bytes()),
        }
    }
    let tiled = Tiled::new(2).expect("threads");
    let ready = model.ready(&tiled).expect("memory");
    let mut intake = arriving.intake(ready.encoder());
    let mut done = 0;
    for size in [1, 2, 7, 64, 129, 300].into_iter().cycle() {
        let some = &rows[done..rows.len().min(done + size)];
        if some.is_empty() {
            break;
        }
        // In two parts, of which the second has types; and between them what cannot be read.
        let (first, second) = some.split_at(some.len() / 2);
        intake.add(first.len(), |column, row| Given::Text(first[row][places[column]].as_bytes())).expect("sound");
        let wrong = |column: usize, row: usize| match (&arriving.columns()[column][..], row) {
            ("item", 4) => Given::Text(b"seven"),
            _ => Given::Missing,
        };
        let wrong = intake.add(5, wrong).expect_err("no number");
        assert_eq!((&arriving.columns()[wrong.column][..], wrong.row, &wrong.found[..]), ("item", 4, "\"seven\""));
        let value = |column: usize, row: usize| typed(&arriving.columns()[column], &second[row][places[column]]);
        intake.add(second.len(), value).expect("sound");
        let batch = intake.batch();
        assert!(intake.is_empty() && batch.rows == some.len());
        assert_eq!(
            ready.probabilities(&batch).expect("they fit"),
            expected[done..done + some.len()],
            "from row {done}"
        );
        done += some.len();
    }
    assert_eq!(done, 3_000);
}

#[test]
fn columns_are_found_by_their_names_and_the_label_is_not_asked_for() {
    let whole = text(0..1_000);
    let place = Place::new(&[("t.csv", whole.as_bytes())]);
    let (model, _) = drawn(SCHEMA, place.path(), "t.csv");
    let rewrite = |name: &str, order: &dyn Fn(&[&str]) -> Vec<String>| {
        let mut writer = csv::Writer::from_path(place.path().join(name)).expect("created");
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(whole.as_bytes());
        for record in reader.records() {
            let record = record.expect("sound");
            writer.write_record(order(&record.iter().collect::<Vec<_>>())).expect("written");
        }
        writer.flush().expect("written");
    };
    let texts = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
    let of = |name: &str| said(&model, place.path(), name, &[], Unreadable::Refused).expect(name);
    let expected = of("t.csv");
    rewrite("reversed.csv", &|values| values.iter().rev().map(|value| (*value).to_owned()).collect());
    rewrite("unlabelled.csv", &|values| texts(&values[1..]));
    rewrite("empty_labels.csv", &|values| {
        [if values[0] == "click" { "click" } else { "" }]
            .iter()
            .chain(&values[1..])
            .map(|value| (*value).to_owned())
            .collect()
    });
    rewrite("more.csv", &|values| [&texts(values)[..], &["a, \"b\"".to_owned()]].concat());
    for name in ["reversed.csv", "unlabelled.csv", "empty_labels.csv", "more.csv"] {
        assert!(of(name) == expected, "{name}");
    }
    let error = "unlabelled.csv has no column \"usr\" (did you mean \"user\"?)";
    assert!(refused(&model, place.path(), "unlabelled.csv", &["usr"]).starts_with(error));
    // What no model reads is kept as it is, quotes taken off.
    let kept = said(&model, place.path(), "more.csv", &["a, \"b\"", "click"], Unreadable::Refused).expect("there");
    assert_eq!(kept[5].0, ["a, \"b\"".to_owned(), whole.lines().nth(6).expect("a row")[..1].to_owned()]);
    let tiled = Tiled::new(1).expect("threads");
    let ready = model.clone().ready(&tiled).expect("memory");
    let located = locate(place.path(), &["unlabelled.csv".to_owned()]).expect("there");
    let rows = Rows { located: &located, keep: &[], stored: false, unreadable: Unreadable::Refused };
    let error = ready.scores(rows, &Silent, &Stop::new()).expect_err("no label").to_string();
    assert!(error.starts_with("unlabelled.csv has no column \"click\"; its header names"), "{error}");
    // A column that is not there.
    rewrite("lacking.csv", &|values| texts(&values[..values.len() - 1]));
    let error = refused(&model, place.path(), "lacking.csv", &[]);
    assert!(error.starts_with("lacking.csv has no column \"visits\"; its header names \"click\", \"user\""), "{error}");
    fs::write(place.path().join("empty.csv"), "").expect("written");
    assert_eq!(refused(&model, place.path(), "empty.csv", &[]), "HERE/empty.csv is empty; expected a line a sample");
}

#[test]
fn a_row_that_cannot_be_read_ends_it_or_keeps_its_place() {
    let schema = "schema t { format csv; label click; dense price | max(100) | standardise; sparse C: text | vocabulary(rows: 40); sparse H: hex | modulo(rows: 9) }";
    let lines: String = (0..300).map(|row| format!("{},{}.5,c{},{row:x}\n", row % 2, row % 17, row % 30)).collect();
    let wrong = "1,1.5,c3,a\n0,dear,c4,b\n1,2.5,c3,d,e\n0,,unseen,\n0,3.5,c5,xyz\n1,4.5,c6,f\n";
    let place = Place::new(&[
        ("t.csv", format!("click,price,C,H\n{lines}").as_bytes()),
        ("wrong.csv", format!("click,price,C,H\n{wrong}").as_bytes()),
        ("right.csv", b"click,price,C,H\n1,1.5,c3,a\n0,,unseen,\n1,4.5,c6,f\n"),
    ]);
    let (model, _) = drawn(schema, place.path(), "t.csv");
    assert_eq!(
        refused(&model, place.path(), "wrong.csv", &[]),
        "wrong.csv, line 3, column 2 (price): found \"dear\", expected a number or nothing; correct the row or, where its place may \
         stay empty, ask for that (--malformed)"
    );
    let of = |name: &str, unreadable| said(&model, place.path(), name, &["C", "price"], unreadable).expect(name);
    let (right, blank) = (of("right.csv", Unreadable::Refused), of("wrong.csv", Unreadable::Blank));
    assert_eq!(right[1].0, ["unseen", ""]);
    let there: Vec<_> = blank.iter().filter(|(_, probability)| probability.is_some()).cloned().collect();
    assert_eq!(there, right);
    let kept: Vec<&str> = blank.iter().map(|(kept, _)| kept[0].as_str()).collect();
    assert_eq!(kept, ["c3", "c4", "c3", "unseen", "c5", "c6"]);
    assert_eq!(
        blank.iter().map(|(_, probability)| probability.is_some()).collect::<Vec<_>>(),
        [true, false, false, true, false, true]
    );
    assert_eq!(of("wrong.csv", Unreadable::LeftOut), right);
}

#[test]
fn columns_without_names_may_lack_the_label() {
    let schemas = [
        (
            "tsv",
            "\t",
            "schema t { label click; dense I[1..2] | log1p | standardise; sparse C: text | vocabulary(rows: 40); sparse H: hex | modulo(rows: 9) }",
        ),
        (
            "csv(header: off)",
            ",",
            "schema t { format csv(header: off); dense a | max(3); label click; sparse C: text | hash(rows: 40) }",
        ),
    ];
    for (format, separator, schema) in schemas {
        let label = if format == "tsv" { 0 } else { 1 };
        let line = |row: usize, labelled: bool| {
            let (numbers, text) = ([row % 7, row % 5], format!("c{}", row % 30));
            let mut values = match format {
                "tsv" => vec![numbers[0].to_string(), numbers[1].to_string(), text, format!("{row:x}")],
                _ => vec![numbers[0].to_string(), text],
            };
            if labelled {
                values.insert(label, (row % 2).to_string());
            }
            values.join(separator) + "\n"
        };
        let file = |labelled| (0..400).map(|row| line(row, labelled)).collect::<String>();
        let place = Place::new(&[("t", file(true).as_bytes()), ("unlabelled", file(false).as_bytes())]);
        let (model, _) = drawn(schema, place.path(), "t");
        let of = |name: &str| said(&model, place.path(), name, &["C"], Unreadable::Refused).expect(name);
        assert_eq!(of("unlabelled"), of("t"), "{format}");
        let error = refused(&model, place.path(), "t", &["D"]);
        let known = if format == "tsv" { "click, I1, I2, C, H" } else { "a, click, C" };
        assert_eq!(error, format!("there is no column \"D\" whose values could be kept; the schema names {known}"));
    }
    let pairs =
        "schema t { format libsvm; label click; dense x from 1 | standardise; sparse y from 2: int | modulo(rows: 9) }";
    let file = |label: &str| (0..400).map(|row| format!("{label}1:{} 2:{row}\n", row % 5)).collect::<String>();
    let mixed = (0..400).map(|row| format!("{} 1:{} 2:{row}\n", row % 2, row % 5)).collect::<String>();
    let place =
        Place::new(&[("t", mixed.as_bytes()), ("unlabelled", file("").as_bytes()), ("zeros", file("0 ").as_bytes())]);
    let (model, _) = drawn(pairs, place.path(), "t");
    let of = |name: &str| said(&model, place.path(), name, &[], Unreadable::Refused).expect(name);
    assert!(of("unlabelled") == of("t") && of("zeros") == of("t"));
}

/// The figures of a part are those of its rows in a file, in the order of the part, to the last digit.
#[test]
fn figures_of_a_part_are_those_of_its_rows() {
    let whole = text(0..ROWS);
    let place = Place::new(&[("t.csv", whole.as_bytes())]);
    let schema = SCHEMA.replace("label click", "label click\n    group user");
    let (model, data) = drawn(&schema, place.path(), "t.csv");
    let lines: Vec<&str> = whole.lines().collect();
    let rows = data.part(Part::Test).clone();
    let part: String = std::iter::once(lines[0])
        .chain(rows.iter().map(|&row| lines[row as usize + 1]))
        .map(|line| format!("{line}\n"))
        .collect();
    fs::write(place.path().join("test.csv"), part).expect("written");
    let data = std::sync::Arc::new(data);
    let tiled = Tiled::new(2).expect("threads");
    let batches = Batches::listed(data, rows, 384).expect("rows");
    let expected =
        model.evaluate(&tiled, (0..batches.per_epoch()).map(|batch| batches.batch(0, batch))).expect("readable");
    let located = locate(place.path(), &["test.csv".to_owned()]).expect("there");
    let rows = Rows { located: &located, keep: &[], stored: false, unreadable: Unreadable::Refused };
    let (scores, malformed) =
        model.clone().ready(&tiled).expect("memory").scores(rows, &Silent, &Stop::new()).expect("readable");
    assert_eq!((scores[0].metrics(), malformed.malformed), (expected, 0));
    assert!(expected.group_auc.is_some_and(f64::is_finite));
}
