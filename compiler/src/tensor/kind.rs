//! Kinds of tensors, their axes and their shapes.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

/// The logical shape of one sample, without the batch: dense `[width]`, sparse `[fields, dim]`, square `[n, n]`. Where
/// the batch lies in memory is a backend's affair.
pub type Shape = SmallVec<[usize; 2]>;

/// What a tensor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TensorKind {
    /// `[width]` a sample
    Dense,
    /// `[fields, dim]` a sample
    Sparse,
    /// `[n, n]` a sample: products of all pairs
    Square,
}

impl TensorKind {
    /// The word of the language.
    pub fn word(self) -> &'static str {
        match self {
            TensorKind::Dense => "dense",
            TensorKind::Sparse => "sparse",
            TensorKind::Square => "square",
        }
    }
}

/// The axis that a primitive works along.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Axis {
    /// The last axis of a sample: the width of a dense tensor, the embedding axis of a sparse one.
    Last,
    /// The field axis (the first) of a sparse tensor.
    Fields,
}

impl Axis {
    /// The axis' position in a sample's shape.
    pub fn index(self, rank: usize) -> usize {
        match self {
            Axis::Last => rank - 1,
            Axis::Fields => 0,
        }
    }
}
