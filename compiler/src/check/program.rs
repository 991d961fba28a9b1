//! Files, their imports and the names each of them sees.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use crate::diagnostics::{Code, Diagnostic, FileId, Fix, SourceFile, Sources, Span, nearest};
use crate::library;
use crate::loader::Loader;
use crate::syntax::tree::{
    ArchItem, Const, File, Import, Name, Op, Pattern, SchemaItem, SearchItem, SpaceItem, TestItem,
};
use crate::syntax::{self, MAX_FINDINGS};

/// Most bytes of all files of a program, most files, and most names that are imported without being named.
const MAX_PROGRAM_BYTES: usize = 64 << 20;
const MAX_FILES: usize = 1_000;
const MAX_NAMES: usize = 1_000_000;

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
struct FileScope {
    items: HashMap<String, Item>,
    /// Names that stand for something which could not be read.
    spoilt: HashSet<String>,
    /// Something that could not be read may define any name.
    incomplete: bool,
}

/// The entry file and everything that it imports.
#[derive(Debug, Default)]
pub struct Program {
    /// The entry file first, where it could be read; then the imported ones, and the texts given from outside.
    pub sources: Sources,
    /// By [`FileId`].
    trees: Vec<File>,
    scopes: Vec<FileScope>,
    entry: Option<FileId>,
    /// `(importer, path) -> file`, so that a run can be repeated from copies.
    pub imports: Vec<(FileId, String, FileId)>,
}

impl Program {
    /// Reads and parses the entry file and its imports. Never fails: what could not be read is in the findings.
    pub fn load(path: &str, loader: &dyn Loader) -> (Program, Vec<Diagnostic>) {
        let mut program = Program::default();
        let mut loading = Loading::new(loader);
        match loader.load(None, path) {
            Ok(Some(file)) => program.entry = Some(program.add(file, &mut loading)),
            Ok(None) => {
                let help = shipped_near(path).map_or_else(
                    || "the first argument is the path of a .nasrec file".to_owned(),
                    |near| format!("nasrecc ships `{near}`"),
                );
                loading
                    .diagnostics
                    .push(Diagnostic::error(Code::Import, format!("there is no file `{path}`")).help(help));
            }
            Err(why) => {
                loading.diagnostics.push(Diagnostic::error(Code::Import, format!("cannot read `{path}`: {why}")));
            }
        }
        let mut diagnostics = loading.diagnostics;
        Diagnostic::sort(&mut diagnostics);
        (program, diagnostics)
    }

    fn add(&mut self, file: SourceFile, loading: &mut Loading<'_>) -> FileId {
        let name = file.name.clone();
        let text: Arc<str> = file.text.clone();
        let id = self.sources.add(file);
        loading.by_name.insert(name, id);
        loading.stack.push(id);
        let (tree, diagnostics) = syntax::parse(id, &text);
        loading.diagnostics.extend(diagnostics);
        self.scopes.push(FileScope {
            items: HashMap::new(),
            spoilt: tree.spoilt.iter().cloned().collect(),
            incomplete: tree.incomplete,
        });
        self.trees.push(tree);
        let own: Rc<[Item]> = self.own_items(id).into();
        loading.items.insert(id, Rc::clone(&own));
        let mut tests: HashMap<&str, Span> = HashMap::new();
        for item in own.iter() {
            // Nothing refers to a test, so it may be called as what it tests.
            if item.kind != ItemKind::Test {
                self.define(id, item.clone(), item.span, loading);
            } else if let Some(first) = tests.insert(&item.name, item.span) {
                loading.diagnostics.push(
                    Diagnostic::error(Code::Duplicate, format!("two tests are called `{}`", item.name))
                        .label(item.span, "again here")
                        .label(first, "first here"),
                );
            }
        }
        let imports = self.tree(id).imports.clone();
        for import in &imports {
            if loading.diagnostics.len() >= MAX_FINDINGS {
                break;
            }
            let Some(from) = self.import(id, &import.path, loading) else {
                let scope = &mut self.scopes[id.0 as usize];
                scope.incomplete |= import.names.is_empty();
                scope.spoilt.extend(import.names.iter().map(|name| name.text.clone()));
                continue;
            };
            if import.names.is_empty() {
                self.bring_all(id, from, import.span, loading);
            } else {
                self.bring(id, from, import, loading);
            }
        }
        loading.stack.pop();
        id
    }

    /// Everything that a file defines itself.
    fn bring_all(&mut self, into: FileId, from: FileId, span: Span, loading: &mut Loading<'_>) {
        // Once more is nothing more.
        if !loading.brought.insert((into, from)) {
            return;
        }
        let offered = loading.offered(from);
        loading.names += offered.len();
        let affordable = loading.names <= MAX_NAMES;
        if !affordable {
            let message = format!("the imports of this program bring in more than {MAX_NAMES} names");
            loading.diagnostics.push(
                Diagnostic::error(Code::TooLarge, message)
                    .label(span, "too many from here")
                    .help("say which names are imported: `import \"path\" { a, b }`"),
            );
        }
        for item in offered.iter().filter(|item| affordable && item.kind != ItemKind::Test) {
            self.define(into, item.clone(), span, loading);
        }
        let (spoilt, incomplete) = (self.trees[from.0 as usize].spoilt.clone(), self.tree(from).incomplete);
        self.scopes[into.0 as usize].spoilt.extend(spoilt);
        self.scopes[into.0 as usize].incomplete |= incomplete || !affordable;
    }

    /// These of the names that a file defines itself.
    fn bring(&mut self, into: FileId, from: FileId, import: &Import, loading: &mut Loading<'_>) {
        let offered = loading.offered(from);
        for name in &import.names {
            if let Some(at) = loading.position(from, &name.text) {
                self.define(into, offered[at].clone(), name.span, loading);
                continue;
            }
            self.scopes[into.0 as usize].spoilt.insert(name.text.clone());
            let file = self.tree(from);
            if file.incomplete || file.spoilt.contains(&name.text) || loading.diagnostics.len() >= MAX_FINDINGS {
                continue;
            }
            let items = offered.iter().filter(|item| item.kind != ItemKind::Test);
            let names: Vec<&str> = items.map(|item| item.name.as_str()).collect();
            let near = nearest(&name.text, names.iter().copied());
            let defines = (1..=12).contains(&names.len()).then(|| format!("it defines {}", names.join(", ")));
            loading.diagnostics.push(
                Diagnostic::error(Code::UnknownName, format!("`{}` does not define `{}`", import.path.text, name.text))
                    .label(name.span, "imported here")
                    .did_you_mean(name.span, &name.text, near)
                    .help_if(defines),
            );
        }
    }

    /// The file that an import means, read where it is met first.
    fn import(&mut self, importer: FileId, path: &Name, loading: &mut Loading<'_>) -> Option<FileId> {
        if let Some(&known) = loading.known.get(&(importer, path.text.clone())) {
            return known;
        }
        let file = match self.imported(importer, path, loading) {
            Ok(file) => Some(file),
            Err(diagnostic) => {
                loading.diagnostics.push(diagnostic);
                None
            }
        };
        loading.known.insert((importer, path.text.clone()), file);
        self.imports.extend(file.map(|file| (importer, path.text.clone(), file)));
        file
    }

    fn imported(&mut self, importer: FileId, path: &Name, loading: &mut Loading<'_>) -> Result<FileId, Diagnostic> {
        let of = &self.sources.file(importer).name;
        if !loading.loader.allows(Some(of), &path.text) {
            return Err(Diagnostic::error(Code::Forbidden, format!("`{}` may not be imported", path.text))
                .label(path.span, "leads out of the folder of the file that is read")
                .help("`--allow-import DIR` allows what lies in another folder, or below"));
        }
        let file = match loading.loader.load(Some(of), &path.text) {
            Ok(Some(file)) => file,
            Ok(None) => {
                let near = shipped_near(&path.text);
                return Err(Diagnostic::error(Code::Import, format!("there is no file `{}`", path.text))
                    .label(path.span, "looked for beside this file, then among those that ship with nasrecc")
                    .help_if(near.map(|near| format!("nasrecc ships `{near}`")))
                    .fix_if(near.map(|near| Fix::replace(path.span, format!("\"{near}\"")))));
            }
            Err(why) => {
                return Err(Diagnostic::error(Code::Import, format!("cannot read `{}`: {why}", path.text))
                    .label(path.span, "imported here"));
            }
        };
        // Reading a file again, by another path, is work too.
        loading.bytes += file.text.len();
        if loading.bytes > MAX_PROGRAM_BYTES {
            let message = format!("the files of this program have more than {} MiB", MAX_PROGRAM_BYTES >> 20);
            return Err(Diagnostic::error(Code::TooLarge, message).label(path.span, "too much with this one"));
        }
        match loading.by_name.get(&file.name) {
            Some(&id) if loading.stack.contains(&id) => {
                let names: Vec<&str> = loading
                    .stack
                    .iter()
                    .skip_while(|&&f| f != id)
                    .map(|&f| self.sources.file(f).name.as_str())
                    .collect();
                Err(Diagnostic::error(Code::ImportCycle, "these files import each other")
                    .label(path.span, format!("{} -> {}", names.join(" -> "), file.name))
                    .help("move what both need into a file of its own"))
            }
            Some(&id) => Ok(id),
            None if self.trees.len() >= MAX_FILES => {
                let message = format!("this program has more than {MAX_FILES} files");
                Err(Diagnostic::error(Code::TooLarge, message).label(path.span, "too many with this one"))
            }
            None => Ok(self.add(file, loading)),
        }
    }

    fn define(&mut self, file: FileId, item: Item, span: Span, loading: &mut Loading<'_>) {
        let scope = &mut self.scopes[file.0 as usize].items;
        match scope.get(&item.name) {
            // One item through two imports is one item.
            Some(known) if known.span == item.span => {}
            Some(known) => loading.diagnostics.push(
                Diagnostic::error(Code::Duplicate, format!("`{}` is defined twice", item.name))
                    .label(span, "again here")
                    .label(known.span, "first here"),
            ),
            None => {
                scope.insert(item.name.clone(), item);
            }
        }
    }

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

    pub(super) fn search_item(&self, item: &Item) -> &SearchItem {
        &self.tree(item.span.file).searches[item.index]
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
        let what = kind.word();
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

/// The file that ships whose name is most like this one.
fn shipped_near(path: &str) -> Option<&'static str> {
    nearest(path, library::FILES.iter().map(|&(name, _)| name))
}

struct Loading<'a> {
    loader: &'a dyn Loader,
    diagnostics: Vec<Diagnostic>,
    by_name: HashMap<String, FileId>,
    /// What the imports of a file have led to.
    known: HashMap<(FileId, String), Option<FileId>>,
    /// What each file defines itself, and where its names stand there.
    items: HashMap<FileId, Rc<[Item]>>,
    positions: HashMap<FileId, HashMap<String, usize>>,
    /// All of the second was brought into the first.
    brought: HashSet<(FileId, FileId)>,
    /// The files being read, for cycles.
    stack: Vec<FileId>,
    /// Bytes that were read, and names that were brought in without being named.
    bytes: usize,
    names: usize,
}

impl<'a> Loading<'a> {
    fn new(loader: &'a dyn Loader) -> Self {
        Self {
            loader,
            diagnostics: Vec::new(),
            by_name: HashMap::new(),
            known: HashMap::new(),
            items: HashMap::new(),
            positions: HashMap::new(),
            brought: HashSet::new(),
            stack: Vec::new(),
            bytes: 0,
            names: 0,
        }
    }

    fn offered(&self, file: FileId) -> Rc<[Item]> {
        self.items.get(&file).cloned().unwrap_or_default()
    }

    /// Where the first item of this name stands among what a file offers.
    fn position(&mut self, file: FileId, name: &str) -> Option<usize> {
        let offered = self.offered(file);
        let positions = self.positions.entry(file).or_insert_with(|| {
            let items = offered.iter().enumerate().rev().filter(|(_, item)| item.kind != ItemKind::Test);
            items.map(|(at, item)| (item.name.clone(), at)).collect()
        });
        positions.get(name).copied()
    }
}

impl Program {
    /// The operators that a file sees, for suggestions.
    pub(super) fn visible_ops(&self, file: FileId) -> Vec<String> {
        let scope = &self.scopes[file.0 as usize].items;
        scope.values().filter(|item| item.kind == ItemKind::Op).map(|item| item.name.clone()).collect()
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
