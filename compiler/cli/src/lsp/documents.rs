//! The documents that are open, and files for the compiler: unsaved text before what is on disk.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lsp_types as lsp;
use nasrec_compiler::diagnostics::SourceFile;
use nasrec_compiler::loader::{self, Folders, Loader, SHIPPED, Shipped, normal};

use super::places::{Lines, path_of, uri_of};
use super::shipped;

/// Most files of a workspace that are searched for names, and how deep folders are entered.
const MAX_FILES: usize = 5_000;
const MAX_DEPTH: usize = 16;

/// A document as the editor has it.
pub(super) struct Document {
    /// As the editor writes it.
    pub uri: String,
    pub text: String,
    pub version: i32,
}

/// The open documents by the name of their file: its path, its shipped name, or else its URI.
#[derive(Default)]
pub(super) struct Documents {
    open: BTreeMap<String, Document>,
    /// Folders of the workspace.
    pub roots: Vec<PathBuf>,
    /// Folders that may be imported from besides those of the workspace and of what is open.
    pub allowed: Vec<PathBuf>,
}

impl Documents {
    pub fn open(&mut self, uri: &str, version: i32, text: String) {
        self.open.insert(name_of(uri), Document { uri: uri.to_owned(), text, version });
    }

    /// Applies changes in their order; false where the document is not open.
    pub fn change(&mut self, uri: &str, version: i32, changes: Vec<lsp::TextDocumentContentChangeEvent>) -> bool {
        let Some(document) = self.open.get_mut(&name_of(uri)) else { return false };
        document.version = version;
        for change in changes {
            match change.range {
                Some(range) => {
                    let lines = Lines::new(&document.text);
                    let (start, end) = (lines.offset(range.start), lines.offset(range.end));
                    document.text.replace_range(start..end.max(start), &change.text);
                }
                None => document.text = change.text,
            }
        }
        true
    }

    pub fn close(&mut self, uri: &str) {
        self.open.remove(&name_of(uri));
    }

    /// The open documents with the names of their files.
    pub fn all(&self) -> impl Iterator<Item = (&String, &Document)> {
        self.open.iter()
    }

    pub fn version(&self, name: &str) -> Option<i32> {
        self.open.get(name).map(|document| document.version)
    }

    /// The URI by which an editor can open a file; a shipped one is written out for it.
    pub fn uri(&self, name: &str) -> Option<String> {
        if let Some(document) = self.open.get(name) {
            return Some(document.uri.clone());
        }
        if name.starts_with(SHIPPED) {
            return shipped::written(name).map(|copy| uri_of(&copy));
        }
        Some(uri_of(Path::new(name)))
    }

    /// Every file that may name something: those that are open, and those of the workspace or, without one, those
    /// beside a file.
    pub fn project(&self, beside: &str) -> Vec<String> {
        let mut names: Vec<String> = self.open.keys().cloned().collect();
        let mut found = Vec::new();
        let around = Path::new(beside).parent().map(Path::to_owned);
        let folder = around.filter(|_| self.roots.is_empty() && !beside.starts_with(SHIPPED));
        for root in self.roots.iter().chain(&folder) {
            walk(root, &mut found, if folder.is_some() { 1 } else { MAX_DEPTH });
        }
        names.extend(found.iter().map(|path| named(path)));
        names.sort();
        names.dedup();
        names
    }
}

/// The `.nasrec` files of a folder and of those inside, without hidden ones.
fn walk(folder: &Path, found: &mut Vec<PathBuf>, depth: usize) {
    let (Some(depth), Ok(entries)) = (depth.checked_sub(1), std::fs::read_dir(folder)) else { return };
    let mut entries: Vec<_> = entries.flatten().collect();
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let Ok(kind) = entry.file_type() else { continue };
        if found.len() >= MAX_FILES || name.starts_with('.') {
            continue;
        }
        if kind.is_dir() && !matches!(name.as_ref(), "target" | "node_modules") {
            walk(&entry.path(), found, depth);
        } else if name.ends_with(".nasrec") && !kind.is_dir() {
            found.push(entry.path());
        }
    }
}

/// The name of the file that a URI stands for.
pub(super) fn name_of(uri: &str) -> String {
    path_of(uri).map_or_else(|| uri.to_owned(), |path| named(&path))
}

/// One name for one file, whether or not it is on disk yet.
fn named(path: &Path) -> String {
    let full = path.canonicalize().unwrap_or_else(|_| {
        let path = normal(path);
        let folder = path.parent().and_then(|folder| folder.canonicalize().ok());
        folder.zip(path.file_name()).map_or(path.clone(), |(folder, name)| folder.join(name))
    });
    shipped::name_of(&full).unwrap_or_else(|| full.display().to_string())
}

impl Documents {
    /// Whether a file on disk may be read, and a name be imported.
    fn may_read(&self, name: &str) -> bool {
        let open = self.open.keys().filter_map(|name| Path::new(name).parent()).filter(|folder| folder.is_absolute());
        let mut folders = Folders::default();
        self.roots.iter().chain(&self.allowed).map(PathBuf::as_path).chain(open).for_each(|folder| folders.add(folder));
        folders.hold(Path::new(name))
    }

    fn read(&self, name: &str) -> Result<Option<SourceFile>, String> {
        if name.starts_with(SHIPPED) {
            return Shipped.load(None, name);
        }
        if let Some(document) = self.open.get(name) {
            let text = document.text.as_str().into();
            return Ok(Some(SourceFile { name: name.to_owned(), text, built_in: false }));
        }
        let file = |text: String| SourceFile { name: name.to_owned(), text: text.into(), built_in: false };
        if !self.may_read(name) {
            return Ok(None);
        }
        Ok(loader::read_regular(Path::new(name))?.map(file))
    }
}

/// The file that a path leads to from the file that imports it, whether or not there is one. A document that was never
/// saved lies nowhere, so it sees what ships.
fn beside(importer: &str, path: &str) -> Option<PathBuf> {
    let folder = Path::new(importer).parent().filter(|folder| folder.is_absolute());
    folder.map(|folder| folder.join(path))
}

impl Loader for Documents {
    fn allows(&self, importer: Option<&str>, path: &str) -> bool {
        let Some(importer) = importer.filter(|name| !name.starts_with(SHIPPED)) else { return true };
        let ships = || matches!(Shipped.load(None, path), Ok(Some(_)));
        beside(importer, path).is_none_or(|beside| self.may_read(&beside.to_string_lossy())) || ships()
    }

    fn load(&self, importer: Option<&str>, path: &str) -> Result<Option<SourceFile>, String> {
        match importer {
            None => self.read(path),
            Some(name) if name.starts_with(SHIPPED) => Shipped.load(importer, path),
            Some(name) => match beside(name, path).map(|beside| self.read(&named(&beside))).transpose()?.flatten() {
                Some(beside) => Ok(Some(beside)),
                None => Shipped.load(None, path),
            },
        }
    }
}
