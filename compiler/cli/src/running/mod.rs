//! Runs: what `nasrecc search`, `nasrecc train` and `nasrecc rank` do, which differ in what they run.
//!
//! Lives here: what is asked for on the command line, progress for people, the table at the end. Never: how anything is
//! trained or chosen (`nasrec_runtime::search`), or what a run directory holds (`nasrec_runtime::run`).

mod progress;
mod ranking;
mod report;
mod signals;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use nasrec_compiler::diagnostics::{Diagnostic, Severity};
use nasrec_compiler::recipe::{Data, Given, Source};
use nasrec_compiler::{CheckedSearch, Item, ItemKind, Program};
use nasrec_runtime::backend::Backend;
use nasrec_runtime::data::{STANDARD_INPUT, fetch, is_address, locate_all};
use nasrec_runtime::machine::{Bytes, available_memory, limit_threads};
use nasrec_runtime::run::{Job, Origin, Run};
use nasrec_runtime::search::{Ranked, Report, check_memory, expected_rows, rank_within, search_within};
use nasrec_runtime::{Error, Stop};

use crate::imports::Imports;
use crate::outcome::Outcome;
use crate::output::{self, Format, Gone, Text, say};
use crate::{device, render};
pub(crate) use progress::Progress;
pub(crate) use ranking::Asked;

/// What is asked of a run, whatever it does.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The file that holds it
    #[arg(value_name = "FILE", required_unless_present = "resume")]
    file: Option<String>,
    /// Which one to run, where the file has several
    #[arg(long)]
    name: Option<String>,
    /// Set a value of the recipe or, as space.NAME, a parameter of the space; may be repeated
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// The seed of every random draw: short for --set seed=N
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The run directory; runs/NAME-1 and so on otherwise
    #[arg(short, long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Go on with the run in this directory
    #[arg(long, value_name = "DIR", conflicts_with_all = ["file", "name", "set", "seed", "out", "folders"])]
    resume: Option<PathBuf>,
    /// Threads to compute with on the CPU; all cores otherwise. The results do not depend on it
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Memory that it may take, such as 4GiB; what is available otherwise. What cannot fit is refused before it
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

/// From now on Ctrl-C asks for a stop, of which this tells. `how`: how it is stopped, in words.
pub(crate) fn stopped_by_signals(how: &'static str) -> Result<&'static Stop> {
    signals::listen(&STOP, how)?;
    Ok(&STOP)
}

/// What a run may take of the machine.
#[derive(Clone, Copy)]
struct Limits {
    memory: Option<Bytes>,
    threads: usize,
}

/// Runs a `search` or a `train`, as `kind` says, or goes on with what the directory holds.
///
/// `setting`: one more value that is set from outside.
pub(crate) fn run(args: &Args, kind: ItemKind, setting: Option<String>) -> Result<Outcome> {
    carried_out(args, kind, setting, None)
}

/// Ranks architectures of a search, or goes on with what the directory holds.
pub(crate) fn rank(args: &Args, asked: &Asked) -> Result<Outcome> {
    carried_out(args, ItemKind::Search, None, Some(asked))
}

fn carried_out(args: &Args, kind: ItemKind, setting: Option<String>, asked: Option<&Asked>) -> Result<Outcome> {
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
        None => match started(args, kind, (setting, asked), Limits { memory, threads: device.threads() })? {
            Some(run) => run,
            None => return Ok(Outcome::Findings),
        },
    };
    signals::listen(&STOP, "stopping at the next step")?;
    let shown = run.dir().path().display();
    let job = run.job();
    let over = job.model.as_ref().map_or(&job.space.name, |(model, _)| model);
    say!("{} on {over} with {}: run directory {shown}", run.name(), job.schema.name);
    match device.run(Searching { run: &run, progress: &progress, memory }) {
        Ok(Done::Searched(report)) => {
            finish(&run, &report)?;
            Ok(Outcome::Clean)
        }
        Ok(Done::Ranked(ranked)) => {
            ranking::finish(&run, &ranked, asked.map_or(Format::Text, |asked| asked.format))?;
            Ok(Outcome::Clean)
        }
        Err(Error::Stopped) => {
            let command = match job {
                Job { ranking: Some(_), .. } => "rank",
                Job { model: Some(_), .. } => "train",
                _ => "search",
            };
            say!("stopped; go on with: nasrecc {command} --resume {shown}");
            Ok(Outcome::Stopped)
        }
        Err(error) => Err(error.into()),
    }
}

/// The work itself, wherever it computes.
struct Searching<'a> {
    run: &'a Run,
    progress: &'a Progress,
    memory: Option<Bytes>,
}

/// What a run comes to.
enum Done {
    Searched(Report),
    Ranked(Ranked),
}

impl device::Work for Searching<'_> {
    type Done = nasrec_runtime::Result<Done>;

    fn on(self, backend: &impl Backend) -> Self::Done {
        let Self { run, progress, memory } = self;
        match run.job().ranking {
            Some(_) => rank_within(run, backend, progress, &STOP, memory).map(Done::Ranked),
            None => search_within(run, backend, progress, &STOP, memory).map(Done::Searched),
        }
    }
}

/// A new run, checked and with its directory; `None` where the file has mistakes, which are shown.
fn started(
    args: &Args,
    kind: ItemKind,
    (setting, asked): (Option<String>, Option<&Asked>),
    limits: Limits,
) -> Result<Option<Run>> {
    let file = args.file.as_deref().unwrap_or_default();
    let (mut program, mut diagnostics) = Program::load(file, &args.imports.disk(file));
    let mut overrides = args.set.clone();
    overrides.extend(args.seed.map(|seed| format!("seed={seed}")).into_iter().chain(setting));
    let wanted = Wanted { file, kind, name: args.name.as_deref() };
    let Some(mut search) = checked(&mut program, &mut diagnostics, wanted, &overrides)? else {
        return Ok(None);
    };
    let mut variants = Vec::new();
    let ranking = match asked {
        None => None,
        Some(asked) => {
            let varied = |settings: &[String]| {
                let all: Vec<String> = overrides.iter().chain(settings).cloned().collect();
                let Some(varied) = checked(&mut program, &mut Vec::new(), wanted, &all)? else { return Ok(None) };
                let recipe = varied.recipe.clone();
                variants.push(varied);
                Ok(Some(recipe))
            };
            match asked.ranking(&search.recipe, varied)? {
                Some(ranking) => Some(ranking),
                None => return Ok(None),
            }
        }
    };
    let base = base(&mut search.recipe.data, &overrides, file)?;
    // What does not fit shows before a directory is made.
    let job = Job::new(&search, base)?;
    let job = match ranking {
        Some(ranking) => job.ranked(ranking, &variants)?,
        None => job,
    };
    if !matches!(job.recipe.data.source, Source::Synthetic(_)) {
        fetch(job.recipe.data.files().into_iter().flatten(), &Progress::new(), &STOP)?;
        locate_all(&job.base, &job.recipe.data)?;
    }
    if let Some(memory) = limits.memory {
        let rows = expected_rows(&job).unwrap_or(0);
        check_memory(&job, rows, limits.threads, memory)?;
        let variants = job.ranking.iter().flat_map(|ranking| &ranking.variants);
        variants
            .into_iter()
            .try_for_each(|variant| check_memory(&job.varied(variant), rows, limits.threads, memory))?;
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
        for name in list.iter_mut().filter(|name| *name != STANDARD_INPUT && !is_address(name)) {
            *name = here.join(&*name).to_str().context("the path of this folder is no text")?.to_owned();
        }
    }
    let folder = Path::new(file).parent().unwrap_or(Path::new(""));
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    folder.canonicalize().with_context(|| format!("cannot find the folder of {file}"))
}

/// Which item of a file is to run.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    file: &'a str,
    kind: ItemKind,
    name: Option<&'a str>,
}

impl Wanted<'_> {
    fn of(self, program: &Program) -> Result<Item> {
        let Self { file, kind, name } = self;
        let (word, several, other, head) = match kind {
            ItemKind::Train => ("train", "trainings", ItemKind::Search, "train NAME on MODEL with SCHEMA"),
            _ => ("search", "searches", ItemKind::Train, "search NAME on SPACE with SCHEMA"),
        };
        let seen = program.visible(kind);
        let names = |items: &[Item]| items.iter().map(|item| item.name.as_str()).collect::<Vec<_>>().join(", ");
        let matching: Vec<Item> =
            seen.iter().filter(|item| name.is_none_or(|name| item.name == name)).cloned().collect();
        match matching.as_slice() {
            [item] => Ok(item.clone()),
            [_, _, ..] => bail!("{file} has the {several} {}: say which with --name", names(&matching)),
            [] => {
                let others = program.visible(other);
                let meant = others.iter().find(|item| name.is_none_or(|name| item.name == name));
                match (name, meant) {
                    (_, Some(meant)) if name.is_some() || seen.is_empty() => bail!(
                        "{file} has no {word}{}, but a `{other} {meant}`: give it to `nasrecc {other}`",
                        name.map_or_else(String::new, |name| format!(" `{name}`")),
                        other = other.word(),
                        meant = meant.name
                    ),
                    (Some(name), _) if !seen.is_empty() => {
                        bail!("{file} has no {word} `{name}`; it has {}", names(&seen))
                    }
                    _ => bail!("{file} has no {word}: add `{head} {{ … }}`"),
                }
            }
        }
    }
}

fn checked(
    program: &mut Program,
    diagnostics: &mut Vec<Diagnostic>,
    wanted: Wanted<'_>,
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
        let item = wanted.of(program)?;
        match program.search(&item, &settings) {
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
            "nothing that a model could be kept of has a finite log loss: lower the learning rate (`retrain.optimiser`), or \
             look for numbers far from 0 in the data"
        );
    }
    let path = run.dir().path();
    match &run.job().model {
        Some((name, _)) => {
            say!("the model {name}: {}", path.join("best").display());
            say!("its architecture: {}", path.join("best.nasrec").display());
        }
        None => {
            say!("the best architecture: {}", path.join("best.nasrec").display());
            say!("its model: {}", path.join("best").display());
        }
    }
    Ok(())
}
