//! The same seed gives the same bytes, and so does a run that was stopped, in whichever phase.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use nasrec_compiler::{Architecture, ItemKind, Program, Space};
use nasrec_runtime::backend::Tiled;
use nasrec_runtime::search::strategies::{Attempt, History, Proposal};
use nasrec_runtime::search::{Job, RunDir, Strategy, search, search_by};
use nasrec_runtime::{Error, Observer, Silent, Stage, Stop};

use crate::support;

const TINY: &str = include_str!("searches/tiny.nasrec");

fn job(program: &mut Program, overrides: &[&str]) -> Job {
    let settings: Vec<_> = overrides.iter().map(|text| program.read_override(text).expect("a setting")).collect();
    let item = program.visible(ItemKind::Search).remove(0);
    let checked = program.search(&item, &settings).expect("the search is sound");
    let baselines = checked.baselines.iter().map(|baseline| {
        let space = Space::bind(baseline, &checked.schema).expect("the schema fits");
        (baseline.name.clone(), space.plan(&Architecture::new(Vec::new())).expect("a plan"))
    });
    Job {
        space: Space::bind(&checked.space, &checked.schema).expect("the schema fits"),
        baselines: baselines.collect(),
        schema: checked.schema,
        recipe: checked.recipe,
        base: PathBuf::from("."),
    }
}

/// Asks to stop once a stage has come so far.
struct StopAt<'a> {
    stage: &'a str,
    done: u64,
    stop: &'a Stop,
    current: Mutex<String>,
}

impl Observer for StopAt<'_> {
    fn begin(&self, stage: Stage) {
        *self.current.lock().unwrap() = stage.name;
    }

    fn progress(&self, done: u64, _: &str) {
        if *self.current.lock().unwrap() == self.stage && done >= self.done {
            self.stop.request();
        }
    }

    fn end(&self) {}

    fn say(&self, _: &str) {}
}

/// Everything that a run leaves behind and that must not depend on when it ran: times are taken out.
fn evidence(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for name in ["best.safetensors", "supernet.safetensors", "report.json"] {
        files.insert(name.to_owned(), fs::read(dir.join(name)).expect(name));
    }
    let journal = fs::read_to_string(dir.join("journal.jsonl")).expect("a journal");
    let lines = journal.lines().map(|line| {
        let mut entry: serde_json::Value = serde_json::from_str(line).expect("a journal line");
        entry.as_object_mut().expect("an object").remove("seconds").expect("each entry has its time");
        entry.to_string()
    });
    files.insert("journal".to_owned(), lines.collect::<Vec<_>>().join("\n").into_bytes());
    let left: Vec<String> = fs::read_dir(dir)
        .expect("a directory")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|name| name.contains(".tmp") || name.starts_with("retrain-") || name.starts_with("supernet-"))
        .collect();
    assert!(left.is_empty(), "left behind: {left:?}");
    files
}

fn run(job: &Job, path: &Path, threads: usize) -> BTreeMap<String, Vec<u8>> {
    let dir = RunDir::create(path).expect("a new directory");
    search(job, &dir, &Tiled::new(threads).expect("threads"), &Silent, &Stop::new()).expect("a run");
    drop(dir);
    evidence(path)
}

fn same(left: &BTreeMap<String, Vec<u8>>, right: &BTreeMap<String, Vec<u8>>) {
    for (name, bytes) in left {
        assert!(right[name] == *bytes, "{name} differs");
    }
}

#[test]
fn a_run_is_a_function_of_its_seed() {
    let folder = tempfile::tempdir().expect("a folder");
    let tiny = job(&mut support::load(TINY), &[]);
    let first = run(&tiny, &folder.path().join("a"), 2);
    same(&first, &run(&tiny, &folder.path().join("b"), 2));
    // Not of the number of threads either.
    same(&first, &run(&tiny, &folder.path().join("c"), 1));
    let other = job(&mut support::load(TINY), &["seed=8"]);
    let other = run(&other, &folder.path().join("d"), 2);
    assert_ne!(first["best.safetensors"], other["best.safetensors"]);
    assert_ne!(first["journal"], other["journal"]);
}

#[test]
fn a_run_stopped_in_any_phase_ends_like_one_that_was_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let tiny = job(&mut support::load(TINY), &[]);
    let expected = run(&tiny, &folder.path().join("whole"), 2);
    let phases = [
        ("draw data", 1),
        ("train supernet", 1),
        ("train supernet", 40),
        ("search", 3),
        ("search", 12),
        ("train best-1", 20),
        ("train best-2", 1),
        ("train dlrm", 30),
        ("train dlrm on train + validation", 11),
    ];
    let backend = Tiled::new(2).expect("threads");
    let mut stops = 0;
    // Each phase in a run of its own, and then all of them in one run.
    let alone: Vec<Vec<_>> = phases.iter().map(|phase| vec![*phase]).collect();
    for (number, phases) in alone.into_iter().chain([phases.to_vec()]).enumerate() {
        let path = folder.path().join(format!("stopped-{number}"));
        let mut dir = RunDir::create(&path).expect("a new directory");
        fs::write(path.join("run.json"), "{}").expect("a record");
        for (stage, done) in phases {
            let stop = Stop::new();
            let observer = StopAt { stage, done, stop: &stop, current: Mutex::default() };
            match search(&tiny, &dir, &backend, &observer, &stop) {
                Err(Error::Stopped) => stops += 1,
                other => panic!("{stage}: not stopped, {:?}", other.map(|_| "finished")),
            }
            drop(dir);
            dir = RunDir::open(&path).expect("the directory of a stopped run");
        }
        search(&tiny, &dir, &backend, &Silent, &Stop::new()).expect("the rest of the run");
        same(&expected, &evidence(&path));
    }
    assert_eq!(stops, 18);
}

/// What an optimiser remembers, and how tables are stored, is part of a checkpoint.
#[test]
fn every_optimiser_goes_on_where_it_was_stopped() {
    let folder = tempfile::tempdir().expect("a folder");
    let backend = Tiled::new(2).expect("threads");
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
        let tiny = job(&mut support::load(TINY), &overrides);
        let expected = run(&tiny, &folder.path().join(format!("whole-{number}")), 1);
        let path = folder.path().join(format!("stopped-{number}"));
        let mut dir = RunDir::create(&path).expect("a new directory");
        fs::write(path.join("run.json"), "{}").expect("a record");
        for (stage, done) in [("train supernet", 40), ("search", 3), ("train best-1", 20)] {
            let stop = Stop::new();
            let observer = StopAt { stage, done, stop: &stop, current: Mutex::default() };
            let stopped = search(&tiny, &dir, &backend, &observer, &stop);
            assert!(matches!(stopped, Err(Error::Stopped)), "{stage}: not stopped");
            drop(dir);
            dir = RunDir::open(&path).expect("the directory of a stopped run");
        }
        search(&tiny, &dir, &backend, &Silent, &Stop::new()).expect("the rest of the run");
        same(&expected, &evidence(&path));
        found.push(expected);
    }
    assert!((1..found.len()).all(|i| found[i]["best.safetensors"] != found[0]["best.safetensors"]));
}

/// Candidates are evaluated together and written one by one: a kill may leave some of them.
#[test]
fn a_journal_cut_within_a_generation_goes_on_to_the_same_bytes() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run");
    let tiny = job(&mut support::load(TINY), &["evolve.children=4"]);
    let expected = run(&tiny, &path, 2);
    fs::write(path.join("run.json"), "{}").expect("a record");
    let journal = fs::read_to_string(path.join("journal.jsonl")).expect("a journal");
    // The data and the supernet come first, then 8 candidates, then generations of 4.
    for candidates in [3, 8, 9, 15] {
        let kept: Vec<&str> = journal.lines().take(2 + candidates).collect();
        fs::write(path.join("journal.jsonl"), kept.join("\n") + "\n").expect("written");
        for name in ["best.safetensors", "report.json"] {
            fs::remove_file(path.join(name)).expect("removed");
        }
        let dir = RunDir::open(&path).expect("a run");
        search(&tiny, &dir, &Tiled::new(2).expect("threads"), &Silent, &Stop::new()).expect("the rest of the run");
        drop(dir);
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
    let tiny = job(&mut support::load(TINY), &[]);
    let backend = Tiled::new(2).expect("threads");
    let climb = |dir: &RunDir, observer: &dyn Observer, stop: &Stop| {
        search_by(&tiny, dir, &backend, observer, stop, None, &mut Climber)
    };
    let whole = folder.path().join("whole");
    let dir = RunDir::create(&whole).expect("a new directory");
    let report = climb(&dir, &Silent, &Stop::new()).expect("a run");
    assert_eq!(report.candidates, 10);
    let expected = evidence(&whole);
    let path = folder.path().join("stopped");
    let dir = RunDir::create(&path).expect("a new directory");
    for done in [1, 4, 7] {
        let stop = Stop::new();
        let observer = StopAt { stage: "search", done, stop: &stop, current: Mutex::default() };
        assert!(matches!(climb(&dir, &observer, &stop), Err(Error::Stopped)), "not stopped at {done}");
    }
    climb(&dir, &Silent, &Stop::new()).expect("the rest of the run");
    same(&expected, &evidence(&path));
}

#[test]
fn a_journal_of_another_search_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run");
    run(&job(&mut support::load(TINY), &[]), &path, 2);
    fs::write(path.join("run.json"), "{}").expect("a record");
    let other = job(&mut support::load(TINY), &["evolve.generations=6", "evolve.tournament=2"]);
    let dir = RunDir::open(&path).expect("a run");
    let error = search(&other, &dir, &Tiled::new(1).expect("threads"), &Silent, &Stop::new()).unwrap_err();
    assert!(error.to_string().contains("is not the one that this search comes to"), "{error}");
}

#[test]
fn what_is_required_holds_for_every_candidate() {
    let folder = tempfile::tempdir().expect("a folder");
    let limited = TINY.replace("  baseline dlrm", "  require macs <= 12K, params.dense <= 9K\n  baseline dlrm");
    let limited = job(&mut support::load(&limited), &[]);
    let files = run(&limited, &folder.path().join("limited"), 2);
    let journal = String::from_utf8(files["journal"].clone()).expect("text");
    let macs: Vec<u64> = journal
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).expect("an entry")["macs"].as_u64())
        .collect();
    assert_eq!(macs.len(), 18);
    assert!(macs.iter().all(|&macs| macs <= 12_000), "{macs:?}");
    let text = TINY.replace("  baseline dlrm", "  require macs <= 10\n  baseline dlrm");
    let impossible = job(&mut support::load(&text), &[]);
    let dir = RunDir::create(&folder.path().join("impossible")).expect("a new directory");
    let backend = Tiled::new(1).expect("threads");
    let error = search(&impossible, &dir, &backend, &Silent, &Stop::new()).unwrap_err().to_string();
    assert!(
        error.contains("meets what is required: `require macs <= 10` excludes even the cheapest of them"),
        "{error}"
    );
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
        let files = run(&job(&mut support::load(&text), overrides), &folder.path().join(name), 2);
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
    let mut tiny = job(&mut support::load(&text), &["evolve.population=3", "evolve.generations=0"]);
    tiny.base = folder.path().to_owned();
    let path = folder.path().join("run");
    let expected = run(&tiny, &path, 1);
    fs::write(path.join("run.json"), "{}").expect("a record");
    let again = || {
        let dir = RunDir::open(&path).expect("a run");
        search(&tiny, &dir, &Tiled::new(1).expect("threads"), &Silent, &Stop::new())
    };
    // The table is gone: the cache holds what was read of it. The winner's weights are gone: they are made again.
    fs::remove_file(&data).expect("removed");
    fs::remove_file(path.join("best.safetensors")).expect("removed");
    again().expect("a finished run");
    same(&expected, &evidence(&path));
    // Another table is another run.
    fs::write(&data, rows(2)).expect("written");
    let error = again().unwrap_err().to_string();
    assert!(error.contains("the data has changed since"), "{error}");
}

#[test]
fn a_directory_that_a_killed_start_left_is_new_and_another_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run");
    fs::create_dir_all(path.join("sources")).expect("made");
    fs::write(path.join("run.json.tmp"), "{").expect("written");
    let dir = RunDir::create(&path).expect("what a killed start left is no run");
    let error = RunDir::create(&path).unwrap_err().to_string();
    assert!(error.contains("another nasrecc works in"), "{error}");
    drop(dir);
    fs::write(path.join("thesis.tex"), "").expect("written");
    let error = RunDir::create(&path).unwrap_err().to_string();
    assert!(error.contains("is not empty and holds no run"), "{error}");
    fs::remove_file(path.join("thesis.tex")).expect("removed");
    fs::write(path.join("run.json"), "{}").expect("written");
    let error = RunDir::create(&path).unwrap_err().to_string();
    assert!(error.contains("holds a run already: continue it with `--resume"), "{error}");
    fs::write(path.join("supernet-3.safetensors.tmp"), "").expect("written");
    fs::write(path.join("data.cache.partial-77"), "").expect("written");
    drop(RunDir::open(&path).expect("a run"));
    assert!(!path.join("data.cache.partial-77").exists() && !path.join("supernet-3.safetensors.tmp").exists());
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
