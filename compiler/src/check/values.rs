//! What an expression can be while a space is written out.

use std::rc::Rc;

use petgraph::graph::NodeIndex;

use crate::diagnostics::{FileId, Span};
use crate::ir::{ChoiceId, CondId, InputId, SizeId, TensorKind};
use crate::syntax::tree::Name;

/// A tensor with the name of where it comes from, such as `b[2]`.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub label: String,
    pub node: NodeIndex,
}

#[derive(Clone, Debug)]
pub(crate) enum Value {
    Size(SizeId),
    Truth(CondId),
    List(Rc<Vec<Value>>),
    Range {
        lo: SizeId,
        hi: SizeId,
        step: Option<SizeId>,
    },
    Tensor(NodeIndex),
    /// A tensor that is there or not.
    Optional {
        choice: ChoiceId,
        node: NodeIndex,
    },
    /// Tensors to pick from.
    Sources(Rc<Vec<Source>>),
    /// Several of these tensors, as the choice says; not joined yet.
    Picked {
        choice: ChoiceId,
        lo: usize,
        sources: Rc<Vec<Source>>,
    },
    /// A categorical input.
    Categorical(InputId),
    /// A sequence input, before `embed`.
    Sequence(InputId),
    /// A block's instances, by index into the elaborator's families.
    Family(usize),
    /// Some instances of a block, by their numbers.
    Instances(Rc<Vec<(i64, Value)>>),
    /// One block instance or stem: its outputs by name.
    Instance(Rc<Vec<(String, NodeIndex)>>),
    /// A call whose parameters all its uses have in common.
    Shared(Rc<Shared>),
    /// `width in [0, 8]`: widths for each of several things, and where they are written.
    Widths(Rc<Vec<i64>>, Span),
    /// Its definition has a mistake, which was told there.
    Spoilt,
}

/// The kinds of statements that nodes are told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Stem,
    Logit,
    Other,
}

/// A call with places left open, and where it is defined: there its parameters and choices belong.
#[derive(Debug)]
pub(crate) struct Shared {
    pub callee: Name,
    /// What was given at the definition; `None` for each `_`.
    pub args: Vec<(Option<Name>, Option<Value>, Span)>,
    pub file: FileId,
    pub path: Vec<String>,
    pub turns: Vec<usize>,
    pub part: Part,
    pub block: Option<String>,
    pub parents: Vec<(ChoiceId, u64)>,
}

/// A value with its name's place.
#[derive(Clone, Debug)]
pub(crate) struct Binding {
    pub value: Value,
    pub span: Span,
}

/// A parameter of a space with what it was given.
#[derive(Clone, Debug)]
pub(crate) struct Param {
    pub name: String,
    pub source: String,
}

impl Value {
    /// Whether it is a tensor, or would be one where it is there and joined.
    pub fn is_tensor(&self) -> bool {
        matches!(self, Value::Tensor(_) | Value::Optional { .. } | Value::Picked { .. })
    }

    /// In the reader's words, with its article.
    pub fn describe(&self, tensor: impl Fn(NodeIndex) -> TensorKind) -> String {
        match self {
            Value::Size(_) => "a number".to_owned(),
            Value::Truth(_) => "a condition".to_owned(),
            Value::List(_) => "a list".to_owned(),
            Value::Range { .. } => "a range".to_owned(),
            Value::Tensor(node) => format!("a {} tensor", tensor(*node).word()),
            Value::Optional { node, .. } => format!("a {} tensor that may be absent", tensor(*node).word()),
            Value::Sources(_) => "a list of tensors to pick from".to_owned(),
            Value::Picked { .. } => "several picked tensors".to_owned(),
            Value::Categorical(_) => "a categorical input".to_owned(),
            Value::Sequence(_) => "a sequence".to_owned(),
            Value::Instances(_) => "instances of a block".to_owned(),
            Value::Family(_) => "a block".to_owned(),
            Value::Instance(_) => "a block instance".to_owned(),
            Value::Shared(_) => "a shared call".to_owned(),
            Value::Widths(..) => "a width for each column".to_owned(),
            Value::Spoilt => "something with a mistake".to_owned(),
        }
    }
}
