//! A sparse tensor as a dense one. In tiles that computes nothing.

use candle_core::{Result, Tensor};
use nasrec_compiler::primitives::Flatten;

use super::Op;
use super::device::{Back, Forward, Vjp};
use super::tiled::{Lowered, Site};

impl Op for Flatten {
    fn lower(&self, _: &Site<'_>) -> Lowered {
        Lowered::View
    }

    fn forward(&self, at: &Forward<'_>) -> Result<Tensor> {
        at.inputs[0].flatten_from(1)
    }

    fn backward(&self, at: &Back<'_>) -> Result<Vjp> {
        Ok(Vjp::of([at.dy.reshape(at.full_shape(0)?)?]))
    }
}
