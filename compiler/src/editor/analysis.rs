//! One file with its imports, checked and indexed: what most questions are asked of.

use crate::check::{Recorded, Shape};
use crate::diagnostics::{Diagnostic, FileId, Span};
use crate::ir::Choice;
use crate::loader::{Loader, Memory};
use crate::names::{Definition, Index, Kind, Symbol};
use crate::{CheckedSpace, Item, ItemKind, Program};

/// A program with what is known of its names.
pub struct Analysis {
    /// The file and what it imports, as far as they could be read.
    pub program: Program,
    /// The names of all files of the program.
    pub index: Index,
    /// What checking saw on the way.
    pub(super) recorded: Recorded,
    /// All findings, those about files and imports too.
    pub diagnostics: Vec<Diagnostic>,
}

impl Analysis {
    /// Loads, checks and indexes a file. Never fails: what is wrong is in the findings.
    pub fn new(path: &str, loader: &dyn Loader) -> Self {
        let (program, mut diagnostics) = Program::load(path, loader);
        let recorded = program.check_and_record();
        diagnostics.extend(recorded.diagnostics.iter().cloned());
        Diagnostic::sort(&mut diagnostics);
        let index = Index::new(&program);
        Self { program, index, recorded, diagnostics }
    }

    /// The file that was asked for, where it could be read.
    pub fn entry(&self) -> Option<FileId> {
        self.program.entry()
    }

    pub(super) fn text(&self, file: FileId) -> &str {
        &self.program.sources.file(file).text
    }

    /// What was seen of a name while its item was checked.
    pub(super) fn shape(&self, symbol: Symbol) -> Option<&Shape> {
        let span = &self.index.definition(symbol).span;
        self.recorded.shapes.get(&Span::new(symbol.file, span.start, span.end))
    }

    /// The kind of value that a name has, as a word of the language, where it can be told.
    pub(super) fn kind_word(&self, symbol: Symbol) -> Option<&str> {
        if let Some(shape) = self.shape(symbol) {
            return Some(shape.kind);
        }
        let definition = self.index.definition(symbol);
        let value = self.text(symbol.file).get(definition.value..).unwrap_or_default().trim_start();
        let word = value.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default();
        match definition.kind {
            Kind::Width | Kind::Number => Some("size"),
            Kind::Input | Kind::OpParam => Some(word),
            Kind::Block | Kind::Stem => Some("block"),
            Kind::SpaceParam | Kind::Const => match value.chars().next()? {
                '[' => Some("list"),
                '0'..='9' => Some("size"),
                _ if matches!(word, "on" | "off" | "true" | "false") => Some("switch"),
                _ => None,
            },
            _ => None,
        }
    }

    /// The `///` lines above a definition.
    pub(super) fn docs(&self, file: FileId, definition: &Definition) -> Option<String> {
        let text = self.text(file);
        let line = text[..definition.extent.start].rfind('\n').map_or(0, |at| at + 1);
        if !text[line..definition.extent.start].trim().is_empty() {
            return None;
        }
        let above = text[..line].lines().rev().map_while(|line| line.trim().strip_prefix("///"));
        let mut lines: Vec<&str> = above.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
        lines.reverse();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    /// How an item starts, on one line: `op fc(x: dense, w: size) -> dense[w]`.
    pub(super) fn head(&self, file: FileId, definition: &Definition) -> String {
        let end = definition.value.max(definition.span.end).min(definition.extent.end);
        let text = self.text(file).get(definition.extent.start..end).unwrap_or_default();
        let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default());
        let head = lines.collect::<Vec<_>>().join(" ").split_whitespace().collect::<Vec<_>>().join(" ");
        let head = head.replace("( ", "(").replace(", )", ")").replace(" )", ")");
        head.trim_end_matches(['=', '{', ' ']).to_owned()
    }

    /// The checker's item for a definition of the entry file or of what it imports.
    pub(super) fn item(&self, symbol: Symbol, kind: ItemKind) -> Option<Item> {
        let span = &self.index.definition(symbol).span;
        let place = Span::new(symbol.file, span.start, span.end);
        self.program.visible(kind).into_iter().find(|item| item.span == place)
    }

    /// The space of a definition, checked.
    pub(super) fn space(&self, symbol: Symbol) -> Option<CheckedSpace> {
        let item = self.item(symbol, ItemKind::Space)?;
        match self.recorded.spaces.get(&item.span) {
            Some(space) => Some(space.clone()),
            None => self.program.check_space(&item).ok(),
        }
    }

    /// The choices that an architecture of the entry file has to make, whatever is wrong with its body.
    pub(super) fn choices(&self, arch: usize, loader: &dyn Loader) -> Vec<Choice> {
        self.open_arch(arch, loader).map(|space| space.graph.choices).unwrap_or_default()
    }

    /// The space of an architecture, with its arguments: found by checking the file with the body left open.
    fn open_arch(&self, arch: usize, loader: &dyn Loader) -> Option<CheckedSpace> {
        let entry = self.entry()?;
        let head = self.index.file(entry).archs.get(arch)?;
        let definition = &self.index.file(entry).definitions[head.definition];
        let file = self.program.sources.file(entry);
        let mut text = file.text[..head.body.min(file.text.len())].to_owned();
        text.push_str(" { .. }\n");
        text.push_str(&file.text[definition.extent.end.max(head.body).min(file.text.len())..]);
        let (program, _) = Program::load(&file.name, &Memory::over(loader, [(file.name.as_str(), text)]));
        let item = program.items().into_iter().find(|item| {
            item.kind == ItemKind::Arch
                && item.name == definition.name
                && item.span.start as usize == definition.span.start
        })?;
        program.arch(&item).ok().map(|arch| arch.space)
    }
}
