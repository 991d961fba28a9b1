//! A program: its files, and the names each of them sees.

use std::collections::{HashMap, HashSet};

use super::claims::Counted;
use super::meter::Meter;
use crate::diagnostics::{Code, Diagnostic, FileId, SourceFile, Sources, Span, nearest};
use crate::library;
use crate::syntax::tree::{ArchItem, Const, File, Name, Op, Pattern, SchemaItem, SearchItem, SpaceItem, TestItem};

/// What a name at the top level of a file means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemKind {
    /// `const name = value`
    Const,
    /// `op name(params) = body`
    Op,
    /// `space name(params) { … }`
    Space,
    /// A block that spaces instantiate.
    Pattern,
    /// `schema name { … }`: the columns of a table.
    Schema,
    /// `search name on space with schema { … }`
    Search,
    /// `train name on model with schema { … }`
    Train,
    /// `arch name of space { … }`
    Arch,
    /// `test name { claims }`, to which no name refers.
    Test,
}

impl ItemKind {
    /// In the reader's words.
    pub fn word(self) -> &'static str {
        match self {
            ItemKind::Const => "const",
            ItemKind::Op => "operator",
            ItemKind::Space => "space",
            ItemKind::Pattern => "block",
            ItemKind::Schema => "schema",
            ItemKind::Search => "search",
            ItemKind::Train => "train",
            ItemKind::Arch => "arch",
            ItemKind::Test => "test",
        }
    }
}

/// A named item of some file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Which keyword it begins with.
    pub kind: ItemKind,
    /// What follows the keyword.
    pub name: String,
    /// The place of its name, in the file that defines it.
    pub span: Span,
    /// Position among the items of its kind in its file.
    pub(super) index: usize,
}

/// What the top level of one file sees.
#[derive(Debug, Default)]
pub(super) struct FileScope {
    pub items: HashMap<String, Item>,
    /// Names that stand for something which could not be read.
    pub spoilt: HashSet<String>,
    /// Something that could not be read may define any name.
    pub incomplete: bool,
}

/// The entry file and everything that it imports.
#[derive(Debug, Default)]
pub struct Program {
    /// The entry file first, where it could be read; then the imported ones, and the texts given from outside.
    pub sources: Sources,
    /// By [`FileId`].
    pub(super) trees: Vec<File>,
    pub(super) scopes: Vec<FileScope>,
    pub(super) entry: Option<FileId>,
    /// What checking may still take.
    pub(super) meter: Meter,
    /// What claims have counted.
    pub(super) counted: Counted,
    /// `(importer, path) -> file`, so that a run can be repeated from copies.
    pub imports: Vec<(FileId, String, FileId)>,
}

impl Program {
    pub(super) fn own_items(&self, file: FileId) -> Vec<Item> {
        let tree = self.tree(file);
        let mut items = Vec::new();
        let mut add = |kind, names: Vec<&Name>| {
            for (index, name) in names.into_iter().enumerate() {
                items.push(Item { kind, name: name.text.clone(), span: name.span, index });
            }
        };
        add(ItemKind::Const, tree.consts.iter().map(|item| &item.name).collect());
        add(ItemKind::Op, tree.ops.iter().map(|op| &op.name).collect());
        add(ItemKind::Space, tree.spaces.iter().map(|space| &space.name).collect());
        add(ItemKind::Pattern, tree.patterns.iter().map(|pattern| &pattern.name).collect());
        add(ItemKind::Test, tree.tests.iter().map(|test| &test.name).collect());
        add(ItemKind::Schema, tree.schemas.iter().map(|schema| &schema.name).collect());
        add(ItemKind::Search, tree.searches.iter().map(|search| &search.name).collect());
        add(ItemKind::Train, tree.trains.iter().map(|train| &train.name).collect());
        add(ItemKind::Arch, tree.archs.iter().map(|arch| &arch.name).collect());
        items.sort_by_key(|item| item.span);
        items
    }

    pub(super) fn tree(&self, file: FileId) -> &File {
        &self.trees[file.0 as usize]
    }

    /// The entry file, where it could be read.
    pub fn entry(&self) -> Option<FileId> {
        self.entry
    }

    /// What the entry file defines itself, in source order.
    pub fn items(&self) -> Vec<Item> {
        self.entry.map(|entry| self.own_items(entry)).unwrap_or_default()
    }

    /// The items of one kind that the entry file defines or imports.
    pub fn visible(&self, kind: ItemKind) -> Vec<Item> {
        let Some(entry) = self.entry else { return Vec::new() };
        let mut items: Vec<Item> =
            self.scopes[entry.0 as usize].items.values().filter(|item| item.kind == kind).cloned().collect();
        items.sort_by_key(|item| (item.span.file != entry, item.span));
        items
    }

    /// The item of one kind and name that the entry file defines or imports.
    pub fn find(&self, kind: ItemKind, name: &str) -> Option<Item> {
        let item = self.scopes.get(self.entry?.0 as usize)?.items.get(name)?;
        (item.kind == kind).then(|| item.clone())
    }

    /// A text that is not a file, such as one of a command line, among the sources: without a name that it defines or
    /// sees.
    pub(super) fn add_fragment(&mut self, name: &str, text: &str) -> FileId {
        // A tree and a scope for every file, so that names in the text resolve: to nothing.
        self.trees.push(File::default());
        self.scopes.push(FileScope::default());
        self.sources.add(SourceFile { name: name.to_owned(), text: text.into(), built_in: true })
    }

    /// The file in which an item is defined.
    pub fn defined_in(&self, item: &Item) -> &SourceFile {
        self.sources.file(item.span.file)
    }

    pub(super) fn lookup(&self, file: FileId, name: &str) -> Option<&Item> {
        self.scopes[file.0 as usize].items.get(name)
    }

    /// Whether a name may stand for something that could not be read: then its absence is no news.
    pub(super) fn is_spoilt(&self, file: FileId, name: &str) -> bool {
        let scope = &self.scopes[file.0 as usize];
        scope.incomplete || scope.spoilt.contains(name)
    }

    pub(super) fn const_item(&self, item: &Item) -> &Const {
        &self.tree(item.span.file).consts[item.index]
    }

    pub(super) fn op(&self, item: &Item) -> &Op {
        &self.tree(item.span.file).ops[item.index]
    }

    pub(super) fn space_item(&self, item: &Item) -> &SpaceItem {
        &self.tree(item.span.file).spaces[item.index]
    }

    pub(super) fn schema_item(&self, item: &Item) -> &SchemaItem {
        &self.tree(item.span.file).schemas[item.index]
    }

    /// A search, or a training, which is written as one.
    pub(super) fn search_item(&self, item: &Item) -> &SearchItem {
        let tree = self.tree(item.span.file);
        match item.kind {
            ItemKind::Train => &tree.trains[item.index],
            _ => &tree.searches[item.index],
        }
    }

    pub(super) fn pattern(&self, item: &Item) -> &Pattern {
        &self.tree(item.span.file).patterns[item.index]
    }

    pub(super) fn test_item(&self, item: &Item) -> &TestItem {
        &self.tree(item.span.file).tests[item.index]
    }

    pub(super) fn arch_item(&self, item: &Item) -> &ArchItem {
        &self.tree(item.span.file).archs[item.index]
    }

    /// The item that `name` means in the file where it is written, if it is one of this kind; no finding where it could
    /// not be read.
    pub(super) fn resolve(&self, name: &Name, kind: ItemKind) -> Result<&Item, Option<Diagnostic>> {
        let scope = &self.scopes[name.span.file.0 as usize].items;
        // What people call it, where its keyword is no noun.
        let what = if kind == ItemKind::Train { "training" } else { kind.word() };
        let article = if matches!(kind, ItemKind::Op | ItemKind::Arch) { "an" } else { "a" };
        match scope.get(&name.text) {
            Some(item) if item.kind == kind => Ok(item),
            Some(item) => Err(Some(
                Diagnostic::error(Code::Kind, format!("`{}` is not {article} {what}", name.text))
                    .label(name.span, format!("{article} {what} is expected here"))
                    .label(item.span, "defined here"),
            )),
            None if self.is_spoilt(name.span.file, &name.text) => Err(None),
            None => {
                let near = nearest(&name.text, scope.values().filter(|i| i.kind == kind).map(|i| i.name.as_str()));
                let offered = library::FILES.iter().find(|(_, text)| text.contains(&format!("\n{what} {}", name.text)));
                let shipped = offered.map(|(path, _)| self.import_of(name, path));
                Err(Some(
                    Diagnostic::error(Code::UnknownName, format!("there is no {what} `{}` here", name.text))
                        .label(name.span, "neither defined in this file nor imported")
                        .did_you_mean(name.span, &name.text, near)
                        .fix_if(shipped),
                ))
            }
        }
    }
}

impl Program {
    /// Whether a name means an item in its file, or could mean one of an import that cannot be read.
    pub(super) fn is_taken(&self, name: &Name) -> bool {
        let file = name.span.file;
        self.scopes[file.0 as usize].items.contains_key(&name.text) || self.is_spoilt(file, &name.text)
    }

    /// The operators and spaces that a file sees, for suggestions.
    pub(super) fn callable(&self, file: FileId) -> Vec<String> {
        let scope = &self.scopes[file.0 as usize].items;
        scope
            .values()
            .filter(|item| matches!(item.kind, ItemKind::Op | ItemKind::Space))
            .map(|item| item.name.clone())
            .collect()
    }
}

impl Program {
    /// The parameters of a space with their defaults, as source.
    pub fn space_defaults(&self, item: &Item) -> Vec<(String, String)> {
        let params = self.space_item(item).params.iter();
        params
            .map(|(name, default)| {
                let text = self.sources.text(default.span);
                (name.text.clone(), text.split_whitespace().collect::<Vec<_>>().join(" "))
            })
            .collect()
    }
}
