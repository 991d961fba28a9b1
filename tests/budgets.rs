//! Budgets of searches: what allows nothing is refused before anything is read, and what allows little begins within it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const SEARCH: &str = "import \"nasrec_small.nasrec\" { nasrec_small }
schema t {
  label click
  dense I[1..2]
  sparse A: int | modulo(rows: 50)
  sparse B: hex | modulo(rows: 50)
}
search s on nasrec_small(blocks: 5, dim: 4, widths: [8, 16, 32, 64, 128, 256], counts: [4, 8, 16]) with t {
  seed: 1
  data { synthetic { rows: 300; seed: 5 } }
  train { epochs: 2; batch: 32 }
  evaluate { finetune: off; validate: 2; batch: 64 }
  METHOD
  retrain { top: 1; batch: 32 }
  require REQUIRE
}
";

const EVOLVE: &str = "evolve { population: 16; generations: 5; children: 4; tournament: 4 }";

fn folder(method: &str, require: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let text = SEARCH.replace("METHOD", method).replace("REQUIRE", require);
    fs::write(folder.path().join("s.nasrec"), text).expect("written");
    folder
}

fn nasrecc(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nasrecc"));
    command.args(args).current_dir(folder).stdin(Stdio::null()).output().expect("nasrecc starts")
}

/// What the candidates of a run cost.
fn macs(run: &Path) -> Vec<u64> {
    let journal = fs::read_to_string(run.join("journal.jsonl")).expect("a journal");
    let macs = |line: &str| Some(line.split_once("\"macs\":")?.1.split([',', '}']).next()?.parse().expect("a number"));
    journal.lines().filter(|line| line.contains("\"generation\"")).filter_map(macs).collect()
}

#[test]
fn a_search_begins_within_its_budget() {
    for (method, require, candidates) in [
        (EVOLVE, "macs <= 600", 36),
        ("random { samples: 24 }", "macs <= 600", 24),
        ("random { samples: 12 }", "macs <= 700, params.dense <= 300, b[1].d == fc or b[2].d == fc", 12),
        // The cheapest alone.
        ("random { samples: 1 }", "macs <= 72", 1),
    ] {
        let folder = folder(method, require);
        let output = nasrecc(folder.path(), &["search", "s.nasrec", "--out", "run"]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{require}: {said}");
        let macs = macs(&folder.path().join("run"));
        assert_eq!(macs.len(), candidates, "{require}: {said}");
        assert!(macs.iter().all(|macs| *macs <= 700), "{require}: {macs:?}");
        if require == "macs <= 600" {
            assert!(macs.iter().all(|macs| *macs <= 600), "{macs:?}");
        }
    }
}

#[test]
fn a_budget_that_allows_nothing_is_refused_before_anything_is_read() {
    for (require, proof) in [
        ("macs <= 50", "no architecture costs less than 72 macs"),
        ("macs >= 72, params.dense < 25", "no architecture costs less than "),
        ("macs <= 100, params.dense >= 5_000", "where the others hold, no architecture costs"),
    ] {
        let folder = folder(EVOLVE, require);
        for command in [
            &["check", "s.nasrec"][..],
            &["compile", "s.nasrec", "--name", "s"],
            &["count", "s.nasrec", "--name", "s"],
            &["sample", "s.nasrec", "--name", "s"],
            &["search", "s.nasrec", "--out", "run"],
        ] {
            let output = nasrecc(folder.path(), command);
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{command:?}: {said}");
            assert!(said.starts_with("E0604") && said.contains(proof), "{command:?}: {said}");
            assert!(!said.contains("train supernet") && !folder.path().join("run").exists(), "{said}");
        }
    }
}

#[test]
fn architectures_are_drawn_within_a_budget_that_hardly_anything_keeps_to() {
    let folder = folder(EVOLVE, "macs <= 100_000");
    let args = ["sample", "s.nasrec", "--name", "s", "-n", "5", "--require", "macs <= 100"];
    let output = nasrecc(folder.path(), &args);
    let (drawn, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{said}");
    let macs = drawn.lines().filter_map(|line| line.strip_prefix("/// ")?.split_once(" macs")?.0.parse::<u64>().ok());
    let macs: Vec<u64> = macs.collect();
    assert!(macs.len() == 5 && macs.iter().all(|macs| *macs <= 100), "{drawn}");
    assert!(said.contains("by a walk"), "{said}");
}
