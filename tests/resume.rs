//! The same seed gives the same bytes, and so does a run that was stopped, in whichever phase.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nasrec_compiler::ItemKind;
use nasrec_runtime::backend::Tiled;
use nasrec_runtime::run::Run;
use nasrec_runtime::search::strategies::{Attempt, History, Proposal};
use nasrec_runtime::search::{Strategy, search, search_by};
use nasrec_runtime::{Error, Observer, Silent, Stop};

use crate::stopping::{REGULARISED, StopAt, TINY, WEIGHTS, evidence, planned, resumed, run, same, stopped};
use crate::support;

#[test]
fn a_run_is_a_function_of_its_seed() {
    let folder = tempfile::tempdir().expect("a folder");
    let tiny = planned(TINY, &[]);
    let first = run(&tiny, &folder.path().join("a"), 2);
    same(&first, &run(&tiny, &folder.path().join("b"), 2));
    // Not of the number of threads either.
    same(&first, &run(&tiny, &folder.path().join("c"), 1));
    let other = planned(TINY, &["seed=8"]);
    let other = run(&other, &folder.path().join("d"), 2);
    assert_ne!(first[WEIGHTS], other[WEIGHTS]);
    assert_ne!(first["journal"], other["journal"]);
}

#[test]
fn a_run_stopped_in_any_phase_ends_like_one_that_was_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let tiny = planned(TINY, &[]);
    let expected = run(&tiny, &folder.path().join("whole"), 2);
    let phases = [
        ("draw data", 1),
        ("train supernet", 1),
        ("train supernet", 40),
        ("search", 3),
        ("search", 12),
        ("train best-1", 20),
        ("train best-2", 1),
        ("train dlrm(dim: 8)", 30),
        ("train dlrm(dim: 8) on train + validation", 11),
    ];
    // Each phase in a run of its own, and then all of them in one run.
    let alone: Vec<Vec<_>> = phases.iter().map(|phase| vec![*phase]).collect();
    for (number, phases) in alone.into_iter().chain([phases.to_vec()]).enumerate() {
        same(&expected, &stopped(&tiny, &folder.path().join(format!("stopped-{number}")), &phases));
    }
}

#[test]
fn a_regularised_run_goes_on_where_it_was_stopped() {
    let folder = tempfile::tempdir().expect("a folder");
    let planned = planned(REGULARISED, &[]);
    let expected = run(&planned, &folder.path().join("whole"), 2);
    same(&expected, &run(&planned, &folder.path().join("again"), 1));
    let phases = [("train supernet", 9), ("search", 2), ("train best-1", 4), ("train best-2", 7)];
    same(&expected, &stopped(&planned, &folder.path().join("stopped"), &phases));
}

/// Overrides of a training that ends early, and whose learning rate is cut.
const EARLY: [&str; 4] = [
    "retrain.epochs=40",
    "retrain.stop=early(patience: 2, metric: auc)",
    "retrain.schedule=plateau(factor: 0.3, patience: 0)",
    "evolve.generations=1",
];

/// The entry of a model in the journal of a run.
fn trained(found: &BTreeMap<String, Vec<u8>>, model: &str, last: bool) -> serde_json::Value {
    let journal = String::from_utf8(found["journal"].clone()).expect("text");
    let entries = journal.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"));
    let mut of_model = entries.filter(|entry| entry["model"] == model && entry["last"] == last);
    of_model.next().expect("it was trained")
}

#[test]
fn a_training_that_ends_early_is_the_same_wherever_it_was_stopped() {
    let folder = tempfile::tempdir().expect("a folder");
    // Once as plainly as it goes, once with all else that a step of retraining may do.
    let all = [
        "retrain.refit=off",
        "retrain.optimiser=adamw(lr: 0.1, weight_decay: 0.01)",
        "retrain.clip=value(0.1)",
        "retrain.label_smoothing=0.05",
        "retrain.positive_weight=1.5",
        "retrain.ema=0.9",
        "retrain.calibrate=temperature",
        "embeddings.l2=table(1e-5)",
    ];
    for (refit, more) in
        [("on", &["retrain.optimiser=adam(lr: 0.1)", "retrain.calibrate=platt"][..]), ("off", &all[..])]
    {
        let settings = [EARLY.as_slice(), more].concat();
        let planned = planned(TINY, &settings);
        let expected = run(&planned, &folder.path().join(format!("whole-{refit}")), 2);
        let first = trained(&expected, "best-1", false);
        let epochs = first["epochs"].as_array().expect("the figures of each epoch");
        let best = first["best_epoch"].as_u64().expect("one is best") as usize;
        assert!(best + 2 == epochs.len() && epochs.len() < 40, "it ends two epochs after the best: {first}");
        assert_eq!(first["figures"], epochs[best - 1]);
        let auc = |epoch: &serde_json::Value| epoch["auc"].as_f64().expect("both labels are there");
        assert!(epochs.iter().all(|epoch| auc(epoch) <= auc(&epochs[best - 1])));
        // 4800 rows in batches of 128 are 37 steps an epoch: one epoch is done, and judged or not; within the next.
        let path = folder.path().join(format!("stopped-{refit}"));
        // Without a refit it is told on the test part as it is, and trained no more.
        let last = if refit == "on" { "train dlrm(dim: 8) on train + validation" } else { "train dlrm(dim: 8)" };
        let phases = [("train best-1", 37), ("train best-1", 50), ("train best-2", 74), (last, 30)];
        same(&expected, &stopped(&planned, &path, &phases));
    }
}

/// The model that was stopped is that of as many epochs and no more, and is kept as it was then.
#[test]
fn a_model_without_a_refit_is_the_one_that_was_stopped() {
    let folder = tempfile::tempdir().expect("a folder");
    let common = ["retrain.refit=off", "retrain.top=1", "retrain.warmup=0", "retrain.optimiser=adam(lr: 0.03)"];
    let early = ["retrain.epochs=12", "retrain.stop=early(patience: 1)", "retrain.schedule=constant"];
    let stopped = run(&planned(TINY, &[common.as_slice(), &early].concat()), &folder.path().join("stopped"), 2);
    let first = trained(&stopped, "best-1", false);
    let epochs = format!("retrain.epochs={}", first["best_epoch"]);
    let plain = [epochs.as_str(), "retrain.schedule=constant"];
    let plain = run(&planned(TINY, &[common.as_slice(), &plain].concat()), &folder.path().join("plain"), 2);
    assert!(stopped[WEIGHTS] == plain[WEIGHTS], "other weights");
    assert_eq!(first["figures"], trained(&plain, "best-1", false)["figures"]);
    assert_eq!(first["test"], trained(&stopped, "best-1", true)["figures"], "told after its best epoch");
    assert_eq!(trained(&stopped, "best-1", true)["figures"], trained(&plain, "best-1", true)["figures"]);
}

/// What an optimiser remembers, and how tables are stored, is part of a checkpoint.
#[test]
fn every_optimiser_goes_on_where_it_was_stopped() {
    let folder = tempfile::tempdir().expect("a folder");
    let optimisers = [
        ("adagrad(lr: 0.1, rowwise: on)", "bf16"),
        ("adam(lr: 1e-3)", "f32"),
        ("sgd(lr: 0.05, momentum: 0.9)", "bf16"),
        ("sgd(lr: 0.05)", "f32"),
    ];
    let mut found = Vec::new();
    for (number, (optimiser, storage)) in optimisers.into_iter().enumerate() {
        let overrides = [
            format!("train.optimiser={optimiser}"),
            format!("retrain.optimiser={optimiser}"),
            format!("embeddings.storage={storage}"),
            "embeddings.l2=1e-4".to_owned(),
            "evolve.generations=1".to_owned(),
        ];
        let overrides: Vec<&str> = overrides.iter().map(String::as_str).collect();
        let tiny = planned(TINY, &overrides);
        let expected = run(&tiny, &folder.path().join(format!("whole-{number}")), 1);
        let phases = [("train supernet", 40), ("search", 3), ("train best-1", 20)];
        same(&expected, &stopped(&tiny, &folder.path().join(format!("stopped-{number}")), &phases));
        found.push(expected);
    }
    assert!((1..found.len()).all(|i| found[i][WEIGHTS] != found[0][WEIGHTS]));
}

/// Candidates are evaluated together and written one by one: a kill may leave some of them.
#[test]
fn a_journal_cut_within_a_generation_goes_on_to_the_same_bytes() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run");
    let tiny = planned(TINY, &["evolve.children=4"]);
    let expected = run(&tiny, &path, 2);
    let journal = fs::read_to_string(path.join("journal.jsonl")).expect("a journal");
    // The beginning, the data and the supernet come first, then 8 candidates, then generations of 4.
    for candidates in [3, 8, 9, 15] {
        let kept: Vec<&str> = journal.lines().take(3 + candidates).collect();
        fs::write(path.join("journal.jsonl"), kept.join("\n") + "\n").expect("written");
        for name in [WEIGHTS, "report.json"] {
            fs::remove_file(path.join(name)).expect("removed");
        }
        let run = resumed(&path);
        search(&run, &Tiled::new(2).expect("threads"), &Silent, &Stop::new()).expect("the rest of the run");
        drop(run);
        same(&expected, &evidence(&path));
    }
}

/// One mutation from the best so far, and more where those are known.
struct Climber;

impl Strategy for Climber {
    fn candidates(&mut self, history: &History<'_>) -> u64 {
        if history.generation() < 5 { 2 } else { 0 }
    }

    fn ask(&mut self, history: &History<'_>, attempt: Attempt<'_>) -> Proposal {
        let Some(best) = history.best() else {
            return Proposal { architecture: history.sample(attempt.rng), parent: None };
        };
        let architecture = history.mutate(&best.architecture, 1 + attempt.tries as u64, attempt.rng);
        Proposal { architecture, parent: Some(best.index) }
    }
}

#[test]
fn a_strategy_of_another_crate_goes_on_where_it_was_stopped() {
    let folder = tempfile::tempdir().expect("a folder");
    let tiny = planned(TINY, &[]);
    let backend = Tiled::new(2).expect("threads");
    let climb =
        |run: &Run, observer: &dyn Observer, stop: &Stop| search_by(run, &backend, observer, stop, None, &mut Climber);
    let whole = folder.path().join("whole");
    let run = tiny.start(&whole).expect("a new directory");
    let report = climb(&run, &Silent, &Stop::new()).expect("a run");
    assert_eq!(report.candidates, 10);
    let expected = evidence(&whole);
    let path = folder.path().join("stopped");
    let run = tiny.start(&path).expect("a new directory");
    for done in [1, 4, 7] {
        let stop = Stop::new();
        let observer = StopAt::new("search", done, &stop);
        assert!(matches!(climb(&run, &observer, &stop), Err(Error::Stopped)), "not stopped at {done}");
    }
    climb(&run, &Silent, &Stop::new()).expect("the rest of the run");
    same(&expected, &evidence(&path));
    // What the journal holds was not found by the recipe's own strategy.
    let error = search(&run, &backend, &Silent, &Stop::new()).unwrap_err().to_string();
    assert!(error.contains("is not the one that this search comes to"), "{error}");
}

#[test]
fn a_journal_of_another_search_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, other) = (folder.path().join("run"), folder.path().join("other"));
    run(&planned(TINY, &[]), &path, 2);
    let begun = planned(TINY, &["evolve.generations=6", "evolve.tournament=2"]).start(&other).expect("a new directory");
    fs::copy(path.join("journal.jsonl"), other.join("journal.jsonl")).expect("copied");
    let error = search(&begun, &Tiled::new(1).expect("threads"), &Silent, &Stop::new()).unwrap_err();
    assert!(error.to_string().contains("journal.jsonl is of another run"), "{error}");
}

#[test]
fn what_is_required_holds_for_every_candidate() {
    let folder = tempfile::tempdir().expect("a folder");
    let limited = TINY.replace("  baseline dlrm", "  require macs <= 12K, params.dense <= 9K\n  baseline dlrm");
    let limited = planned(&limited, &[]);
    let files = run(&limited, &folder.path().join("limited"), 2);
    let journal = String::from_utf8(files["journal"].clone()).expect("text");
    let macs: Vec<u64> = journal
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).expect("an entry")["macs"].as_u64())
        .collect();
    assert_eq!(macs.len(), 18);
    assert!(macs.iter().all(|&macs| macs <= 12_000), "{macs:?}");
    let text = TINY.replace("  baseline dlrm", "  require macs <= 10\n  baseline dlrm");
    let program = support::load(&text);
    let found = program.search(&program.visible(ItemKind::Search)[0], &[]).expect_err("nothing costs so little");
    let told: Vec<&str> = found.iter().map(|finding| finding.message.as_str()).collect();
    assert_eq!(told, ["no architecture of `nasrec_full` satisfies this requirement with this schema"]);
}

/// Eight switches, so 256 architectures, most of which a few parents cannot reach by one mutation.
const SWITCHES: &str = "schema clicks { label click; dense I[1..3] }
space switches {
  input numeric: dense
  let x = linear(numeric, 4)
  SUMS
  logit = linear(x + a1 + a2 + a3 + a4 + a5 + a6 + a7 + a8, 1)
}
search s on switches with clicks {
  data { synthetic { rows: 1_000 } }
  train { batch: 256 }
  evaluate { finetune: off; validate: 1; batch: 128 }
  evolve { population: 16; generations: 12; children: 8; tournament: 16 }
  retrain { top: 1 }
}";

#[test]
fn evolution_spends_its_budget_and_ends_when_a_space_is_seen() {
    let folder = tempfile::tempdir().expect("a folder");
    let sums: Vec<String> = (1..=8).map(|i| format!("let a{i} = maybe linear(numeric, 4)")).collect();
    let text = SWITCHES.replace("SUMS", &sums.join("\n  "));
    let candidates = |overrides: &[&str], name: &str| {
        let files = run(&planned(&text, overrides), &folder.path().join(name), 2);
        let journal = String::from_utf8(files["journal"].clone()).expect("text");
        journal.lines().filter(|line| line.contains("\"event\":\"candidate\"")).count()
    };
    assert_eq!(candidates(&[], "budget"), 16 + 12 * 8);
    assert_eq!(candidates(&["evolve.generations=60"], "all"), 256);
}

#[test]
fn a_run_goes_on_with_its_data_or_not_at_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let rows = |seed: usize| -> String {
        let row = |i: usize| format!("{}\t{}\t{}\t{}\n", usize::from(i.is_multiple_of(seed + 2)), i % 7, i % 5, i % 3);
        (1..600).map(row).collect()
    };
    let data = folder.path().join("day.tsv");
    fs::write(&data, rows(1)).expect("written");
    let text = TINY
        .replace("data { synthetic { rows: 6_000; seed: 3 }; split: 8:1:1 }", "data { files: \"day.tsv\" }")
        .replace("sparse C[1..4]: int | modulo(rows: 40)", "")
        .replace("nasrec_full", "nasrec_small")
        .replace("search tiny on nasrec_small(blocks: 3, dim: 8, counts: [4, 6], widths: [8, 16, 24])", "search tiny on s")
        .replace("baseline dlrm(dim: 8)", "")
        .replace("search tiny", "space s { input numeric: dense; width w in [2, 4, 8, 16]; logit = linear(relu(linear(numeric, w)), 1) }\nsearch tiny");
    let mut tiny = planned(&text, &["evolve.population=3", "evolve.generations=0"]);
    tiny.base = folder.path().to_owned();
    let path = folder.path().join("run");
    let expected = run(&tiny, &path, 1);
    let again = || search(&resumed(&path), &Tiled::new(1).expect("threads"), &Silent, &Stop::new());
    // The table is gone: the cache holds what was read of it. The winner's weights are gone: they are made again.
    fs::remove_file(&data).expect("removed");
    fs::remove_file(path.join(WEIGHTS)).expect("removed");
    again().expect("a finished run");
    same(&expected, &evidence(&path));
    // The table is another one: the run goes on with what it began with, which is left alone.
    fs::write(&data, rows(2)).expect("written");
    let cache = fs::read(path.join("data.cache")).expect("the cache");
    again().expect("a finished run");
    same(&expected, &evidence(&path));
    assert_eq!(fs::read(path.join("data.cache")).expect("the cache"), cache);
    // Neither is what it was: nothing is overwritten, and either will do.
    fs::write(path.join("data.cache"), &cache[..1000]).expect("written");
    let error = again().unwrap_err().to_string();
    assert!(error.contains("the rows that this was begun with are lost"), "{error}");
    assert_eq!(fs::read(path.join("data.cache")).expect("the cache"), cache[..1000]);
    fs::write(&data, rows(1)).expect("written");
    again().expect("the table is back");
    same(&expected, &evidence(&path));
}

#[test]
fn a_directory_is_taken_only_where_nothing_is_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run");
    let tiny = planned(TINY, &[]);
    let refused = || tiny.start(&path).expect_err("it is taken").to_string();
    // A process that was killed before it wrote anything down.
    fs::create_dir(&path).expect("made");
    fs::write(path.join("lock"), "").expect("written");
    fs::write(path.join(".run.json.nasrecc-unfinished"), "{").expect("written");
    let run = tiny.start(&path).expect("what a killed start left is no run");
    assert!(refused().contains("another nasrecc works in"));
    drop(run);
    // A run that has done nothing is begun anew, with other sources too; what else lies there stays.
    fs::write(path.join("notes.tmp"), "mine").expect("written");
    fs::write(path.join("sources/own/mine.nasrec"), "mine").expect("written");
    drop(planned(&format!("// corrected\n{TINY}"), &["seed=8"]).start(&path).expect("nothing was done yet"));
    assert!(fs::read_to_string(path.join("sources/own/test.nasrec")).expect("a copy").starts_with("// corrected"));
    assert_eq!(fs::read(path.join("sources/own/mine.nasrec")).expect("there"), b"mine");
    // One that has trained is not.
    let stop = Stop::new();
    let observer = StopAt::new("train supernet", 20, &stop);
    let begun = resumed(&path);
    assert!(matches!(search(&begun, &Tiled::new(1).expect("threads"), &observer, &stop), Err(Error::Stopped)));
    drop(begun);
    assert!(refused().contains("holds a run already: continue it with `--resume"));
    drop(resumed(&path));
    assert_eq!(fs::read(path.join("notes.tmp")).expect("there"), b"mine");

    // A directory of somebody else is left as it is.
    for name in ["thesis.tex", "sources", "lock", "notes.tmp", "usage.json"] {
        let other = folder.path().join(format!("with-{name}"));
        fs::create_dir(&other).expect("made");
        fs::write(other.join(name), "mine").expect("written");
        let error = tiny.start(&other).expect_err("it is not empty").to_string();
        assert!(error.contains("is not empty and holds no run"), "{error}");
        let left: Vec<_> = fs::read_dir(&other).expect("there").map(|entry| entry.expect("one").file_name()).collect();
        assert_eq!(left, [name]);
        assert_eq!(fs::read(other.join(name)).expect("there"), b"mine");
    }
    let error = tiny.start(&folder.path().join("with-lock/lock")).expect_err("a file").to_string();
    assert!(error.contains("is a file; expected a directory"), "{error}");
}

/// The command, with a recipe that takes a few seconds.
fn command(out: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nasrecc"));
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/searches/tiny.nasrec");
    command.args(["search", file, "--set", "train.epochs=30", "--set", "evolve.generations=60", "--out"]);
    command.arg(out).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn resume(out: &Path) {
    let status = Command::new(env!("CARGO_BIN_EXE_nasrecc"))
        .args(["search", "--resume"])
        .arg(out)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(status.expect("the command starts").success());
}

fn wait_for(what: impl Fn() -> bool) {
    let start = Instant::now();
    while !what() {
        assert!(start.elapsed() < Duration::from_secs(120), "waited too long");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Nobody writes to the pipe, and whoever opens one waits for that.
#[test]
fn the_wait_for_a_pipe_ends_with_the_first_signal() {
    let folder = tempfile::tempdir().expect("a folder");
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("it is there").success());
    let source = "schema t { format csv; label click; dense price; sparse city: int | modulo(rows: 9) }
      space s { input numeric: dense; input fields: categorical
        logit = linear(concat(numeric, flatten(embed(fields, 4))), 1) }
      train one on s with t { data { files: \"pipe\" } }\n";
    fs::write(folder.path().join("one.nasrec"), source).expect("written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_nasrecc"));
    command.current_dir(folder.path()).args(["train", "one.nasrec", "--out", "run"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the command starts");
    // The last that it does before it reads.
    wait_for(|| fs::read_to_string(folder.path().join("run/journal.jsonl")).is_ok_and(|text| text.ends_with('\n')));
    std::thread::sleep(Duration::from_millis(300));
    assert!(child.try_wait().expect("a process").is_none(), "it waits");
    let signal = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(signal.expect("kill runs").success());
    let start = Instant::now();
    while child.try_wait().expect("a process").is_none() && start.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(10));
    }
    if child.try_wait().expect("a process").is_none() {
        child.kill().expect("a running process");
    }
    let output = child.wait_with_output().expect("an ended process");
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_command_survives_a_kill_and_a_termination_signal() {
    let folder = tempfile::tempdir().expect("a folder");
    let whole = folder.path().join("whole");
    assert!(command(&whole).status().expect("the command starts").success());
    let expected = evidence(&whole);
    let source = fs::read(whole.join("best.nasrec")).expect("the winner's source");

    // Killed while it searches: nothing can be said or saved at that moment.
    let killed = folder.path().join("killed");
    let mut child = command(&killed).spawn().expect("the command starts");
    let lines = || fs::read_to_string(killed.join("journal.jsonl")).map_or(0, |text| text.lines().count());
    wait_for(|| lines() > 10);
    child.kill().expect("a running process");
    child.wait().expect("an ended process");
    assert!(!killed.join("report.json").exists(), "killed too late to show anything");
    resume(&killed);
    same(&expected, &evidence(&killed));
    assert_eq!(fs::read(killed.join("best.nasrec")).expect("the winner's source"), source);

    // Asked to end while it trains the supernet: it leaves a checkpoint and says how to go on.
    let ended = folder.path().join("ended");
    let child = command(&ended).stderr(Stdio::piped()).spawn().expect("the command starts");
    wait_for(|| ended.join("data.cache").exists());
    std::thread::sleep(Duration::from_millis(150));
    let signal = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    assert!(signal.expect("kill runs").success());
    let output = child.wait_with_output().expect("an ended process");
    assert_eq!(output.status.code(), Some(130));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("nasrecc search --resume"), "{said}");
    resume(&ended);
    same(&expected, &evidence(&ended));
    assert_eq!(fs::read(ended.join("best.nasrec")).expect("the winner's source"), source);
}
