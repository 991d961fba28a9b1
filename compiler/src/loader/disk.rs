//! Files on disk.

use std::path::Path;

use super::{Folders, Loader, SHIPPED, Shipped, beside, read_named, read_regular};
use crate::diagnostics::SourceFile;

/// Files on disk, beside the file that imports them, else those that ship with the compiler. A file is named by its path
/// from the current folder where it is inside of it, else by its absolute path.
///
/// The entry file is whatever its reader named. What is imported is a regular file in one of some folders, which
/// [`Disk::beside`] says of a program; [`Disk::default`] knows none, so that only what ships can be imported.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    folders: Folders,
}

impl Disk {
    /// For the program whose entry file this is: it may import what lies in the folder of that file, or below.
    pub fn beside(entry: &str) -> Self {
        let entry = Path::new(entry);
        // Imports start where a link to the file leads.
        let entry = entry.canonicalize().unwrap_or_else(|_| entry.to_owned());
        Self::default().allowing(entry.parent().unwrap_or(Path::new("")))
    }

    /// What lies in this folder, or below, may be imported too.
    pub fn allowing(mut self, folder: &Path) -> Self {
        self.folders.add(folder);
        self
    }
}

impl Loader for Disk {
    fn allows(&self, importer: Option<&str>, path: &str) -> bool {
        let ships = || matches!(Shipped.load(None, path), Ok(Some(_)));
        importer.is_none_or(|name| name.starts_with(SHIPPED)) || self.folders.hold(&beside(importer, path)) || ships()
    }

    fn load(&self, importer: Option<&str>, path: &str) -> Result<Option<SourceFile>, String> {
        let beside = beside(importer, path);
        let text = match importer {
            Some(name) if name.starts_with(SHIPPED) => return Shipped.load(importer, path),
            Some(_) if !self.folders.hold(&beside) => None,
            Some(_) => read_regular(&beside)?,
            None => read_named(&beside)?,
        };
        match text {
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
