//! What one file names: definitions, uses and scopes, each with its place.
//!
//! Made of tokens rather than of the syntax tree, so that a file with mistakes has an index too, and so that most
//! changes of the grammar need no change here.

use std::ops::Range;

/// What a name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `const name = value`
    Const,
    /// `op name(params) = body`
    Op,
    /// `space name(params) { … }`
    Space,
    /// `schema name { … }`
    Schema,
    /// `search name …`
    Search,
    /// `train name …`
    Train,
    /// `arch name of space { … }`
    Arch,
    /// A block at the top level, which spaces instantiate.
    Pattern,
    /// Claims; nothing refers to them.
    Test,
    /// An item of a kind that the index does not know.
    Item,
    /// A parameter of an operator, which has a type.
    OpParam,
    /// A parameter of a space or of a block at the top level.
    SpaceParam,
    /// `input name: kind`
    Input,
    /// `width name in values`
    Width,
    /// `let name = value`
    Let,
    /// A shared call.
    Shared,
    /// The number of a block's instance, or what a `for` goes over.
    Number,
    /// `block name[range]` in a space.
    Block,
    /// `after name { … }`: what the first instances of a block read.
    Stem,
    /// An output of a block: `out name = …`, or a part of the stem that it continues.
    Out,
    /// What one iteration of a `repeat` is given.
    Turn,
    /// A label in a `choose`.
    Alternative,
    /// Columns of a schema.
    Column,
}

impl Kind {
    /// Whether it is visible in the whole file, and to those that import it.
    pub(crate) fn is_item(self) -> bool {
        use Kind::{Arch, Const, Item, Op, Pattern, Schema, Search, Space, Train};
        matches!(self, Const | Op | Space | Pattern | Schema | Search | Train | Arch | Item)
    }

    /// In the reader's words.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Const => "constant",
            Kind::Op => "operator",
            Kind::Space => "space",
            Kind::Schema => "schema",
            Kind::Search => "search",
            Kind::Train => "training",
            Kind::Arch => "architecture",
            Kind::Pattern => "block",
            Kind::Test => "test",
            Kind::Item => "item",
            Kind::OpParam | Kind::SpaceParam => "parameter",
            Kind::Input => "input",
            Kind::Width => "width",
            Kind::Let => "let",
            Kind::Shared => "shared call",
            Kind::Number => "number",
            Kind::Block => "block",
            Kind::Stem => "stem",
            Kind::Out => "output",
            Kind::Turn => "iteration's value",
            Kind::Alternative => "alternative",
            Kind::Column => "columns",
        }
    }
}

/// A place where something gets its name. Places are byte ranges of the file.
#[derive(Clone, Debug)]
pub struct Definition {
    pub kind: Kind,
    pub name: String,
    pub span: Range<usize>,
    /// All of it, from its keyword to its end.
    pub extent: Range<usize>,
    /// Where in the file its value starts; a type, a default or a list of choices is there too.
    pub value: usize,
    pub scope: usize,
    /// Its name means it from here on.
    pub from: usize,
    /// The definition around it.
    pub owner: Option<usize>,
}

/// What a `.` follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// `earlier`.
    Earlier,
    /// The name in this use, with or without an index.
    Use(usize),
    Unknown,
}

/// How a name is used, which decides where its definition is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// A value.
    Value,
    /// What is called: an operator or a primitive.
    Callee,
    /// A space, a schema or a search.
    Item,
    /// In an import, by position in [`FileIndex::imports`].
    Imported(usize),
    /// The name of an argument of the call whose callee is this use.
    Argument(usize),
    Member(Base),
    /// A part of a choice in an architecture, with what stands before it.
    Choice {
        arch: usize,
        before: Vec<String>,
    },
    /// In the value that an architecture gives to a choice.
    ChoiceValue {
        arch: usize,
        choice: Vec<String>,
    },
}

/// A place where a name is used.
#[derive(Clone, Debug)]
pub struct Use {
    pub name: String,
    pub span: Range<usize>,
    pub scope: usize,
    pub role: Role,
    /// The definition around it.
    pub owner: Option<usize>,
    /// Whether it stands in a condition: there a word may be a label, and only the language's functions are called.
    pub condition: bool,
    /// Whether it is what a call without a label gives its alternative as one: `fc` of `choose { fc(x, w) }`.
    pub label: bool,
}

/// A part of the file with names of its own.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    pub range: Range<usize>,
    pub parent: Option<usize>,
    /// The definition that it belongs to.
    pub owner: Option<usize>,
}

/// `import "path" { names }`
#[derive(Clone, Debug)]
pub(crate) struct Imported {
    pub path: String,
    /// The path with its quotes.
    pub span: Range<usize>,
    /// Empty where everything is imported.
    pub names: Vec<String>,
}

/// The head of `arch name of space`.
#[derive(Clone, Debug)]
pub(crate) struct ArchHead {
    pub definition: usize,
    /// The use that names the space.
    pub space: Option<usize>,
    /// Where its body opens.
    pub body: usize,
}

/// What one file names.
#[derive(Clone, Debug, Default)]
pub struct FileIndex {
    /// Every place that gives something its name.
    pub definitions: Vec<Definition>,
    /// Every name that is used, with what it is used for.
    pub uses: Vec<Use>,
    /// The first is the file.
    pub(crate) scopes: Vec<Scope>,
    pub(crate) imports: Vec<Imported>,
    pub(crate) archs: Vec<ArchHead>,
}

impl FileIndex {
    /// The innermost scope at a place.
    pub(crate) fn scope_at(&self, at: usize) -> usize {
        let inside = |scope: &&Scope| scope.range.start <= at && at <= scope.range.end;
        let innermost = self.scopes.iter().filter(inside).min_by_key(|scope| scope.range.len());
        innermost.and_then(|scope| self.scopes.iter().position(|s| std::ptr::eq(s, scope))).unwrap_or(0)
    }

    /// A scope and those around it, innermost first.
    pub(crate) fn scopes_from(&self, scope: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(scope), |&scope| self.scopes.get(scope).and_then(|scope| scope.parent))
    }

    /// The local definition that a name means at a place.
    pub(crate) fn local(&self, scope: usize, name: &str, at: usize) -> Option<usize> {
        self.scopes_from(scope).filter(|&scope| scope != 0).find_map(|scope| {
            let here = |d: &Definition| d.scope == scope && d.name == name && d.from <= at && is_value(d.kind);
            self.definitions.iter().rposition(here)
        })
    }

    /// The local definitions that can be named at a place, innermost first; what an inner one hides is left out.
    pub(crate) fn locals(&self, at: usize) -> Vec<usize> {
        let mut out: Vec<usize> = Vec::new();
        for scope in self.scopes_from(self.scope_at(at)).filter(|&scope| scope != 0) {
            for (index, d) in self.definitions.iter().enumerate() {
                let hidden = out.iter().any(|&other| self.definitions[other].name == d.name);
                if d.scope == scope && d.from <= at && is_value(d.kind) && !hidden {
                    out.push(index);
                }
            }
        }
        out
    }

    /// The item of this name that the file defines.
    pub(crate) fn item(&self, name: &str) -> Option<usize> {
        self.definitions.iter().position(|d| d.kind.is_item() && d.name == name)
    }

    /// The definition around a place that is of one of these kinds.
    pub(crate) fn around(&self, at: usize, kinds: &[Kind]) -> Option<usize> {
        let inside = |d: &&Definition| kinds.contains(&d.kind) && d.extent.start <= at && at <= d.extent.end;
        let innermost = self.definitions.iter().filter(inside).min_by_key(|d| d.extent.len())?;
        self.definitions.iter().position(|d| std::ptr::eq(d, innermost))
    }

    /// The first place that names an output of a block: all of them are one thing.
    pub(crate) fn canonical(&self, definition: usize) -> usize {
        let d = &self.definitions[definition];
        if d.kind != Kind::Out {
            return definition;
        }
        let same = |o: &Definition| o.kind == Kind::Out && o.owner == d.owner && o.name == d.name;
        self.definitions.iter().position(same).unwrap_or(definition)
    }

    /// The outputs of a block, each once.
    pub(crate) fn outputs(&self, block: usize) -> Vec<usize> {
        let of_block = |&i: &usize| {
            let d = &self.definitions[i];
            d.kind == Kind::Out && d.owner == Some(block) && self.canonical(i) == i
        };
        (0..self.definitions.len()).filter(of_block).collect()
    }

    /// The parameters of an operator or a space, in order.
    pub(crate) fn params(&self, owner: usize) -> impl Iterator<Item = usize> {
        (0..self.definitions.len()).filter(move |&i| {
            let d = &self.definitions[i];
            d.owner == Some(owner) && matches!(d.kind, Kind::OpParam | Kind::SpaceParam)
        })
    }
}

/// Whether it is found by its name alone.
fn is_value(kind: Kind) -> bool {
    !matches!(kind, Kind::Out | Kind::Alternative | Kind::Column | Kind::Test)
}
