//! Who beats whom is told of several trainings on the test part.

use serde_json::Value;

use crate::stopping::{TINY, planned, run, same, stopped};

const TOLD: [&str; 4] = ["trials.candidates=3", "trials.seeds=1", "retrain.top=1", "retrain.tests=3"];

fn entries(journal: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(journal).expect("text");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn models_are_told_by_the_mean_of_their_trainings() {
    let folder = tempfile::tempdir().expect("a folder");
    let with_trees = TINY.replace("baseline dlrm(dim: 8)", "baseline dlrm(dim: 8), trees, dlrm(dim: 4)");
    for (name, refit) in [("refit", "retrain.refit=on"), ("alone", "retrain.refit=off")] {
        let planned = planned(&with_trees, &[&TOLD[..], &[refit]].concat());
        let whole = run(&planned, &folder.path().join(name), 2);
        let report: Value = serde_json::from_slice(&whole["report.json"]).expect("JSON");
        let rows = [0, 1, 2].map(|at: usize| &report["baselines"][at]);
        let rows: Vec<&Value> = [&report["best"][0]].into_iter().chain(rows).collect();
        let journal = entries(&whole["journal"]);
        let mut squares = Vec::new();
        for row in &rows {
            assert_eq!(row["repeated"]["trainings"], 3, "{row}");
            // As it was kept, and by two more seeds.
            let kept = row["test"]["log_loss"].as_f64().expect("a figure");
            // On the test part: of its last training, or right away.
            let of = |entry: &Value| {
                let figures = if entry["last"] == true { &entry["figures"] } else { &entry["test"] };
                figures["log_loss"].as_f64()
            };
            let trained = || journal.iter().filter(|entry| entry["event"] == "trained");
            let first = trained().find(|entry| of(entry) == Some(kept)).expect("it was trained");
            let again = ["-test-2", "-test-3"].map(|seed| {
                let name = format!("{}{seed}", first["model"].as_str().expect("a name"));
                trained().filter(|entry| entry["model"] == name).find_map(of).expect("it was trained")
            });
            let all = [kept, again[0], again[1]];
            let mean = all.iter().sum::<f64>() / 3.0;
            assert!((row["repeated"]["log_loss"].as_f64().expect("a figure") - mean).abs() < 1e-12);
            if row["name"] != "trees" {
                assert!(all[1] != all[0] && all[2] != all[1], "{all:?}");
                squares.extend(all.map(|loss| (loss - mean).powi(2)));
            }
        }
        let deviation = (squares.iter().sum::<f64>() / 6.0).sqrt();
        assert!((report["luck"].as_f64().expect("they differ") - deviation).abs() < 1e-9, "{report}");
        let mean = |row: &Value| row["repeated"]["log_loss"].as_f64().expect("a figure");
        let ahead = report["against"][0]["log_loss"]["difference"].as_f64().expect("it is compared");
        assert!((ahead - (mean(rows[1]) - mean(rows[0]))).abs() < 1e-12);
        let stops = [("train dlrm(dim: 8), seed 2", 2), ("train dlrm(dim: 8), seed 3", 1)];
        same(&whole, &stopped(&planned, &folder.path().join(format!("stopped-{name}")), &stops));
    }
}

/// Where there is no time models are told once, and that is settled once.
#[test]
fn a_budget_says_by_how_many() {
    let folder = tempfile::tempdir().expect("a folder");
    for (budget, decided) in [("budget=0.001s", vec![0, 0]), ("budget=20h", vec![1; 19])] {
        let planned = planned(TINY, &[&TOLD[..3], &[budget]].concat());
        let whole = run(&planned, &folder.path().join(decided.len().to_string()), 2);
        let journal = entries(&whole["journal"]);
        let asked = |entry: &&Value| entry["what"].as_str().is_some_and(|what| what.contains("told on the test part"));
        let found: Vec<u64> = journal.iter().filter(asked).filter_map(|entry| entry["many"].as_u64()).collect();
        assert_eq!(found, decided, "{budget}");
    }
}
