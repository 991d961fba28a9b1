//! Where rows come from: from names in a recipe to blocks of whole lines.
//!
//! Lives here: which files a name stands for, what a file is by its first bytes and how it is written, its unpacking, and the cutting into blocks.
//! Never: what a value means.

mod format;
mod kind;
mod lines;
#[cfg(feature = "object-storage")]
mod storage;
mod unpack;

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nasrec_compiler::recipe;

pub(super) use format::format_of_file;
pub(super) use kind::{Kind, LOOKED_AT};
pub(super) use lines::{Block, Reader, SourceFile, identify, is_unchanged, unidentified};

pub(super) use self::unpack::Unpacked;
use super::columnar;
use crate::error::DataError;
use crate::{Error, Observer, Result, Silent, Stop};

/// Most files that one name may stand for.
const MOST_FILES: usize = 100_000;

/// How often it is asked whether to go on waiting.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Bytes of a pipe that are read at a time, and how many such parts wait.
const PART: usize = 64 << 10;
const PARTS: usize = 4;

/// Standard input, as recipes call it.
pub const STANDARD_INPUT: &str = "-";

/// A file with rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// As a recipe would name this file alone.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
}

impl Located {
    /// Whether it can be read more than once.
    pub fn is_regular(&self) -> bool {
        self.path.is_file()
    }
}

/// What a recipe names: the files that are split, and those of training, validation and test.
///
/// # Errors
/// Those of [`locate`].
pub fn locate_all(base: &Path, recipe: &recipe::Data) -> Result<[Vec<Located>; 4]> {
    let mut all = [const { Vec::new() }; 4];
    for (located, names) in all.iter_mut().zip(recipe.files()) {
        if !names.is_empty() {
            *located = locate(base, names)?;
        }
    }
    if all.iter().all(Vec::is_empty) { Err(DataError::NoFile.into()) } else { Ok(all) }
}

/// Copies what names are addresses of to this machine, so that it need not be waited for later; [`locate`] would copy it without a word.
///
/// # Errors
/// [`DataError::Storage`], [`DataError::Address`]; a failing disk; a stop.
pub fn fetch<'n>(names: impl IntoIterator<Item = &'n String>, observer: &dyn Observer, stop: &Stop) -> Result<()> {
    for name in names {
        if let Some(scheme) = scheme(name).filter(|_| is_address(name)) {
            at_address(name, scheme, observer, stop)?;
        }
    }
    Ok(())
}

/// The copies of what an address names.
#[cfg(feature = "object-storage")]
fn at_address(name: &str, scheme: &str, observer: &dyn Observer, stop: &Stop) -> Result<Vec<Located>> {
    if nasrec_storage::is_address(name) {
        return storage::fetch(name, observer, stop);
    }
    Err(DataError::Address { name: name.to_owned(), remedy: remedy(scheme, name) }.into())
}

/// An address is none of a file.
#[cfg(not(feature = "object-storage"))]
fn at_address(name: &str, scheme: &str, _: &dyn Observer, _: &Stop) -> Result<Vec<Located>> {
    Err(DataError::Address { name: name.to_owned(), remedy: remedy(scheme, name) }.into())
}

/// The files that names stand for, in order: a file, all files of a folder, what a pattern such as `part-*.csv` matches, or
/// `-` for standard input. Names are relative to `base`; files of a folder or pattern are in the order of their names. What an
/// address of object storage names is copied to this machine, where this is built to do that (`object-storage`).
///
/// # Errors
/// [`DataError::NoFile`], [`DataError::Missing`], [`DataError::Address`], [`DataError::Storage`], [`DataError::NoMatch`], [`DataError::EmptyFolder`], [`DataError::Pattern`].
pub fn locate(base: &Path, names: &[String]) -> Result<Vec<Located>> {
    if names.is_empty() {
        return Err(DataError::NoFile.into());
    }
    let mut located = Vec::new();
    for name in names {
        let path = base.join(name);
        if name == STANDARD_INPUT {
            located.push(Located { name: name.clone(), path: PathBuf::from("/dev/stdin") });
        } else if path.is_dir() {
            let found = in_folder(&path)?;
            let inside = |path: PathBuf| {
                let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                Located { name: format!("{}/{file}", name.trim_end_matches('/')), path }
            };
            located.extend(found.into_iter().map(inside));
        } else if path.symlink_metadata().is_ok() {
            located.push(Located { name: name.clone(), path });
        } else if let Some(scheme) = scheme(name) {
            located.extend(at_address(name, scheme, &Silent, &Stop::new())?);
        } else if name.contains(['*', '?', '[']) {
            located.extend(matching(base, name)?);
        } else {
            return Err(DataError::Missing { path }.into());
        }
        if located.len() > MOST_FILES {
            return Err(DataError::TooManyFiles { name: name.clone(), most: MOST_FILES }.into());
        }
    }
    Ok(located)
}

/// Whether a name is an address, and none of a file.
pub fn is_address(name: &str) -> bool {
    scheme(name).is_some() && !Path::new(name).exists()
}

/// What an address begins with: `s3` of `s3://bucket/day.parquet`. Of no path of a disk has it two letters or more.
fn scheme(name: &str) -> Option<&str> {
    let (scheme, _) = name.split_once("://")?;
    let is_scheme = scheme.len() > 1
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    is_scheme.then_some(scheme)
}

/// How what is at an address comes to be in a file.
fn remedy(scheme: &str, name: &str) -> String {
    match scheme.to_ascii_lowercase().as_str() {
        "file" => format!("say `{}`", &name["file://".len()..]),
        "s3" | "s3a" | "s3n" => {
            format!("fetch it (aws s3 cp --recursive), mount the bucket as a folder ({MOUNT}), {BUILD}")
        }
        "gs" | "gcs" => format!("fetch it (gcloud storage cp), mount the bucket as a folder ({MOUNT}), {BUILD}"),
        "az" | "azure" | "abfs" | "abfss" | "adl" | "wasb" | "wasbs" => {
            format!("fetch it (azcopy copy), mount the container as a folder ({MOUNT}), {BUILD}")
        }
        "http" | "https" => {
            format!(
                "fetch it (curl -O), let it be read as it comes (curl -s ADDRESS | nasrecc …, with `-` in its place), {BUILD}"
            )
        }
        _ => "fetch it first, or mount what it is in as a folder".to_owned(),
    }
}

/// Programs that make a folder of storage.
const MOUNT: &str = "rclone mount";
/// What would read it.
const BUILD: &str = "or build nasrecc with `--features object-storage`";

/// The files of a folder, without those that are hidden or that say that others are whole (`_SUCCESS`).
fn in_folder(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::io("read", folder))? {
        let path = entry.map_err(Error::io("read", folder))?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(['.', '_']));
        if !hidden && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() { Err(DataError::EmptyFolder { path: folder.to_owned() }.into()) } else { Ok(files) }
}

fn matching(base: &Path, pattern: &str) -> Result<Vec<Located>> {
    // All folders of a disk would be looked through, whatever is found there.
    if pattern.contains("**") {
        let what = "`**` goes through folders without end; name each folder".to_owned();
        return Err(DataError::Pattern { pattern: pattern.to_owned(), what }.into());
    }
    let whole = Path::new(&glob::Pattern::escape(&base.to_string_lossy())).join(pattern);
    let options =
        glob::MatchOptions { require_literal_separator: true, require_literal_leading_dot: true, ..Default::default() };
    let paths = glob::glob_with(&whole.to_string_lossy(), options)
        .map_err(|error| DataError::Pattern { pattern: pattern.to_owned(), what: error.msg.to_owned() })?;
    let mut found = Vec::new();
    for path in paths {
        let path = path.map_err(|error| Error::io("read", error.path().to_owned())(error.into()))?;
        if path.is_file() {
            let inside = path.strip_prefix(base).unwrap_or(&path);
            found.push(Located { name: inside.to_string_lossy().into_owned(), path });
        }
        if found.len() > MOST_FILES {
            return Err(DataError::TooManyFiles { name: pattern.to_owned(), most: MOST_FILES }.into());
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    if found.is_empty() { Err(DataError::NoMatch { pattern: pattern.to_owned() }.into()) } else { Ok(found) }
}

/// A file opened for reading from its beginning to its end: a regular one, a pipe, or standard input.
pub(super) fn open(path: &Path) -> Result<(File, fs::Metadata)> {
    if path.is_dir() {
        return Err(DataError::Directory { path: path.to_owned(), expected: "a file of lines" }.into());
    }
    let file = File::open(path).map_err(Error::io("read", path))?;
    let metadata = file.metadata().map_err(Error::io("read", path))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        // A device may have no end.
        if metadata.file_type().is_block_device() || metadata.file_type().is_char_device() {
            return Err(crate::FileError::Kind { path: path.to_owned(), what: "a device" }.into());
        }
    }
    Ok((file, metadata))
}

/// The same of what is read once, whatever it is. Whoever opens a named pipe waits for who writes to it, and would not hear of a
/// stop: it is opened on a thread of its own, which is left behind where nobody comes.
pub(super) fn open_unless_stopped<'s>(
    path: &Path,
    stop: &'s Stop,
) -> Result<(Box<dyn Read + Send + 's>, fs::Metadata)> {
    if !is_pipe(path) {
        let (file, metadata) = open(path)?;
        return Ok((Box::new(file), metadata));
    }
    let (sent, opened) = mpsc::channel();
    let pipe = path.to_owned();
    // Nobody listens any more where a stop came first.
    let wait = move || drop(sent.send(open(&pipe)));
    thread::Builder::new().name("open".to_owned()).spawn(wait).map_err(Error::io("open", path))?;
    loop {
        match opened.recv_timeout(LOOK_EVERY) {
            Ok(opened) => {
                let (file, metadata) = opened?;
                return Ok((Box::new(Awaited::new(file, stop).map_err(Error::io("read", path))?), metadata));
            }
            Err(mpsc::RecvTimeoutError::Timeout) => stop.check()?,
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                let (file, metadata) = open(path)?;
                return Ok((Box::new(file), metadata));
            }
        }
    }
}

/// A pipe, read on a thread of its own, so that who waits for more of it hears of a stop: it fails then. The thread is left behind where
/// nobody writes any more.
struct Awaited<'s> {
    parts: mpsc::Receiver<std::io::Result<Vec<u8>>>,
    /// What is left of the last part.
    part: std::io::Cursor<Vec<u8>>,
    stop: &'s Stop,
}

impl<'s> Awaited<'s> {
    fn new(mut file: File, stop: &'s Stop) -> std::io::Result<Self> {
        let (sent, parts) = mpsc::sync_channel(PARTS);
        let read = move || {
            loop {
                let mut part = vec![0; PART];
                let read = file.read(&mut part).map(|read| {
                    part.truncate(read);
                    part
                });
                let ended =
                    read.as_ref().map_or_else(|cause| cause.kind() != std::io::ErrorKind::Interrupted, Vec::is_empty);
                if sent.send(read).is_err() || ended {
                    return;
                }
            }
        };
        thread::Builder::new().name("pipe".to_owned()).spawn(read)?;
        Ok(Self { parts, part: std::io::Cursor::default(), stop })
    }
}

impl Read for Awaited<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        loop {
            let read = self.part.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            match self.parts.recv_timeout(LOOK_EVERY) {
                Ok(part) => self.part = std::io::Cursor::new(part?),
                Err(mpsc::RecvTimeoutError::Timeout) if self.stop.requested() => {
                    return Err(std::io::Error::other("a stop was asked for"));
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => return Ok(0),
            }
        }
    }
}

/// Whether it is a named pipe; elsewhere than on Unix there are none.
fn is_pipe(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        path.metadata().is_ok_and(|found| found.file_type().is_fifo())
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        false
    }
}

/// Bytes on disk of all of them, as far as that can be told before they are read.
pub(super) fn total_size(located: &[Located]) -> u64 {
    located.iter().filter_map(|located| located.path.metadata().ok()).map(|found| found.len()).sum()
}

/// How many rows such files have, roughly, and rather too few; none where that cannot be told before they are read.
pub fn expected_rows(located: &[Located]) -> Option<u64> {
    /// Bytes that are looked at.
    const START: u64 = 1 << 20;
    let mut rows = 0;
    for located in located.iter().filter(|located| located.is_regular()) {
        if let Some(counted) = columnar::rows(&located.path) {
            rows += counted;
            continue;
        }
        let (file, metadata) = open(&located.path).ok()?;
        let mut unpacked = Unpacked::new(file, &located.path).ok()?;
        let mut start = Vec::new();
        unpacked.by_ref().take(START).read_to_end(&mut start).ok()?;
        let lines = start.iter().filter(|&&byte| byte == b'\n').count() as u64;
        rows += metadata.len().saturating_mul(lines) / unpacked.size().max(1) * 9 / 10;
    }
    Some(rows)
}
