//! `nasrecc search`: train a supernet, search it, retrain the best.
//!
//! Lives here: what a run directory says of the run beyond the runtime's own files, progress for people, the table at
//! the end. Never: how anything is trained or chosen (`nasrec_runtime::search`).

mod progress;
mod record;
mod report;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use nasrec_compiler::diagnostics::{Diagnostic, Severity};
use nasrec_compiler::format::{ArchSource, format_arch};
use nasrec_compiler::recipe::Source;
use nasrec_compiler::{Architecture, CheckedSearch, ItemKind, Program};
use nasrec_runtime::backend::Backend;
use nasrec_runtime::machine::{Bytes, available_memory, limit_threads};
use nasrec_runtime::search::{Job, Report, RunDir, check_memory, expected_rows, search_within};
use nasrec_runtime::{Error, Stop};

use super::Outcome;
use crate::imports::Imports;
use crate::{device, output, render};
use progress::Progress;
use record::RunRecord;

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
    /// Where to compute: cpu, cuda or cuda:N; cpu:portable is what a device runs, on the CPU
    #[arg(long, default_value = "cpu")]
    device: String,
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

/// A search that is ready to run, with its directory.
struct Ready {
    dir: RunDir,
    record: RunRecord,
    program: Program,
    /// Name of the search.
    name: String,
    job: Job,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let device = device::named(&args.device, args.threads)?;
    // What is computed outside the backend, such as drawing tables, takes no more threads than it does.
    limit_threads(device.threads())?;
    let memory = args.memory.or_else(available_memory);
    let limits = Limits { memory, threads: device.threads() };
    let ready = match &args.resume {
        Some(dir) => resumed(dir)?,
        None => started(args, limits)?,
    };
    let Some(ready) = ready else { return Ok(Outcome::Findings) };
    let job = &ready.job;
    ctrlc::set_handler(|| {
        if STOP.requested() {
            std::process::exit(130);
        }
        STOP.request();
        eprintln!("stopping at the next step; once more to stop at once");
    })
    .context("cannot listen for Ctrl-C")?;
    let shown = ready.dir.path().display();
    eprintln!("{} on {} with {}: run directory {shown}", ready.name, job.space.name, job.schema.name);
    match device.run(Searching { job, dir: &ready.dir, memory }) {
        Ok(report) => {
            finish(&ready, &report)?;
            Ok(Outcome::Clean)
        }
        Err(Error::Stopped) => {
            eprintln!("stopped; go on with: nasrecc search --resume {shown}");
            Ok(Outcome::Stopped)
        }
        Err(error) => Err(error.into()),
    }
}

/// The search itself, wherever it computes.
struct Searching<'a> {
    job: &'a Job,
    dir: &'a RunDir,
    memory: Option<Bytes>,
}

impl device::Work for Searching<'_> {
    type Done = nasrec_runtime::Result<Report>;

    fn on(self, backend: &impl Backend) -> Self::Done {
        search_within(self.job, self.dir, backend, &Progress::new(), &STOP, self.memory)
    }
}

/// A new run: checked, its directory made and its record written.
fn started(args: &Args, limits: Limits) -> Result<Option<Ready>> {
    let file = args.file.as_deref().unwrap_or_default();
    let (mut program, mut diagnostics) = Program::load(file, &args.imports.disk(file));
    let mut overrides = args.set.clone();
    overrides.extend(args.seed.map(|seed| format!("seed={seed}")));
    let Some(search) = checked(&mut program, &mut diagnostics, file, args.name.as_deref(), &overrides)? else {
        return Ok(None);
    };
    let path = match &args.out {
        Some(path) => path.clone(),
        None => free_directory(&search.name),
    };
    // A path typed on the command line starts where the command is typed, one in a file beside that file.
    let typed = overrides.iter().any(|setting| setting.trim_start().starts_with("data.files"));
    let base = if typed { Path::new("") } else { Path::new(file).parent().unwrap_or(Path::new("")) };
    let base = if base.as_os_str().is_empty() { Path::new(".") } else { base };
    let base = base.canonicalize().with_context(|| format!("cannot find the folder of {file}"))?;
    // What does not fit shows before a directory is made.
    let job = Job::new(&search, base)?;
    let name = search.name;
    if let Source::Files(files) = &job.recipe.data.source {
        for file in files {
            let path = job.base.join(file);
            if !path.is_file() {
                bail!("there is no data file {}: `data.files` says `{file}`", path.display());
            }
        }
    }
    if let Some(memory) = limits.memory {
        check_memory(&job, expected_rows(&job).unwrap_or(0), limits.threads, memory)?;
    }
    let dir = RunDir::create(&path)?;
    RunRecord::write(&dir, &program, &name, &overrides, &job.base, &job.recipe)?;
    let record = RunRecord::read(&dir)?;
    Ok(Some(Ready { dir, record, program, name, job }))
}

fn resumed(path: &Path) -> Result<Option<Ready>> {
    let dir = RunDir::open(path)?;
    let record = RunRecord::read(&dir)?;
    let (mut program, mut diagnostics) = record.load(&dir)?;
    let shown = path.display().to_string();
    let search = checked(&mut program, &mut diagnostics, &shown, Some(&record.search), &record.overrides)?;
    let Some(search) = search else { return Ok(None) };
    if search.recipe != record.recipe {
        bail!(
            "the recipe in {shown} means something else to this nasrecc ({}) than to the one that started it ({}): \
             go on with that one, or start anew",
            env!("CARGO_PKG_VERSION"),
            record.nasrecc
        );
    }
    let name = search.name.clone();
    let job = Job::new(&search, record.base.clone())?;
    Ok(Some(Ready { dir, record, program, name, job }))
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

fn free_directory(name: &str) -> PathBuf {
    (1u32..).map(|n| PathBuf::from(format!("runs/{name}-{n}"))).find(|path| !path.exists()).unwrap_or_default()
}

/// Writes the winner's source and shows the table.
fn finish(ready: &Ready, report: &Report) -> Result<()> {
    let text = report::table(report);
    if let Some(architecture) = report.best.first().and_then(|row| row.architecture.as_ref()) {
        let source = winner(ready, report, architecture)?;
        ready.dir.write("best.nasrec", source.as_bytes())?;
    }
    ready.dir.write("report.txt", text.as_bytes())?;
    output::print(&text)?;
    let path = ready.dir.path();
    eprintln!(
        "the best architecture: {}\nits weights: {}",
        path.join("best.nasrec").display(),
        path.join("best.safetensors").display()
    );
    Ok(())
}

/// The winner as a source file that stands in the run directory.
fn winner(ready: &Ready, report: &Report, architecture: &Architecture) -> Result<String> {
    let job = &ready.job;
    let mut imports: Vec<(String, Vec<String>)> = Vec::new();
    let wanted = [(ItemKind::Space, &job.space.name), (ItemKind::Schema, &job.schema.name)];
    for (kind, name) in wanted {
        let items = ready.program.visible(kind);
        let item = items.iter().find(|item| item.name == *name).context("the search's space and schema are visible")?;
        let file = ready.program.defined_in(item);
        let path = ready.record.copy_of(&file.name).unwrap_or(&file.name).to_owned();
        match imports.iter_mut().find(|(known, _)| *known == path) {
            Some((_, names)) => names.push(name.clone()),
            None => imports.push((path, vec![name.clone()])),
        }
    }
    let test = report.best.first().and_then(|row| row.test);
    let figures = test.and_then(|figures| figures.log_loss.zip(figures.auc));
    let mut docs = vec![format!("Found by search `{}`, seed {}.", ready.name, job.recipe.seed)];
    docs.extend(figures.map(|(loss, auc)| format!("Log loss {loss:.5} and AUC {auc:.5} on the test part.")));
    let source = ArchSource {
        name: "best",
        docs,
        imports,
        items: String::new(),
        space: &job.space.name,
        arguments: &job.space.arguments,
        schema: Some(&job.schema.name),
    };
    Ok(format_arch(&source, job.space.choices(), architecture))
}
