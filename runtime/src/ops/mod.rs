//! What each primitive computes: one file an op, forward and back, in tiles on the CPU and on a device.
//!
//! Lives here: the ops and their registry; what an op says to each of the two backends (`tiled`, `device`); the loops
//! that ops share (`kernels`). Never: in which order a plan is executed and with how many threads (`backend`), where
//! parameters come from or what becomes of gradients (`supernet`), or names of operators.

pub(crate) mod device;
pub(crate) mod kernels;
pub(crate) mod tiled;

pub(crate) use batch_norm::unbiased;
use candle_core::{Result, Tensor};
pub(crate) use dropout::Mask;
use nasrec_compiler::primitives::Primitive;
use nasrec_compiler::streams::Key;
pub(crate) use tanh::tanh;

use device::{Back, Forward, Vjp};
use tiled::{Lowered, Site};

/// What a plan is computed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// What a trained model says: nothing is dropped out, and norms over the batch take the statistics that were kept.
    Trained,
    /// A training step with the random draws of this key, on the statistics of the batch.
    Step(Key),
    /// Only to find the statistics of the batch: nothing is dropped out.
    Statistics,
}

impl Mode {
    /// The key of random draws, where there are any.
    pub fn noise(self) -> Option<Key> {
        match self {
            Self::Step(key) => Some(key),
            Self::Trained | Self::Statistics => None,
        }
    }

    /// Whether norms over the batch take its own statistics.
    pub fn of_batch(self) -> bool {
        self != Self::Trained
    }
}

/// What the backward of an op reads besides the gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reads {
    /// The values of its operands.
    pub operands: bool,
    /// Its own value.
    pub output: bool,
}

impl Reads {
    pub const NOTHING: Self = Self { operands: false, output: false };
    pub const OPERANDS: Self = Self { operands: true, output: false };
    pub const OUTPUT: Self = Self { operands: false, output: true };
}

/// A primitive as the runtime sees it.
pub(crate) trait Op {
    /// What its reverse on a device reads besides the gradient.
    fn reads(&self) -> Reads {
        Reads::NOTHING
    }

    /// How the tiled backend computes a node of it.
    fn lower(&self, site: &Site<'_>) -> Lowered;

    /// What it has to know of all samples of a batch, where it takes the batch's own statistics: mean and variance of each
    /// position, `[2, …]`.
    fn statistics(&self, _x: &Tensor) -> Result<Option<Tensor>> {
        Ok(None)
    }

    /// Its value on a device.
    fn forward(&self, at: &Forward<'_>) -> Result<Tensor>;

    /// The derivatives of its operands and parameters there.
    fn backward(&self, at: &Back<'_>) -> Result<Vjp>;
}

/// Declares the module of each op and finds the op of a primitive.
macro_rules! ops {
    ($($module:ident::$Name:ident),* $(,)?) => {
        $(mod $module;)*

        /// The op of a primitive.
        pub(crate) fn of(primitive: &Primitive) -> &dyn Op {
            match primitive {
                $(Primitive::$Name(op) => op),*
            }
        }
    };
}

ops! {
    numeric::Numeric,
    embed::Embed,
    embed_numbers::EmbedNumbers,
    mask::Mask,
    linear::Linear,
    linear_each::LinearEach,
    layer_norm::LayerNorm,
    batch_norm::BatchNorm,
    relu::Relu,
    sigmoid::Sigmoid,
    tanh::Tanh,
    dropout::Dropout,
    stop_gradient::StopGradient,
    square::Square,
    add::Add,
    sub::Sub,
    mul::Mul,
    concat::Concat,
    pad::Pad,
    slice::Slice,
    flatten::Flatten,
    rows::Rows,
    sum_fields::SumFields,
    gram::Gram,
    lower_triangle::LowerTriangle,
    field_products::FieldProducts,
    pair_products::PairProducts,
    scale::Scale,
    reduce::Reduce,
    shift::Shift,
    attention::Attention,
    affine::Affine,
    map::Map,
    softmax::Softmax,
    weight::Weight,
    fill::Fill,
    transpose::Transpose,
    matmul::Matmul,
}
