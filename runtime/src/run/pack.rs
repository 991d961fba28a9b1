//! What of a run may be passed on, in one file.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, Header};

use super::directory::RunDir;
use super::layout::{ABOUT, LOCK, PARTS, Part, SUPERNET, USAGE};
use crate::error::{FileError, RunError};
use crate::{Error, Result, files};

/// What was packed, and what was not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packed {
    /// Paths from the run directory, in the order of the archive.
    pub files: Vec<String>,
    /// Parts that are there and were left out.
    pub left_out: Vec<Part>,
}

/// Parts that nobody needs to read a run's results, though they tell nothing.
const OF_NO_USE: [&str; 3] = [SUPERNET, USAGE, LOCK];

/// Writes the parts of a run that are not private into a `.tar.gz`, and with them those that `with` names. The same run gives
/// the same bytes.
///
/// # Errors
/// Another process works in the directory; it holds a link where a file is expected; `with` names what is no part of a run;
/// the disk takes no more.
pub fn pack(directory: &Path, archive: &Path, with: &[String]) -> Result<Packed> {
    if let Some(unknown) = with.iter().find(|name| PARTS.iter().all(|part| part.name != name.as_str())) {
        let known = PARTS.iter().map(|part| part.name).collect::<Vec<_>>().join(", ");
        return Err(RunError::NoPart { name: unknown.clone(), known }.into());
    }
    let dir = RunDir::open(directory)?;
    let name = dir.path().canonicalize().ok().and_then(|path| path.file_name().map(PathBuf::from));
    let name = name.unwrap_or_else(|| PathBuf::from("run"));
    let mut packed = Packed::default();
    let mut found = vec![dir.file(ABOUT)];
    for part in PARTS {
        let path = dir.file(part.name);
        if path.symlink_metadata().is_err() {
            continue;
        }
        let wanted = part.private.is_none() && !OF_NO_USE.contains(&part.name);
        if wanted || with.iter().any(|name| name == part.name) {
            walk(&path, &mut found)?;
        } else if part.name != LOCK {
            packed.left_out.push(part);
        }
    }
    let mut failed = None;
    files::replace(archive, |file| {
        let mut tar = Builder::new(GzEncoder::new(file, Compression::default()));
        for path in &found {
            let inside = path.strip_prefix(dir.path()).unwrap_or(path);
            let opened = match files::open(path) {
                Err(error) if files::is_missing(&error) => continue,
                Err(error) => {
                    failed = Some(error);
                    return Err(io::ErrorKind::Other.into());
                }
                Ok(opened) => opened,
            };
            let length = opened.metadata()?.len();
            // No owner and no time: they tell of the machine.
            let mut header = Header::new_gnu();
            header.set_size(length);
            header.set_mode(0o644);
            tar.append_data(&mut header, name.join(inside), opened.take(length))?;
            packed.files.push(inside.display().to_string());
        }
        tar.into_inner()?.finish()?;
        Ok(())
    })
    .map_err(|error| failed.take().unwrap_or(error))?;
    Ok(packed)
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
