//! Files, written so that nothing is lost: a reader sees the old text or the new one, never a part of one, and a disk
//! that is full leaves the old.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::{Gone, words};

/// Most names that are tried for the new file beside the old one.
const MAX_NAMES: u32 = 100;
/// Links that are followed to what has a path open.
const MAX_LINKS: u32 = 40;

/// Writes a file, new or in the place of another. What is no regular file, such as a pipe, is written to as it is.
pub(crate) fn fill(path: &Path, text: impl FnOnce(&mut File) -> io::Result<()>) -> Result<()> {
    if is_stream(path) {
        return match OpenOptions::new().append(true).open(path).and_then(|mut file| text(&mut file)) {
            Err(cause) if cause.kind() == io::ErrorKind::BrokenPipe => Err(Gone.into()),
            Err(cause) => bail!("cannot write {}: {}", path.display(), words::reason(&cause)),
            Ok(()) => Ok(()),
        };
    }
    if path.symlink_metadata().is_ok() {
        return in_place(path, text).with_context(|| format!("cannot write {}", path.display()));
    }
    let folder = folder(path);
    if !folder.is_dir() {
        bail!("cannot write {}: there is no folder {}; make it first", path.display(), folder.display());
    }
    put(path, text, None).with_context(|| format!("cannot write {}", path.display()))
}

/// Puts a text in a file's place at once. The file keeps its permissions, and a link stays a link.
pub(crate) fn replace(path: &Path, text: &str) -> Result<()> {
    in_place(path, |file| file.write_all(text.as_bytes()))
}

fn in_place(path: &Path, text: impl FnOnce(&mut File) -> io::Result<()>) -> Result<()> {
    let path = path.canonicalize().context("it leads to no file")?;
    let old = fs::metadata(&path)?;
    if old.is_dir() {
        bail!("is a directory; expected a file");
    }
    if old.permissions().readonly() {
        bail!("it is read-only; change that, or choose another name");
    }
    put(&path, text, Some(old.permissions()))
}

/// Whether two paths lead to one file.
pub(super) fn same(a: &Path, b: &Path) -> bool {
    #[cfg(unix)]
    if let (Ok(a), Ok(b)) = (fs::metadata(a), fs::metadata(b)) {
        use std::os::unix::fs::MetadataExt;
        return a.is_file() && (a.dev(), a.ino()) == (b.dev(), b.ino());
    }
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// Devices and pipes, and what a process has open, this one or another: its path is a link that the system makes, and what
/// is behind it may be a regular file that somebody else began, as with `>>log`.
fn is_stream(path: &Path) -> bool {
    if fs::metadata(path).is_ok_and(|known| !known.is_file() && !known.is_dir()) {
        return true;
    }
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        let Ok(inside) = folder(&path).canonicalize() else { return false };
        if cfg!(unix) && (inside.starts_with("/proc") || inside.starts_with("/dev/fd")) {
            return true;
        }
        match fs::read_link(&path) {
            Ok(target) => path = inside.join(target),
            Err(_) => return false,
        }
    }
    false
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn put(
    path: &Path,
    text: impl FnOnce(&mut File) -> io::Result<()>,
    permissions: Option<fs::Permissions>,
) -> Result<()> {
    let (beside, mut file) = new_beside(path, permissions.is_some())?;
    let written = text(&mut file)
        .and_then(|()| permissions.map_or(Ok(()), |permissions| file.set_permissions(permissions)))
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // What went wrong matters more than what is left lying about.
        let _removed = fs::remove_file(&beside);
    }
    written?;
    // The file is there; some file systems cannot make its name as lasting as its text.
    let _lasting = File::open(folder(path)).and_then(|folder| folder.sync_all());
    Ok(())
}

/// A file that was not there, so that no link is followed. One that is to have the permissions of another is nobody
/// else's until it has them.
fn new_beside(path: &Path, private: bool) -> Result<(PathBuf, File)> {
    path.file_name().context("it has no name")?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if private {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    #[cfg(not(unix))]
    let _only_unix = private;
    for number in 0..MAX_NAMES {
        let beside = folder(path).join(format!(".nasrecc-{}-{number}.new", std::process::id()));
        match options.open(&beside) {
            Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {}
            opened => return Ok((beside, opened?)),
        }
    }
    bail!("its folder is full of files that end in .new; remove them")
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_private_file_is_private_while_it_is_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a");
        fs::write(&path, "old").expect("written");
        let mode = |file: &File| file.metadata().expect("open").permissions().mode() & 0o777;
        for (old, meanwhile) in [(0o600, 0o600), (0o644, 0o600)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(old)).expect("set");
            let mut found = 0;
            let written = fill(&path, |file| {
                found = mode(file);
                file.write_all(b"new")
            });
            written.expect("written");
            assert_eq!((found, mode(&File::open(&path).expect("there"))), (meanwhile, old));
        }
    }

    #[test]
    fn what_a_process_has_open_is_a_stream_and_a_file_below_dev_is_none() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), "").expect("written");
        std::os::unix::fs::symlink("file", at("link")).expect("a link");
        std::os::unix::fs::symlink("/dev/stdout", at("out")).expect("a link");
        for stream in ["/dev/null", "/dev/stdout", "/dev/stderr", "/dev/fd/1"] {
            assert!(is_stream(Path::new(stream)), "{stream}");
        }
        assert!(is_stream(&at("out")));
        for file in [at("file"), at("link"), at("new"), at("no/such"), "/dev/new".into(), "/dev/shm/new".into()] {
            assert!(!is_stream(&file), "{}", file.display());
        }
    }
}
