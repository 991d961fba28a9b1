//! A small search, its results when nothing happens to it, and folders to run it in on a disk that fails.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nasrec_compiler::streams::Streams;
use rand::RngExt;
use tempfile::TempDir;

use super::modes::{Call, Fault};

const SEARCH: &str = include_str!("tiny.nasrec");
const DISK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/faults/disk");

/// So many looks at the clock pass before it jumps: a checkpoint is due every few steps then, which else takes seconds.
const CLOCK: &str = "16";
/// A process that is not at its end by then never comes to it.
const PATIENCE: Duration = Duration::from_secs(60);
/// How a process ends that the disk ends, and where the disk is at fault itself.
const CRASHED: i32 = 86;

/// What a search leaves to its user, by the names of the files.
type Results = BTreeMap<String, Vec<u8>>;

/// The disk, the search and its results.
pub(super) struct Bench {
    folder: TempDir,
    results: Results,
}

impl Bench {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        compile("faults.c", &["-fPIC", "-shared", "-ldl", "-lpthread"], &folder.path().join("faults.so"));
        fs::write(folder.path().join("tiny.nasrec"), SEARCH).expect("written");
        fs::write(folder.path().join("table.tsv"), table()).expect("written");
        let mut bench = Self { folder, results: Results::new() };
        let case = bench.case();
        let output = case.command(Go::Start).output().expect("nasrecc starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let results = case.results();
        drop(case);
        assert!(results.len() > 4, "{:?}", results.keys());
        bench.results = results;
        bench
    }

    /// A new run directory, empty.
    pub fn case(&self) -> Case<'_> {
        let folder = tempfile::tempdir_in(self.folder.path()).expect("a folder");
        fs::create_dir_all(folder.path().join("disk/run")).expect("made");
        fs::create_dir(folder.path().join("spool")).expect("made");
        Case { bench: self, folder }
    }

    /// The calls of a search that nothing happens to.
    pub fn calls(&self) -> Vec<Call> {
        let case = self.case();
        let ran = case.run(Go::Start, None);
        assert_eq!(ran.end(), Ok(End::Done), "{}", ran.said);
        case.sound().expect("counting changes nothing");
        case.calls()
    }
}

/// Compiles a file of the disk.
pub(super) fn compile(source: &str, options: &[&str], to: &Path) {
    let built = Command::new("cc")
        .args(["-std=gnu11", "-O1", "-Wall", "-Wextra", "-o"])
        .arg(to)
        .arg(Path::new(DISK).join(source))
        .args(options)
        .output()
        .expect("a C compiler, which links Rust too");
    assert!(built.status.success() && built.stderr.is_empty(), "{}", String::from_utf8_lossy(&built.stderr));
}

/// A table that a model learns something from, and whose numbers are the same everywhere.
fn table() -> String {
    let mut rng = Streams::new(3).rng("table", 0);
    let mut row = || {
        let [a, b, c, d] = [7, 5, 8, 8].map(|end| rng.random_range(0..end));
        let click = u8::from(a + c + rng.random_range(0..6) > 9);
        format!("{click}\t{a}\t{b}\t{c}\t{d}\n")
    };
    (0..300).map(|_| row()).collect()
}

/// What is asked of the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Go {
    /// A new run in the directory.
    Start,
    /// The run in the directory goes on.
    Resume,
}

/// A run directory on the disk.
pub(super) struct Case<'a> {
    bench: &'a Bench,
    folder: TempDir,
}

impl Case<'_> {
    /// The run directory.
    pub fn run_dir(&self) -> PathBuf {
        self.folder.path().join("disk/run")
    }

    /// Is there while a process waits at a call, and goes on when it is gone.
    pub fn paused(&self) -> PathBuf {
        self.folder.path().join("spool/paused")
    }

    /// Another case, with the same in its run directory.
    pub fn copy(&self) -> Self {
        let copy = self.bench.case();
        copy_folder(&self.run_dir(), &copy.run_dir());
        copy
    }

    fn command(&self, go: Go) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nasrecc"));
        command.args(["search", "--threads", "1"]);
        match go {
            Go::Start => command.arg(self.bench.folder.path().join("tiny.nasrec")).arg("--out"),
            Go::Resume => command.arg("--resume"),
        };
        command.arg(self.run_dir()).stdin(Stdio::null());
        command
    }

    /// Starts the command on the disk. `name` is of its files, for who starts two at once.
    pub fn start(&self, name: &str, go: Go, fault: Option<&Fault>) -> Running {
        let place = |what: &str| self.folder.path().join(format!("{name}.{what}"));
        let file = |what: &str| File::create(place(what)).expect("a file");
        let mut command = self.command(go);
        command
            .stdout(file("stdout"))
            .stderr(file("stderr"))
            .env("LD_PRELOAD", self.bench.folder.path().join("faults.so"))
            .env("FAULTS_IN", self.folder.path().join("disk"))
            .env("FAULTS_SPOOL", self.folder.path().join("spool"))
            .env("FAULTS_CLOCK", CLOCK);
        drop(file("calls"));
        command.env("FAULTS_LOG", place("calls"));
        if let Some(Fault { mode, at, kind }) = fault {
            command.env("FAULTS_MODE", mode).env("FAULTS_AT", at.to_string());
            command.envs(kind.as_ref().map(|kind| ("FAULTS_KIND", kind)));
        }
        Running { child: command.spawn().expect("nasrecc starts"), stderr: place("stderr") }
    }

    pub fn run(&self, go: Go, fault: Option<&Fault>) -> Ended {
        self.start("only", go, fault).wait()
    }

    /// The calls of the last process that `run` ran.
    pub fn calls(&self) -> Vec<Call> {
        let text = fs::read_to_string(self.folder.path().join("only.calls")).expect("a log of calls");
        let line = |line: &str| {
            let mut parts = line.splitn(3, '\t').map(str::to_owned);
            let mut part = || parts.next().expect("three parts");
            Call { number: part().parse().expect("a number"), kind: part(), path: part() }
        };
        text.lines().map(line).collect()
    }

    /// Goes on to the end: the run that is there, or a new one where there is none yet. Its results are to be right.
    pub fn ends_well(&self) -> Result<(), String> {
        let resumed = self.run(Go::Resume, None);
        match resumed.end()? {
            End::Done => return self.sound(),
            End::Refused => {}
            end => return Err(format!("to go on ended as {end:?}: {}", resumed.said)),
        }
        // A directory with a run in it, whatever its state, is refused here.
        let anew = self.run(Go::Start, None);
        match anew.end()? {
            End::Done => self.sound(),
            end => Err(format!("to go on: {}, and to start anew ended as {end:?}: {}", resumed.said, anew.said)),
        }
    }

    /// Fails with what is not as in a run that nothing happened to.
    pub fn sound(&self) -> Result<(), String> {
        let (found, expected) = (self.results(), &self.bench.results);
        let names = found.keys().chain(expected.keys().filter(|name| !found.contains_key(*name)));
        let wrong: Vec<String> = names
            .filter(|name| found.get(*name) != expected.get(*name))
            .map(|name| match (found.contains_key(name), expected.contains_key(name)) {
                (true, true) => format!("{name} is another"),
                (true, false) => format!("{name} was left behind"),
                _ => format!("there is no {name}"),
            })
            .collect();
        if wrong.is_empty() { Ok(()) } else { Err(format!("SILENT: {}", wrong.join(", "))) }
    }

    /// The same, where it was said that this file is not what it was.
    pub fn sound_but(&self, damaged: &str) -> Result<(), String> {
        let without = |mut results: Results| {
            results.remove(damaged);
            results
        };
        if without(self.results()) == without(self.bench.results.clone()) { Ok(()) } else { self.sound() }
    }

    /// Every file of the run, but for what a process that ended has left unfinished: another clears that away.
    pub fn everything(&self) -> Results {
        let all = files_in(&self.run_dir()).into_iter();
        let kept = all.filter(|path| !path.to_string_lossy().contains("nasrecc-unfinished"));
        kept.map(|path| (path.display().to_string(), fs::read(path).expect("a file"))).collect()
    }

    /// What the run left to its user, and what it should not have left.
    fn results(&self) -> Results {
        let mut results = Results::new();
        for path in files_in(&self.run_dir()) {
            let name = path.strip_prefix(self.run_dir()).expect("inside").display().to_string();
            let left_behind = name.contains("nasrecc-unfinished");
            let result = ["report.json", "report.txt", "best.nasrec", "best/model.json"].contains(&name.as_str());
            if left_behind || result || name.ends_with(".safetensors") {
                results.insert(name, fs::read(path).expect("a file"));
            }
        }
        // What the machine gave differs from run to run.
        if let Some(text) = results.get_mut("report.txt") {
            let told = String::from_utf8_lossy(text).into_owned();
            let lines = told.lines().filter(|line| !line.starts_with("The search took up to "));
            *text = lines.collect::<Vec<_>>().join("\n").into_bytes();
        }
        results
    }
}

/// Every file in a folder and below, in order.
pub(super) fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(files_in(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn copy_folder(from: &Path, to: &Path) {
    for file in files_in(from) {
        let place = to.join(file.strip_prefix(from).expect("inside"));
        fs::create_dir_all(place.parent().expect("a folder")).expect("made");
        fs::copy(&file, place).expect("copied");
    }
}

/// A process on the disk.
pub(super) struct Running {
    pub child: Child,
    stderr: PathBuf,
}

impl Running {
    /// Waits for its end, which comes.
    pub fn wait(mut self) -> Ended {
        let start = Instant::now();
        loop {
            let status = self.child.try_wait().expect("a process of ours");
            let hung = status.is_none() && start.elapsed() > PATIENCE;
            if hung {
                self.child.kill().expect("a running process");
                self.child.wait().expect("an ended process");
            }
            if status.is_some() || hung {
                let said = fs::read(&self.stderr).expect("what it said");
                let said = String::from_utf8_lossy(&said).trim_end().to_owned();
                return Ended { code: status.and_then(|status| status.code()), hung, said };
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// A process that is at its end.
#[derive(Debug)]
pub(super) struct Ended {
    /// None where a signal ended it.
    code: Option<i32>,
    hung: bool,
    /// On stderr.
    pub said: String,
}

/// An end as it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// With its results.
    Done,
    /// With a message that says why it did not come to them.
    Refused,
    /// As it was asked to.
    Stopped,
    /// By the disk, or a signal.
    Died,
}

impl Ended {
    /// How it ended; an error where nothing may end so.
    pub fn end(&self) -> Result<End, String> {
        let Self { code, hung, said } = self;
        let told = said.lines().any(|line| line.starts_with("error: "));
        match code {
            _ if *hung => Err(format!("HUNG: {said}")),
            _ if said.contains("panicked") => Err(format!("PANIC: {said}")),
            Some(0) => Ok(End::Done),
            Some(2) if told => Ok(End::Refused),
            Some(130) => Ok(End::Stopped),
            Some(CRASHED) | None => Ok(End::Died),
            Some(other) => Err(format!("status {other} without a clear error: {said}")),
        }
    }
}
