//! Files that are either as they were or as they are to be, whatever happens meanwhile.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::error::FileError;
use crate::{Error, Result};

/// How the name of a file ends that is not finished; it begins with a dot. Nobody else's file is called so.
pub(crate) const UNFINISHED: &str = ".nasrecc-unfinished";

/// Where the new contents of a file are written until they are whole: in the same folder.
pub(crate) fn beside(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(UNFINISHED);
    path.with_file_name(name)
}

/// Writes a file beside its place and puts it there in one step. It lasts when this returns: whoever is told of it
/// afterwards finds it. A link in its place is replaced, not followed.
///
/// # Errors
/// The folder is not there, or the disk takes no more, or those of [`put`]; what was there is as it was then.
pub(crate) fn replace(path: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> Result<()> {
    let beside = beside(path);
    let filled = fresh(&beside).and_then(|mut file| {
        fill(&mut file)?;
        file.sync_all()
    });
    let placed = filled.map_err(Error::io("write", path)).and_then(|()| put(&beside, path));
    if placed.is_err() {
        // What went wrong matters more than what is left lying about.
        let _removed = fs::remove_file(&beside);
    }
    placed
}

/// A new file, in the place of one that was left unfinished. Never one that is there already, nor where a link leads.
pub(crate) fn fresh(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    File::options().read(true).write(true).create_new(true).open(path)
}

/// Gives a file that is written and on disk its name, which lasts when this returns.
///
/// # Errors
/// A folder, a pipe or a device is called so: none of them is ours to remove.
pub(crate) fn put(beside: &Path, path: &Path) -> Result<()> {
    if let Ok(found) = path.symlink_metadata()
        && !found.is_file()
        && !found.is_symlink()
    {
        let what = if found.is_dir() { "a folder" } else { "a pipe or a device" };
        return Err(FileError::Kind { path: path.to_owned(), what }.into());
    }
    fs::rename(beside, path).map_err(Error::io("write", path))?;
    sync_folder(path)
}

/// Makes what happened to the name of a file last.
pub(crate) fn sync_folder(path: &Path) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::io("write", folder))
}

/// Makes a folder and those that it is in; each lasts when this returns.
///
/// # Errors
/// Something else is called so, or it must not be made.
pub(crate) fn create_folder(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    // `new/.` is `new`.
    let path = &path.components().collect::<PathBuf>();
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        create_folder(parent)?;
    }
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        made => made.map_err(Error::io("create the folder", path)).and_then(|()| sync_folder(path)),
    }
}

/// Removes a file, or the link that is in its place; there need be none.
pub(crate) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", path)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_file_is_replaced_whole_or_not_at_all() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a");
        replace(&path, |file| file.write_all(b"one")).expect("written");
        let failed = replace(&path, |file| {
            file.write_all(b"tw")?;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        });
        assert!(failed.is_err());
        assert_eq!(fs::read(&path).expect("there"), b"one");
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().expect("it runs").success());
        let error = replace(&path, |file| file.write_all(b"new")).expect_err("it is no file").to_string();
        assert!(error.ends_with("a is a pipe or a device; expected a regular file"), "{error}");
        assert!(!path.symlink_metadata().expect("there").is_file());
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn no_link_is_followed() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mine, path) = (folder.path().join("mine"), folder.path().join("a"));
        fs::write(&mine, "precious").expect("written");
        std::os::unix::fs::symlink(&mine, &path).expect("a link");
        std::os::unix::fs::symlink(&mine, beside(&path)).expect("a link");
        replace(&path, |file| file.write_all(b"new")).expect("written");
        assert_eq!(fs::read(&mine).expect("there"), b"precious");
        assert!(path.symlink_metadata().expect("there").is_file());
    }
}
