//! The primitives: what the language's operators are written over, and all that the runtime knows.
//!
//! Lives here: one file a primitive with all that the compiler knows of it (what it is called with, its attributes, its
//! shape rule, its parameters and its cost), and the registry that makes one type of them. Never: how a primitive is
//! computed (that is the runtime's), what is still open in a space (`ir`), or an operator such as `fc` (that is a
//! `.nasrec` file).

mod algebra;
mod op;
mod registry;
mod signature;

pub(crate) use algebra::{Algebra, Applied, Concrete, Demand, Operand};
pub use map::Function;
pub(crate) use map::OF_BOTH;
pub(crate) use op::{Op, elementwise, inner_product, values};
pub use reduce::Reduction;
pub(crate) use signature::{Constant, Constants, DEVIATION, Default, EACH, Signature, Wants};

pub use crate::tensor::Axis;

registry::primitives! {
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
    numeric::Numeric,
    concat::Concat,
    add::Add,
    sub::Sub,
    mul::Mul,
    affine::Affine,
    map::Map,
    softmax::Softmax,
    weight::Weight,
    fill::Fill,
    transpose::Transpose,
    matmul::Matmul,
}

impl Primitive {
    /// Whether it counts multiply-accumulates at all: then it does so at the least sizes, for operands and results of so
    /// many axes.
    pub fn multiplies(self, input: usize, output: usize) -> bool {
        let ones = [1; 2];
        self.macs(&ones[..input.min(2)], &ones[..output.min(2)]) > 0
    }

    /// Whether it does arithmetic, for operands and results of so many axes: see [`Op::ops`].
    pub(crate) fn calculates(self, input: usize, output: usize) -> bool {
        let twos = [2; 2];
        self.ops(2, &twos[..input.min(2)], &twos[..output.min(2)]) > 0
    }

    /// Whether something that is counted of it follows from the shape of its first operand, and not from that of its result
    /// alone; for operands and results of so many axes.
    pub(crate) fn asks_input(self, input: usize, output: usize) -> bool {
        let (twos, threes) = ([2; 2], [3; 2]);
        let [twos, threes] = [&twos, &threes].map(|sizes| &sizes[..input.min(2)]);
        let output = &[2; 2][..output.min(2)];
        self.macs(twos, output) != self.macs(threes, output) || self.ops(2, twos, output) != self.ops(2, threes, output)
    }

    /// Whether it puts its operands together: of one operand it is that one, and no node of a plan.
    pub(crate) fn joins(self) -> bool {
        matches!(self, Primitive::Add(_) | Primitive::Concat(_))
    }
}

/// The primitive that is called so in the language.
pub(crate) fn find(name: &str) -> Option<&'static Signature> {
    signatures().find(|signature| signature.name == name)
}

/// What primitives are called in the language. `concat`, `+`, `-` and `*` are not among them: they take any number of
/// operands, some of them optional.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    signatures().map(|signature| signature.name)
}

fn signatures() -> impl Iterator<Item = &'static Signature> {
    SIGNATURES.iter().flat_map(|of_one| of_one.iter())
}
