//! What a primitive is called with in the language.

use super::Primitive;

/// A kind of argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wants {
    Dense,
    Sparse,
    Square,
    /// A square tensor, or a sparse one with as many numbers a field as it has fields.
    Matrix,
    /// Dense or sparse.
    Tensor,
    /// A categorical input, or a sequence.
    Categorical,
    Sequence,
    Size,
    /// `on` or `off`, the same for every architecture.
    Switch,
    /// A number that is the same for every architecture.
    Number,
    /// A number of at least 0 and below 1 that is the same for every architecture.
    Share,
    /// A number above 0 that is the same for every architecture.
    Positive,
    /// Widths to choose from, for each column.
    Widths,
}

impl Wants {
    pub fn words(self) -> &'static str {
        match self {
            Wants::Dense => "a dense tensor",
            Wants::Sparse => "a sparse tensor",
            Wants::Square => "a square tensor",
            Wants::Matrix => "a square tensor, or a sparse one that is square",
            Wants::Tensor => "a tensor",
            Wants::Categorical => "a categorical input",
            Wants::Sequence => "a sequence",
            Wants::Size => "a size",
            Wants::Switch => "`on` or `off`",
            Wants::Number => "a number",
            Wants::Share => "a number of at least 0 and below 1",
            Wants::Positive => "a number above 0",
            Wants::Widths => "widths to choose from",
        }
    }

    /// Whether it is a number that is the same for every architecture.
    pub fn is_number(self) -> bool {
        matches!(self, Wants::Number | Wants::Share | Wants::Positive)
    }

    /// Whether such a number may be this one.
    pub fn takes(self, number: f64) -> bool {
        match self {
            Wants::Share => (0.0..1.0).contains(&number),
            Wants::Positive => number > 0.0,
            _ => true,
        }
    }
}

/// What an argument is when it is left out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Default {
    Required,
    Switch(bool),
    Number(f64),
    /// Nothing is said of it.
    Absent,
}

/// The deviation that first values are drawn with.
pub(crate) const DEVIATION: &str = "deviation";

/// The widths that each column may have.
pub(crate) const EACH: &str = "each";

/// A parameter of a signature: its name, what it takes, and what it is when it is left out.
pub(crate) type Param = (&'static str, Wants, Default);

/// A primitive as the language knows it.
///
/// Tensors among the arguments are its operands, in their order. Sizes, and the fields of a categorical input or the places of a sequence, are the axes
/// that are given to its shape rule; [`EACH`] is none of its own: a schema makes of it a lookup for each column. Switches and numbers are its attributes; a number that is called as one of its
/// parameters is that parameter's initial value, and [`DEVIATION`] is what they are drawn with.
pub(crate) struct Signature {
    pub name: &'static str,
    pub params: &'static [Param],
    /// What it computes, in a sentence.
    pub meaning: &'static str,
    /// The primitive with these attributes.
    pub make: fn(&Constants) -> Primitive,
}

/// An argument that is the same for every architecture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Constant {
    Switch(bool),
    Number(f64),
}

/// The switches and numbers of a call, by name, defaults included.
#[derive(Clone, Debug)]
pub(crate) struct Constants(pub Vec<(&'static str, Constant)>);

impl Constants {
    fn get(&self, name: &str) -> Option<Constant> {
        self.0.iter().find(|(known, _)| *known == name).map(|&(_, constant)| constant)
    }

    pub fn switch(&self, name: &str) -> bool {
        matches!(self.get(name), Some(Constant::Switch(true)))
    }

    pub fn number(&self, name: &str) -> Option<f64> {
        match self.get(name) {
            Some(Constant::Number(number)) => Some(number),
            _ => None,
        }
    }
}

pub(super) const X: Param = ("x", Wants::Tensor, Default::Required);
pub(super) const DENSE: Param = ("x", Wants::Dense, Default::Required);
pub(super) const SPARSE: Param = ("s", Wants::Sparse, Default::Required);
pub(super) const LEFT: Param = ("a", Wants::Sparse, Default::Required);
pub(super) const RIGHT: Param = ("b", Wants::Sparse, Default::Required);
pub(super) const BIAS: Param = ("bias", Wants::Switch, Default::Switch(true));

/// A size that is always said.
pub(super) const fn size(name: &'static str) -> Param {
    (name, Wants::Size, Default::Required)
}
