//! Files that ship with nasrecc, written out for an editor to show.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use nasrec_compiler::library;
use nasrec_compiler::loader::SHIPPED;

/// Where the copies lie: one folder a version, so that two versions do not overwrite each other's.
pub(super) fn folder() -> PathBuf {
    let temporary = std::env::temp_dir();
    temporary.canonicalize().unwrap_or(temporary).join(concat!("nasrecc-", env!("CARGO_PKG_VERSION")))
}

/// A copy on disk of the shipped file of this name, read-only; `None` where it cannot be written.
pub(super) fn written(name: &str) -> Option<PathBuf> {
    let path = name.strip_prefix(SHIPPED)?;
    let text = library::find(path)?;
    let copy = folder().join(path);
    if fs::read(&copy).is_ok_and(|known| known == text.as_bytes()) {
        return Some(copy);
    }
    write(&copy, text).ok()?;
    Some(copy)
}

/// Puts a copy in its place at once: another server may be reading it.
fn write(copy: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = copy.parent() {
        fs::create_dir_all(folder)?;
    }
    let beside = copy.with_extension(format!("{}.new", std::process::id()));
    let written = fs::File::create(&beside).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        let mut permissions = file.metadata()?.permissions();
        permissions.set_readonly(true);
        file.set_permissions(permissions)?;
        fs::rename(&beside, copy)
    });
    if written.is_err() {
        // What went wrong matters more than what is left lying about.
        let _removed = fs::remove_file(&beside);
    }
    written
}

/// The name of the shipped file that a path is a copy of.
pub(super) fn name_of(path: &Path) -> Option<String> {
    let inside = path.strip_prefix(folder()).ok()?.to_string_lossy().replace('\\', "/");
    library::find(&inside).map(|_| format!("{SHIPPED}{inside}"))
}
