//! A dense tensor as a sparse one. In tiles that computes nothing.

use candle_core::{Result, Tensor};
use nasrec_compiler::primitives::Rows;

use super::Op;
use super::device::{Back, Forward, Vjp};
use super::tiled::{Lowered, Site};

impl Op for Rows {
    fn lower(&self, _: &Site<'_>) -> Lowered {
        Lowered::View
    }

    fn forward(&self, at: &Forward<'_>) -> Result<Tensor> {
        let x = at.inputs[0];
        x.reshape((x.dim(0)?, at.node.shape[0], at.node.shape[1]))
    }

    fn backward(&self, at: &Back<'_>) -> Result<Vjp> {
        Ok(Vjp::of([at.dy.flatten_from(1)?]))
    }
}
