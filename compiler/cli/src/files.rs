//! Files for the compiler: from disk, beside the file that imports them, else from what ships with nasrecc.

use std::path::{Component, Path, PathBuf};

use nasrec_compiler::Loader;
use nasrec_compiler::diagnostics::SourceFile;
use nasrec_compiler::library;

/// What the names of files that ship with nasrecc start with.
pub(crate) const SHIPPED: &str = "nasrecc:";

/// Reads from disk and from the library.
pub(crate) struct Disk;

impl Loader for Disk {
    fn load(&self, importer: Option<&str>, path: &str) -> Result<Option<SourceFile>, String> {
        if let Some(importer) = importer.and_then(|name| name.strip_prefix(SHIPPED)) {
            let folder = Path::new(importer).parent().unwrap_or(Path::new(""));
            let beside = normal(&folder.join(path));
            return Ok(shipped(&beside.to_string_lossy()).or_else(|| shipped(path)));
        }
        let folder = importer.and_then(|name| Path::new(name).parent()).unwrap_or(Path::new(""));
        let beside = folder.join(path);
        match std::fs::read(&beside) {
            Ok(bytes) => {
                let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned())?;
                Ok(Some(SourceFile { name: short(&beside), text: text.into(), built_in: false }))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(shipped(path)),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// A file that ships with nasrecc.
pub(crate) fn shipped(path: &str) -> Option<SourceFile> {
    let text = library::find(path)?.into();
    Some(SourceFile { name: format!("{SHIPPED}{path}"), text, built_in: true })
}

/// One name for one file: relative to the current folder where it is inside, else absolute.
fn short(path: &Path) -> String {
    let absolute = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let here = std::env::current_dir().and_then(|here| here.canonicalize()).unwrap_or_default();
    absolute.strip_prefix(&here).unwrap_or(&absolute).display().to_string()
}

/// Without `.` and `..`.
pub(crate) fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}
