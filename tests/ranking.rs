//! What is measured of orders is a function of the seed, whatever stops it, and is what it says.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use nasrec_compiler::ItemKind;
use nasrec_runtime::backend::Tiled;
use nasrec_runtime::run::{Job, Origin, Ranking, Run, Variant};
use nasrec_runtime::search::{Ranked, rank, search};
use nasrec_runtime::{Error, Silent, Stop};

use crate::stopping::{StopAt, TINY, journal};
use crate::support;

/// Variants that are trained otherwise, asked otherwise, and drawn otherwise.
const VARIANTS: [(&str, &[&str]); 7] = [
    ("fair", &["train.paths=fair", "train.full_path=0%"]),
    ("sandwich", &["train.paths=sandwich(random: 1)"]),
    ("taught", &["train.paths=sandwich(random: 1)", "train.distill=50%"]),
    ("by_full_path", &["train.distill=1"]),
    ("more_rows", &["evaluate.validate=3"]),
    ("again", &["seed=8"]),
    ("normless", &["space.normalise=off"]),
];

fn start(path: &Path) -> nasrec_runtime::Result<Run> {
    varied(path, &VARIANTS)
}

/// A ranking with these variants.
fn varied(path: &Path, variants: &[(&str, &[&str])]) -> nasrec_runtime::Result<Run> {
    let mut program = support::load(TINY);
    let item = program.visible(ItemKind::Search).remove(0);
    let recipe = program.search(&item, &[]).expect("the search is sound");
    let mut all = Vec::new();
    let variants = variants.iter().map(|(name, settings)| {
        let settings: Vec<String> = settings.iter().map(|&setting| setting.to_owned()).collect();
        let read: Vec<_> = settings.iter().map(|text| program.read_override(text).expect("a setting")).collect();
        all.push(program.search(&item, &read).expect("it is sound"));
        Variant::new(name, settings, &recipe.recipe, all[all.len() - 1].recipe.clone()).expect("a variant")
    });
    let variants: Vec<Variant> = variants.collect();
    let ranking = Ranking { architectures: 6, others: 3, seeds: 2, variants, further: true };
    let job = Job::new(&recipe, ".").expect("the schema fits").ranked(ranking, &all)?;
    Run::start(path, job, Origin { program: &program, search: &item.name, settings: &[] })
}

/// What must not depend on when it ran.
fn evidence(dir: &Path) -> BTreeMap<&'static str, Vec<u8>> {
    let left = fs::read_dir(dir).expect("a directory").map(|entry| entry.expect("an entry").file_name());
    let left: Vec<String> = left.map(|name| name.to_string_lossy().into_owned()).collect();
    assert!(left.iter().all(|name| !name.starts_with("retrain-") && !name.starts_with("supernet-")), "{left:?}");
    BTreeMap::from([
        ("report", fs::read(dir.join("report.json")).expect("a report")),
        ("journal", journal(dir)),
        ("supernet", fs::read(dir.join("supernet.safetensors")).expect("the last supernet")),
    ])
}

fn same(left: &BTreeMap<&'static str, Vec<u8>>, right: &BTreeMap<&'static str, Vec<u8>>, when: &str) {
    left.iter().for_each(|(name, bytes)| assert!(right[name] == *bytes, "{name} differs: {when}"));
}

#[test]
fn a_ranking_that_was_stopped_anywhere_comes_to_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let backend = Tiled::new(2).expect("threads");
    let whole = folder.path().join("whole");
    let ranked = rank(&start(&whole).expect("new"), &backend, &Silent, &Stop::new()).expect("a ranking");
    let expected = evidence(&whole);
    is_what_was_asked(&ranked, &whole);

    let one = folder.path().join("one thread");
    rank(&start(&one).expect("new"), &Tiled::new(1).expect("a thread"), &Silent, &Stop::new()).expect("a ranking");
    same(&expected, &evidence(&one), "on one thread");

    let stops = [
        ("train alone", 0),
        ("train alone", 5),
        ("train supernet", 7),
        ("all weights", 2),
        ("few-shot", 0),
        ("two-shot", 0),
        ("more_rows: all weights", 3),
        ("train supernet fair", 30),
        ("sandwich: all weights", 1),
        ("train supernet taught", 50),
        ("by_full_path: few-shot", 0),
        ("train supernet again", 2),
        ("normless: head", 1),
        ("gradient norm", 4),
    ];
    let path = folder.path().join("stopped");
    let mut run = start(&path).expect("new");
    for at in stops {
        let stop = Stop::new();
        let observer = StopAt::new(at.0, at.1, &stop);
        match rank(&run, &backend, &observer, &stop) {
            Err(Error::Stopped) => {}
            other => panic!("{at:?}: not stopped, {:?}", other.map(|_| "finished")),
        }
        drop(run);
        run = Run::resume(&path, &Silent).expect("the directory of a stopped run");
    }
    rank(&run, &backend, &Silent, &Stop::new()).expect("the rest");
    same(&expected, &evidence(&path), "stopped");
    // Once it is over, nothing is trained again, whatever has become of the supernet.
    fs::remove_file(path.join("supernet.safetensors")).expect("there");
    assert_eq!(rank(&run, &backend, &Silent, &Stop::new()).expect("again").agreements, ranked.agreements);
    assert!(!path.join("supernet.safetensors").exists(), "no supernet is needed");
    drop(run);
    is_no_search(&path, &backend);
}

fn is_what_was_asked(ranked: &Ranked, dir: &Path) {
    assert_eq!((ranked.architectures, ranked.failed, ranked.seeds, ranked.others), (6, 0, 2, 3));
    let told: Vec<(Option<&str>, &str)> =
        ranked.agreements.iter().map(|agreement| (agreement.variant.as_deref(), agreement.by.as_str())).collect();
    let in_supernet = ["as they are", "head", "all weights", "few-shot", "two-shot", "corrected"];
    // `more_rows` asks the supernet of the recipe, which is there first.
    let supernets = ["more_rows", "fair", "sandwich", "taught", "by_full_path", "again", "normless"].map(Some);
    let supernets = [&[None], &supernets[..]].concat();
    let expected = supernets.iter().flat_map(|supernet| in_supernet.map(|by| (*supernet, by)));
    let alone = ["parameters", "macs", "gradient norm", "surrogate", "surrogate of the rest"];
    let alone = alone.into_iter().chain(["one seed by another", "one seed by the others"]);
    assert_eq!(told, expected.chain(alone.map(|by| (None, by))).collect::<Vec<_>>());
    for agreement in &ranked.agreements {
        let tau = agreement.tau.expect("a tau");
        assert!((-1.0..=1.0).contains(&tau.value) && tau.low <= tau.high, "{agreement:?}");
        assert!(agreement.regret.of_1 >= agreement.regret.of_5 && agreement.regret.of_5 >= Some(0.0), "{agreement:?}");
    }
    let more = |by: &str| ranked.agreements.iter().find(|agreement| agreement.by == by).and_then(|found| found.more);
    assert_eq!(more("head").map(|more| more.value), Some(0.0), "it is what the search goes by");
    assert_eq!(more("one seed by another"), None);
    // Whoever learns from another path, or is trained further, says something else.
    let scores = |by: &str, variant: Option<&str>| {
        let journal = fs::read_to_string(dir.join("journal.jsonl")).expect("a journal");
        let entries = journal.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("a line"));
        let of = entries.filter(|entry| entry["by"] == by && entry["variant"].as_str() == variant);
        of.map(|entry| entry["score"].to_string()).collect::<Vec<String>>()
    };
    assert_ne!(scores("head", Some("sandwich")), scores("head", Some("taught")));
    assert_ne!(scores("head", None), scores("head", Some("by_full_path")));
    assert_ne!(scores("head", None), scores("few-shot", None));
    assert_ne!(scores("few-shot", None), scores("two-shot", None));
    assert_ne!(scores("as they are", None), scores("as they are", Some("normless")));
    let written = fs::read_to_string(dir.join("report.json")).expect("there");
    assert_eq!(Ranked { times: Vec::new(), ..ranked.clone() }, serde_json::from_str(&written).expect("a report"));

    // With as many seeds and no model, one seed and the other agree as the journal's trainings do.
    let journal = fs::read_to_string(dir.join("journal.jsonl")).expect("a journal");
    let losses = |suffix: &str| -> Vec<f64> {
        let loss = |index: usize| {
            let line = journal.lines().find(|line| line.contains(&format!("\"model\":\"candidate-{index}{suffix}\"")));
            let entry: serde_json::Value = serde_json::from_str(line.expect("a training")).expect("a journal line");
            entry["figures"]["log_loss"].as_f64().expect("finite")
        };
        (0..6).map(loss).collect()
    };
    let (first, second) = (losses(""), losses("-seed-2"));
    let mut more = 0;
    for a in 0..6 {
        for b in 0..a {
            more += if (first[a] < first[b]) == (second[a] < second[b]) { 1 } else { -1 };
        }
    }
    let told = ranked.agreements.iter().find(|agreement| agreement.by == "one seed by another").expect("there");
    assert!((told.tau.expect("a tau").value - f64::from(more) / 15.0).abs() < 1e-12);
}

/// What ranks is not searched with, and what searches does not rank.
fn is_no_search(path: &Path, backend: &Tiled) {
    let run = Run::resume(path, &Silent).expect("a run");
    let error = search(&run, backend, &Silent, &Stop::new()).expect_err("no search");
    assert_eq!(error.code(), "R0227", "{error}");
}

fn nasrecc(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let command = Command::new(env!("CARGO_BIN_EXE_nasrecc")).current_dir(folder).args(arguments).output();
    let output = command.expect("nasrecc starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_command_ranks_and_says_what_it_cannot_do() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("tiny.nasrec"), TINY).expect("written");
    let fast = ["--architectures", "4", "--seeds", "1", "--others", "0", "--set", "train.epochs=1"];
    let rank = |more: &[&str]| nasrecc(folder.path(), &[&["rank", "tiny.nasrec"], &fast[..], more].concat());

    let (status, out, err) = rank(&["--vary", "adam=train.optimiser=adam(lr: 0.001, beta1: 0.8)", "--out", "ranked"]);
    assert_eq!(status, Some(0), "{err}");
    assert!(
        out.contains("│ adam") && out.contains("4 architectures of nasrec_full, each trained alone with 1 seed;"),
        "{out}"
    );
    assert!(out.contains("adam: train.optimiser=adam(lr: 0.001, beta1: 0.8)\n"), "{out}");
    assert!(!out.contains("corrected") && !out.contains("one seed"), "{out}");
    assert!(err.contains("trainings alone: ") && err.contains("supernet adam: "), "{err}");
    // Whichever command goes on, it is what the directory holds.
    for command in ["rank", "search"] {
        let (status, again, err) = nasrecc(folder.path(), &[command, "--resume", "ranked"]);
        assert_eq!((status, again.as_str()), (Some(0), out.as_str()), "{command}: {err}");
    }
    let (_, json, _) = nasrecc(folder.path(), &["rank", "--resume", "ranked", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["architectures"], 4);

    for (arguments, said) in [
        (
            &["--vary", "other=data.split=1:1:1"][..],
            "the variant `other` sets more than how its supernet is trained and asked",
        ),
        (
            &["--vary", "adam"],
            "--vary adam: expected a name and settings, such as adam='train.optimiser=adam(lr: 0.001)'",
        ),
        (&["--vary", "a/b=seed=2"], "`a/b` is no name of a variant"),
        (&["--vary", "a=seed=2", "--vary", "a=seed=3"], "there are two variants `a`"),
        (&["--architectures", "3"], "3 architectures: expected 4 to 1000"),
        (&["--others", "1"], "1 others: expected 0, or 2 to 400"),
        (&["--seeds", "0"], "0 seeds: expected 1 to 20"),
    ] {
        let arguments = [&["rank", "tiny.nasrec", "--out", "none"], arguments].concat();
        let (status, out, err) = nasrecc(folder.path(), &arguments);
        assert_eq!((status, out.as_str()), (Some(2), ""), "{arguments:?}: {err}");
        assert!(err.contains(said), "{arguments:?}: {err}");
    }
    let (status, _, err) = rank(&["--vary", "a=train.pats=fair", "--out", "none"]);
    assert!(status == Some(1) && err.contains("did you mean"), "{err}");
    assert!(!folder.path().join("none").exists(), "nothing is made for what cannot be done");
}

/// An architecture has to be one of both.
#[test]
fn a_variant_of_another_space_leaves_the_same_open() {
    let folder = tempfile::tempdir().expect("a folder");
    let Err(refused) = varied(&folder.path().join("run"), &[("narrow", &["space.widths=[8, 16]"])]) else {
        panic!("it has other choices");
    };
    let message = refused.to_string();
    assert!(message.contains("the variant `narrow` is of a space with other choices"), "{message}");
    assert!(!folder.path().join("run").exists());
}
