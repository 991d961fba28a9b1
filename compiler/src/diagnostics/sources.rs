//! Source files and places in them, kept as byte ranges until something is shown.

use std::sync::Arc;

/// Index of a file in [`Sources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

/// A byte range of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The file that it is in.
    pub file: FileId,
    /// The first byte.
    pub start: u32,
    /// The byte behind the last one.
    pub end: u32,
}

/// Its bytes, from and to; what holds it knows the file.
impl serde::Serialize for Span {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.start, self.end).serialize(serializer)
    }
}

impl Span {
    /// Bytes `start..end`, which the caller has seen to be within 4 GiB.
    pub fn new(file: FileId, start: usize, end: usize) -> Self {
        Self { file, start: start as u32, end: end as u32 }
    }

    /// Bytes that it covers.
    pub fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    /// Whether it covers nothing: a place between two bytes.
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// From the first byte of either to the last one of either, in the file of `self`.
    pub(crate) fn to(self, other: Span) -> Span {
        Span { file: self.file, start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// One file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// As a person would open it; `std/…` and the like for what ships with the compiler.
    pub name: String,
    /// All of it.
    pub text: Arc<str>,
    /// Whether it ships with the compiler.
    pub built_in: bool,
}

/// A line and a column, from 1, for people and for editors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Counts `\n`, from 1.
    pub line: usize,
    /// In characters.
    pub column: usize,
    /// In UTF-16 code units.
    pub column_utf16: usize,
}

impl SourceFile {
    /// Where byte `at` is.
    pub fn place(&self, at: u32) -> Place {
        let before = &self.text[..at as usize];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = &before[line_start..];
        Place {
            line: before.matches('\n').count() + 1,
            column: line.chars().count() + 1,
            column_utf16: line.encode_utf16().count() + 1,
        }
    }
}

/// The files of one compilation, in the order in which they were first needed.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
}

impl Sources {
    /// Adds a file, even one that is there already.
    pub fn add(&mut self, file: SourceFile) -> FileId {
        self.files.push(file);
        FileId(self.files.len() as u32 - 1)
    }

    /// The file of an id that [`Sources::add`] of these sources has given.
    ///
    /// # Panics
    /// If the id is of other sources that have more files.
    pub fn file(&self, id: FileId) -> &SourceFile {
        &self.files[id.0 as usize]
    }

    /// All files; a [`FileId`] is a position among them.
    pub fn files(&self) -> &[SourceFile] {
        &self.files
    }

    /// The text that a span covers.
    pub fn text(&self, span: Span) -> &str {
        &self.file(span.file).text[span.start as usize..span.end as usize]
    }

    /// Line and column, from 1, of a span's start; the column counts characters.
    pub fn position(&self, span: Span) -> (usize, usize) {
        let start = self.file(span.file).place(span.start);
        (start.line, start.column)
    }
}
