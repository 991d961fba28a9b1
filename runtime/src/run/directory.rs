//! A run directory: self-contained, and used by one process at a time.

use std::fs::{self, DirEntry, File, TryLockError};
use std::path::{Path, PathBuf};

use super::layout::{ABOUT, LOCK, PARTS, RECORD};
use super::record::Record;
use crate::error::RunError;
use crate::machine::Bytes;
use crate::{Error, Result, files};

/// The directory of a run, locked while this value lives.
#[derive(Debug)]
pub struct RunDir {
    path: PathBuf,
    lock: File,
}

impl RunDir {
    /// Makes a directory, or takes one that is empty, and locks it. One that holds a run is locked as well: whether it may
    /// be started in is for whoever reads its record.
    ///
    /// # Errors
    /// It holds something else, or cannot be made, or another process works in it.
    pub(super) fn create(path: &Path) -> Result<(Self, Option<Record>)> {
        if fs::symlink_metadata(path).is_ok_and(|found| !found.is_dir()) && !path.is_dir() {
            return Err(RunError::NotADirectory { path: path.to_owned() }.into());
        }
        vacant(path)?;
        files::create_folder(path)?;
        let dir = Self::lock(path)?;
        // Somebody may have been quicker.
        let record = vacant(path)?;
        dir.clear_unfinished()?;
        Ok((dir, record))
    }

    /// Opens the directory of a run that was started before, and clears what a killed process left unfinished.
    ///
    /// # Errors
    /// It does not exist or holds no run that can be gone on with, and nothing is touched then; or another process works
    /// in it.
    pub(super) fn open(path: &Path) -> Result<(Self, Record)> {
        recorded(path)?;
        let dir = Self::lock(path)?;
        // Who held the lock before may have begun another.
        let record = recorded(path)?;
        dir.clear_unfinished()?;
        Ok((dir, record))
    }

    fn lock(path: &Path) -> Result<Self> {
        let lock = files::create(&path.join(LOCK))?;
        locked(lock.try_lock(), path)?;
        Ok(Self { path: path.to_owned(), lock })
    }

    /// Keeps other processes from working in a directory, while what is returned lives, without writing there: it may be
    /// read-only. Nothing is returned where nobody ever worked.
    ///
    /// # Errors
    /// It does not exist or holds no run, or another process works in it.
    pub(super) fn hold(path: &Path) -> Result<Option<File>> {
        match recorded(path) {
            // What is only read may be of any version.
            Err(Error::Run(RunError::OtherVersion { .. })) => {}
            record => drop(record?),
        }
        let lock = match files::open(&path.join(LOCK)) {
            Err(error) if files::is_missing(&error) => return Ok(None),
            lock => lock?,
        };
        locked(lock.try_lock_shared(), path)?;
        Ok(Some(lock))
    }

    fn clear_unfinished(&self) -> Result<()> {
        for entry in entries(&self.path)? {
            if is_unfinished(&entry.file_name().to_string_lossy()) {
                files::remove(&entry.path())?;
            }
        }
        Ok(())
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of one of its files, which need not be there.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The path of one of its folders, which need not be there.
    ///
    /// # Errors
    /// It is a link to another.
    pub(crate) fn folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.file(name);
        self.check_unlinked(&folder)?;
        Ok(folder)
    }

    /// Writes a file in one step: it is either the old one or the whole new one, and lasts when this returns.
    ///
    /// # Errors
    /// The disk takes no more, or the directory was moved away.
    pub fn write(&self, name: &str, contents: &[u8]) -> Result<()> {
        self.still_here()?;
        let path = self.file(name);
        if let Some(folder) = path.parent().filter(|folder| *folder != self.path) {
            self.create_folder(folder)?;
        }
        files::replace(&path, |file| std::io::Write::write_all(file, contents))
    }

    /// A folder of the directory, and those that it is in: never a link to another.
    pub(crate) fn create_folder(&self, folder: &Path) -> Result<()> {
        self.check_unlinked(folder)?;
        files::create_folder(folder)
    }

    /// Fails where a folder of the directory, or one that it is in, is a link to another.
    pub(super) fn check_unlinked(&self, folder: &Path) -> Result<()> {
        for part in folder.ancestors().take_while(|part| *part != self.path) {
            if part.is_symlink() {
                return Err(crate::FileError::Linked { path: part.to_owned() }.into());
            }
        }
        Ok(())
    }

    /// Fails where the directory is no longer where it was: another may be there now.
    pub(crate) fn still_here(&self) -> Result<()> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            let same = |a: fs::Metadata, b: fs::Metadata| (a.dev(), a.ino()) == (b.dev(), b.ino());
            let here = self.file(LOCK).symlink_metadata().ok().zip(self.lock.metadata().ok());
            if !here.is_some_and(|(a, b)| same(a, b)) {
                return Err(RunError::Moved { path: self.path.clone() }.into());
            }
        }
        #[cfg(not(unix))]
        let _held = &self.lock;
        Ok(())
    }

    /// Bytes that its files take.
    pub(crate) fn holds(&self) -> u64 {
        let sizes = fs::read_dir(&self.path).into_iter().flatten().flatten();
        sizes.filter_map(|entry| entry.metadata().ok()).filter(fs::Metadata::is_file).map(|found| found.len()).sum()
    }

    /// What can still be written here.
    pub(crate) fn free_space(&self) -> Option<Bytes> {
        files::free_space(&self.path)
    }

    /// The newest checkpoint `NAME-STEP.safetensors`, and its step.
    pub(crate) fn checkpoint(&self, name: &str) -> Result<Option<(u64, PathBuf)>> {
        Ok(self.checkpoints(name)?.into_iter().max())
    }

    /// Removes the checkpoints of `name` other than the one of `keep`.
    pub(crate) fn sweep(&self, name: &str, keep: Option<u64>) -> Result<()> {
        for (step, path) in self.checkpoints(name)? {
            if Some(step) != keep {
                files::remove(&path)?;
            }
        }
        Ok(())
    }

    /// Whether a training was begun and has something to go on from.
    pub(crate) fn has_checkpoints(&self) -> Result<bool> {
        Ok(entries(&self.path)?.iter().any(|entry| entry.file_name().to_str().is_some_and(is_checkpoint)))
    }

    pub(crate) fn checkpoint_path(&self, name: &str, step: u64) -> PathBuf {
        self.file(&format!("{name}-{step}.safetensors"))
    }

    fn checkpoints(&self, name: &str) -> Result<Vec<(u64, PathBuf)>> {
        let found = entries(&self.path)?.into_iter().filter_map(|entry| {
            let file = entry.file_name();
            let step = file.to_str()?.strip_prefix(name)?.strip_prefix('-')?.strip_suffix(".safetensors")?;
            let digits = !step.starts_with('0') || step == "0";
            let step: u64 = step.parse().ok().filter(|_| digits)?;
            Some((step, entry.path()))
        });
        Ok(found.collect())
    }
}

fn entries(path: &Path) -> Result<Vec<DirEntry>> {
    let read = fs::read_dir(path).and_then(|entries| entries.collect());
    read.map_err(Error::io("read", path))
}

/// The outcome of asking for a lock, in words.
fn locked(outcome: Result<(), TryLockError>, path: &Path) -> Result<()> {
    match outcome {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(RunError::InUse { path: path.to_owned() }.into()),
        Err(TryLockError::Error(error)) => Err(Error::io("lock", path.join(LOCK))(error)),
    }
}

/// Whether a run directory's file is called so, whatever is there now.
pub(super) fn is_ours(name: &str) -> bool {
    name == ABOUT || PARTS.iter().any(|part| part.name == name) || is_checkpoint(name) || is_unfinished(name)
}

fn is_checkpoint(name: &str) -> bool {
    let stem = name.strip_suffix(".safetensors").and_then(|stem| stem.rsplit_once('-'));
    stem.is_some_and(|(_, step)| step.parse::<u64>().is_ok())
}

fn is_unfinished(name: &str) -> bool {
    name.starts_with('.') && name.ends_with(files::UNFINISHED)
}

/// The record of the run that a directory holds.
fn recorded(path: &Path) -> Result<Record> {
    if !path.is_dir() {
        return Err(RunError::NoDirectory { path: path.to_owned() }.into());
    }
    if path.join(RECORD).symlink_metadata().is_err() {
        return Err(RunError::NoRun { path: path.to_owned(), record: RECORD }.into());
    }
    Record::read(path)
}

/// The record of the run that a directory for a new one holds, if it does. Fails where it holds what is not a run's:
/// nothing in it is touched then, not even to lock it.
fn vacant(path: &Path) -> Result<Option<Record>> {
    match recorded(path) {
        Err(Error::Run(RunError::NoDirectory { .. })) => return Ok(None),
        Err(Error::Run(RunError::NoRun { .. })) => {}
        record => return record.map(Some),
    }
    // What a process leaves that was ended before it wrote down what it is about to do.
    let ours = |entry: &DirEntry| {
        let empty = || entry.metadata().is_ok_and(|found| found.is_file() && found.len() == 0);
        is_unfinished(&entry.file_name().to_string_lossy()) || (entry.file_name() == LOCK && empty())
    };
    if entries(path)?.iter().all(ours) { Ok(None) } else { Err(RunError::NotEmpty { path: path.to_owned() }.into()) }
}
