//! Reading a program: the entry file, what it imports, and so on; and which names that brings in.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use super::program::{FileScope, Item, ItemKind, Program};
use crate::diagnostics::{Code, Diagnostic, FileId, Fix, SourceFile, Span, nearest};
use crate::library;
use crate::loader::{Loader, MAX_FILES, MAX_PROGRAM_BYTES};
use crate::syntax::tree::{Import, Name};
use crate::syntax::{self, MAX_FINDINGS};

/// Most names that are imported without being named.
const MAX_NAMES: usize = 1_000_000;

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
            let defines = (1..=24).contains(&names.len()).then(|| format!("it defines {}", names.join(", ")));
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
