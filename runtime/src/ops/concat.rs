//! Tensors joined along the first axis of a sample. In tiles that computes nothing: they are stretches of one view.

use candle_core::{Result, Tensor};
use nasrec_compiler::primitives::Concat;

use super::Op;
use super::device::{Back, Forward, Vjp};
use super::tiled::{Lowered, Site};

impl Op for Concat {
    fn lower(&self, _: &Site<'_>) -> Lowered {
        Lowered::View
    }

    fn forward(&self, at: &Forward<'_>) -> Result<Tensor> {
        Tensor::cat(&at.inputs, 1)
    }

    fn backward(&self, at: &Back<'_>) -> Result<Vjp> {
        let mut start = 0;
        let parts = at.shapes.iter().map(|shape| {
            start += shape[0];
            at.dy.narrow(1, start - shape[0], shape[0])?.contiguous()
        });
        Ok(Vjp::of(parts.collect::<Result<Vec<_>>>()?))
    }
}
