//! What a name means: across the scopes of its file, and across the files of a program.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::builtin;
use super::index::{Base, Definition, FileIndex, Kind, Role, Use};
use crate::Program;
use crate::diagnostics::{FileId, Span};

/// A definition of some file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Symbol {
    /// Where it is defined.
    pub file: FileId,
    /// Position among the definitions of the file.
    pub(crate) definition: usize,
}

/// What a name means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// What some file defines.
    Symbol(Symbol),
    /// A primitive or a function of numbers.
    BuiltIn(String),
    /// An argument of something built in.
    BuiltInArgument {
        /// The primitive or the function, such as `linear`.
        callee: String,
        /// The argument, without its colon.
        argument: String,
    },
    /// A size of a tensor, such as `.width`.
    Size(String),
    /// The path of an import.
    File(FileId),
}

/// The names of all files of a program.
pub struct Index {
    files: Vec<Arc<FileIndex>>,
    /// By importer and path.
    imports: HashMap<(FileId, String), FileId>,
}

impl Index {
    /// Indexes every file of a program.
    pub fn new(program: &Program) -> Self {
        let files = program.sources.files().iter().map(|file| Arc::new(FileIndex::new(&file.text))).collect();
        let imports = program.imports.iter().map(|(from, path, to)| ((*from, path.clone()), *to)).collect();
        Self { files, imports }
    }

    /// What one file of the program names.
    pub fn file(&self, file: FileId) -> &FileIndex {
        &self.files[file.0 as usize]
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = (FileId, &FileIndex)> {
        self.files.iter().enumerate().map(|(at, index)| (FileId(at as u32), index.as_ref()))
    }

    /// The definition that a symbol stands for; its places are in the symbol's file.
    pub fn definition(&self, symbol: Symbol) -> &Definition {
        &self.file(symbol.file).definitions[symbol.definition]
    }

    /// The item that a file knows by this name: its own, or one that it imports.
    pub(crate) fn item(&self, file: FileId, name: &str) -> Option<Symbol> {
        let own = |file: FileId| self.file(file).item(name).map(|definition| Symbol { file, definition });
        own(file).or_else(|| {
            self.file(file).imports.iter().find_map(|import| {
                let offered = import.names.is_empty() || import.names.iter().any(|n| n == name);
                own(self.imported(file, &import.path)?).filter(|_| offered)
            })
        })
    }

    /// The file that a path means in another.
    pub(crate) fn imported(&self, file: FileId, path: &str) -> Option<FileId> {
        self.imports.get(&(file, path.to_owned())).copied()
    }

    /// All items that a file knows.
    pub(crate) fn items(&self, file: FileId) -> Vec<Symbol> {
        let own = |file: FileId| {
            let items = self.file(file).definitions.iter().enumerate().filter(|(_, d)| d.kind.is_item());
            items.map(move |(definition, _)| Symbol { file, definition })
        };
        let mut out: Vec<Symbol> = own(file).collect();
        for import in &self.file(file).imports {
            let Some(from) = self.imported(file, &import.path) else { continue };
            let offered =
                |symbol: &Symbol| import.names.is_empty() || import.names.contains(&self.definition(*symbol).name);
            out.extend(own(from).filter(offered));
        }
        out
    }

    /// What the name at a place means, with the place of the name.
    pub fn at(&self, file: FileId, at: usize) -> Option<(Meaning, Range<usize>)> {
        let index = self.file(file);
        let covers = |span: &Range<usize>| span.start <= at && at <= span.end;
        if let Some(import) = index.imports.iter().find(|import| covers(&import.span)) {
            return self.imported(file, &import.path).map(|to| (Meaning::File(to), import.span.clone()));
        }
        if let Some(definition) = index.definitions.iter().position(|d| covers(&d.span)) {
            let span = index.definitions[definition].span.clone();
            let symbol = Symbol { file, definition: index.canonical(definition) };
            return Some((Meaning::Symbol(symbol), span));
        }
        let used = index.uses.iter().position(|used| covers(&used.span))?;
        Some((self.meaning(file, used)?, index.uses[used].span.clone()))
    }

    /// What a use of a name means.
    pub fn meaning(&self, file: FileId, used: usize) -> Option<Meaning> {
        let index = self.file(file);
        let Use { name, span, scope, role, condition, .. } = &index.uses[used];
        let symbol = |symbol: Option<Symbol>| symbol.map(Meaning::Symbol);
        let here = |definition: usize| Symbol { file, definition: index.canonical(definition) };
        match role {
            Role::Value => {
                // A condition is read when all of its space is known.
                let at = if *condition { usize::MAX } else { span.start };
                let local = index.local(*scope, name, at).map(here);
                let built_in = || (name == builtin::NORMALISE).then(|| Meaning::BuiltIn(name.clone()));
                symbol(local).or_else(built_in).or_else(|| symbol(self.item(file, name)))
            }
            Role::Callee => {
                let built_in = || builtin::is_callable(name).then(|| Meaning::BuiltIn(name.clone()));
                // There only the language's functions are called, and spaces are given arguments.
                if *condition {
                    return built_in().or_else(|| symbol(self.item(file, name)));
                }
                let shared =
                    index.local(*scope, name, span.start).filter(|&d| index.definitions[d].kind == Kind::Shared);
                let item = || self.item(file, name).filter(|_| !builtin::is_reserved(name));
                symbol(shared.map(here).or_else(item)).or_else(built_in)
            }
            Role::Item => symbol(self.item(file, name)),
            Role::Imported(import) => {
                let from = self.imported(file, &index.imports.get(*import)?.path)?;
                symbol(self.file(from).item(name).map(|definition| Symbol { file: from, definition }))
            }
            Role::Argument(callee) => match self.meaning(file, *callee)? {
                Meaning::Symbol(of) => symbol(self.param(of, name)),
                Meaning::BuiltIn(callee) => Some(Meaning::BuiltInArgument { callee, argument: name.clone() }),
                _ => None,
            },
            Role::Member(base) => match self.outputs_of(file, *base, span.start) {
                Some((block, _)) => {
                    let outputs = index.outputs(block);
                    let output = outputs.into_iter().find(|&o| index.definitions[o].name == *name).map(here);
                    // A requirement names the choices of an instance.
                    let choice = || {
                        let block = Symbol { file, definition: block };
                        self.part((block, self.definition(block).extent.clone()), name).map(|(symbol, _)| symbol)
                    };
                    symbol(output.or_else(choice))
                }
                None if builtin::SIZES.contains(&name.as_str()) => Some(Meaning::Size(name.clone())),
                None if *name == builtin::COUNT && matches!(base, Base::Use(_)) => {
                    let part = || self.part(self.spoken_of(file, used)?, name).map(|(symbol, _)| symbol);
                    symbol(part()).or_else(|| Some(Meaning::Size(name.clone())))
                }
                None => symbol(self.part(self.spoken_of(file, used)?, name).map(|(symbol, _)| symbol)),
            },
            Role::Choice { arch, before } => symbol(self.choice_part(file, *arch, before, name)),
            Role::ChoiceValue { arch, choice } => symbol(self.choice_value(file, *arch, choice, name)),
        }
    }

    /// The parameter of an operator or a space.
    pub fn param(&self, of: Symbol, name: &str) -> Option<Symbol> {
        let index = self.file(of.file);
        let param = index.params(of.definition).find(|&param| index.definitions[param].name == *name)?;
        Some(Symbol { file: of.file, definition: param })
    }

    /// The block whose outputs follow a `.`, and whether it is the stem alone that is named.
    pub fn outputs_of(&self, file: FileId, base: Base, at: usize) -> Option<(usize, bool)> {
        let index = self.file(file);
        match base {
            Base::Earlier => index.around(at, &[Kind::Block, Kind::Pattern]).map(|block| (block, false)),
            Base::Unknown => None,
            Base::Use(used) => {
                let of = &index.uses[used];
                let definition = index.local(of.scope, &of.name, of.span.start).filter(|_| of.role == Role::Value)?;
                match index.definitions[definition].kind {
                    Kind::Block => Some((definition, false)),
                    // The block that the stem belongs to is the one whose head it stands in.
                    Kind::Stem => {
                        let stem = index.definitions[definition].span.start;
                        index.around(stem, &[Kind::Block]).map(|block| (block, true))
                    }
                    _ => None,
                }
            }
        }
    }

    /// The space of an architecture.
    pub(crate) fn space_of(&self, file: FileId, arch: usize) -> Option<Symbol> {
        match self.meaning(file, self.file(file).archs.get(arch)?.space?)? {
            Meaning::Symbol(space) if self.definition(space).kind == Kind::Space => Some(space),
            _ => None,
        }
    }

    /// What one part of a choice's name means: a block, a `let`, an alternative, a called operator.
    fn choice_part(&self, file: FileId, arch: usize, before: &[String], name: &str) -> Option<Symbol> {
        self.part(self.choice_around(file, arch, before)?, name).map(|(symbol, _)| symbol)
    }

    /// What the parts of a choice's name lead to, and where what it holds is written.
    fn choice_around(&self, file: FileId, arch: usize, parts: &[String]) -> Option<(Symbol, Range<usize>)> {
        let space = self.space_of(file, arch)?;
        let mut around = (space, self.definition(space).extent.clone());
        for part in parts.iter().filter(|part| !is_place(part)) {
            around = self.part(around, part)?.1;
        }
        Some(around)
    }

    /// What a part of a choice's name is looked for in: in `d.fc.w` that of `w` is the operator `fc`.
    fn spoken_of(&self, file: FileId, used: usize) -> Option<(Symbol, Range<usize>)> {
        match &self.file(file).uses[used].role {
            Role::Choice { arch, before } => self.choice_around(file, *arch, before),
            Role::Member(Base::Use(base)) if is_place(&self.file(file).uses[*base].name) => self.spoken_of(file, *base),
            Role::Member(Base::Use(base)) => match self.meaning(file, *base)? {
                Meaning::Symbol(symbol) => Some((symbol, self.definition(symbol).extent.clone())),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether a use that means an operator speaks of the alternative that a call of it is: of a label, which the
    /// alternative would keep under another name of the operator.
    pub(crate) fn is_label(&self, file: FileId, used: usize) -> bool {
        let Use { name, role, condition, .. } = &self.file(file).uses[used];
        match role {
            Role::Value => *condition,
            Role::ChoiceValue { .. } => true,
            Role::Choice { .. } | Role::Member(_) => self.spoken_of(file, used).is_some_and(|(of, range)| {
                let index = self.file(of.file);
                self.called(of, &range, name).is_some_and(|call| index.uses[call].label)
            }),
            _ => false,
        }
    }

    /// What is called `name` directly in a part of a file, and where what it holds is written.
    fn part(&self, (of, range): (Symbol, Range<usize>), name: &str) -> Option<(Symbol, (Symbol, Range<usize>))> {
        let index = self.file(of.file);
        let inside = |span: &Range<usize>| range.start <= span.start && span.end <= range.end;
        let named = |d: &&Definition| {
            d.name == name
                && inside(&d.span)
                && d.extent != range
                && matches!(
                    d.kind,
                    Kind::Let | Kind::Shared | Kind::Width | Kind::Block | Kind::Stem | Kind::Alternative | Kind::Out
                )
        };
        // A part of the stem comes before the output that continues it; the output holds the choices.
        let order = |d: &&Definition| if d.kind == Kind::Out { usize::MAX - d.span.start } else { d.span.start };
        let nearest = index.definitions.iter().filter(named).min_by_key(|d| (depth(index, d), order(d)));
        if let Some(d) = nearest {
            let definition = index.definitions.iter().position(|other| std::ptr::eq(other, d))?;
            let symbol = Symbol { file: of.file, definition: index.canonical(definition) };
            return Some((symbol, (symbol, d.extent.clone())));
        }
        let Some(used) = self.called(of, &range, name) else {
            return self.part(self.pattern_of(of)?, name);
        };
        match self.meaning(of.file, used)? {
            Meaning::Symbol(symbol) => Some((symbol, (symbol, self.definition(symbol).extent.clone()))),
            _ => None,
        }
    }

    /// The call, or the alternative, in a part of a file that a part of a choice's name speaks of: one that is no part
    /// of another, where there is one, and rather an alternative.
    fn called(&self, of: Symbol, range: &Range<usize>, name: &str) -> Option<usize> {
        let index = self.file(of.file);
        let called = numbered(name);
        let inside = |span: &Range<usize>| range.start <= span.start && span.end <= range.end;
        let parts: Vec<&Range<usize>> = index
            .definitions
            .iter()
            .filter(|d| matches!(d.kind, Kind::Let | Kind::Shared | Kind::Out | Kind::Alternative | Kind::Block))
            .map(|d| &d.extent)
            .filter(|extent| inside(extent) && *extent != range)
            .collect();
        let spoken = |used: &Use| {
            inside(&used.span)
                && (used.name == name || Some(used.name.as_str()) == called && used.role == Role::Callee)
                && matches!(used.role, Role::Callee | Role::Value)
        };
        let found = (0..index.uses.len()).filter(|&used| spoken(&index.uses[used]));
        found.min_by_key(|&used| {
            let used = &index.uses[used];
            let apart = parts.iter().filter(|part| part.contains(&used.span.start)).count();
            (apart, !used.label, used.span.start)
        })
    }

    /// The block at the top level that a block of a space is `of`.
    fn pattern_of(&self, block: Symbol) -> Option<(Symbol, Range<usize>)> {
        let index = self.file(block.file);
        let of_block = Some(&index.definitions[block.definition]).filter(|d| d.kind == Kind::Block)?;
        let named = |used: &Use| used.role == Role::Item && of_block.extent.contains(&used.span.start);
        match self.meaning(block.file, index.uses.iter().position(named)?)? {
            Meaning::Symbol(pattern) => Some((pattern, self.definition(pattern).extent.clone())),
            _ => None,
        }
    }

    /// What stands for a value in an architecture: an alternative, a source of a pick.
    fn choice_value(&self, file: FileId, arch: usize, choice: &[String], name: &str) -> Option<Symbol> {
        let (last, before) = choice.split_last()?;
        let symbol = self.choice_part(file, arch, before, last)?;
        let extent = self.definition(symbol).extent.clone();
        if let Some((value, _)) = self.part((symbol, extent.clone()), name) {
            return Some(value);
        }
        let index = self.file(symbol.file);
        let local = index.local(index.scope_at(extent.end), name, extent.end);
        let block = || {
            let of_space = |d: &Definition| d.name == name && matches!(d.kind, Kind::Block | Kind::Stem);
            let around = &self.definition(self.space_of(file, arch)?).extent;
            let found = |d: &Definition| of_space(d) && around.contains(&d.span.start);
            index.definitions.iter().position(found)
        };
        local.or_else(block).map(|definition| Symbol { file: symbol.file, definition })
    }

    /// Every place that names this, its definitions first.
    pub fn occurrences(&self, symbol: Symbol) -> Vec<Occurrence> {
        let mut out = Vec::new();
        for (file, index) in self.files() {
            let span = |range: &Range<usize>| Span::new(file, range.start, range.end);
            if file == symbol.file {
                let same = |(at, _): &(usize, &Definition)| index.canonical(*at) == symbol.definition;
                let defined = index.definitions.iter().enumerate().filter(same);
                out.extend(defined.map(|(_, d)| Occurrence { span: span(&d.span), definition: true }));
            }
        }
        let name = &self.definition(symbol).name;
        for (file, index) in self.files() {
            for (at, used) in index.uses.iter().enumerate() {
                let named = used.name == *name || numbered(&used.name) == Some(name);
                if named && self.meaning(file, at) == Some(Meaning::Symbol(symbol)) {
                    let span = Span::new(file, used.span.start, used.span.start + name.len());
                    out.push(Occurrence { span, definition: false });
                }
            }
        }
        out
    }
}

/// What the second call of an operator in one place is called without its number: `fc` for `fc_2`.
fn numbered(name: &str) -> Option<&str> {
    let (called, number) = name.rsplit_once('_')?;
    (!number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())).then_some(called)
}

/// Whether a part of a choice's name says where it is and is no name: iterations are numbered, and so are logits by what they are of.
fn is_place(part: &str) -> bool {
    part.starts_with("turn_") || part == "logit" || part.starts_with("logit_") || part.starts_with("auxiliary_")
}

/// A place that names something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occurrence {
    pub span: Span,
    pub definition: bool,
}

/// How many definitions are around one.
fn depth(index: &FileIndex, d: &Definition) -> usize {
    std::iter::successors(d.owner, |&owner| index.definitions[owner].owner).count()
}
