//! The primitives and the executors of a plan.
//!
//! Lives here: one file a primitive (or tight family) with its fused CPU kernel and, under `portable`, the same out of
//! candle's operations; the lowering of a plan; the two executors that run it forward and back. Never: where parameters
//! come from or what becomes of gradients (that is `supernet` and `train`), or names of operators.
//!
//! Samples are the last axis everywhere: dense `[w, B]`, sparse `[n, e, B]`, square `[n, n, B]`, row-major.

mod arena;
mod attention;
mod elementwise;
mod executor;
mod fields;
mod footprint;
mod gemm;
mod gradients;
mod gram;
mod inputs;
mod lanes;
mod linear;
mod loss;
mod lowering;
mod matmul;
mod norm;
mod portable;
mod products;
mod program;
mod rows;
mod simd;
mod tile;
mod tiled;
mod trainable;

#[cfg(test)]
mod cases;
#[cfg(test)]
pub(crate) mod sketch;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod values;

pub(crate) use arena::{lengthen, side_by_side};
pub use executor::Executor;
pub use footprint::Footprint;
pub use gradients::{Gradients, TableGradient};
pub use inputs::{Inputs, Parameters};
pub use loss::{cross_entropy, cross_entropy_gradient};
pub use portable::Portable;
pub use program::Program;
pub(crate) use simd::vectorised;
pub use tiled::Tiled;
pub use trainable::Trainable;
