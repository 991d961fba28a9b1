//! Settings of trainings that are found for each model on its own.

use serde_json::Value;

use crate::stopping::{TINY, planned, run, same, stopped};

const TUNED: [&str; 9] = [
    "trials.candidates=4",
    "trials.seeds=1",
    "retrain.top=2",
    "retrain.optimiser=adam(lr: 1e-3)",
    "tune.trials=6",
    "tune.top=2",
    "tune.lr=log(1e-4, 0.1)",
    "tune.batch=[64, 128]",
    "tune.schedule=[constant, cosine]",
];

#[test]
fn what_is_found_and_what_it_is_compared_with_have_as_many_trials() {
    let folder = tempfile::tempdir().expect("a folder");
    let with_trees = TINY.replace("baseline dlrm(dim: 8)", "baseline dlrm(dim: 8), trees");
    assert_ne!(with_trees, TINY);
    let planned = planned(&with_trees, &TUNED);
    let expected = run(&planned, &folder.path().join("whole"), 2);
    same(&expected, &run(&planned, &folder.path().join("again"), 1));
    let journal = String::from_utf8(expected["journal"].clone()).expect("text");
    let mut trials = std::collections::BTreeMap::new();
    for line in journal.lines() {
        let entry: Value = serde_json::from_str(line).expect("JSON");
        if let Some((model, _)) = entry["model"].as_str().and_then(|model| model.split_once("-tuned-")) {
            let last = entry["last"].as_bool().expect("it says so");
            let again = entry["model"].as_str().is_some_and(|model| model.ends_with("-seed-2"));
            *trials.entry((model.to_owned(), last, again)).or_insert(0) += 1;
        }
    }
    let first: Vec<(&str, i32)> = trials
        .iter()
        .filter(|((_, last, again), _)| !last && !again)
        .map(|((model, ..), n)| (model.as_str(), *n))
        .collect();
    assert_eq!(first.len(), 4, "the best two, and what they are compared with: {trials:?}");
    assert!(first.iter().all(|(_, trials)| *trials == 6), "{first:?}");
    assert!(["dlrm(dim: 8)", "trees"].iter().all(|name| first.iter().any(|(model, _)| model == name)));
    let report: Value = serde_json::from_slice(&expected["report.json"]).expect("JSON");
    assert_eq!(report["tuned"], 6);
    let settings = |row: &Value| row["settings"].as_array().map_or(0, Vec::len);
    let rows = [&report["best"][0], &report["best"][1], &report["baselines"][0]];
    assert!(rows.iter().any(|row| settings(row) == 3), "with a rate of 0.001 two epochs are too short: {rows:?}");
    // What is compared is what the best settings came to.
    for row in rows.iter().filter(|row| settings(row) > 0) {
        assert_eq!((row["trainings"].as_u64(), settings(row)), (Some(2), 3));
    }
    // What was kept of trees is that they were tuned by numbers of their own.
    let trees = &report["baselines"][1];
    assert!([0, 5].contains(&settings(trees)), "{trees}");
    let stops = [("tune", 4), ("tune", 11), ("search", 2), ("tune", 3), ("tune", 12)];
    same(&expected, &stopped(&planned, &folder.path().join("stopped"), &stops));
}

/// Candidates are compared as they are trained by the settings that are best for the best network among the baselines.
#[test]
fn candidates_are_trained_by_what_is_best_for_a_baseline() {
    let folder = tempfile::tempdir().expect("a folder");
    let tuned = ["tune.trials=4", "tune.lr=[0.03]", "tune.batch=[64]"];
    let tuned = run(&planned(TINY, &[&TUNED[..5 - 1], &tuned].concat()), &folder.path().join("tuned"), 2);
    let settings = ["retrain.optimiser=adam(lr: 0.03)", "retrain.batch=64"];
    let set = run(&planned(TINY, &[&TUNED[..3], &settings].concat()), &folder.path().join("set"), 2);
    let candidates = |files: &std::collections::BTreeMap<String, Vec<u8>>| {
        let journal = String::from_utf8(files["journal"].clone()).expect("text");
        let entries = journal.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let trained = entries.filter_map(|entry| {
            let model = entry["model"].as_str().filter(|model| model.starts_with("candidate-"))?.to_owned();
            let is_first = !["-tuned-", "-seed-"].iter().any(|further| model.contains(further));
            (is_first && entry["last"] == false).then(|| (model, entry["figures"].clone()))
        });
        trained.collect::<Vec<(String, Value)>>()
    };
    assert_eq!(candidates(&tuned).len(), 4);
    assert_eq!(candidates(&tuned), candidates(&set));
    // What was not tuned itself has those settings, and says so.
    let report: Value = serde_json::from_slice(&tuned["report.json"]).expect("JSON");
    let settings = |row: &Value| row["settings"].to_string();
    assert_eq!(settings(&report["best"][1]), settings(&report["baselines"][0]), "{report}");
    assert!(settings(&report["best"][1]).contains("0.03"), "{report}");
}

/// Where there is no time for it nothing is tuned, and that is settled once.
#[test]
fn a_budget_says_how_much_is_tuned() {
    let folder = tempfile::tempdir().expect("a folder");
    let tuned = |name: &str, budget: &str| {
        let settings = [&TUNED[..], &[budget]].concat();
        let found = run(&planned(TINY, &settings), &folder.path().join(name), 2);
        let journal = String::from_utf8(found["journal"].clone()).expect("text");
        let decided = journal.lines().filter(|line| line.contains("trials of settings\""));
        let decided = decided.map(|line| serde_json::from_str::<Value>(line).expect("JSON")["many"].as_u64());
        (decided.collect::<Option<Vec<u64>>>().expect("numbers"), journal.contains("-tuned-"))
    };
    assert_eq!(tuned("none", "budget=0.001s"), (vec![0], false));
    // Without a network to show what a training takes, a candidate shows it.
    let alone = TINY.replace("  baseline dlrm(dim: 8)\n", "");
    assert_ne!(alone, TINY);
    let settings = [&TUNED[..], &["budget=0.001s"]].concat();
    let found = run(&planned(&alone, &settings), &folder.path().join("alone"), 2);
    let journal = String::from_utf8(found["journal"].clone()).expect("text");
    assert!(journal.contains("\"pilot\"") && !journal.contains("-tuned-"));
    // As many as were expected, and all of them.
    assert_eq!(tuned("all", "budget=20h"), (vec![6, 6], true));
}
