//! `run.json`: what a run is, enough to go on with it or to repeat it.

use std::path::{Path, PathBuf};

use nasrec_compiler::Program;
use nasrec_compiler::recipe::Recipe;
use serde::{Deserialize, Serialize};

use super::directory::RunDir;
use super::job::Job;
use super::layout::RECORD;
use super::ranking::Ranking;
use super::sources::Copies;
use crate::error::{FileError, RunError};
use crate::{Result, files};

/// Version of `run.json`, of the journal, and of everything else that a run goes on with.
pub(crate) const VERSION: u32 = 5;

/// No record is longer.
const LONGEST: u64 = 16 << 20;

/// What a run is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Record {
    pub version: u32,
    /// Version of nasrecc that started the run.
    pub nasrecc: String,
    /// Name of the search.
    pub search: String,
    /// Values of the recipe or the space that were set from outside, each `path=value`.
    pub settings: Vec<String>,
    /// Where relative paths of data start.
    pub base: PathBuf,
    /// The whole recipe, defaults included.
    pub recipe: Recipe,
    /// What is measured, where nothing is searched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ranking: Option<Ranking>,
    pub sources: Copies,
}

/// What is read of a record before all of it can be.
#[derive(Deserialize)]
struct Header {
    version: u32,
    nasrecc: String,
    /// What no other file has that says a version.
    #[serde(rename = "search")]
    _search: String,
}

impl Record {
    pub fn new(program: &Program, search: &str, settings: &[String], job: &Job) -> Result<Self> {
        let base = job.base.as_path();
        let sources = Copies::of(program)?;
        // The record is text: what is not is told before anything is made.
        if let Some(path) = sources.originals().chain([base]).find(|path| path.to_str().is_none()) {
            return Err(RunError::NotText { path: path.to_owned() }.into());
        }
        Ok(Self {
            version: VERSION,
            nasrecc: env!("CARGO_PKG_VERSION").to_owned(),
            search: search.to_owned(),
            settings: settings.to_vec(),
            base: base.to_owned(),
            recipe: job.recipe.clone(),
            ranking: job.ranking.clone(),
            sources,
        })
    }

    pub fn write(&self, dir: &RunDir) -> Result<()> {
        dir.write(RECORD, &files::seal(self)?)
    }

    /// Reads the record of a run that this version can go on with.
    ///
    /// # Errors
    /// It was damaged or changed, or another version of nasrecc wrote it.
    pub fn read(dir: &Path) -> Result<Self> {
        let path = dir.join(RECORD);
        let bytes = files::read(&path, LONGEST)?;
        // Another version may have sealed it in another way, or not at all.
        if let Ok(Header { version, nasrecc, .. }) = serde_json::from_slice(&bytes)
            && (version != VERSION || nasrecc != env!("CARGO_PKG_VERSION"))
        {
            let here = env!("CARGO_PKG_VERSION").to_owned();
            return Err(RunError::OtherVersion { path: dir.to_owned(), there: nasrecc, here }.into());
        }
        let changed = |what: &str| FileError::Changed {
            path: path.clone(),
            what: what.to_owned(),
            remedy: "put it back as it was; without it nothing can go on from this directory, so else start anew in \
                     another"
                .to_owned(),
        };
        let (record, _) = files::unseal::<Self>(&bytes).map_err(changed)?;
        // A checksum keeps nobody from writing what he likes: copies are removed where a run is begun anew.
        match record.sources.flaw() {
            Some(flaw) => Err(changed(flaw).into()),
            None => Ok(record),
        }
    }

    /// Tells runs apart that may come to other results. Where the table lies is not part of it: what is in it is known when
    /// it was read.
    pub fn identity(&self) -> Result<String> {
        let all = (VERSION, &self.nasrecc, &self.search, &self.settings, &self.recipe, self.sources.identity());
        let text = match &self.ranking {
            None => serde_json::to_vec(&all)?,
            Some(ranking) => serde_json::to_vec(&(all, ranking))?,
        };
        Ok(blake3::hash(&text).to_hex().to_string())
    }
}
