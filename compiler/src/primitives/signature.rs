//! What a primitive is called in the language, what it takes, and the rule from operands to result.

use smallvec::SmallVec;

use super::{Primitive, attention, elementwise, inputs, linear, norm, pairwise, products, rows, shape};
use crate::ir::{AxisRef, Expressions, SizeId, TemplateKind, TensorKind};
use crate::plan::Init;

/// A kind of argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wants {
    Dense,
    Sparse,
    Square,
    /// Dense or sparse.
    Tensor,
    Categorical,
    Size,
    /// `on` or `off`, the same for every architecture.
    Switch,
    /// A number that is the same for every architecture.
    Number,
}

impl Wants {
    pub fn words(self) -> &'static str {
        match self {
            Wants::Dense => "a dense tensor",
            Wants::Sparse => "a sparse tensor",
            Wants::Square => "a square tensor",
            Wants::Tensor => "a tensor",
            Wants::Categorical => "a categorical input",
            Wants::Size => "a size",
            Wants::Switch => "`on` or `off`",
            Wants::Number => "a number",
        }
    }
}

/// What an argument is when it is left out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Default {
    Required,
    Switch(bool),
    Number(f64),
}

/// An argument as the rule receives it: of the kind that the signature wants.
#[derive(Clone, Debug)]
pub(crate) enum Bound {
    Tensor { tensor: TensorKind, axes: SmallVec<[AxisRef; 2]> },
    Categorical,
    Size(SizeId),
    Switch(bool),
    Number(f64),
}

impl Bound {
    pub fn axes(&self) -> &[AxisRef] {
        match self {
            Bound::Tensor { axes, .. } => axes,
            _ => &[],
        }
    }

    pub fn tensor(&self) -> TensorKind {
        match self {
            Bound::Tensor { tensor, .. } => *tensor,
            _ => TensorKind::Dense,
        }
    }

    pub fn size(&self, ex: &mut Expressions) -> SizeId {
        match self {
            Bound::Size(size) => *size,
            _ => ex.constant(0.0),
        }
    }

    pub fn switch(&self) -> bool {
        matches!(self, Bound::Switch(true))
    }

    pub fn number(&self) -> f64 {
        match self {
            Bound::Number(number) => *number,
            _ => 0.0,
        }
    }
}

/// A primitive applied: its result, its parameters, and what must be true of its operands.
#[derive(Debug)]
pub(crate) struct Built {
    pub primitive: Primitive,
    pub tensor: TensorKind,
    pub axes: SmallVec<[AxisRef; 2]>,
    pub params: Vec<NewParam>,
    /// Sizes that must be equal under every assignment.
    pub equal: Vec<(SizeId, SizeId)>,
}

#[derive(Debug)]
pub(crate) struct NewParam {
    pub name: &'static str,
    pub axes: SmallVec<[AxisRef; 2]>,
    pub init: Init,
    pub kind: TemplateKind,
}

impl Built {
    pub fn new(primitive: Primitive, tensor: TensorKind, axes: impl IntoIterator<Item = AxisRef>) -> Self {
        Self { primitive, tensor, axes: axes.into_iter().collect(), params: Vec::new(), equal: Vec::new() }
    }

    #[must_use]
    pub fn param(mut self, name: &'static str, axes: impl IntoIterator<Item = AxisRef>, init: Init) -> Self {
        let axes = axes.into_iter().collect();
        self.params.push(NewParam { name, axes, init, kind: TemplateKind::Dense });
        self
    }
}

type Rule = fn(&mut Expressions, &[Bound]) -> Built;

/// A primitive as the language knows it.
pub(crate) struct Signature {
    pub name: &'static str,
    pub params: &'static [(&'static str, Wants, Default)],
    pub rule: Rule,
}

const X: (&str, Wants, Default) = ("x", Wants::Tensor, Default::Required);
const DENSE: (&str, Wants, Default) = ("x", Wants::Dense, Default::Required);
const LEFT: (&str, Wants, Default) = ("a", Wants::Sparse, Default::Required);
const RIGHT: (&str, Wants, Default) = ("b", Wants::Sparse, Default::Required);
const SPARSE: (&str, Wants, Default) = ("s", Wants::Sparse, Default::Required);

/// `concat`, `+`, `-` and `*` are not here: they take any number of operands, some of them optional.
const SIGNATURES: &[Signature] = &[
    Signature {
        name: "embed",
        params: &[("fields", Wants::Categorical, Default::Required), ("dim", Wants::Size, Default::Required)],
        rule: inputs::embed,
    },
    Signature {
        name: "linear",
        params: &[X, ("width", Wants::Size, Default::Required), ("bias", Wants::Switch, Default::Switch(true))],
        rule: linear::linear,
    },
    Signature {
        name: "linear_fields",
        params: &[SPARSE, ("fields", Wants::Size, Default::Required), ("bias", Wants::Switch, Default::Switch(true))],
        rule: linear::linear_fields,
    },
    Signature { name: "layer_norm", params: &[X, norm::SCALE, norm::EPS], rule: norm::layer_norm },
    Signature { name: "layer_norm_fields", params: &[SPARSE, norm::SCALE, norm::EPS], rule: norm::layer_norm_fields },
    Signature { name: "relu", params: &[X], rule: elementwise::relu },
    Signature { name: "sigmoid", params: &[X], rule: elementwise::sigmoid },
    Signature { name: "square", params: &[X], rule: elementwise::square },
    Signature { name: "pad", params: &[DENSE, ("width", Wants::Size, Default::Required)], rule: shape::pad },
    Signature { name: "flatten", params: &[SPARSE], rule: shape::flatten },
    Signature {
        name: "rows",
        params: &[DENSE, ("fields", Wants::Size, Default::Required), ("dim", Wants::Size, Default::Required)],
        rule: shape::rows,
    },
    Signature { name: "sum_fields", params: &[SPARSE], rule: pairwise::sum_fields },
    Signature { name: "gram", params: &[SPARSE], rule: pairwise::gram },
    Signature {
        name: "lower_triangle",
        params: &[("x", Wants::Square, Default::Required)],
        rule: pairwise::lower_triangle,
    },
    Signature { name: "field_products", params: &[LEFT, RIGHT], rule: products::field_products },
    Signature { name: "pair_products", params: &[LEFT, RIGHT], rule: products::pair_products },
    Signature { name: "scale", params: &[X, ("by", Wants::Dense, Default::Required)], rule: rows::scale },
    Signature { name: "sum_last", params: &[X], rule: rows::sum_last },
    Signature { name: "mean_last", params: &[X], rule: rows::mean_last },
    Signature { name: "max_last", params: &[X], rule: rows::max_last },
    Signature { name: "shift", params: &[DENSE], rule: rows::shift },
    Signature {
        name: "multi_head_attention",
        params: &[SPARSE, ("heads", Wants::Number, Default::Number(8.0))],
        rule: attention::attention,
    },
];

pub(crate) fn find(name: &str) -> Option<&'static Signature> {
    SIGNATURES.iter().find(|signature| signature.name == name)
}

pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    SIGNATURES.iter().map(|signature| signature.name)
}
