//! Runs that are stopped, and what they leave behind.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use nasrec_compiler::ItemKind;
use nasrec_runtime::backend::Tiled;
use nasrec_runtime::run::{Job, Origin, Run};
use nasrec_runtime::search::search;
use nasrec_runtime::{Error, Observer, Silent, Stage, Stop};

use crate::support;

pub const TINY: &str = include_str!("searches/tiny.nasrec");
/// The weights of the winner.
pub const WEIGHTS: &str = "best/weights.safetensors";

/// What is run: a search as text, with values that are set from outside.
pub struct Planned {
    pub text: String,
    pub settings: Vec<String>,
    /// Where its table lies.
    pub base: PathBuf,
}

pub fn planned(text: &str, settings: &[&str]) -> Planned {
    let settings = settings.iter().map(|&setting| setting.to_owned()).collect();
    Planned { text: text.to_owned(), settings, base: PathBuf::from(".") }
}

impl Planned {
    pub fn start(&self, path: &Path) -> nasrec_runtime::Result<Run> {
        let mut program = support::load(&self.text);
        let settings: Vec<_> =
            self.settings.iter().map(|text| program.read_override(text).expect("a setting")).collect();
        let item = program.visible(ItemKind::Search).remove(0);
        let search = program.search(&item, &settings).expect("the search is sound");
        let job = Job::new(&search, &self.base).expect("the schema fits");
        let origin = Origin { program: &program, search: &item.name, settings: &self.settings };
        Run::start(path, job, origin)
    }
}

pub fn resumed(path: &Path) -> Run {
    Run::resume(path, &Silent).expect("the directory of a stopped run")
}

/// Asks to stop once a stage has come so far.
pub struct StopAt<'a> {
    stage: &'a str,
    done: u64,
    stop: &'a Stop,
    current: Mutex<String>,
}

impl<'a> StopAt<'a> {
    pub fn new(stage: &'a str, done: u64, stop: &'a Stop) -> Self {
        Self { stage, done, stop, current: Mutex::default() }
    }
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
pub fn evidence(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for name in [WEIGHTS, "best/model.json", "report.json"] {
        files.insert(name.to_owned(), fs::read(dir.join(name)).expect(name));
    }
    // Not of candidates that are trained on their own.
    if let Ok(supernet) = fs::read(dir.join("supernet.safetensors")) {
        files.insert("supernet.safetensors".to_owned(), supernet);
    }
    files.insert("journal".to_owned(), journal(dir));
    let left: Vec<String> = fs::read_dir(dir)
        .expect("a directory")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|name| name.contains("unfinished") || name.starts_with("retrain-") || name.starts_with("supernet-"))
        .collect();
    assert!(left.is_empty(), "left behind: {left:?}");
    files
}

/// The journal of a run without the times in it.
pub fn journal(dir: &Path) -> Vec<u8> {
    let journal = fs::read_to_string(dir.join("journal.jsonl")).expect("a journal");
    let lines = journal.lines().map(|line| {
        let mut entry: serde_json::Value = serde_json::from_str(line).expect("a journal line");
        let members = entry.as_object_mut().expect("an object");
        // The time that an entry took is in the checksum of its line, and of those after it.
        members.remove("seconds");
        members.remove("checksum").expect("each line has one");
        entry.to_string()
    });
    lines.collect::<Vec<_>>().join("\n").into_bytes()
}

pub fn run(planned: &Planned, path: &Path, threads: usize) -> BTreeMap<String, Vec<u8>> {
    let run = planned.start(path).expect("a new directory");
    search(&run, &Tiled::new(threads).expect("threads"), &Silent, &Stop::new()).expect("a run");
    drop(run);
    evidence(path)
}

pub fn same(left: &BTreeMap<String, Vec<u8>>, right: &BTreeMap<String, Vec<u8>>) {
    assert!(left.keys().eq(right.keys()), "{:?} and {:?}", left.keys(), right.keys());
    for (name, bytes) in left {
        assert!(right[name] == *bytes, "{name} differs");
    }
}

/// What is drawn in a step, and what its nodes remember of batches, does not depend on where a run was stopped.
pub const REGULARISED: &str = "schema clicks { label click; dense I[1..3]; sparse C[1..4]: int | modulo(rows: 40) }
space regularised {
  input numeric: dense
  input fields: categorical
  let x = dropout(concat(numeric, flatten(embed(fields, 4))), 10%)
  width w in [8, 16]
  let h = relu(batch_norm(linear(x, w)))
  let d = choose { light: dropout(h, 20%); heavy: dropout(h, 60%); normed: batch_norm(h); none: h }
  logit = linear(batch_norm(linear(d, 4)), 1)
}
search s on regularised with clicks {
  seed: 3
  data { synthetic { rows: 4_000; seed: 3 } }
  train { epochs: 2; batch: 300 }
  evaluate { finetune: head(steps: 3, lr: 0.04); validate: 2; batch: 256; recalibrate: 3 }
  random { samples: 6 }
  retrain { top: 2; batch: 300; ema: 0.9 }
}";

/// What a run leaves behind that is stopped each time that it has come so far, and goes on in another process's place.
pub fn stopped(planned: &Planned, path: &Path, phases: &[(&str, u64)]) -> BTreeMap<String, Vec<u8>> {
    let backend = Tiled::new(2).expect("threads");
    let mut run = planned.start(path).expect("a new directory");
    for &(stage, done) in phases {
        let stop = Stop::new();
        let outcome = search(&run, &backend, &StopAt::new(stage, done, &stop), &stop);
        assert!(matches!(outcome, Err(Error::Stopped)), "{stage}: not stopped, {:?}", outcome.map(|_| "finished"));
        drop(run);
        run = resumed(path);
    }
    search(&run, &backend, &Silent, &Stop::new()).expect("the rest of the run");
    evidence(path)
}
