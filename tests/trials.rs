//! Candidates that are trained on their own, and what a budget of time decides.

use std::fs;
use std::path::Path;

use nasrec_runtime::backend::{Backend, Tiled};
use nasrec_runtime::run::{Entry, Journal};
use nasrec_runtime::search::search;
use nasrec_runtime::{Error, Silent, Stop};
use serde_json::Value;

use crate::stopping::{Planned, REGULARISED, StopAt, TINY, WEIGHTS, evidence, planned, resumed, run, same, stopped};

/// The lines of a run's journal, times and all.
fn journal(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path.join("journal.jsonl")).expect("a journal");
    text.lines().map(|line| serde_json::from_str(line).expect("a journal line")).collect()
}

/// Candidates that are trained on their own, the best of them with other seeds, each stopped by its figures.
const TRIALS: [&str; 6] = [
    "trials.candidates=7",
    "trials.first=4",
    "trials.seeds=4",
    "retrain.top=4",
    "retrain.epochs=6",
    "retrain.stop=early(patience: 1)",
];

#[test]
fn candidates_that_are_trained_on_their_own_are_the_same_wherever_a_run_was_stopped() {
    let folder = tempfile::tempdir().expect("a folder");
    let planned = planned(REGULARISED, &TRIALS);
    let expected = run(&planned, &folder.path().join("whole"), 2);
    assert!(!folder.path().join("whole/supernet.safetensors").exists());
    same(&expected, &run(&planned, &folder.path().join("again"), 1));
    let journal = String::from_utf8(expected["journal"].clone()).expect("text");
    let trained = |seed: &str| journal.matches(&format!("-seed-{seed}\"")).count();
    assert_eq!(journal.matches("\"event\":\"candidate\"").count(), 7);
    // The best four twice, the better two of them a third time, and a fourth.
    assert_eq!(["2", "3", "4"].map(trained), [4, 2, 2]);
    let last = "train best-1 on train + validation";
    let phases = [("search", 0), ("search", 3), ("search", 5), ("train the best with other seeds", 2), (last, 9)];
    let alone: Vec<Vec<_>> = phases.iter().map(|phase| vec![*phase]).collect();
    for (number, phases) in alone.into_iter().chain([phases.to_vec()]).enumerate() {
        same(&expected, &stopped(&planned, &folder.path().join(format!("stopped-{number}")), &phases));
    }
}

/// A table of visits that are split by time, of which pages are learnt.
const VISITS: &str = "schema visits {
  format csv
  label click
  time when: seconds
  sparse page: text | vocabulary(min_count: 2, rows: 60)
  sparse place: int | modulo(rows: 40)
  dense rate from page: text | target
}
space small {
  input numeric: dense
  input fields: categorical
  width w in [4, 8, 16]
  let x = concat(numeric, flatten(embed(fields, 4)))
  let d = choose { deep: relu(linear(relu(linear(x, w)), w)); wide: relu(linear(x, w)) }
  logit = linear(d, 1)
}
search s on small with visits {
  seed: 3
  data { files: \"visits.csv\" }
  trials { candidates: 5; seeds: 4 }
  retrain { top: 4; epochs: 2; batch: 64; stop: early(patience: 1) }
  tune { trials: 2; lr: log(1e-3, 0.1) }
  baseline trees
}";

fn visits() -> String {
    let rows = (0..1_500u64).map(|row| {
        let mixed = row.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let page = (mixed >> 40) % (4 + row / 40);
        let click = u8::from((mixed >> 20) % 10 < 2 + page % 5);
        format!("{click},{row},p{page},{}\n", (mixed >> 50) % 70)
    });
    format!("click,when,page,place\n{}", rows.collect::<String>())
}

#[test]
fn the_best_are_judged_again_on_other_rows() {
    let folder = tempfile::tempdir().expect("a folder");
    let table = folder.path().join("visits.csv");
    fs::write(&table, visits()).expect("written");
    let planned = Planned { base: folder.path().to_owned(), ..planned(VISITS, &[]) };
    let path = folder.path().join("whole");
    let expected = run(&planned, &path, 2);
    let journal = journal(&path);
    let trained = |of: &dyn Fn(&str) -> bool| {
        let entries = journal.iter().filter(|entry| entry["event"] == "trained" && entry["last"] == false);
        let of_model = entries.filter(|entry| entry["model"].as_str().is_some_and(of));
        of_model.map(|entry| entry["figures"].clone()).collect::<Vec<Value>>()
    };
    // The best four twice, the better two of them a third time, and a fourth; the two settings that were tried for the best, and those of
    // trees with the ones that they had.
    assert_eq!(
        ["2", "3", "4"].map(|seed| trained(&|model| model.ends_with(&format!("-seed-{seed}"))).len()),
        [4 + 5, 2, 2]
    );
    // The same training judged by the same rows would come to the same.
    let again = trained(&|model| model == "trees-seed-2");
    assert_ne!(again, trained(&|model| model == "trees"));
    assert!(again.iter().all(|figures| figures["samples"] == 150), "{again:?}");
    let report: Value = serde_json::from_slice(&expected["report.json"]).expect("JSON");
    assert_eq!(report["folds"], 4);
    // What a report calls validation is what the validation part says.
    let first = journal.iter().filter(|entry| entry["event"] == "candidate").map(|entry| &entry["figures"]["log_loss"]);
    let first: Vec<&Value> = first.collect();
    let told = report["best"].as_array().expect("rows").iter().filter(|row| row["settings"].is_null());
    assert!(told.clone().count() >= 3);
    assert!(told.into_iter().all(|row| first.contains(&&row["validation"]["log_loss"])), "{report}");

    // Wherever it is stopped, and without its table: what other rows are encoded as lies in the run's directory.
    for (number, phase) in [("search", 3), ("train the best with other seeds", 2), ("tune", 2)].into_iter().enumerate()
    {
        let path = folder.path().join(format!("stopped-{number}"));
        let (stop, backend) = (Stop::new(), Tiled::new(2).expect("threads"));
        let begun = planned.start(&path).expect("a new directory");
        let stopped = search(&begun, &backend, &StopAt::new(phase.0, phase.1, &stop), &stop);
        assert!(matches!(stopped, Err(Error::Stopped)), "{phase:?}");
        drop(begun);
        fs::rename(&table, folder.path().join("away.csv")).expect("it was there");
        search(&resumed(&path), &backend, &Silent, &Stop::new()).expect("it goes on");
        fs::rename(folder.path().join("away.csv"), &table).expect("it was there");
        same(&expected, &evidence(&path));
    }
    // Without other rows, the validation part judges all trainings.
    let planned = Planned { settings: vec!["data.folds=off".to_owned()], ..planned };
    let off = run(&planned, &folder.path().join("off"), 2);
    assert!(!folder.path().join("off/data.folds").exists());
    let off: Value = serde_json::from_slice(&off["report.json"]).expect("JSON");
    assert!(off["folds"].is_null());
}

#[test]
fn a_budget_decides_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let planned = |name: &str, budget: &str| {
        let settings = [&TRIALS[..], &[budget]].concat();
        let found = run(&planned(REGULARISED, &settings), &folder.path().join(name), 2);
        let journal = String::from_utf8(found["journal"].clone()).expect("text");
        let decided = journal.lines().filter_map(|line| {
            let entry: Value = serde_json::from_str(line).expect("JSON");
            Some((entry["what"].as_str()?.to_owned(), entry["many"].as_u64()?))
        });
        (journal.matches("\"event\":\"candidate\"").count(), decided.collect::<Vec<_>>())
    };
    let decisions = |candidates: u64, rounds: &[u64]| {
        let rounds = rounds.iter().zip(2..).map(|(&many, seed)| (format!("candidates with seed {seed}"), many));
        std::iter::once(("candidates".to_owned(), candidates)).chain(rounds).collect::<Vec<_>>()
    };
    // With no time at all there are as many as tell how long one takes.
    assert_eq!(planned("none", "budget=0.001s"), (3, decisions(3, &[0])));
    // With enough of it all that are wanted, and the best with many seeds.
    assert_eq!(planned("enough", "budget=20h"), (7, decisions(7, &[7, 3, 2, 2, 2, 2, 2, 2, 2])));

    let settings = [&TRIALS[..], &["budget=20h"]].concat();
    let expected = evidence(&folder.path().join("enough"));
    let tried = self::planned(REGULARISED, &settings);
    let again = "train the best with other seeds";
    same(&expected, &stopped(&tried, &folder.path().join("stopped"), &[("search", 4), (again, 0), (again, 9)]));
}

/// In a training that ends when an epoch is no better than the one before, the last epoch is the best only where the candidate was
/// behind half of the others.
#[test]
fn candidates_behind_half_of_the_others_are_trained_no_longer() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = [
        "trials.candidates=20",
        "trials.first=10",
        "trials.seeds=1",
        "retrain.epochs=5",
        "retrain.stop=early(patience: 1)",
        "retrain.optimiser=adam(lr: 3e-3)",
    ];
    let planned = planned(TINY, &settings);
    let path = folder.path().join("whole");
    let expected = run(&planned, &path, 2);
    let is_cut = |entry: &&Value| {
        let epochs = entry["epochs"].as_array().expect("the figures of each epoch").len() as u64;
        epochs < 5 && entry["best_epoch"] == epochs
    };
    let entries = journal(&path);
    let trained = |from: usize, to: usize| {
        (from..to).map(|index| {
            let name = format!("candidate-{index}");
            entries.iter().find(|entry| entry["model"] == name).expect("it was trained")
        })
    };
    assert_eq!(trained(0, 10).filter(is_cut).count(), 0, "the first are trained to the end");
    assert!(trained(10, 20).filter(is_cut).count() > 0);
    same(&expected, &stopped(&planned, &folder.path().join("stopped"), &[("search", 9), ("search", 14)]));
}

/// Where the order after a part of the first epoch is that of the end, half of the others are trained no longer than that, count as if they
/// had gone on as the others did, and are not among the best.
#[test]
fn candidates_are_trained_for_parts_of_an_epoch() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = [
        "trials.candidates=20",
        "trials.first=10",
        "trials.seeds=2",
        "retrain.top=8",
        "retrain.epochs=2",
        "retrain.stop=early(patience: 1)",
        "retrain.optimiser=adagrad(lr: 0.02)",
    ];
    let planned = planned(TINY, &settings);
    let path = folder.path().join("whole");
    let expected = run(&planned, &path, 2);
    let entries = journal(&path);
    let of = |entry: &Value, what: &str| entry[what].as_array().map_or(0, Vec::len);
    let trained = |index: usize| {
        let name = format!("candidate-{index}");
        entries.iter().find(|entry| entry["model"] == name && entry["last"] == false).expect("it was trained")
    };
    let is_in_part = |entry: &Value| of(entry, "parts") > 0 && of(entry, "epochs") == 0;
    let mut in_part = 0;
    for (index, candidate) in entries.iter().filter(|entry| entry["event"] == "candidate").enumerate() {
        let trained = trained(index);
        let loss = |entry: &Value| entry["figures"]["log_loss"].as_f64().expect("a log loss");
        if index < 10 {
            assert_eq!(of(trained, "parts"), 2, "the first are trained to the end");
        }
        match is_in_part(trained) {
            true => {
                in_part += 1;
                assert!(index >= 10 && loss(candidate) < loss(trained), "{index}: trained on, it would do better");
                let again = format!("candidate-{index}-seed-2");
                assert!(!entries.iter().any(|entry| entry["model"] == again), "{again}");
            }
            false => assert_eq!(candidate["figures"], trained["figures"], "{index}"),
        }
    }
    assert!((2..=9).contains(&in_part), "{in_part}");
    same(&expected, &stopped(&planned, &folder.path().join("stopped"), &[("search", 9), ("search", 14)]));
}

/// Where there is time for a few trainings, and judging takes next to none of it, there is a supernet.
#[test]
fn a_run_settles_how_it_searches_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let long =
        ["retrain.epochs=20", "retrain.batch=128", "evaluate.finetune=off", "evaluate.validate=1", "train.epochs=1"];
    let alone = folder.path().join("alone");
    run(&planned(TINY, &[&long[..], &["method=auto", "budget=0.001s"]].concat()), &alone, 2);
    let entries = journal(&alone);
    let method = |entries: &[Value]| {
        entries.iter().find(|entry| entry["event"] == "settled").expect("it is written down")["method"].clone()
    };
    assert!(method(&entries)["trials"].is_object(), "there is no time for anything else");
    // As if its baseline had taken so many seconds, whatever it takes here.
    let took = 0.5;
    // The baseline twice, and three trainings of candidates, each of which is reckoned at two of its.
    let budget = format!("budget={}s", (2.0 + 3.0 * 2.0) * took);
    let shared = folder.path().join("shared");
    let begun = planned(TINY, &[&long[..], &["method=auto", &budget]].concat()).start(&shared);
    let begun = begun.expect("a new directory");
    let backend = Tiled::new(2).expect("threads");
    let known = Journal::open(&alone.join("journal.jsonl"), resumed(&alone).identity(), backend.device(), &Silent);
    let known = known.expect("a journal").entries().to_vec();
    let mut told =
        Journal::open(&shared.join("journal.jsonl"), begun.identity(), backend.device(), &Silent).expect("a new one");
    for mut entry in known.into_iter().skip(1).take_while(|entry| !matches!(entry, Entry::Decided { .. })) {
        if let Entry::Trained { seconds, .. } = &mut entry {
            *seconds = took;
        }
        told.append(entry).expect("written");
    }
    drop(told);
    search(&begun, &backend, &Silent, &Stop::new()).expect("the rest of the run");
    drop(begun);
    let expected = evidence(&shared);
    let entries = journal(&shared);
    assert!(method(&entries)["random"].is_object(), "{}", method(&entries));
    assert!(shared.join("supernet.safetensors").exists());
    // What is left goes to further seeds of its best, round after round.
    let decided = |what: &str| entries.iter().any(|entry| entry["what"] == what);
    assert!(decided("candidates with seed 2"));
    // How many candidates there are, and how many of the best are retrained.
    let decided = entries.iter().rposition(|entry| entry["event"] == "decided").expect("the clock decides");
    // What was decided stays, whatever the clock says now.
    let text = fs::read_to_string(shared.join("journal.jsonl")).expect("a journal");
    for kept in [decided + 1, decided + 2] {
        let lines: Vec<&str> = text.lines().take(kept).collect();
        fs::write(shared.join("journal.jsonl"), lines.join("\n") + "\n").expect("written");
        for name in [WEIGHTS, "report.json"] {
            fs::remove_file(shared.join(name)).expect("removed");
        }
        search(&resumed(&shared), &Tiled::new(2).expect("threads"), &Silent, &Stop::new())
            .expect("the rest of the run");
        same(&expected, &evidence(&shared));
    }
}

/// Where there is time, some candidates are trained twice before it is settled how it is spent, and never again.
#[test]
fn a_pilot_tells_what_there_is_to_find() {
    let folder = tempfile::tempdir().expect("a folder");
    let pilot = "candidates of the pilot";
    let decided = |entries: &[Value], what: &str| {
        entries.iter().find(|entry| entry["what"] == what).map(|entry| entry["many"].as_u64().expect("a number"))
    };
    let none = folder.path().join("none");
    run(&planned(REGULARISED, &["method=auto", "budget=0.001s"]), &none, 2);
    assert_eq!(decided(&journal(&none), pilot), Some(0), "there is no time for one");
    // For all architectures that there are, all of which it is.
    let planned = planned(REGULARISED, &["method=auto", "budget=20h"]);
    let path = folder.path().join("some");
    let expected = run(&planned, &path, 2);
    let entries = journal(&path);
    assert_eq!(decided(&entries, pilot), Some(8));
    assert!(decided(&entries, "percent of the time for training the best again").is_some());
    let place = |model: &str| {
        let places = entries.iter().enumerate().filter(|(_, entry)| entry["model"] == model && entry["last"] == false);
        let places: Vec<usize> = places.map(|(place, _)| place).collect();
        assert_eq!(places.len(), 1, "{model} is trained once");
        places[0]
    };
    let settled = entries.iter().position(|entry| entry["event"] == "settled").expect("it is settled");
    let candidates: Vec<&Value> = entries.iter().filter(|entry| entry["event"] == "candidate").collect();
    for (index, candidate) in candidates.iter().enumerate() {
        let (first, again) = (place(&format!("candidate-{index}")), place(&format!("candidate-{index}-seed-2")));
        assert!(first < settled && again < settled, "{index}");
        // What the search goes on with are the same architectures.
        assert_eq!(candidate["figures"], entries[first]["figures"], "{index}");
    }
    same(&expected, &stopped(&planned, &folder.path().join("stopped"), &[("pilot", 3), ("pilot", 11), ("search", 2)]));
}
