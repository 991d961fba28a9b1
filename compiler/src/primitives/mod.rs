//! The primitives: what the language's operators are written over, and all that the runtime knows.
//!
//! Lives here: each primitive's meaning, shape rule, parameters and cost, side by side. Never: how a
//! primitive is computed (that is the runtime's), or an operator such as `fc` (that is a `.nasrec` file).

mod attention;
mod elementwise;
mod inputs;
mod linear;
mod norm;
mod pairwise;
mod products;
mod rows;
mod shape;
mod signature;

use serde::{Deserialize, Serialize};

pub(crate) use signature::{Bound, Built, Default, Wants, find, names};

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

/// How numbers are made one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reduction {
    Sum,
    Mean,
    /// The largest; equal ones share its derivative evenly.
    Max,
}

/// `B` is the batch; shapes are those of one sample.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Primitive {
    /// The numeric columns of the batch, `[numeric]`. No inputs.
    Numeric,
    /// One row of each field's table, `[fields, dim]`. Params: one table `[rows, dim]` a field, in
    /// field order. No inputs.
    Embed,
    /// `y = W x + b` along `axis`, other axes untouched. Params: `W [out, in]`, then `b [out]` if `bias`.
    Linear {
        axis: Axis,
        bias: bool,
    },
    /// `scale * (x - mean) / sqrt(var + eps) + shift` over `axis` (biased variance).
    /// Params: `scale`, `shift`, both `[size of axis]`.
    LayerNorm {
        axis: Axis,
        eps: f64,
    },
    Relu,
    Sigmoid,
    /// Element-wise sum of two or more tensors of one shape.
    Add,
    /// Element-wise `a - b`.
    Sub,
    /// Element-wise `a * b`.
    Mul,
    Square,
    /// One or more tensors joined along the first axis of a sample (width or fields).
    Concat,
    /// A dense tensor, zeros appended up to the node's width.
    Pad,
    /// `[n, e] -> [n e]`, row-major.
    Flatten,
    /// `[n e] -> [n, e]`, row-major: a dense tensor viewed as fields.
    Rows,
    /// `[n, e] -> [e]`, the sum over fields.
    SumFields,
    /// `[n, e] -> [n, n]`, all pairwise inner products `T Tᵀ`.
    Gram,
    /// `[h, e], [m, e] -> [h m, e]`: every field of the first times every field of the second, element by element; the
    /// first one's fields in the outer order.
    FieldProducts,
    /// `[n, e], [n, e] -> [n (n - 1) / 2, e]`: field `i` of the first times field `j` of the second, element by element,
    /// for `j < i`, row by row.
    PairProducts,
    /// Each row times its number: `[n, e], [n] -> [n, e]`; a dense tensor is one row, `[w], [1] -> [w]`.
    Scale,
    /// Each row made one number: `[n, e] -> [n]`; a dense tensor is one row, `[w] -> [1]`.
    Reduce {
        by: Reduction,
    },
    /// `x + b`, `[w] -> [w]`. Params: `b [w]`.
    Shift,
    /// `[n, n] -> [n (n - 1) / 2]`, the strictly lower triangle, row by row.
    LowerTriangle,
    /// Multi-head self-attention over fields, `[n, e] -> [n, e]` (the layout of PyTorch's
    /// `MultiheadAttention`, no mask, no dropout, scale `1 / sqrt(e / heads)`). Params: the stacked
    /// query, key and value projection `[3 e, e]` and its bias `[3 e]`, then the output projection
    /// `[e, e]` and its bias `[e]`.
    Attention {
        heads: usize,
    },
}

impl Primitive {
    /// Its name in the language, or the operation that it stands for.
    pub fn name(self) -> &'static str {
        match self {
            Primitive::Numeric => "numeric",
            Primitive::Embed => "embed",
            Primitive::Linear { axis: Axis::Last, .. } => "linear",
            Primitive::Linear { axis: Axis::Fields, .. } => "linear_fields",
            Primitive::LayerNorm { axis: Axis::Last, .. } => "layer_norm",
            Primitive::LayerNorm { axis: Axis::Fields, .. } => "layer_norm_fields",
            Primitive::Relu => "relu",
            Primitive::Sigmoid => "sigmoid",
            Primitive::Add => "add",
            Primitive::Sub => "subtract",
            Primitive::Mul => "multiply",
            Primitive::Square => "square",
            Primitive::Concat => "concat",
            Primitive::Pad => "pad",
            Primitive::Flatten => "flatten",
            Primitive::Rows => "rows",
            Primitive::SumFields => "sum_fields",
            Primitive::Gram => "gram",
            Primitive::FieldProducts => "field_products",
            Primitive::PairProducts => "pair_products",
            Primitive::Scale => "scale",
            Primitive::Reduce { by: Reduction::Sum } => "sum_last",
            Primitive::Reduce { by: Reduction::Mean } => "mean_last",
            Primitive::Reduce { by: Reduction::Max } => "max_last",
            Primitive::Shift => "shift",
            Primitive::LowerTriangle => "lower_triangle",
            Primitive::Attention { .. } => "multi_head_attention",
        }
    }

    /// Multiply-accumulates a sample, counted as the paper does: products of matrices only; biases,
    /// lookups and element-wise work count nothing.
    ///
    /// `input` is the shape of its first operand, and empty where it has none; no formula needs another one. Never less
    /// for larger sizes: bounds over a space rest on that.
    pub fn macs(self, input: &[usize], output: &[usize]) -> u64 {
        match self {
            Primitive::Linear { axis, .. } => linear::macs(axis, input, output),
            Primitive::Gram => pairwise::gram_macs(input),
            Primitive::Attention { .. } => attention::macs(input),
            _ => 0,
        }
    }

    /// Whether it counts multiply-accumulates at all: then it does so at the least sizes, for operands and results of so
    /// many axes.
    pub fn multiplies(self, input: usize, output: usize) -> bool {
        let ones = [1; 2];
        self.macs(&ones[..input.min(2)], &ones[..output.min(2)]) > 0
    }
}
