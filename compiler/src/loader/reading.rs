//! Reading a file, and no more of it than the language allows.
//!
//! A text that somebody else wrote says what is imported, so nothing is opened that could block or never end, and a
//! file's own word on how long it is counts for nothing.

use std::fs::{self, File, FileType, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use crate::syntax::MAX_BYTES;

/// The text of a file that a person named, which may be a pipe or a device too; `None` where there is no such file.
///
/// # Errors
/// Why it cannot be read, in words.
pub fn read_named(path: &Path) -> Result<Option<String>, String> {
    let Some(kind) = found(fs::metadata(path))?.map(|known| known.file_type()) else { return Ok(None) };
    if kind.is_dir() {
        return Err("it is a directory".to_owned());
    }
    found(File::open(path))?.map(read_from).transpose()
}

/// The text of a file that a text named, or that nobody did: a regular file; `None` where there is no such file.
///
/// # Errors
/// Why it cannot be read, in words.
pub fn read_regular(path: &Path) -> Result<Option<String>, String> {
    // Even to open a device can do something.
    let Some(known) = found(fs::metadata(path))? else { return Ok(None) };
    regular(known.file_type())?;
    let Some(file) = found(opened(path))? else { return Ok(None) };
    // What was looked at may have been replaced before it was opened.
    regular(file.metadata().map_err(|error| error.to_string())?.file_type())?;
    read_from(file).map(Some)
}

/// The text of a stream, such as stdin.
///
/// # Errors
/// Why it cannot be read, in words.
pub fn read_from(stream: impl Read) -> Result<String, String> {
    let mut bytes = Vec::new();
    stream.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() > MAX_BYTES {
        return Err(format!("it has more than {} MiB", MAX_BYTES >> 20));
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned())
}

/// Opened without waiting for whoever may write to it.
fn opened(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
    options.open(path)
}

fn found<T>(tried: io::Result<T>) -> Result<Option<T>, String> {
    match tried {
        Ok(there) => Ok(Some(there)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

fn regular(kind: FileType) -> Result<(), String> {
    if kind.is_file() {
        return Ok(());
    }
    if kind.is_dir() {
        return Err("it is a directory".to_owned());
    }
    #[cfg(unix)]
    let what = {
        use std::os::unix::fs::FileTypeExt;
        match kind {
            kind if kind.is_fifo() => "a named pipe",
            kind if kind.is_socket() => "a socket",
            _ => "a device",
        }
    };
    #[cfg(not(unix))]
    let what = "something else";
    Err(format!("it is {what}; expected a regular file"))
}
