//! A run directory: self-contained, and used by one process at a time.

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::error::RunError;
use crate::{Error, Result};

/// What makes a directory that of a run.
const RECORD: &str = "run.json";
const LOCK: &str = "lock";

/// The directory of a run, locked while this value lives.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    _lock: File,
}

impl RunDir {
    /// Makes a directory for a new run. One that an earlier process left before it had written its record is new.
    ///
    /// # Errors
    /// It holds a run or something else, or cannot be made, or another process works in it.
    pub fn create(path: &Path) -> Result<Self> {
        if path.join(RECORD).is_file() {
            return Err(RunError::Occupied { path: path.to_owned() }.into());
        }
        let leftover = |name: &str| name == LOCK || name == "sources" || name.ends_with(".tmp");
        if fs::read_dir(path)
            .is_ok_and(|entries| entries.flatten().any(|entry| !leftover(&entry.file_name().to_string_lossy())))
        {
            return Err(RunError::NotEmpty { path: path.to_owned() }.into());
        }
        fs::create_dir_all(path).map_err(Error::io("create", path))?;
        Self::lock(path)
    }

    /// Opens the directory of a run that was started before, and clears what a killed process left unfinished.
    ///
    /// # Errors
    /// It does not exist, or another process works in it.
    pub fn open(path: &Path) -> Result<Self> {
        if !path.join(RECORD).is_file() {
            return Err(RunError::NoRun { path: path.to_owned(), record: RECORD }.into());
        }
        let dir = Self::lock(path)?;
        for entry in fs::read_dir(path).map_err(Error::io("read", path))?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.ends_with(".tmp") || name.contains(".partial-") {
                fs::remove_file(entry.path()).map_err(Error::io("remove", entry.path()))?;
            }
        }
        Ok(dir)
    }

    fn lock(path: &Path) -> Result<Self> {
        let name = path.join(LOCK);
        let lock = File::create(&name).map_err(Error::io("create", &name))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(RunError::InUse { path: path.to_owned() }.into()),
            Err(TryLockError::Error(error)) => Err(Error::io("lock", name)(error)),
        }
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of one of its files, which need not be there.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file beside and renames it, so that it is either the old one or the whole new one.
    pub fn write(&self, name: &str, contents: &[u8]) -> Result<()> {
        let (path, beside) = (self.file(name), self.file(&format!("{name}.tmp")));
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
        }
        let written = File::create(&beside).and_then(|mut file| {
            file.write_all(contents)?;
            file.sync_all()
        });
        written.map_err(Error::io("write", &beside))?;
        fs::rename(&beside, &path).map_err(Error::io("write", &path))?;
        crate::supernet::sync_folder(&path)
    }

    /// The newest checkpoint `NAME-STEP.safetensors`, and its step.
    pub(super) fn checkpoint(&self, name: &str) -> Result<Option<(u64, PathBuf)>> {
        Ok(self.checkpoints(name)?.into_iter().max())
    }

    /// Removes the checkpoints of `name` other than the one of `keep`.
    pub(super) fn sweep(&self, name: &str, keep: Option<u64>) -> Result<()> {
        for (step, path) in self.checkpoints(name)? {
            if Some(step) != keep {
                fs::remove_file(&path).map_err(Error::io("remove", path))?;
            }
        }
        Ok(())
    }

    pub(super) fn checkpoint_path(&self, name: &str, step: u64) -> PathBuf {
        self.file(&format!("{name}-{step}.safetensors"))
    }

    fn checkpoints(&self, name: &str) -> Result<Vec<(u64, PathBuf)>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(Error::io("read", &self.path))? {
            let path = entry.map_err(Error::io("read", &self.path))?.path();
            let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let step = file.strip_prefix(name).and_then(|rest| rest.strip_prefix('-'));
            let step = step.and_then(|rest| rest.strip_suffix(".safetensors")).and_then(|step| step.parse().ok());
            found.extend(step.map(|step: u64| (step, path)));
        }
        Ok(found)
    }
}
