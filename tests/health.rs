//! What is said of models that learnt nothing, and of trainings that failed.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use nasrec_compiler::streams::Streams;
use rand::RngExt;

const SEARCH: &str = r#"nasrec 1

import "std/ctr.nasrec" { fc }
import "models/linear.nasrec" { linear_model }

space tower {
  input numeric: dense
  input fields: categorical
  block b[1..2] after stem { dense = concat(numeric, flatten(embed(fields, 4))) } {
    width w in [8, 16]
    let x = concat(pick 1..2 from earlier.dense)
    out dense = fc(x, w)
  }
  logit = linear(b[2].dense, 1)
}

schema visits { label click; dense price; sparse city: int | modulo(rows: 50) }

search own on tower with visits {
  seed: 1
  data { files: "visits.tsv" }
  train { epochs: 8; batch: 32 }
  evaluate { finetune: off; validate: 4; batch: 64 }
  random { samples: 6 }
  retrain { top: 2; epochs: 8; batch: 32 }
  baseline linear_model
}
"#;

struct Ran {
    status: i32,
    out: String,
    err: String,
}

/// Runs the search on a thousand rows whose price is written as `shown` says.
fn ran(folder: &Path, settings: &[&str], shown: impl Fn(u32, f64) -> String) -> Ran {
    ran_on(folder, SEARCH, settings, shown)
}

/// The same of another search, or another schema.
fn ran_on(folder: &Path, search: &str, settings: &[&str], shown: impl Fn(u32, f64) -> String) -> Ran {
    let mut rng = Streams::new(7).rng("visits", 0);
    let mut table = String::new();
    for row in 0..1000 {
        let price = rng.random_range(-2.0..2.0f64);
        let city = rng.random_range(0..40u32);
        let logit: f64 = 1.5 * price - 0.5 + if city % 2 == 1 { 1.0 } else { -1.0 };
        let click = u8::from(rng.random::<f64>() < 1.0 / (1.0 + (-logit).exp()));
        writeln!(table, "{click}\t{}\t{city}", shown(row, price)).expect("text");
    }
    fs::write(folder.join("visits.tsv"), table).expect("written");
    fs::write(folder.join("visits.nasrec"), search).expect("written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_nasrecc"));
    command.current_dir(folder).args(["search", "visits.nasrec", "--out", "out"]);
    settings.iter().for_each(|setting| _ = command.args(["--set", setting]));
    let output = command.output().expect("nasrecc starts");
    Ran {
        status: output.status.code().expect("it was not killed"),
        out: String::from_utf8(output.stdout).expect("text"),
        err: String::from_utf8(output.stderr).expect("text"),
    }
}

#[test]
fn a_model_that_is_no_better_than_a_constant_has_learnt_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    // Milliseconds since 1970: the linear model takes steps far too long for anything else.
    let found = ran(folder.path(), &[], |_, price| format!("{}", 1.7e12 + 1e10 * price));
    assert_eq!(found.status, 0, "{}", found.err);
    assert!(found.out.contains("linear_model has learnt nothing: its log loss on test, "), "{}", found.out);
    assert!(found.out.contains("that of the best constant."), "{}", found.out);
    assert!(!found.out.contains("beats") && !found.out.contains("loses to"), "{}", found.out);

    // The same with numbers as they should be.
    let folder = tempfile::tempdir().expect("a folder");
    let found = ran(folder.path(), &[], |_, price| format!("{price}"));
    assert_eq!(found.status, 0, "{}", found.err);
    assert!(!found.out.contains("has learnt nothing"), "{}", found.out);
    assert!(found.out.contains("In brackets: 95 % intervals"), "{}", found.out);
}

/// The lines of stderr that warn.
fn warnings(ran: &Ran) -> Vec<&str> {
    assert_eq!(ran.status, 0, "{}", ran.err);
    ran.err.lines().filter(|line| line.starts_with("warning: ")).collect()
}

#[test]
fn numbers_that_no_model_learns_beside_are_told_once() {
    let milliseconds = |_, price: f64| format!("{}", 1.7e12 + 1e10 * price.trunc());
    let folder = tempfile::tempdir().expect("a folder");
    let found = ran(folder.path(), &[], milliseconds);
    let expected = "warning: column price: it goes into the model as numbers from 1.690e12 to 1.710e12; beside numbers near 1, \
                    that keeps all of it from learning: say `| standardise` behind it";
    assert_eq!(warnings(&found), [expected]);
    // Who goes on with the run was told.
    let mut again = Command::new(env!("CARGO_BIN_EXE_nasrecc"));
    let again = again.current_dir(folder.path()).args(["search", "--resume", "out"]).output().expect("nasrecc starts");
    assert!(!String::from_utf8_lossy(&again.stderr).contains("warning: "));

    // As it is told to be.
    let folder = tempfile::tempdir().expect("a folder");
    let search = SEARCH.replace("dense price", "dense price | standardise");
    assert_eq!(warnings(&ran_on(folder.path(), &search, &[], milliseconds)), [""; 0]);
    // One number that is far from all others.
    let folder = tempfile::tempdir().expect("a folder");
    let search = SEARCH.replace("dense price", "dense price | max(0) | log1p");
    let far = |row, price: f64| if row == 500 { "1e300".to_owned() } else { price.to_string() };
    assert_eq!(warnings(&ran_on(folder.path(), &search, &["data.split=998:1:1"], far)), [""; 0]);
}

#[test]
fn values_that_share_rows_of_a_table_are_told_once() {
    // Forty cities, in steps of a thousand.
    let steps = |table: &str| SEARCH.replace("sparse city: int | modulo(rows: 50)", table);
    let price = |row: u32, price: f64| format!("{price}\t{}", row % 40 * 1_000);
    let search = steps("sparse item: int | modulo(rows: 1_001); sparse city: int | modulo(rows: 50)");
    let folder = tempfile::tempdir().expect("a folder");
    let expected = "warning: column item: in the first rows, 40 different values share 1 of the table's 1000 rows, up to 40 in \
                    one: `hash(rows: 1001)` would spread them over about 39; or take a `vocabulary`";
    assert_eq!(warnings(&ran_on(folder.path(), &search, &[], price)), [expected]);

    // As it is told to be; and what shares many rows with few others is as any hash.
    for table in ["item: int | hash(rows: 1_001)", "item: int | modulo(rows: 1_000)", "item: int | vocabulary"] {
        let search = steps(&format!("sparse {table}; sparse city: int | modulo(rows: 50)"));
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(warnings(&ran_on(folder.path(), &search, &[], price)), [""; 0], "{table}");
    }
    // Far more values than rows, however they are spread.
    let search = steps("sparse item: text | hash(rows: 11); sparse city: int | modulo(rows: 50)");
    let folder = tempfile::tempdir().expect("a folder");
    let found = ran_on(folder.path(), &search, &[], price);
    assert_eq!(warnings(&found).len(), 1, "{}", found.err);
    assert!(found.err.contains("40 different values share 10 of the table's 10 rows"), "{}", found.err);
}

#[test]
fn bags_that_hold_more_than_is_read_are_told_once() {
    let bags = |most: &str| SEARCH.replace("sparse city: int |", &format!("sparse city: int | list(\",\"{most}) |"));
    // Every second row holds three, one of them not there in between, and is followed by one of its own city.
    let price =
        |row: u32, price: f64| if row % 2 == 1 { format!("{price}\t1,2,,3\n0\t0.5") } else { price.to_string() };
    let folder = tempfile::tempdir().expect("a folder");
    let expected = "warning: column city: in the first rows, 500 rows hold more than 2 categories, of which the first 2 are read: \
                    the longest holds 3: `list(\"…\", most: 3)` reads all";
    assert_eq!(warnings(&ran_on(folder.path(), &bags(", most: 2"), &[], price)), [expected]);
    // As it is told to be.
    for most in [", most: 3", ""] {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(warnings(&ran_on(folder.path(), &bags(most), &[], price)), [""; 0], "{most}");
    }
}

#[test]
fn where_everything_fails_nothing_is_kept() {
    for epochs in ["retrain.epochs=3", "retrain.epochs=8"] {
        let folder = tempfile::tempdir().expect("a folder");
        let largest =
            |row: u32, price: f64| if row.is_multiple_of(10) { "3.4e38".to_owned() } else { price.to_string() };
        let found = ran(folder.path(), &[epochs, "retrain.optimiser=adagrad(lr: 0.16)"], largest);
        assert_eq!(found.status, 2, "{}{}", found.out, found.err);
        assert!(found.err.contains("train best-1: the loss was not finite in "), "{}", found.err);
        assert!(found.err.contains("train best-2: the loss was not finite in "), "the other is trained: {}", found.err);
        assert!(found.err.contains("train linear_model"), "and the baseline: {}", found.err);
        assert!(
            found.err.contains("error: nothing that a model could be kept of has a finite log loss"),
            "{}",
            found.err
        );
        assert!(!found.err.contains("clip"), "it is on: {}", found.err);
        assert!(found.out.contains("best-1 failed: its log loss is not finite."), "{}", found.out);
        assert!(!found.out.contains("beats"), "{}", found.out);
        for kept in ["best", "best.nasrec"] {
            assert!(!folder.path().join("out").join(kept).exists(), "{kept}");
        }
        let journal = fs::read_to_string(folder.path().join("out/journal.jsonl")).expect("a journal");
        assert!(journal.contains("\"model\":\"best-1\"") && journal.contains("\"failed\":"), "{journal}");
    }
}
