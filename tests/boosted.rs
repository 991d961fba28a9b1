//! `baseline trees`: trained, told and written down beside what a search finds.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn nasrecc(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_nasrecc")).current_dir(folder).args(args).output().expect("it runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Clicks that follow from a threshold in one of two cities, which no network of one linear layer finds.
fn table(rows: u32) -> String {
    let mut state = 1u64;
    let mut draw = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut text = "click,price,city,user\n".to_owned();
    for _ in 0..rows {
        let (price, city, user) = (draw(1_000), draw(2), draw(50));
        let likely = (price > 500) == (city == 1);
        let click = draw(100) < if likely { 80 } else { 20 };
        writeln!(text, "{},{}.5,{},u{user}", u8::from(click), price, ["ulm", "kiel"][city as usize]).expect("memory");
    }
    text
}

const SEARCH: &str = "
schema visits {
  format csv
  label click
  dense price | standardise
  sparse city: text | vocabulary(rows: 8)
  sparse user: text | hash(rows: 100)
}
space s {
  input numeric: dense
  input fields: categorical
  width w in [4, 8]
  logit = linear(relu(linear(concat(numeric, flatten(embed(fields, 4))), w)), 1)
}
space plain { input numeric: dense; input fields: categorical; logit = linear(numeric, 1) }
search tiny on s with visits {
  data { files: \"visits.csv\" }
  random { samples: 2 }
  retrain { top: 1 }
  baseline plain, trees
}
";

/// The lines of a run's journal that are of trees, without what they took and the checksums.
fn of_trees(run: &Path) -> Vec<serde_json::Value> {
    let journal = fs::read_to_string(run.join("journal.jsonl")).expect("there");
    let entries = journal.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
    let mut found: Vec<_> = entries.filter(|entry| entry["model"] == "trees").collect();
    for entry in &mut found {
        let entry = entry.as_object_mut().expect("an object");
        entry.remove("seconds");
        entry.remove("checksum");
    }
    found
}

#[test]
fn trees_are_a_baseline_and_are_not_trained_twice() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    fs::write(at.join("visits.csv"), table(4_000)).expect("written");
    fs::write(at.join("tiny.nasrec"), SEARCH).expect("written");
    let ran = nasrecc(at, &["search", "tiny.nasrec", "--out", "run", "--threads", "2"]);
    let told = text(&ran.stderr);
    assert_eq!(ran.status.code(), Some(0), "{told}");
    assert!(told.contains("train trees: best with "), "{told}");
    let shown = text(&ran.stdout);
    let line = shown.lines().find(|line| line.contains("trees")).expect("a row of the table");
    let cells: Vec<&str> = line.trim_matches('│').split('┆').map(str::trim).collect();
    assert_eq!(cells[..2], ["baseline", "trees"], "{shown}");
    // An AUC of 0.8 is all that there is to find, and one number alone tells nothing.
    let auc: f64 = cells[5].parse().expect("a figure");
    assert!((0.76..0.82).contains(&auc), "{shown}");
    assert_eq!(cells[6..], ["", "", ""], "trees have no multiply-accumulates: {shown}");
    assert!(shown.contains(" trees by "), "what was found is compared with them: {shown}");
    let report: serde_json::Value =
        serde_json::from_slice(&fs::read(at.join("run/report.json")).expect("there")).expect("JSON");
    let [plain, trees] = [0, 1].map(|at| &report["baselines"][at]);
    assert!(plain["macs"].is_u64() && trees["macs"].is_null(), "{report}");
    assert!(trees["test"]["log_loss"].as_f64() < plain["test"]["log_loss"].as_f64(), "{report}");

    let entries = of_trees(&at.join("run"));
    assert_eq!(entries.len(), 2);
    assert_eq!((&entries[0]["last"], &entries[1]["last"]), (&false.into(), &true.into()));
    assert_eq!(entries[0]["trees"], entries[1]["trees"], "as many as were best on the validation part");

    // Cut before the last training: the first is not done again, and the last comes to the same, with other threads.
    let path = at.join("run/journal.jsonl");
    let journal = fs::read_to_string(&path).expect("there");
    let lines: Vec<&str> = journal.split_inclusive('\n').collect();
    let last = lines.iter().rposition(|line| line.contains("\"model\":\"trees\"")).expect("there");
    fs::write(&path, lines[..last].concat()).expect("written");
    let again = nasrecc(at, &["search", "--resume", "run", "--threads", "1"]);
    assert_eq!(again.status.code(), Some(0), "{}", text(&again.stderr));
    assert!(!text(&again.stderr).contains("best with"), "{}", text(&again.stderr));
    assert_eq!(of_trees(&at.join("run")), entries);
    let whole = fs::read_to_string(&path).expect("there");
    let done = nasrecc(at, &["search", "--resume", "run"]);
    assert_eq!((done.status.code(), text(&done.stdout)), (Some(0), text(&again.stdout)));
    assert_eq!(fs::read_to_string(&path).expect("there"), whole, "nothing is done twice");
}

#[test]
fn a_space_of_that_name_is_that_space() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    fs::write(at.join("visits.csv"), table(1_000)).expect("written");
    fs::write(at.join("tiny.nasrec"), SEARCH.replace("space plain", "space trees").replace("plain, ", ""))
        .expect("written");
    let ran = nasrecc(at, &["search", "tiny.nasrec", "--out", "run"]);
    assert_eq!(ran.status.code(), Some(0), "{}", text(&ran.stderr));
    let entries = of_trees(&at.join("run"));
    assert!(entries.len() == 2 && entries.iter().all(|entry| entry["trees"].is_null()), "{entries:?}");
}
