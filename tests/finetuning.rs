//! What of a candidate is trained a little before it is judged.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::stopping::{TINY, planned, run, same, stopped};

const SEARCHED: [&str; 3] = ["random.samples=5", "retrain.top=1", "train.epochs=1"];

/// What candidates came to, and the supernet that they were judged in.
fn judged(files: &BTreeMap<String, Vec<u8>>) -> (Vec<f64>, Value) {
    let journal = String::from_utf8(files["journal"].clone()).expect("text");
    let entries: Vec<Value> = journal.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let candidates = entries.iter().filter(|entry| entry["event"] == "candidate");
    let losses = candidates.map(|entry| entry["figures"]["log_loss"].as_f64().expect("a log loss"));
    let supernet = entries.iter().find(|entry| entry["event"] == "supernet").expect("it was trained");
    (losses.collect(), supernet["checksum"].clone())
}

#[test]
fn all_weights_of_a_candidate_can_be_trained_and_the_supernet_stays_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let with = |how: &str| planned(TINY, &[&SEARCHED[..], &[&format!("evaluate.finetune={how}")]].concat());
    let searched = |name: &str, how: &str| run(&with(how), &folder.path().join(name), 2);
    let all = searched("all", "all(steps: 20, lr: 0.05)");
    let (whole, supernet) = judged(&all);
    let (heads, same_supernet) = judged(&searched("head", "head(steps: 20, lr: 0.05)"));
    let (none, _) = judged(&searched("off", "off"));
    let (no_steps, _) = judged(&searched("nothing", "all(steps: 0, lr: 0.05)"));
    assert_eq!((whole.len(), &supernet), (5, &same_supernet));
    assert!((0..5).all(|at| whole[at] != heads[at] && whole[at] != none[at]), "{whole:?} {heads:?} {none:?}");
    // Computed alone, and not merged with others.
    assert!(no_steps.iter().zip(&none).all(|(a, b)| (a - b).abs() < 1e-6), "{no_steps:?} {none:?}");
    let stops = [("search", 1), ("search", 3)];
    same(&all, &stopped(&with("all(steps: 20, lr: 0.05)"), &folder.path().join("stopped"), &stops));
}
