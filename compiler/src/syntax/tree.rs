//! The syntax tree: what was written, with its places, and no meaning.

use serde::Serialize;

use crate::diagnostics::Span;

/// A name, or the path of an import, where it is written.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Name {
    /// Without quotes.
    pub text: String,
    /// Where it is; with the quotes, where it has them.
    pub span: Span,
}

/// One file: its items by kind, each kind in source order.
#[derive(Clone, Debug, Default, Serialize)]
pub struct File {
    pub(crate) imports: Vec<Import>,
    pub(crate) consts: Vec<Const>,
    /// The operators that it defines.
    pub ops: Vec<Op>,
    pub(crate) spaces: Vec<SpaceItem>,
    pub(crate) patterns: Vec<Pattern>,
    pub(crate) schemas: Vec<SchemaItem>,
    pub(crate) searches: Vec<SearchItem>,
    /// Trainings of one model, which are written as searches are.
    pub(crate) trains: Vec<SearchItem>,
    pub(crate) archs: Vec<ArchItem>,
    pub(crate) tests: Vec<TestItem>,
    /// Names of items that could not be read.
    pub(crate) spoilt: Vec<String>,
    /// An import could not be read, so any name may come from it.
    pub(crate) incomplete: bool,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Import {
    pub path: Name,
    pub names: Vec<Name>,
    pub span: Span,
}

/// `const name = value`
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Const {
    pub docs: Vec<String>,
    pub name: Name,
    pub value: Expr,
}

/// `op name(params) -> type = body`
#[derive(Clone, Debug, Serialize)]
pub struct Op {
    /// The lines of its `///` comment, without the slashes.
    pub docs: Vec<String>,
    /// What it is called by.
    pub name: Name,
    pub(crate) params: Vec<OpParam>,
    pub(crate) result: Option<TypeOf>,
    pub(crate) body: Body,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct OpParam {
    pub name: Name,
    pub kind: TypeOf,
    pub default: Option<Expr>,
}

/// `dense[w]`, `sparse[n, e]`, `size`, …
#[derive(Clone, Debug, Serialize)]
pub(crate) struct TypeOf {
    pub name: Name,
    pub sizes: Vec<Expr>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Body {
    /// Each a `let`, a `width` or a `shared`.
    pub bindings: Vec<Statement>,
    pub value: Box<Expr>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct SpaceItem {
    pub docs: Vec<String>,
    pub name: Name,
    pub params: Vec<(Name, Expr)>,
    pub body: Vec<Statement>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Statement {
    /// `input name: kind from columns, …`
    Input {
        name: Name,
        kind: Name,
        /// Sections or columns of a schema; all columns of the kind where it names none.
        from: Vec<Columns>,
    },
    Width {
        name: Name,
        values: Expr,
    },
    Let {
        name: Name,
        value: Expr,
    },
    /// `shared name = callee(_, …)`
    Shared {
        name: Name,
        value: Expr,
    },
    Demand(Demand),
    Out {
        name: Name,
        value: Expr,
    },
    /// `logit name(of: label, weight: number) = value`, of which only the value is always there; `auxiliary` the same.
    Logit(Logit),
    Block(Block),
    /// Could not be read; it starts with these words.
    Unreadable {
        words: Vec<String>,
    },
}

/// What is predicted of one label, or learnt beside it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Logit {
    pub name: Option<Name>,
    /// Whether it is trained only.
    pub auxiliary: bool,
    pub args: Vec<Arg>,
    pub value: Expr,
    pub span: Span,
}

impl Logit {
    /// What it is, and what of what it says of itself is of the space; a label is of the schema.
    pub fn expressions(&self) -> impl Iterator<Item = &Expr> {
        let of_space = |arg: &&Arg| arg.name.as_ref().is_none_or(|name| name.text != "of");
        std::iter::once(&self.value).chain(self.args.iter().filter(of_space).map(|arg| &arg.value))
    }
}

/// What architectures must be, or must not be.
#[derive(Clone, Debug, Serialize)]
pub struct Demand {
    pub(crate) forbids: bool,
    /// Each for itself.
    pub(crate) conditions: Vec<Expr>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Block {
    pub name: Name,
    /// The name of an instance's number in its statements.
    pub number: Option<Name>,
    pub range: Expr,
    /// The pattern whose statements these instances have.
    pub of: Option<Reference>,
    /// The name of the stem and its parts.
    pub stem: Option<(Name, Vec<(Name, Expr)>)>,
    pub body: Vec<Statement>,
}

/// `block name(params) { … }` at the top level: statements that blocks of any space can have.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Pattern {
    pub docs: Vec<String>,
    pub name: Name,
    /// With their defaults.
    pub params: Vec<(Name, Option<Expr>)>,
    pub body: Vec<Statement>,
}

/// `test name { claims }`
#[derive(Clone, Debug, Serialize)]
pub(crate) struct TestItem {
    pub docs: Vec<String>,
    pub name: Name,
    pub claims: Vec<Expr>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct SchemaItem {
    pub docs: Vec<String>,
    pub name: Name,
    /// Of sections too, in the order of the file.
    pub lines: Vec<SchemaLine>,
    /// The names of sections.
    pub sections: Vec<Name>,
    /// A line could not be read, so what is not there may have been.
    pub incomplete: bool,
}

/// `keyword columns(arguments) from columns >= number: type | step | step`
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SchemaLine {
    /// The section that it stands in.
    pub section: Option<Name>,
    pub keyword: Name,
    /// At least one.
    pub columns: Vec<Columns>,
    pub args: Vec<Arg>,
    pub from: Option<Columns>,
    pub condition: Option<(Binary, Expr)>,
    pub written: Option<Written>,
    pub stages: Vec<(Name, Vec<Arg>)>,
    pub span: Span,
}

/// `name[range]`, or a name in quotes.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Columns {
    /// Without its quotes.
    pub name: Name,
    pub quoted: bool,
    pub range: Option<Expr>,
}

/// How a column is written: a name with arguments, or a pattern in quotes.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Written {
    /// Without its quotes.
    pub name: Name,
    pub quoted: bool,
    pub args: Vec<Arg>,
}

/// `name(arguments)` where a space is meant.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Reference {
    pub name: Name,
    pub args: Vec<Arg>,
}

/// A `search`, or a `train`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SearchItem {
    pub docs: Vec<String>,
    pub name: Name,
    /// The search, or the training, that this one extends.
    pub base: Option<Name>,
    /// The space, or the model, and the schema; of what is extended, where something is.
    pub over: Option<(Reference, Name)>,
    pub settings: Vec<Setting>,
    pub baselines: Vec<Reference>,
    /// What an architecture must be, and may cost.
    pub demands: Vec<Demand>,
    /// A setting could not be read, so what is not there may have been.
    pub incomplete: bool,
}

/// One `key: value`, its key with the sections around it.
#[derive(Clone, Debug, Serialize)]
pub struct Setting {
    pub(crate) path: Vec<Name>,
    pub(crate) value: SettingValue,
    pub(crate) span: Span,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SettingValue {
    Ratio(Vec<f64>),
    /// `by_time(8:1:1)`
    SharedBy(Name, Vec<f64>),
    Expr(Expr),
    /// A section was opened, so it is wanted even where it has no entries.
    Section,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct ArchItem {
    pub docs: Vec<String>,
    pub name: Name,
    pub space: Reference,
    pub schema: Option<Name>,
    pub made: Vec<Made>,
    /// It ends in `..`: what it does not decide stays open.
    pub open: bool,
    /// A line could not be read, so what is not there may have been.
    pub incomplete: bool,
}

/// One choice that an architecture makes.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Made {
    /// Such as `b[1].x`.
    pub choice: String,
    pub span: Span,
    pub value: Expr,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Arg {
    pub name: Option<Name>,
    pub value: Expr,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Expr {
    pub kind: ExprKind,
    pub span: Span,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ExprKind {
    Number(f64),
    /// As a share: `21%` is 0.21.
    Percent(f64),
    /// `64KiB`
    Bytes(f64),
    /// In seconds: `20min` is 1200.
    Duration(f64),
    Text(String),
    Switch(bool),
    Name(String),
    List(Vec<Expr>),
    Call {
        callee: Name,
        args: Vec<Arg>,
    },
    Member(Box<Expr>, Name),
    Index(Box<Expr>, Box<Expr>),
    Unary(Unary, Box<Expr>),
    Binary(Binary, Box<Expr>, Box<Expr>),
    Range {
        lo: Box<Expr>,
        hi: Box<Expr>,
        step: Option<Box<Expr>>,
    },
    Pick {
        count: Box<Expr>,
        from: Box<Expr>,
    },
    /// `count` alternatives are taken and added up; one where it is left out.
    Choose {
        count: Option<Box<Expr>>,
        alternatives: Vec<Alternative>,
    },
    /// `repeat number in count from start as name { body }`
    Repeat {
        /// What an iteration's number is called.
        number: Option<Name>,
        count: Box<Expr>,
        from: Box<Expr>,
        name: Name,
        body: Body,
    },
    /// Bindings, then a value.
    Body(Body),
    If {
        condition: Box<Expr>,
        then: Body,
        otherwise: Body,
    },
    Earlier(Name),
    /// `value for name in values …`, which only `all`, `any`, `sum` and `count` take.
    Each {
        value: Box<Expr>,
        loops: Vec<(Name, Expr)>,
    },
    /// `width in values`, as an argument: a width for each of several things.
    Widths(Box<Expr>),
    /// Could not be read; that has been told.
    Lost,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Alternative {
    pub label: Option<Name>,
    pub value: Expr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unary {
    Negate,
    Not,
    Maybe,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    Equal,
    Unequal,
    Less,
    Greater,
    AtMost,
    AtLeast,
    And,
    Or,
    Implies,
    /// A member of a set.
    In,
}
