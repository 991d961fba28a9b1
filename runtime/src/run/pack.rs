//! What of a run may be passed on, in one file.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, Header};

use super::directory::{RunDir, is_ours};
use super::layout::{ABOUT, LOCK, PARTS, Part, SUPERNET, USAGE};
use crate::error::{FileError, RunError};
use crate::{Error, Result, files};

/// Parts that nobody needs to read a run's results, though they tell nothing.
const OF_NO_USE: [&str; 3] = [SUPERNET, USAGE, LOCK];

/// The parts of a run that are not private. No other process works in the directory while this value lives, and nothing
/// is written there.
#[derive(Debug)]
pub struct Package {
    path: PathBuf,
    _held: Option<File>,
    files: Vec<PathBuf>,
    left_out: Vec<Part>,
}

impl Package {
    /// Of a run, and with them the parts that `with` names.
    ///
    /// # Errors
    /// The directory holds no run, or another process works in it; it holds a link where a file is expected; `with` names
    /// what is no part of a run.
    pub fn of(directory: &Path, with: &[String]) -> Result<Self> {
        if let Some(unknown) = with.iter().find(|name| PARTS.iter().all(|part| part.name != name.as_str())) {
            let known = PARTS.iter().map(|part| part.name).collect::<Vec<_>>().join(", ");
            return Err(RunError::NoPart { name: unknown.clone(), known }.into());
        }
        let held = RunDir::hold(directory)?;
        let (mut files, mut left_out) = (Vec::new(), Vec::new());
        let about = directory.join(ABOUT);
        if about.symlink_metadata().is_ok() {
            walk(&about, &mut files)?;
        }
        for part in PARTS {
            let path = directory.join(part.name);
            if path.symlink_metadata().is_err() {
                continue;
            }
            let wanted = part.private.is_none() && !OF_NO_USE.contains(&part.name);
            if wanted || with.iter().any(|name| name == part.name) {
                walk(&path, &mut files)?;
            } else if part.name != LOCK {
                left_out.push(part);
            }
        }
        Ok(Self { path: directory.to_owned(), _held: held, files, left_out })
    }

    /// What it holds: paths from the run directory, in the order of the archive.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|path| path.strip_prefix(&self.path).unwrap_or(path))
    }

    /// Parts that are there and were left out.
    pub fn left_out(&self) -> &[Part] {
        &self.left_out
    }

    /// The part of the run that a path leads to, or into, whatever is there now: an archive there would be taken for it.
    pub fn part_at(&self, path: &Path) -> Option<String> {
        let whole = path.canonicalize().or_else(|_| {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            folder.canonicalize().map(|folder| folder.join(path.file_name().unwrap_or_default()))
        });
        let whole = whole.ok()?;
        let inside = whole.strip_prefix(self.path.canonicalize().ok()?).ok()?;
        let first = inside.components().next()?.as_os_str().to_str()?;
        is_ours(first).then(|| first.to_owned())
    }

    /// Writes all of it as a `.tar.gz`, in a folder of the run's name. The same run gives the same bytes.
    ///
    /// # Errors
    /// The archive takes no more; or a file of the run can no longer be read, which the error says of that file.
    pub fn write(&self, archive: impl Write) -> io::Result<()> {
        let name = self.path.canonicalize().ok().and_then(|path| path.file_name().map(PathBuf::from));
        let name = name.unwrap_or_else(|| PathBuf::from("run"));
        let mut tar = Builder::new(GzEncoder::new(archive, Compression::default()));
        for (path, inside) in self.files.iter().zip(self.files()) {
            let opened = files::open(path).map_err(io::Error::other)?;
            let length = opened.metadata()?.len();
            // No owner and no time: they tell of the machine.
            let mut header = Header::new_gnu();
            header.set_size(length);
            header.set_mode(0o644);
            tar.append_data(&mut header, name.join(inside), opened.take(length))?;
        }
        tar.into_inner()?.finish()?.flush()
    }
}

/// The files of a part, in the order of their names; never behind a link.
fn walk(path: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let kind = path.symlink_metadata().map_err(Error::io("read", path))?;
    if kind.is_symlink() {
        return Err(FileError::Kind { path: path.to_owned(), what: "a link" }.into());
    }
    if !kind.is_dir() {
        found.push(path.to_owned());
        return Ok(());
    }
    let entries = fs::read_dir(path).and_then(|entries| entries.collect::<io::Result<Vec<_>>>());
    let mut entries: Vec<_> = entries.map_err(Error::io("read", path))?.iter().map(fs::DirEntry::path).collect();
    entries.sort();
    entries.iter().try_for_each(|entry| walk(entry, found))
}
