//! Files of a label and pairs: the rows that they hold are those of the same table written as CSV.

use std::fmt::Write;

use nasrec_runtime::data::survey::survey;
use nasrec_runtime::data::{infer, locate};
use nasrec_runtime::{Silent, Stop};

use crate::data::{Place, Recorder, files, recipe};
use crate::tables::{rows_of, written};

/// A row: whether it is a click, its query, two numbers that are mostly 0, a user and an item.
fn row(index: u32) -> (bool, u32, f64, f64, u32, u32) {
    let some = |number: f64, every: u32| if index.is_multiple_of(every) { number } else { 0.0 };
    let (first, second) = (some(f64::from(index) / 4.0, 2), some(f64::from(index % 7) + 1.0, 3));
    (index % 3 == 1, index / 5, first, second, index * 7 % 20, 100 + index * 3 % 40)
}

const ROWS: u32 = 300;

fn csv() -> String {
    (0..ROWS).map(row).fold("click,query,a,b,user,item\n".to_owned(), |mut text, (click, query, a, b, user, item)| {
        let click = i32::from(click) * 2 - 1;
        writeln!(text, "{click},{query},{a},{b},{user},{item}").expect("memory");
        text
    })
}

#[test]
fn libsvm_holds_the_rows_that_csv_holds() {
    let schema = |format: &str, a: &str, b: &str, query: &str, user: &str| {
        written(&format!(
            "schema t {{
               format {format}
               label click > 0
               group {query}
               dense first from {a} | log1p
               dense second from {b} | standardise
               sparse step from {a}: number | quantiles(5)
               sparse whole from {b}: int | vocabulary
               sparse user from {user}: int | modulo(rows: 11)
             }}"
        ))
    };
    let mut text = "# an index is there where it is not 0\n\n".to_owned();
    for (click, query, a, b, user, _) in (0..ROWS).map(row) {
        text += if click { "+1" } else { "-1" };
        write!(text, " qid:{query}").expect("memory");
        for (index, value) in [(0, f64::from(user)), (3, a), (17, b), (99, 5.0)] {
            if value != 0.0 {
                write!(text, " {index}:{value}").expect("memory");
            }
        }
        text += if a > 40.0 { "  # 3:7 is no pair here\r\n" } else { "\n" };
    }
    let expected = rows_of(&schema("csv", "a", "b", "query", "user"), &[("t.csv", csv().as_bytes())]);
    assert_eq!(expected.len(), ROWS as usize);
    let found = rows_of(&schema("libsvm", "3", "17", "qid", "0"), &[("t.svm", text.as_bytes())]);
    assert_eq!(found, expected);
    // Pairs in another order.
    let turned: String = text
        .lines()
        .map(|line| {
            let line = line.split('#').next().unwrap_or_default();
            let mut items: Vec<&str> = line.split_whitespace().collect();
            items.get_mut(1..).unwrap_or_default().reverse();
            items.join("\t") + "\n"
        })
        .collect();
    assert_eq!(rows_of(&schema("libsvm", "3", "17", "qid", "0"), &[("t.svm", turned.as_bytes())]), expected);
    // Without a condition -1 is no click.
    let numbered = written("schema t { format libsvm; label click; dense x[1..2] from 3..4 }");
    let named = written("schema t { format libsvm; label click > 0; dense x1 from \"3\"; dense x2 from 4 }");
    assert_eq!(rows_of(&numbered, &[("t.svm", text.as_bytes())]), rows_of(&named, &[("t.svm", text.as_bytes())]),);
}

#[test]
fn libffm_holds_the_rows_that_csv_holds() {
    let schema = |format: &str, a: &str, user: &str, item: &str| {
        written(&format!(
            "schema t {{
               format {format}
               label click > 0
               dense first from {a} | log1p
               dense rate from {user}: int | count
               sparse step from {a}: number | log_buckets
               sparse user from {user}: int | vocabulary
               sparse item from {item}: int | hash(rows: 20)
             }}"
        ))
    };
    let mut text = String::new();
    for (click, _, a, _, user, item) in (0..ROWS).map(row) {
        writeln!(text, "{} 0:{user}:1 1:{item}:1 7:0:{a} 8:3:0.5", u8::from(click)).expect("memory");
    }
    let expected = rows_of(&schema("csv", "a", "user", "item"), &[("t.csv", csv().as_bytes())]);
    let found = rows_of(&schema("libffm", "7", "0", "1"), &[("t.ffm", text.as_bytes())]);
    assert_eq!(found, expected);
    // What is not there is missing.
    let schema = written(
        "schema t { format libffm; label click; dense x from 7 | missing(5); sparse u from 0: int | modulo(rows: 9) }",
    );
    let rows = rows_of(&schema, &[("t.ffm", b"1 0:3:1 7:0:2.5\n-1 1:2:1\n")]);
    assert_eq!(rows, [(vec![2.5], vec![4], 1.0), (vec![5.0], vec![0], 0.0)]);
}

#[test]
fn libfm_holds_categories_where_they_stand() {
    let schema = |format: &str| {
        written(&format!(
            "schema t {{ format {format}; label click > 0; sparse user: int | vocabulary; sparse item: int | hash(rows: 9) }}"
        ))
    };
    let (mut fm, mut csv) = (String::new(), "click,user,item\n".to_owned());
    for (click, _, _, _, user, item) in (0..ROWS).map(row) {
        let click = if click { "1" } else { "-1" };
        writeln!(fm, "{click} {user}:1 {item}:1").expect("memory");
        writeln!(csv, "{click},{user},{item}").expect("memory");
    }
    let expected = rows_of(&schema("csv"), &[("t.csv", csv.as_bytes())]);
    assert_eq!(rows_of(&schema("libfm"), &[("t.libfm", fm.as_bytes())]), expected);
    let located = |place: &Place, name: &str| locate(place.path(), &[name.to_owned()]).expect("there").remove(0);
    let place = Place::new(&[("t.libfm", fm.as_bytes())]);
    let inferred = infer(&located(&place, "t.libfm"), None, Some("t")).expect("a label by its place");
    for line in
        ["format libfm", "label label >= 1", "sparse f1: int | vocabulary(rows: 30)", "sparse f2: int | vocabulary"]
    {
        assert!(inferred.source.contains(line), "{line} in {}", inferred.source);
    }
    assert_eq!(rows_of(&written(&inferred.source), &[("t.libfm", fm.as_bytes())]).len(), ROWS as usize);
}

#[test]
fn a_schema_is_inferred_from_the_shape_of_lines() {
    let (mut svm, mut ffm) = (String::new(), String::new());
    for (index, (click, query, a, b, user, item)) in (0..ROWS).map(|index| (index, row(index))) {
        let value = if a == 0.0 { String::new() } else { format!(" 3:{a}") };
        writeln!(svm, "{} qid:{query}{value} 17:{}", u8::from(click), b + 0.25).expect("memory");
        let item = if index % 10 == 0 { String::new() } else { format!(" 1:{item}:1") };
        writeln!(ffm, "{} 0:{user}:1{item} 7:0:{}", u8::from(click), a + 0.5).expect("memory");
    }
    let place = Place::new(&[("a.svm", svm.as_bytes()), ("a.ffm", ffm.as_bytes())]);
    let inferred = |name: &str| {
        let located = locate(place.path(), &[name.to_owned()]).expect("there");
        infer(&located[0], None, Some("t")).expect("a label by its place")
    };
    let found = inferred("a.svm");
    assert_eq!((found.rows, found.all), (u64::from(ROWS), true));
    for line in ["format libsvm\n", "label label\n", "dense x3 from 3 | ", "dense x17 from 17 | standardise"] {
        assert!(found.source.contains(line), "{line} in {}", found.source);
    }
    assert_eq!(rows_of(&written(&found.source), &[("a.svm", svm.as_bytes())]).len(), ROWS as usize);
    let found = inferred("a.ffm");
    for line in [
        "format libffm\n",
        "sparse f0 from 0: int | vocabulary",
        "10.0 % missing\n  sparse f1 from 1: int | vocabulary",
        "dense f7v from 7 | ",
    ] {
        assert!(found.source.contains(line), "{line} in {}", found.source);
    }
    assert_eq!(rows_of(&written(&found.source), &[("a.ffm", ffm.as_bytes())]).len(), ROWS as usize);
}

#[test]
fn lines_that_are_no_pairs_are_counted_and_told() {
    let svm =
        written("schema t { format libsvm; label click; dense x from 3; sparse c from 5: int | modulo(rows: 9) }");
    let ffm =
        written("schema t { format libffm; label click; dense x from 3; sparse c from 5: int | modulo(rows: 9) }");
    let fm = written("schema t { format libfm; label click; sparse c[1..2]: int | modulo(rows: 9) }");
    let sound = [("1 3:2 5:1\n0 5:2\n", &svm), ("1 3:0:2 5:1:1\n0 5:2:1\n", &ffm), ("1 3:1 5:1\n0 2:1 7:1\n", &fm)];
    for (schema, line, expected) in [
        (0, "1 3", "item 2: found \"3\", expected `index:value`"),
        (0, "1 3:", "item 2: found \"3:\", expected `index:value`"),
        (0, "1 -3:1", "item 2: found \"-3:1\", expected `index:value`"),
        (0, "1 4294967296:1", "expected `index:value`"),
        (0, "1 3:1 5:1 3:2", "item 4: found \"3:2\", expected each index once"),
        (0, "1 3:a", "index 3: found \"a\", expected a number or nothing"),
        (0, "1 5:1.5", "index 5: found \"1.5\", expected a whole number of 64 bits or nothing"),
        (0, "2 3:1", "click: found \"2\", expected 0 or 1"),
        (0, "0,1,2", "found \"0,1,2\", expected 0 or 1"),
        (1, "1 3:1", "item 2: found \"3:1\", expected `field:index:value`"),
        (1, "1 3:1:", "expected `field:index:value`"),
        (1, "1 3::2", "expected `field:index:value`"),
        (1, "1 5:1:1 5:2:1", "item 3: found \"5:2:1\", expected one index of each field"),
        (1, "1 3:0:nan", "the value of field 3: found \"nan\", expected a number or nothing"),
        (1, "1 5:x:1", "field 5: found \"x\", expected a whole number of 64 bits or nothing"),
        (2, "1 3:1", "found 2 columns, expected 3 with a blank between them"),
        (2, "1 3:1 5:0.5", "item 3: found \"5:0.5\", expected `category:1`"),
        (2, "1 3:1 x:1", "column 3 (c2): found \"x\", expected a whole number of 64 bits or nothing"),
    ] {
        let (text, schema) = sound[schema];
        let place = Place::new(&[("t.txt", format!("{text}{line}\n").as_bytes())]);
        let recipe =
            |max_malformed| nasrec_compiler::recipe::Data { max_malformed, split: [1, 0, 0], ..files(&["t.txt"]) };
        let prepare = |limit| {
            let cache = place.path().join("cache");
            let recipe = recipe(limit);
            nasrec_runtime::data::Dataset::prepare(
                schema,
                &recipe,
                place.path(),
                &cache,
                &Recorder::default(),
                &Stop::new(),
            )
        };
        let message = prepare(0.0).map(|_| ()).expect_err("refused").to_string();
        assert!(message.contains("t.txt, line 3, ") && message.contains(expected), "{line}: {message}");
        let kept = prepare(0.5).expect("the others are sound");
        assert_eq!((kept.rows(), kept.malformed().malformed), (2, 1), "{line}");
        // The same is told before a training.
        let located = locate(place.path(), &["t.txt".to_owned()]).expect("there");
        let found = survey(schema, &located, 0.0, &Silent, &Stop::new()).expect("read");
        assert_eq!((found.rows, found.malformed), (3, 1), "{line}");
        assert!(
            found.stops() && found.trouble.iter().any(|trouble| !trouble.examples.is_empty()),
            "{:?}",
            found.trouble
        );
    }
    let none = Place::new(&[("t.txt", b"# nothing but this\n\n")]);
    let cache = none.path().join("cache");
    let data = recipe(nasrec_compiler::recipe::Source::Files(vec!["t.txt".to_owned()]));
    let refused =
        nasrec_runtime::data::Dataset::prepare(&svm, &data, none.path(), &cache, &Recorder::default(), &Stop::new());
    assert!(refused.map(|_| ()).expect_err("no rows").to_string().contains("no sound row at all"));
}
