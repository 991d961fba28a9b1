//! Opening files of ours, which are never links, pipes or devices, and reading no more of them than they may hold.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

use crate::error::FileError;
use crate::{Error, Result};

/// For reading.
///
/// # Errors
/// There is no such file, or it is a link, a folder, a pipe or a device.
pub(crate) fn open(path: &Path) -> Result<File> {
    regular(File::options().read(true), "read", path)
}

/// For appending; made where there is none, and never shortened.
pub(crate) fn append(path: &Path) -> Result<File> {
    regular(File::options().read(true).append(true).create(true), "open", path)
}

/// For its name alone: made where there is none, and what it holds is left alone.
pub(crate) fn create(path: &Path) -> Result<File> {
    regular(File::options().read(true).write(true).create(true).truncate(false), "create", path)
}

fn regular(options: &mut OpenOptions, action: &'static str, path: &Path) -> Result<File> {
    // Links where they cannot be refused as they are opened; and a word for them where they can.
    if path.symlink_metadata().is_ok_and(|found| found.is_symlink()) {
        return Err(FileError::Kind { path: path.to_owned(), what: "a link" }.into());
    }
    opened(options, action, path, false)
}

fn opened(options: &mut OpenOptions, action: &'static str, path: &Path, follow: bool) -> Result<File> {
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt;
        // A pipe would be waited for.
        let flags = if follow { OFlags::NONBLOCK } else { OFlags::NOFOLLOW | OFlags::NONBLOCK };
        options.custom_flags(flags.bits().cast_signed());
    }
    #[cfg(not(unix))]
    let _only_unix = follow;
    let file = options.open(path).map_err(Error::io(action, path))?;
    let found = file.metadata().map_err(Error::io("read", path))?;
    let what = match found.is_file() {
        true => return Ok(file),
        false if found.is_dir() => "a folder",
        false => "a pipe or a device",
    };
    Err(FileError::Kind { path: path.to_owned(), what }.into())
}

/// All of a file that holds at most `most` bytes.
///
/// # Errors
/// Those of [`open`]; it holds more.
pub(crate) fn read(path: &Path, most: u64) -> Result<Vec<u8>> {
    whole(open(path)?, path, most)
}

/// A file that a person named, which may well be a link, for reading; no folder, pipe or device.
pub(crate) fn open_given(path: &Path) -> Result<File> {
    opened(File::options().read(true), "read", path, true)
}

/// The same of a file that a person named, which may well be a link.
pub(crate) fn read_given(path: &Path, most: u64) -> Result<Vec<u8>> {
    whole(open_given(path)?, path, most)
}

fn whole(file: File, path: &Path, most: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    if bytes.len() as u64 > most {
        return Err(FileError::TooLong { path: path.to_owned(), most }.into());
    }
    Ok(bytes)
}

/// Whether an error says that there is no such file.
pub(crate) fn is_missing(error: &Error) -> bool {
    matches!(error, Error::Io { cause, .. } if cause.kind() == io::ErrorKind::NotFound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_read_than_a_file_may_hold() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a");
        std::fs::write(&path, [7; 10]).expect("written");
        assert_eq!(read(&path, 10).expect("short enough"), [7; 10]);
        let error = read(&path, 9).expect_err("too long").to_string();
        assert!(error.contains("has more than 9 bytes"), "{error}");
        assert!(is_missing(&read(&folder.path().join("b"), 9).expect_err("none")));
    }

    #[cfg(unix)]
    #[test]
    fn only_regular_files_are_opened() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("mine"), "precious").expect("written");
        std::os::unix::fs::symlink(at("mine"), at("link")).expect("a link");
        std::os::unix::fs::symlink(at("nothing"), at("dangling")).expect("a link");
        rustix::fs::mkfifoat(rustix::fs::CWD, at("pipe"), 0o600.into()).expect("a pipe");
        for open in [open, append, create] {
            for (name, what) in [("link", "is a link"), ("dangling", "is a link"), ("pipe", "is a pipe or a device")] {
                let error = open(&at(name)).expect_err(name).to_string();
                assert!(error.contains(what), "{name}: {error}");
            }
        }
        assert!(open(folder.path()).expect_err("a folder").to_string().contains("is a folder"));
        assert!(!at("nothing").exists());
        assert_eq!(std::fs::read(at("mine")).expect("there"), b"precious");
    }
}
