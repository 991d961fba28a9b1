//! Tables as strangers write them: found by name, read by type, learnt from and encoded.

use std::fs;

use nasrec_compiler::loader::Memory;
use nasrec_compiler::recipe::{self, By, Given, Source};
use nasrec_compiler::schema::Schema;
use nasrec_compiler::{ItemKind, Program};
use nasrec_runtime::Stop;
use nasrec_runtime::data::{Dataset, Part};

use crate::data::{Place, Recorder, files, gzip, recipe, table};

/// A table with all that a schema can say, as a shop might write it.
const SHOP: &str = "\u{feff}user;age;price;rating;class of worker;time;member;note\r\n\
     u1;31;9.50;5;office;2024-03-01 08:30:00;true;\"fine; thanks\"\r\n\
     u2;NA;120;2;\"field, mostly\";2024-03-02 23:00:00;FALSE;\r\n\
     u1;29;;4;office;2024-03-04 08:00:00;yes;\"two\nlines\"\r\n\
     u3;45;15.25;1;-;2024-03-05 12:15:10;no;\"a \"\"quote\"\"\"\r\n";

const SHOP_SCHEMA: &str = "schema shop {
      format csv(separator: \";\")
      missing \"NA\", \"-\"
      label rating >= 4
      dense age | missing(0) | clip(0, 40)
      dense price | log1p
      sparse user: text | hash(rows: 1_000, seed: 7)
      sparse member: bool
      sparse hour from time: \"%Y-%m-%d %H:%M:%S\" | hour
      sparse weekday from time: \"%Y-%m-%d %H:%M:%S\" | weekday
    }";

pub(crate) fn written(text: &str) -> Schema {
    let (program, found) = Program::load("t.nasrec", &Memory::new([("t.nasrec", text)]));
    assert_eq!(found, []);
    let item = program.items().into_iter().find(|item| item.kind == ItemKind::Schema).expect("it is there");
    program.schema(&item).expect("it is sound")
}

/// All rows of a table, in the order of the file, as numbers, ids and labels.
pub(crate) fn rows_of(schema: &Schema, files: &[(&str, &[u8])]) -> Vec<(Vec<f32>, Vec<u32>, f32)> {
    let place = Place::new(files);
    let names = files.iter().map(|(name, _)| (*name).to_owned()).collect();
    let recipe = recipe::Data { split: [1, 0, 0], ..recipe(Source::Files(names)) };
    let observer = Recorder::default();
    let cache = place.path().join("cache");
    let dataset = Dataset::prepare(schema, &recipe, place.path(), &cache, &observer, &Stop::new()).expect("sound");
    let rows = dataset.rows();
    (0..rows as u32)
        .map(|row| {
            let batch = dataset.batch(&[row]).expect("there");
            (batch.numeric, batch.ids, batch.labels[0])
        })
        .collect()
}

#[test]
fn columns_are_found_by_name_and_read_by_type() {
    let schema = written(SHOP_SCHEMA);
    let rows = rows_of(&schema, &[("shop.csv", SHOP.as_bytes())]);
    let expected: [(f32, f32, [u32; 3], f32); 4] = [
        (31.0, 10.5, [2, 9, 5], 1.0),
        (0.0, 121.0, [1, 24, 6], 0.0),
        (29.0, 1.0, [2, 9, 1], 1.0),
        (40.0, 16.25, [1, 13, 2], 0.0),
    ];
    for ((numbers, ids, label), (age, price, known, click)) in rows.iter().zip(expected) {
        assert_eq!((numbers[0], numbers[1], *label), (age, f64::from(price).ln() as f32, click));
        assert_eq!(ids[1..], known);
    }
    assert_eq!(rows[0].1[0], rows[2].1[0], "one user");
    assert_ne!(rows[0].1[0], rows[1].1[0], "another user");
    // The same rows with other separators, another order of columns, and in two files of different order.
    let columns = ["time", "member", "rating", "price", "age", "user"];
    let by_name = |separator: &str, order: &[&str], only: std::ops::Range<usize>| {
        let mut reader =
            csv::ReaderBuilder::new().delimiter(b';').from_reader(SHOP.trim_start_matches('\u{feff}').as_bytes());
        let header = reader.headers().expect("a header").clone();
        let place = |name: &&str| header.iter().position(|known| known == *name).expect("a column");
        let places: Vec<usize> = order.iter().map(place).collect();
        let mut lines = vec![order.join(separator)];
        for record in reader.records().skip(only.start).take(only.len()) {
            let record = record.expect("sound");
            lines.push(places.iter().map(|&at| record[at].to_owned()).collect::<Vec<_>>().join(separator));
        }
        lines.join("\n")
    };
    let comma = written(&SHOP_SCHEMA.replace("csv(separator: \";\")", "csv"));
    assert_eq!(rows_of(&comma, &[("a.csv", by_name(",", &columns, 0..4).as_bytes())]), rows);
    let tab = written(&SHOP_SCHEMA.replace("csv(separator: \";\")", "tsv(header: on)"));
    let reversed: Vec<&str> = columns.iter().rev().copied().collect();
    let (first, second) = (by_name("\t", &columns, 0..3), by_name("\t", &reversed, 3..4));
    assert_eq!(rows_of(&tab, &[("a.tsv", first.as_bytes()), ("b.tsv.gz", &gzip(&second))]), rows);
    let packed = zstd::encode_all(SHOP.as_bytes(), 3).expect("memory");
    assert_eq!(rows_of(&schema, &[("shop.csv.zst", &packed)]), rows);
    // Zeros behind the last member, as a tape has them.
    let padded = [gzip(&SHOP[..200]), gzip(&SHOP[200..]), vec![0; 700]].concat();
    assert_eq!(rows_of(&schema, &[("shop.csv", &padded)]), rows);
}

#[test]
fn what_is_escaped_is_what_is_in_quotes() {
    let schema = |format: &str| {
        written(&format!(
            "schema t {{ format {format}; missing \"\\N\"; label click; dense x; sparse city: text | vocabulary }}"
        ))
    };
    let quoted = "click,city,x\n1,\"a,b\",2\n0,\"c\"\"d\",\\N\n1,\"e\nf\",1\n0,g\\h,\n";
    let expected = rows_of(&schema("csv"), &[("a.csv", quoted.as_bytes())]);
    let escaped = "click,city,x\n1,a\\,b,2\n0,c\\\"d,\\N\n1,e\\\nf,1\n0,g\\\\h,\n";
    assert_eq!(rows_of(&schema("csv(escape: \"\\\")"), &[("a.csv", escaped.as_bytes())]), expected);
    let other = "click;city;x\n1;a,b;2\n0;\"c^\"d\";\\N\n1;e^\nf;1\n0;g\\h;\n";
    let other_schema = schema("csv(separator: \";\", escape: \"^\")");
    assert_eq!(rows_of(&other_schema, &[("a.csv", other.as_bytes())]), expected);
    // As it is guessed of the file.
    let lines: String = (0..60).map(|row| format!("{},u\\,{row},{row}.5\n", row % 2)).collect();
    let place = Place::new(&[("a.csv", format!("click,city,x\n{lines}").as_bytes())]);
    let located = nasrec_runtime::data::locate(place.path(), &["a.csv".to_owned()]).expect("there");
    let inferred = nasrec_runtime::data::infer(&located[0], None, None).expect("a label");
    assert!(inferred.source.contains("format csv(escape: \"\\\")\n"), "{}", inferred.source);
}

#[test]
fn a_header_that_does_not_fit_is_told() {
    let schema = written(SHOP_SCHEMA);
    let refused = |text: &str| {
        let place = Place::new(&[("a.csv", text.as_bytes())]);
        let cache = place.path().join("cache");
        let recipe = files(&["a.csv"]);
        let refused = Dataset::prepare(&schema, &recipe, place.path(), &cache, &Recorder::default(), &Stop::new());
        let message = refused.map(|_| ()).expect_err("refused").to_string();
        assert!(fs::read_dir(place.path()).expect("a folder").count() == 1, "something is left behind");
        message
    };
    assert_eq!(
        refused("user;age;price;ratings;time;member\n"),
        "a.csv has no column \"rating\" (did you mean \"ratings\"?); its header names \"user\", \"age\", \"price\", \"ratings\", \
         \"time\", \"member\"; add the column, or give this name to the one that holds it"
    );
    assert_eq!(
        refused("user,age,price,rating,time,member\n"),
        "the header of a.csv has no semicolon, but has a comma between its names: say `format csv` in the schema"
    );
    assert_eq!(
        refused("user;age;price;rating;time;member;age\n"),
        "a.csv has two columns \"age\", 2 and 7; give one of them another name"
    );
    assert!(refused("").ends_with("a.csv is empty; expected a line a sample"));
    assert!(
        refused("user;age;price;rating;time;member\n")
            .ends_with("a.csv has a header and nothing behind it; expected a line a sample")
    );
    let uneven = "user;age;price;rating;time;member\nu;1;2;3\n\"a\nb\";1;2;x;2024-01-01 00:00:00;no\n";
    let message = refused(uneven);
    assert!(message.contains("a.csv, line 2, found 4 columns, expected 6 with a semicolon between them"), "{message}");
    assert!(message.contains("a.csv, line 3, column 4 (rating): found \"x\", expected a number"), "{message}");
}

#[test]
fn without_a_header_columns_are_where_the_schema_lists_them() {
    let text = "schema t { skip id; dense I[1..2]; label click; sparse C: int | modulo(rows: 11); skip rest }";
    let rows = rows_of(&written(text), &[("a.tsv", b"900\t1.5\t2\t1\t7\tx\n901\t\t-3\t0\t\ty\n")]);
    assert_eq!(rows, [(vec![1.5, 2.0], vec![8], 1.0), (vec![0.0, -3.0], vec![0], 0.0)]);
}

/// What is learnt, is learnt from the training rows only.
#[test]
fn steps_are_fitted_on_training_rows_only() {
    let schema = written(
        "schema t {
          format csv
          label click
          dense a from x | standardise
          dense b from x | missing(mean) | min_max
          dense c from y | missing(median)
          sparse v from city: text | vocabulary(min_count: 2, rows: 5)
          sparse w from city: text | vocabulary
          sparse q from x: number | quantiles(4)
          sparse k from n: int | vocabulary
        }",
    );
    let cities = ["ulm", "bonn", "kiel", "ulm", "ulm", "bonn", "jena", "kiel", "", "trier"];
    let mut text = "click,x,y,city,n\n".to_owned();
    for row in 0..400u32 {
        let missing = row.is_multiple_of(10);
        let x = if missing { String::new() } else { (row * 7 % 100).to_string() };
        let city = if row.is_multiple_of(97) { format!("only {row}") } else { cities[row as usize % 10].to_owned() };
        text += &format!("{},{x},{},{city},-{}.0\n", u8::from(row.is_multiple_of(3)), row % 5, row % 3);
    }
    let place = Place::new(&[("a.csv", text.as_bytes())]);
    let cache = place.path().join("cache");
    let data = Dataset::prepare(&schema, &files(&["a.csv"]), place.path(), &cache, &Recorder::default(), &Stop::new());
    let data = data.expect("sound");
    let training = data.part(Part::Train);
    let lines: Vec<Vec<String>> =
        text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect();
    let xs: Vec<f64> = training.iter().filter_map(|&row| lines[row as usize][1].parse().ok()).collect();
    let mean = xs.iter().sum::<f64>() / xs.len() as f64;
    let deviation = (xs.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / xs.len() as f64).sqrt();
    let (least, greatest) = (xs.iter().copied().fold(f64::MAX, f64::min), xs.iter().copied().fold(f64::MIN, f64::max));
    let mut counts = std::collections::BTreeMap::<&str, u32>::new();
    for &row in training.iter() {
        let city = lines[row as usize][3].as_str();
        if !city.is_empty() {
            *counts.entry(city).or_default() += 1;
        }
    }
    let mut frequent: Vec<(&str, u32)> = counts.iter().map(|(city, count)| (*city, *count)).collect();
    frequent.sort_by_key(|&(city, count)| (std::cmp::Reverse(count), city));
    let near = |a: f32, b: f64| assert!((f64::from(a) - b).abs() < 1e-5, "{a} {b}");
    let mut quantiles = [0u32; 5];
    for row in 0..400u32 {
        let batch = data.batch(&[row]).expect("there");
        let line = &lines[row as usize];
        let x: Option<f64> = line[1].parse().ok();
        near(batch.numeric[0], x.map_or(0.0, |x| (x - mean) / deviation));
        near(batch.numeric[1], ((x.unwrap_or(mean) - least) / (greatest - least)).clamp(0.0, 1.0));
        near(batch.numeric[2], line[2].parse().expect("a number"));
        let known = |least: u32, rows: usize| {
            let place = frequent.iter().filter(|(_, count)| *count >= least).position(|(city, _)| *city == line[3]);
            match place {
                _ if line[3].is_empty() => 0,
                Some(place) if place + 2 < rows => place as u32 + 2,
                _ => 1,
            }
        };
        assert_eq!(batch.ids[..2], [known(2, 5), known(1, 1_000_000)], "{line:?}");
        quantiles[batch.ids[2] as usize] += 1;
        assert_eq!(batch.ids[2] == 0, x.is_none());
        assert!((2..5).contains(&batch.ids[3]));
    }
    assert_eq!(quantiles[0], 40);
    assert!(quantiles[1..].iter().all(|&count| (60..120).contains(&count)), "{quantiles:?}");
    // The cache holds what was learnt, and is another's where other rows are learnt from.
    let again = Recorder::default();
    let same =
        Dataset::prepare(&schema, &files(&["a.csv"]), place.path(), &cache, &again, &Stop::new()).expect("sound");
    assert!(!again.built());
    assert_eq!(same.fingerprint(), data.fingerprint());
    let encoder = same.encoder(&schema).expect("sound").expect("something is learnt");
    assert_eq!((encoder.rows(0), encoder.rows(2), encoder.rows(3)), (Some(5), Some(5), Some(5)));
    let other = recipe::Data { seed: 4, ..files(&["a.csv"]) };
    let built = Recorder::default();
    let other = Dataset::prepare(&schema, &other, place.path(), &cache, &built, &Stop::new()).expect("sound");
    assert!(built.built());
    assert_ne!(other.fingerprint(), data.fingerprint());
    assert_eq!(fs::read_dir(place.path()).expect("a folder").count(), 2, "nothing is left behind");
}

#[test]
fn a_name_may_stand_for_many_files() {
    let place = Place::new(&[]);
    let folder = place.path().join("parts");
    fs::create_dir(&folder).expect("made");
    for part in 0..3u32 {
        let text: String =
            table(30).lines().skip(10 * part as usize).take(10).map(|line| format!("{line}\n")).collect();
        fs::write(folder.join(format!("part-{part}.tsv")), text).expect("written");
    }
    fs::write(folder.join("_SUCCESS"), "").expect("written");
    fs::write(folder.join(".hidden"), "no table").expect("written");
    fs::write(place.path().join("all.tsv"), table(30)).expect("written");
    let whole = place.prepare(&files(&["all.tsv"])).expect("sound").0.fingerprint().to_owned();
    for names in [&["parts"][..], &["parts/"], &["parts/*.tsv"], &["parts/part-[01].tsv", "parts/part-2.tsv"]] {
        assert_eq!(place.prepare(&files(names)).expect("sound").0.fingerprint(), whole, "{names:?}");
    }
    assert_eq!(place.refusal(&files(&["none-*.tsv"])), "no file matches `none-*.tsv`");
    assert!(place.refusal(&files(&["none.tsv"])).ends_with("none.tsv"));
    assert!(place.refusal(&files(&["parts/[.tsv"])).starts_with("`parts/[.tsv` is no pattern of files"));
    assert!(place.refusal(&files(&["/**/*.tsv"])).contains("`**` goes through folders without end"));
    fs::create_dir(place.path().join("empty")).expect("made");
    assert!(place.refusal(&files(&["empty"])).contains("holds no data files"));
}

#[test]
fn what_is_no_table_is_named() {
    let utf16: Vec<u8> = table(100).encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (name, bytes, words) in [
        (
            "a.tsv",
            &utf16[..],
            "a text in UTF-16; expected lines of text, packed with gzip or zstd or not: write it in UTF-8",
        ),
        ("b.tsv", b"BZh91AY&SY", "packed with bzip2"),
        ("c.tsv", b"PAR1\x15\x04\x15\x10PAR1", "a Parquet file"),
        ("d.tsv", b"PK\x03\x04\x14\0\0\0[Content_Types].xml", "an Excel workbook"),
    ] {
        let place = Place::new(&[(name, bytes)]);
        let message = place.refusal(&files(&[name]));
        assert!(message.contains(words), "{message}");
    }
}

/// Rows of three weeks by two users a day, with a weight and a part.
fn visits(days: std::ops::Range<u32>) -> String {
    let mut text = "click,day,user,times,fold,x\n".to_owned();
    for day in days {
        for user in 0..2 {
            let (click, fold) = ((day + user) % 3 == 0, ["train", "Valid", "test", "train"][day as usize % 4]);
            text += &format!("{},{day},u{},{}.5,{fold},{day}\n", u8::from(click), (day + user) % 7, day % 3);
        }
    }
    text
}

const VISITS: &str = "schema visits {
      format csv
      label click
      weight times
      group user
      time day
      part fold
      dense x
    }";

/// The days of each part's rows, in order, and what was said of the parts.
fn parts_of(recipe: recipe::Data, files: &[(&str, &str)]) -> ([Vec<u32>; 3], String) {
    let schema = written(VISITS);
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
    let (place, observer) = (Place::new(&files), Recorder::default());
    let cache = place.path().join("cache");
    let open = || Dataset::prepare(&schema, &recipe, place.path(), &cache, &observer, &Stop::new()).expect("sound");
    let days = |dataset: &Dataset, part| {
        let batch = dataset.batch(dataset.part(part)).expect("there");
        assert!(batch.numeric.iter().zip(&batch.weights).all(|(day, weight)| *weight == day % 3.0 + 0.5));
        assert_eq!((batch.weights.len(), batch.groups.len()), (batch.rows, batch.rows));
        let mut days: Vec<u32> = batch.numeric.iter().map(|&day| day as u32).collect();
        days.sort_unstable();
        days
    };
    let of = |dataset: &Dataset| [Part::Train, Part::Validation, Part::Test].map(|part| days(dataset, part));
    let first = of(&open());
    assert_eq!(of(&open()), first, "what is read of the cache is what was read of the files");
    (first, observer.parts())
}

#[test]
fn rows_are_shared_out_by_time_by_group_by_a_column_and_by_files() {
    let all = visits(0..20);
    let twice = |days: std::ops::Range<u32>| days.flat_map(|day| [day, day]).collect::<Vec<_>>();
    let by = |by, split| recipe::Data { by, split, stratified: false, ..files(&["a.csv"]) };
    let (parts, told) = parts_of(by(By::Time, [8, 1, 1]), &[("a.csv", &all)]);
    assert_eq!(parts, [twice(0..16), twice(16..18), twice(18..20)]);
    assert_eq!(
        told,
        "rows: 32 to train on (34.4 % clicks), 4 to validate on (25.0 % clicks), 4 to test on (25.0 % clicks): the latest \
         by day are tested on"
    );
    let (parts, told) = parts_of(by(By::Part, [8, 1, 1]), &[("a.csv", &all)]);
    assert!(parts[1].iter().all(|day| day % 4 == 1) && parts[2].iter().all(|day| day % 4 == 2));
    assert_eq!(parts.map(|part| part.len()), [20, 10, 10]);
    assert!(told.ends_with("as fold says"), "{told}");
    let (parts, told) = parts_of(by(By::Group, [2, 1, 1]), &[("a.csv", &all)]);
    assert_eq!(parts.iter().map(Vec::len).sum::<usize>(), 40);
    assert!(told.ends_with("all rows of a user in one part"), "{told}");
    // Files of two parts: the rest is learnt from, however it is packed and whatever order the parts are named in.
    let (early, late, last) = (visits(0..10), visits(10..15), visits(15..20));
    let given = Given { valid: vec!["b.csv".to_owned()], test: vec!["c.csv".to_owned()], ..Given::default() };
    let recipe = recipe::Data { given, ..by(By::Chance, [8, 0, 0]) };
    let (parts, told) = parts_of(recipe, &[("a.csv", &early), ("b.csv", &late), ("c.csv", &last)]);
    assert_eq!(parts, [twice(0..10), twice(10..15), twice(15..20)]);
    assert!(told.ends_with("validation and test as given"), "{told}");
    let (parts, told) = parts_of(by(By::Chance, [8, 1, 1]), &[("a.csv", &all)]);
    assert_eq!(parts.map(|part| part.len()), [32, 4, 4]);
    assert!(told.contains("shuffled; `by_time` would test on the latest by day; `by_group` would"), "{told}");
}

#[test]
fn weights_times_and_parts_that_are_none_are_malformed() {
    let schema = written(VISITS);
    for (row, expected) in [
        (
            "0,1,u,-1,train,0",
            "column 4 (times): found \"-1\", expected how many times the row counts, a number of at least 0",
        ),
        ("0,,u,1,train,0", "column 2 (day): found nothing, expected when the row came about"),
        (
            "0,1,u,1,holdout,0",
            "column 5 (fold): found \"holdout\", expected the row's part: `train`, `valid` or `test`",
        ),
    ] {
        let table = visits(0..20) + row + "\n";
        let place = Place::new(&[("a.csv", table.as_bytes())]);
        let recipe = recipe::Data { max_malformed: 0.0, ..files(&["a.csv"]) };
        let cache = place.path().join("cache");
        let refused = Dataset::prepare(&schema, &recipe, place.path(), &cache, &Recorder::default(), &Stop::new());
        let refused = refused.expect_err("it is malformed").to_string();
        assert!(refused.contains(expected), "{refused}");
    }
}
