//! Files on disk.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::{Loader, SHIPPED, Shipped, beside};
use crate::diagnostics::SourceFile;

/// Files on disk, beside the file that imports them, else those that ship with the compiler. A file is named by its path
/// from the current folder where it is inside of it, else by its absolute path.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl Loader for Disk {
    fn load(&self, importer: Option<&str>, path: &str) -> Result<Option<SourceFile>, String> {
        if importer.is_some_and(|name| name.starts_with(SHIPPED)) {
            return Shipped.load(importer, path);
        }
        let beside = beside(importer, path);
        match read(&beside)? {
            Some(text) => Ok(Some(SourceFile { name: short(&beside), text: text.into(), built_in: false })),
            None => Shipped.load(None, path),
        }
    }
}

/// One name for one file: relative to the current folder where it is inside, else absolute.
fn short(path: &Path) -> String {
    let absolute = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let here = std::env::current_dir().and_then(|here| here.canonicalize()).unwrap_or_default();
    absolute.strip_prefix(&here).unwrap_or(&absolute).display().to_string()
}

/// The text of a file on disk; `None` where there is no such file.
///
/// # Errors
/// Why it cannot be read, in words.
pub fn read(path: &Path) -> Result<Option<String>, String> {
    match fs::read(path) {
        Ok(bytes) => String::from_utf8(bytes).map(Some).map_err(|_| "it is not UTF-8 text".to_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}
