//! What could be written at a place.
//!
//! The place is told from the tokens before it alone, since what is being typed rarely parses.

mod archs;
mod context;
mod expressions;
mod items;
mod settings;

use std::ops::Range;

use super::analysis::Analysis;
use super::hover::symbol_text;
use crate::Loader;
use crate::diagnostics::{FileId, Fix, Span};
use crate::library;
use crate::names::{FileIndex, Kind, Symbol, builtin};
use crate::syntax::tree::Name;
use context::Context;

/// What kind of thing is offered, for an editor's sign beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// A word of the language, or `..`.
    Keyword,
    /// A name that a file defines, and what it is the name of.
    Definition(Kind),
    /// A primitive, or a function of numbers.
    BuiltIn,
    /// What can follow a `.`, such as a size of a tensor.
    Member,
    /// The name of an argument, with its colon.
    Argument,
    /// A key of a search, or a section of such keys.
    Setting,
    /// A choice in an architecture, or the block that it is in.
    Choice,
    /// One of the values that a place can have.
    Value,
    /// The kind of an input or of a parameter, such as `dense`.
    Type,
    /// The path of a file that can be imported.
    File,
}

/// One thing that could be written.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// What is shown; it is written too, where `insert` says nothing else.
    pub label: String,
    /// What kind of thing it is.
    pub sort: Sort,
    /// A few words beside it.
    pub detail: Option<String>,
    /// More, as Markdown.
    pub docs: Option<String>,
    /// What is written, where that is more than the label.
    pub insert: Option<String>,
    /// An import that it needs.
    pub import: Option<Fix>,
    /// The smaller, the sooner it is shown.
    pub rank: u8,
}

/// What is offered, and the text that it replaces.
#[derive(Clone, Debug)]
pub struct Completion {
    /// Its bytes in the entry file: what has been typed of the word, or nothing.
    pub replaces: Range<usize>,
    /// By rank, then by label; not narrowed down to what begins with that text.
    pub candidates: Vec<Candidate>,
}

impl Candidate {
    fn new(label: impl Into<String>, sort: Sort) -> Self {
        Self { label: label.into(), sort, detail: None, docs: None, insert: None, import: None, rank: 5 }
    }

    fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    fn insert(mut self, text: impl Into<String>) -> Self {
        self.insert = Some(text.into());
        self
    }

    fn docs(mut self, docs: impl Into<String>) -> Self {
        self.docs = Some(docs.into());
        self
    }

    fn ranked(mut self, rank: u8) -> Self {
        self.rank = rank;
        self
    }
}

/// What could be written at byte `at` of the entry file.
pub fn complete(analysis: &Analysis, loader: &dyn Loader, at: usize) -> Completion {
    let Some(file) = analysis.entry() else { return Completion { replaces: at..at, candidates: Vec::new() } };
    let text = analysis.text(file);
    let context = Context::at(text, at);
    let replaces = context.prefix.clone();
    let mut completer = Completer { analysis, loader, file, context, out: Vec::new() };
    completer.fill();
    let mut candidates = completer.out;
    candidates.sort_by(|a, b| (a.rank, &a.label).cmp(&(b.rank, &b.label)));
    candidates.dedup_by(|b, a| a.label == b.label && a.sort == b.sort);
    Completion { replaces, candidates }
}

struct Completer<'a> {
    analysis: &'a Analysis,
    loader: &'a dyn Loader,
    file: FileId,
    context: Context<'a>,
    out: Vec<Candidate>,
}

impl<'a> Completer<'a> {
    fn fill(&mut self) {
        if self.context.in_comment {
            return;
        }
        if self.context.in_text {
            if self.context.item_word() == Some("import") {
                self.paths();
            }
            return;
        }
        if self.context.starts_item() {
            self.keywords(&[
                "import", "const", "op", "space", "block", "schema", "search", "train", "arch", "test", "nasrec",
            ]);
            return;
        }
        match self.context.item_word() {
            Some("import") => self.imported_names(),
            Some("schema") => self.schema(),
            Some("search" | "train") => self.search(),
            Some("arch") => self.arch(),
            Some("op" | "space" | "const") => self.code(),
            _ => self.expression(None),
        }
    }

    fn add(&mut self, candidate: Candidate) {
        self.out.push(candidate);
    }

    fn keywords(&mut self, words: &[&str]) {
        for word in words {
            self.add(Candidate::new(*word, Sort::Keyword).ranked(6));
        }
    }

    /// Items of one kind: those that the file knows, then those that ship and need an import.
    fn items(&mut self, kind: Kind, rank: u8) {
        let known = self.analysis.index.items(self.file);
        for symbol in known {
            let definition = self.analysis.index.definition(symbol);
            if definition.kind == kind {
                let candidate = self.defined(symbol).ranked(rank);
                self.add(candidate);
            }
        }
        self.shipped(kind, rank + 3);
    }

    /// A candidate for a definition, with what a hover would say of it.
    fn defined(&self, symbol: Symbol) -> Candidate {
        let definition = self.analysis.index.definition(symbol);
        let detail = match definition.kind {
            kind if kind.is_item() => self.analysis.head(symbol.file, definition),
            kind => match self.analysis.shape(symbol) {
                Some(shape) => shape.as_type(),
                None => self.analysis.kind_word(symbol).unwrap_or(kind.word()).to_owned(),
            },
        };
        // The costly parts of a hover, such as counts, are left to the hover.
        let docs = match definition.kind {
            Kind::Space | Kind::Search | Kind::Train | Kind::Arch => self.analysis.docs(symbol.file, definition),
            _ => Some(symbol_text(self.analysis, symbol, None)),
        };
        let candidate = Candidate::new(definition.name.clone(), Sort::Definition(definition.kind)).detail(detail);
        match docs {
            Some(docs) => candidate.docs(docs),
            None => candidate,
        }
    }

    /// Items that ship with the compiler and that the file does not know yet.
    fn shipped(&mut self, kind: Kind, rank: u8) {
        let own = self.analysis.program.sources.file(self.file).name.clone();
        for (path, text) in library::FILES {
            // Operators are a library; those of a model's own file are its own.
            if kind == Kind::Op && !path.starts_with("std/") || own.ends_with(path) {
                continue;
            }
            let index = FileIndex::new(text);
            for definition in index.definitions.iter().filter(|d| d.kind == kind) {
                if self.analysis.index.item(self.file, &definition.name).is_some() {
                    continue;
                }
                let span = Span::new(self.file, 0, 0);
                let fix = self.analysis.program.import_of(&Name { text: definition.name.clone(), span }, path);
                let mut candidate = Candidate::new(definition.name.clone(), Sort::Definition(kind))
                    .detail(format!("from \"{path}\""))
                    .ranked(rank);
                candidate.import = Some(fix);
                self.add(candidate);
            }
        }
    }

    fn paths(&mut self) {
        for (path, _) in library::FILES {
            self.add(Candidate::new(*path, Sort::File).detail("ships with nasrecc"));
        }
    }
}
