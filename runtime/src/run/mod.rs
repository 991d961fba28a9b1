//! A run on disk: started, stopped and gone on with, in one directory that is enough by itself.
//!
//! Lives here: which files a run directory has and who may write them (`layout`, `directory`), what is run (`job`, `ranking`) and how
//! it is written down (`record`, `sources`), what was done (`journal`). Never: how anything is trained or chosen (`search`),
//! or anything drawn on a terminal.
//!
//! Nothing that a run needs to go on is overwritten before what replaces it is known to be the same, and nothing is read
//! that a checksum does not vouch for.

mod directory;
mod job;
mod journal;
mod layout;
mod pack;
mod ranking;
mod record;
mod sources;

use std::path::{Path, PathBuf};

use nasrec_compiler::diagnostics::Severity;
use nasrec_compiler::{CheckedSearch, Item, ItemKind, Program};

pub use crate::error::RunError;
pub use directory::RunDir;
pub use job::{Baseline, Job};
#[cfg(fuzzing)]
pub(crate) use journal::chained;
pub use journal::{Curve, Entry, Journal};
pub(crate) use layout::{BEST, BEST_SOURCE, CACHE, FOLDS, REPORT, SUPERNET, USAGE};
pub use layout::{PARTS, Part};
pub use pack::Package;
pub use ranking::{Ranking, Variant};

use crate::{Observer, Result};
use layout::{ABOUT, JOURNAL};
use record::Record;

/// Where a run comes from: what its directory keeps of that is enough to go on without it.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// The program, as it was read from files.
    pub program: &'a Program,
    /// The name of its search, or of its training.
    pub search: &'a str,
    /// Values that were set from outside, each `path=value`, such as `train.batch=1024`.
    pub settings: &'a [String],
}

/// A run with its directory, which no other process works in while this lives.
#[derive(Debug)]
pub struct Run {
    dir: RunDir,
    record: Record,
    job: Job,
    identity: String,
}

impl Run {
    /// Begins a run in a directory that is new or empty, or holds a run that has done nothing yet: such a one is begun anew.
    ///
    /// # Errors
    /// The directory holds something else, or another process works in it; the disk takes no more.
    pub fn start(path: &Path, job: Job, origin: Origin<'_>) -> Result<Self> {
        let record = Record::new(origin.program, origin.search, origin.settings, &job)?;
        let (dir, before) = RunDir::create(path)?;
        if let Some(before) = before {
            clear(&dir, &before)?;
        }
        Self::begin(dir, record, job, origin.program)
    }

    /// The same in the first directory `NAME-1`, `NAME-2`, … of a folder that is free (`NAME-rank-1` of a ranking): of several processes that start at
    /// once each has its own.
    ///
    /// # Errors
    /// Those of [`Run::start`], but for a directory that is taken.
    pub fn start_in(folder: &Path, job: Job, origin: Origin<'_>) -> Result<Self> {
        let record = Record::new(origin.program, origin.search, origin.settings, &job)?;
        let name = if job.ranking.is_some() { format!("{}-rank", origin.search) } else { origin.search.to_owned() };
        let mut number = 1u64;
        let dir = loop {
            let path = folder.join(format!("{name}-{number}"));
            number += 1;
            // What is there already is left alone, whatever it is.
            if path.symlink_metadata().is_ok() {
                continue;
            }
            match RunDir::create(&path) {
                Ok((dir, None)) => break dir,
                // Another process was quicker.
                Ok(_)
                | Err(crate::Error::Run(
                    RunError::InUse { .. } | RunError::NotEmpty { .. } | RunError::NotADirectory { .. },
                )) => {}
                Err(error) => return Err(error),
            }
        };
        Self::begin(dir, record, job, origin.program)
    }

    /// Writes down what is about to be done: the record first, which says what else belongs to it.
    fn begin(dir: RunDir, record: Record, job: Job, program: &Program) -> Result<Self> {
        record.write(&dir)?;
        dir.write(ABOUT, layout::about().as_bytes())?;
        record.sources.write(&dir, program)?;
        let identity = record.identity()?;
        Ok(Self { dir, record, job, identity })
    }

    /// Goes on with the run in a directory, from what is in there alone.
    ///
    /// # Errors
    /// There is no run, another process works in it, another version of nasrecc began it, or what it goes on from was
    /// changed since.
    pub fn resume(path: &Path, observer: &dyn Observer) -> Result<Self> {
        let (dir, record) = RunDir::open(path)?;
        let Read { search, varied, .. } = read(&dir, &record)?;
        record.sources.say_changes(&dir, observer);
        let job = Job::new(&search, record.base.clone())?;
        let job = match &record.ranking {
            Some(ranking) => job.ranked(ranking.clone(), &varied)?,
            None => job,
        };
        let identity = record.identity()?;
        Ok(Self { dir, record, job, identity })
    }

    /// What it does.
    pub fn job(&self) -> &Job {
        &self.job
    }

    /// Its directory.
    pub fn dir(&self) -> &RunDir {
        &self.dir
    }

    /// The name of its search, or of its training.
    pub fn name(&self) -> &str {
        &self.record.search
    }

    /// The program, read from the copies in its directory.
    ///
    /// # Errors
    /// They were changed.
    pub fn program(&self) -> Result<Program> {
        Ok(read(&self.dir, &self.record)?.program)
    }

    /// Where it computes, as a backend calls itself; `None` before it has begun to.
    ///
    /// # Errors
    /// The journal is damaged.
    pub fn device(&self) -> Result<Option<String>> {
        Journal::find(&self.dir.file(JOURNAL), |entry| match entry {
            Entry::Begun { device, .. } => Some(device),
            _ => None,
        })
    }

    /// A hash of everything that decides what it comes to, but for the table.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    pub(crate) fn journal(&self, device: &str, observer: &dyn Observer) -> Result<Journal> {
        self.dir.still_here()?;
        Journal::open(&self.dir.file(JOURNAL), &self.identity, device, observer)
    }
}

/// Empties a directory of a run that has done nothing which would be lost. A journal that is lost vouches for nothing.
fn clear(dir: &RunDir, record: &Record) -> Result<()> {
    let occupied = || RunError::Occupied { path: dir.path().to_owned() };
    let done = |entry| (!matches!(entry, Entry::Begun { .. } | Entry::Data { .. })).then_some(());
    let done = Journal::find(&dir.file(JOURNAL), done).map_err(|_| occupied())?.is_some();
    let trained = layout::TRAINED.iter().any(|name| dir.file(name).symlink_metadata().is_ok());
    if done || trained || dir.has_checkpoints()? {
        return Err(occupied().into());
    }
    record.sources.remove(dir)?;
    // The record stays until the new one is in its place: until then it is known what belongs to it, the data cache too, which says itself
    // what it was made from.
    [JOURNAL, USAGE, ABOUT].iter().try_for_each(|name| crate::files::remove(&dir.file(name)))
}

/// What a run of this name does in a program: a search, or a training. No two items have one name.
pub(crate) fn named(program: &Program, name: &str) -> Option<Item> {
    [ItemKind::Search, ItemKind::Train].into_iter().find_map(|kind| program.find(kind, name))
}

/// What is read from the copies of a record.
struct Read {
    program: Program,
    search: CheckedSearch,
    /// What each variant of a ranking is checked as.
    varied: Vec<CheckedSearch>,
}

/// The program and the search of a record, from the copies.
fn read(dir: &RunDir, record: &Record) -> Result<Read> {
    let (mut program, findings) = record.sources.load(dir)?;
    let unsound = |described: String| RunError::Sources { path: PathBuf::from(dir.path()), described };
    let first_error = |findings: &[nasrec_compiler::diagnostics::Diagnostic]| {
        let error = findings.iter().find(|finding| finding.severity == Severity::Error);
        error.map_or(Ok(()), |error| Err(unsound(error.message.clone())))
    };
    first_error(&findings)?;
    let settings = record.settings.iter().map(|setting| program.read_override(setting));
    let settings = settings.collect::<Result<Vec<_>, _>>().map_err(|found| unsound(found.message))?;
    let item = named(&program, &record.search);
    let item = item.ok_or_else(|| unsound(format!("there is no search or training `{}`", record.search)))?;
    let search = program
        .search(&item, &settings)
        .map_err(|found| unsound(found.first().map_or_else(String::new, |found| found.message.clone())))?;
    if search.recipe != record.recipe {
        return Err(unsound("they give another recipe".to_owned()).into());
    }
    let mut all = Vec::new();
    if let Some(ranking) = &record.ranking {
        ranking.check().map_err(|error| unsound(error.to_string()))?;
        for variant in &ranking.variants {
            let settings =
                record.settings.iter().chain(&variant.settings).map(|setting| program.read_override(setting));
            let settings = settings.collect::<Result<Vec<_>, _>>().map_err(|found| unsound(found.message))?;
            let varied = program.search(&item, &settings).ok();
            let again = varied.as_ref().map(|varied| {
                Variant::new(&variant.name, variant.settings.clone(), &record.recipe, varied.recipe.clone())
            });
            if again.and_then(Result::ok).as_ref() != Some(variant) {
                return Err(unsound(format!("they give another variant `{}`", variant.name)).into());
            }
            all.extend(varied);
        }
    }
    Ok(Read { program, search, varied: all })
}
