//! The arithmetic that ops of the tiled backend share: loops over slices of `f32`, samples last, compiled for the vector
//! unit of the machine.
//!
//! Lives here: functions of slices. Never: plans, steps, or which op calls them.

pub(super) mod attention;
pub(crate) mod elementwise;
pub(super) mod fields;
pub(crate) mod gemm;
pub(super) mod gram;
pub(crate) mod lanes;
pub(super) mod linear;
pub(super) mod matmul;
pub(crate) mod moments;
pub(super) mod norm;
pub(crate) mod pool;
pub(super) mod products;
pub(super) mod rows;
pub(crate) mod simd;
pub(super) mod softmax;
pub(super) mod vectors;
