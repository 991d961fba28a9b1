//! `nasrecc search`: train a supernet, search it, retrain the best.
//!
//! Lives here: what is asked for on the command line, progress for people, the table at the end. Never: how anything is
//! trained or chosen (`nasrec_runtime::search`), or what a run directory holds (`nasrec_runtime::run`).

mod progress;
mod report;
mod signals;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use nasrec_compiler::diagnostics::{Diagnostic, Severity};
use nasrec_compiler::recipe::{Data, Given, Source};
use nasrec_compiler::{CheckedSearch, ItemKind, Program};
use nasrec_runtime::backend::Backend;
use nasrec_runtime::data::{STANDARD_INPUT, locate_all};
use nasrec_runtime::machine::{Bytes, available_memory, limit_threads};
use nasrec_runtime::run::{Job, Origin, Run};
use nasrec_runtime::search::{Report, check_memory, expected_rows, search_within};
use nasrec_runtime::{Error, Stop};

use super::Outcome;
use crate::imports::Imports;
use crate::output::{self, Gone, Text, say};
use crate::{device, render};
use progress::Progress;

/// Search a space: train its supernet, evolve architectures, retrain the best
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  nasrecc search examples/quickstart.nasrec\n  \
                        nasrecc search criteo.nasrec --name day --set train.batch=1024 --out runs/day\n  \
                        nasrecc search --resume runs/day\n\n\
                        Ctrl-C stops at the next step and keeps everything; --resume goes on from there and ends like a \
                        run that was never stopped.")]
pub(crate) struct Args {
    /// The file that holds the search
    #[arg(value_name = "FILE", required_unless_present = "resume")]
    file: Option<String>,
    /// The search to run, where the file has several
    #[arg(long)]
    name: Option<String>,
    /// Set a value of the recipe or, as space.NAME, a parameter of the space; may be repeated
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// The seed of every random draw: short for --set seed=N
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The run directory; runs/NAME-1 and so on otherwise
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Go on with the run in this directory
    #[arg(long, value_name = "DIR", conflicts_with_all = ["file", "name", "set", "seed", "out", "folders"])]
    resume: Option<PathBuf>,
    /// Threads to compute with on the CPU; all cores otherwise. The results do not depend on it
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Memory that the search may take, such as 4GiB; what is available otherwise. What cannot fit is refused before it
    /// is trained
    #[arg(long, value_name = "AMOUNT")]
    memory: Option<Bytes>,
    /// Where to compute: cpu, cuda or cuda:N; cpu:portable is what a device runs, on the CPU [default: cpu, or where the
    /// run began]
    #[arg(long)]
    device: Option<String>,
    #[command(flatten)]
    imports: Imports,
}

/// Set by Ctrl-C and by a termination signal.
static STOP: Stop = Stop::new();

/// What a search may take of the machine.
#[derive(Clone, Copy)]
struct Limits {
    memory: Option<Bytes>,
    threads: usize,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let progress = Progress::new();
    let resumed = args.resume.as_ref().map(|dir| Run::resume(dir, &progress)).transpose()?;
    let began_on = match &resumed {
        Some(run) => run.device()?,
        None => None,
    };
    let device = args.device.clone().or(began_on).unwrap_or_else(|| "cpu".to_owned());
    let device = device::named(&device, args.threads)?;
    // What is computed outside the backend, such as drawing tables, takes no more threads than it does.
    limit_threads(device.threads())?;
    let memory = args.memory.or_else(available_memory);
    let run = match resumed {
        Some(run) => run,
        None => match started(args, Limits { memory, threads: device.threads() })? {
            Some(run) => run,
            None => return Ok(Outcome::Findings),
        },
    };
    signals::listen(&STOP)?;
    let shown = run.dir().path().display();
    let job = run.job();
    say!("{} on {} with {}: run directory {shown}", run.name(), job.space.name, job.schema.name);
    match device.run(Searching { run: &run, progress: &progress, memory }) {
        Ok(report) => {
            finish(&run, &report)?;
            Ok(Outcome::Clean)
        }
        Err(Error::Stopped) => {
            say!("stopped; go on with: nasrecc search --resume {shown}");
            Ok(Outcome::Stopped)
        }
        Err(error) => Err(error.into()),
    }
}

/// The search itself, wherever it computes.
struct Searching<'a> {
    run: &'a Run,
    progress: &'a Progress,
    memory: Option<Bytes>,
}

impl device::Work for Searching<'_> {
    type Done = nasrec_runtime::Result<Report>;

    fn on(self, backend: &impl Backend) -> Self::Done {
        search_within(self.run, backend, self.progress, &STOP, self.memory)
    }
}

/// A new run, checked and with its directory; `None` where the file has mistakes, which are shown.
fn started(args: &Args, limits: Limits) -> Result<Option<Run>> {
    let file = args.file.as_deref().unwrap_or_default();
    let (mut program, mut diagnostics) = Program::load(file, &args.imports.disk(file));
    let mut overrides = args.set.clone();
    overrides.extend(args.seed.map(|seed| format!("seed={seed}")));
    let Some(mut search) = checked(&mut program, &mut diagnostics, file, args.name.as_deref(), &overrides)? else {
        return Ok(None);
    };
    let base = base(&mut search.recipe.data, &overrides, file)?;
    // What does not fit shows before a directory is made.
    let job = Job::new(&search, base)?;
    if !matches!(job.recipe.data.source, Source::Synthetic(_)) {
        locate_all(&job.base, &job.recipe.data)?;
    }
    if let Some(memory) = limits.memory {
        check_memory(&job, expected_rows(&job).unwrap_or(0), limits.threads, memory)?;
    }
    let origin = Origin { program: &program, search: &search.name, settings: &overrides };
    Ok(Some(match &args.out {
        Some(path) => Run::start(path, job, origin)?,
        None => Run::start_in(Path::new("runs"), job, origin)?,
    }))
}

/// Where the paths of a recipe start: one typed on the command line where the command is typed, one in a file beside that
/// file. Where there are both, typed ones are made whole.
fn base(data: &mut Data, overrides: &[String], file: &str) -> Result<PathBuf> {
    let typed = |key: &str| {
        overrides.iter().any(|setting| setting.split(['=', ':']).next().is_some_and(|typed| typed.trim() == key))
    };
    let here = Path::new(".").canonicalize().context("cannot find the folder that this is called in")?;
    let Data { source, given: Given { train, valid, test }, .. } = data;
    let mut none = Vec::new();
    let files = match source {
        Source::Files(files) => files,
        Source::Synthetic(_) => &mut none,
    };
    let mut lists = [("data.files", files), ("data.train", train), ("data.valid", valid), ("data.test", test)];
    if lists.iter().all(|(key, list)| list.is_empty() || typed(key)) && lists.iter().any(|(_, list)| !list.is_empty()) {
        return Ok(here);
    }
    for (_, list) in lists.iter_mut().filter(|(key, _)| typed(key)) {
        for name in list.iter_mut().filter(|name| *name != STANDARD_INPUT) {
            *name = here.join(&*name).to_str().context("the path of this folder is no text")?.to_owned();
        }
    }
    let folder = Path::new(file).parent().unwrap_or(Path::new(""));
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    folder.canonicalize().with_context(|| format!("cannot find the folder of {file}"))
}

fn checked(
    program: &mut Program,
    diagnostics: &mut Vec<Diagnostic>,
    file: &str,
    name: Option<&str>,
    overrides: &[String],
) -> Result<Option<CheckedSearch>> {
    let mut settings = Vec::new();
    for text in overrides {
        match program.read_override(text) {
            Ok(setting) => settings.push(setting),
            Err(diagnostic) => diagnostics.push(diagnostic),
        }
    }
    let mut result = None;
    if diagnostics.iter().all(|d| d.severity != Severity::Error) {
        let searches = program.visible(ItemKind::Search);
        let own: Vec<_> = searches.iter().filter(|item| name.is_none_or(|name| item.name == name)).collect();
        let item = match own.as_slice() {
            [item] => *item,
            [] => {
                let known: Vec<&str> = searches.iter().map(|item| item.name.as_str()).collect();
                match (name, known.as_slice()) {
                    (Some(name), [_, ..]) => bail!("{file} has no search `{name}`; it has {}", known.join(", ")),
                    _ => bail!("{file} has no search: add `search NAME on SPACE with SCHEMA {{ … }}`"),
                }
            }
            several => {
                let names: Vec<&str> = several.iter().map(|item| item.name.as_str()).collect();
                bail!("{file} has the searches {}: say which with --name", names.join(", "));
            }
        };
        match program.search(item, &settings) {
            Ok(search) => result = Some(search),
            Err(found) => diagnostics.extend(found),
        }
    }
    Diagnostic::sort(diagnostics);
    render::show(diagnostics, &program.sources)?;
    Ok(result)
}

/// Writes the table and shows it.
fn finish(run: &Run, report: &Report) -> Result<()> {
    let text = report::table(report, None);
    run.dir().write("report.txt", text.as_bytes())?;
    // A run whose reader has gone is as good as another.
    match output::print(Text::People(report::table(report, output::columns(None)))) {
        Err(error) if error.is::<Gone>() => {}
        printed => printed?,
    }
    if report.winner().is_none() {
        bail!(
            "no candidate that was retrained has a finite log loss, so that none is kept: lower the learning rate \
             (`retrain.optimiser`), or look for numbers far from 0 in the data"
        );
    }
    let path = run.dir().path();
    say!("the best architecture: {}", path.join("best.nasrec").display());
    say!("its model: {}", path.join("best").display());
    Ok(())
}
