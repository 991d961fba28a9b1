//! What is wrong with a table, told all at once; and what its columns hold.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn nasrecc(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_nasrecc")).current_dir(folder).args(args).output().expect("it runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What is said on stdout with `status`.
fn said(folder: &Path, args: &[&str], status: i32) -> String {
    let output = nasrecc(folder, args);
    assert_eq!(output.status.code(), Some(status), "{args:?}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

const SCHEMA: &str = "schema visits {
  format csv
  missing \"NA\"
  label bought
  dense price
  dense age | log1p
  dense seen
  sparse item: int | modulo(rows: 1_001)
  sparse city: text | vocabulary(rows: 20)
  sparse same: text | hash(rows: 10)
  sparse nothing: int | modulo(rows: 10)
  sparse token: text | vocabulary(rows: 1_000)
  sparse result: text | vocabulary(rows: 10)
  sparse hour from time: \"%Y-%m-%d %H:%M:%S\" | hour
}
";

/// A row of a table with a fault of every kind that a sound row can have.
fn row(index: u32) -> String {
    let click = index % 5 < 2;
    let city = ["ulm", "bonn", "kiel"][index as usize % 3];
    let age = if index.is_multiple_of(10) { "NA".to_owned() } else { (20 + index % 50).to_string() };
    format!(
        "{},{}.5,{age},{},{},{city},x,,t{index},{},2024-03-01 {:02}:00:00\n",
        u8::from(click),
        index % 90,
        1_700_000_000 + index * 60,
        (index % 40) * 1_000,
        if click { "paid" } else { "left" },
        index % 24,
    )
}

const HEADER: &str = "bought,price,age,seen,item,city,same,nothing,token,result,time\n";

fn table(folder: &Path) {
    let mut rows: String = HEADER.to_owned();
    rows.extend((0..2_000).map(row));
    fs::write(folder.join("visits.csv"), rows).expect("written");
    fs::write(folder.join("visits.nasrec"), SCHEMA).expect("written");
}

#[test]
fn what_would_spoil_a_training_is_told_of_each_column() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    table(at);
    let told = said(at, &["data", "check", "visits.csv", "--schema", "visits.nasrec"], 0);
    for expected in [
        "warning: column seen: numbers from 1700000000 to 1700119940 look like seconds since 1970\n",
        "warning: column seen: it goes into the model as numbers from 1.700e9 to 1.700e9;",
        "help: say `| standardise` behind it",
        "warning: column item: 40 different values share 1 of the table's 1000 rows, up to 40 in one\n",
        "help: `hash(rows: 1001)` would spread them over about 39; or take a `vocabulary`",
        "warning: column same: it is the same in every row",
        "warning: column nothing: nothing is in it",
        "warning: column token: 2000 different values in 2000 rows: it tells rows apart, and nothing of new ones",
        "warning: column result: it tells the label alone, always: is it known before the label is?",
    ] {
        assert!(told.contains(expected), "{expected} in\n{told}");
    }
    for sound in ["price", "age", "city", "hour"] {
        assert!(!told.contains(&format!("column {sound}:")), "{sound} in\n{told}");
    }
}

#[test]
fn what_would_stop_a_training_is_told_all_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    table(at);
    let mut rows = HEADER.replace("city", "town").replace("same", "price") + &row(1);
    rows += &row(2).replacen("0,", "maybe,", 1).replacen("1,", "maybe,", 1);
    for index in 3..8 {
        rows += &row(index).replace("2024-03-01", "yesterday");
    }
    rows += "1,2,3\n";
    rows.extend((8..100).map(row));
    fs::write(at.join("visits.csv"), &rows).expect("written");
    let told = said(at, &["data", "check", "visits.csv", "--schema", "visits.nasrec"], 1);
    for expected in [
        "error: column city: visits.csv has no such column, which the schema names\n  help: its header has \"bought\", ",
        "error: column price: visits.csv has 2 columns of this name\n",
        "error: column same: visits.csv has no such column",
        "error: 1 of 100 lines have another number of values than as the header has names\n  visits.csv, line 9: 3 values\n",
        "error: column time: 5 of 100 rows have a value that cannot be read: expected a time as its pattern says, or nothing\n  \
         visits.csv, line 4: \"yesterday 03:00:00\"\n  visits.csv, line 5: ",
        "  and 2 more\n",
        "error: column bought: 1 of 100 rows have a value that cannot be read: expected 0 or 1\n  visits.csv, line 3: \"maybe\"\n",
        "help: say which values are clicks, such as",
    ] {
        assert!(told.contains(expected), "{expected} in\n{told}");
    }
    // The same for a program, and where the lines are found in packed files.
    let json = said(at, &["data", "check", "visits.csv", "--schema", "visits.nasrec:visits", "--format", "json"], 1);
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(
        (json["stops"].as_bool(), json["rows"].as_u64(), json["malformed"].as_u64()),
        (Some(true), Some(100), Some(7))
    );
    let kinds: Vec<&str> =
        json["trouble"].as_array().expect("a list").iter().filter_map(|one| one["kind"].as_str()).collect();
    for kind in ["missing_column", "two_columns", "ragged", "unreadable", "label"] {
        assert!(kinds.contains(&kind), "{kind} in {kinds:?}");
    }
    // More than the usual is tolerated where one says so, and what is not there is not.
    let sound = rows.replace("town", "city").replacen("price,nothing", "same,nothing", 1);
    fs::write(at.join("visits.csv"), sound).expect("written");
    let tolerant = said(at, &["data", "check", "visits.csv", "--schema", "visits.nasrec", "--max-malformed", "0.2"], 0);
    assert!(tolerant.contains("warning: column time: 5 of 100 rows"), "{tolerant}");
}

#[test]
fn a_table_of_one_label_and_a_label_that_is_not_there_stop() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    fs::write(at.join("s.nasrec"), "schema t { format csv; label y; dense x; sparse c: int | modulo(rows: 9) }\n")
        .expect("written");
    fs::write(at.join("a.csv"), "y,x,c\n0,1,2\n0,2,1\n").expect("written");
    let told = said(at, &["data", "check", "a.csv", "--schema", "s.nasrec"], 1);
    assert!(told.contains("error: column y: all 2 rows have the label 0, so that there is nothing to learn"), "{told}");
    fs::write(at.join("b.csv"), "z,x,c\n0,1,2\n").expect("written");
    let told = said(at, &["data", "check", "b.csv", "--schema", "s.nasrec"], 1);
    assert!(told.contains("error: column y: b.csv has no such column"), "{told}");
    let output = nasrecc(at, &["data", "check", "a.csv", "--schema", "s.nasrec:u"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("s.nasrec has no schema `u`; it has t"), "{}", text(&output.stderr));
}

#[test]
fn what_columns_hold_is_shown_with_their_clicks() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    table(at);
    let shown = said(at, &["data", "stats", "visits.csv", "--schema", "visits.nasrec"], 0);
    assert!(shown.starts_with("2,000 rows, 0 of them malformed; 40.0 % of the sound ones are clicks, "), "{shown}");
    for expected in [
        "│ city     ┆ vocabulary ┆",
        "│ ulm  ┆ 33.4 % ┆ 40.0 % │",
        "40 values are in 1 of 1,000 rows, up to 40 in one",
        "│ 00:00 ┆",
    ] {
        assert!(shown.contains(expected), "{expected} in\n{shown}");
    }
    let json = said(
        at,
        &["data", "stats", "visits.csv", "--schema", "visits.nasrec", "--column", "age", "--format", "json"],
        0,
    );
    let json: Value = serde_json::from_str(&json).expect("JSON");
    let age = &json["columns"][0];
    assert_eq!(json["columns"].as_array().map(Vec::len), Some(1));
    assert_eq!(
        (age["there"].as_u64(), age["missing"].as_u64(), age["distinct"].as_u64()),
        (Some(1_800), Some(200), Some(45))
    );
    assert_eq!((age["range"]["least"].as_f64(), age["range"]["greatest"].as_f64()), (Some(21.0), Some(69.0)));
    let rows: u64 = age["groups"].as_array().expect("a list").iter().filter_map(|group| group["rows"].as_u64()).sum();
    assert_eq!(rows, 2_000);
    let unknown = nasrecc(at, &["data", "stats", "visits.csv", "--schema", "visits.nasrec", "--column", "ages"]);
    assert!(text(&unknown.stderr).contains("the schema visits has no column `ages`; it has price, age,"));
}

#[test]
fn a_project_is_made_that_runs_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    table(at);
    fs::create_dir(at.join("data")).expect("made");
    fs::rename(at.join("visits.csv"), at.join("data/visits.csv")).expect("moved");
    let made = nasrecc(at, &["new", "my-shop", "--data", "data/visits.csv", "--label", "bought"]);
    assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
    assert!(text(&made.stderr).contains("next: nasrecc search my-shop/search.nasrec"), "{}", text(&made.stderr));
    let search = fs::read_to_string(at.join("my-shop/search.nasrec")).expect("there");
    assert!(
        search.contains("search my_shop on tabular(") && search.contains("files: \"../data/visits.csv\""),
        "{search}"
    );
    let checked = nasrecc(at, &["check", "--deny-warnings", "my-shop/search.nasrec", "my-shop/schema.nasrec"]);
    assert_eq!(checked.status.code(), Some(0), "{}", text(&checked.stderr));
    let formatted = nasrecc(at, &["fmt", "--check", "my-shop/search.nasrec", "my-shop/schema.nasrec"]);
    assert_eq!(formatted.status.code(), Some(0), "{}", text(&formatted.stderr));
    let readme = fs::read_to_string(at.join("my-shop/README.md")).expect("there");
    assert!(readme.contains("nasrecc search my-shop/search.nasrec --out my-shop/run"), "{readme}");
    // Run from elsewhere, by the command that is told; shorter than it would be.
    // As few candidates as tell how long one takes.
    let few = ["--budget", "0.01s", "--set", "retrain.epochs=1"];
    let ran = nasrecc(at, &[&["search", "my-shop/search.nasrec", "--out", "my-shop/run"][..], &few].concat());
    assert_eq!(ran.status.code(), Some(0), "{}", text(&ran.stderr));
    assert!(text(&ran.stdout).contains("linear_model"), "{}", text(&ran.stdout));
    let again = nasrecc(at, &["new", "my-shop", "--data", "data/visits.csv", "--label", "bought"]);
    assert_eq!(again.status.code(), Some(2));
    assert!(text(&again.stderr).contains("my-shop/schema.nasrec is there already, and nothing is overwritten"));
    let wrong = nasrecc(at, &["new", "other", "--data", "data/visits.csv", "--label", "buys"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(!at.join("other").exists(), "nothing is made of what cannot be");
    // What is far away is named by all of its path.
    let far = tempfile::tempdir().expect("a folder");
    let dir = far.path().join("p");
    let made = nasrecc(
        at,
        &["new", dir.to_str().expect("text"), "--data", "data/visits.csv", "--label", "bought", "--name", "far"],
    );
    assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
    let search = fs::read_to_string(dir.join("search.nasrec")).expect("there");
    let whole = at.canonicalize().expect("there").join("data/visits.csv");
    assert!(search.contains(&format!("files: \"{}\"", whole.display())), "{search}");
}

/// What is wrong with a second label is told as of the first.
#[test]
fn other_labels_are_looked_at() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let schema = "schema s { format csv; label click; label buy; label rated from stars >= 4; dense price }\n";
    fs::write(at.join("s.nasrec"), schema).expect("written");
    let rows = (0..200).map(|row| {
        let buy = if row == 7 { "perhaps".to_owned() } else { (row % 4 / 3).to_string() };
        format!("{},{buy},3,{row}\n", row % 2)
    });
    fs::write(at.join("a.csv"), "click,buy,stars,price\n".to_owned() + &rows.collect::<String>()).expect("written");
    let told = said(at, &["data", "check", "a.csv", "--schema", "s.nasrec"], 1);
    for expected in [
        "buy: 1 of 200 rows have a value that cannot be read: expected 0 or 1",
        "stars: all 200 rows have the label 0 here: nothing is to be learnt of it",
    ] {
        assert!(told.replace('\n', " ").contains(expected), "{told}");
    }
}
