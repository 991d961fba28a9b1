//! Tensors that are the same number everywhere.

use candle_core::{Result, Tensor};
use nasrec_compiler::primitives::Fill;

use super::Op;
use super::device::{Back, Forward, Vjp};
use super::tiled::{Here, Kernel, Lowered, Out, Site, Stretch};

impl Op for Fill {
    fn lower(&self, site: &Site<'_>) -> Lowered {
        let lowered = site.step(*self);
        if self.value == 0.0 { lowered.nonzero(0) } else { lowered }
    }

    fn forward(&self, at: &Forward<'_>) -> Result<Tensor> {
        // A zero for each sample.
        let mut shape = vec![at.inputs[0].dim(0)?];
        shape.extend_from_slice(&at.node.shape);
        at.inputs[0].broadcast_as(shape)?.contiguous()? + self.value
    }

    fn backward(&self, _: &Back<'_>) -> Result<Vjp> {
        Ok(Vjp::of([]))
    }
}

impl Kernel for Fill {
    fn forward(&self, _: &dyn Here, out: Out<'_>) {
        out.y.fill(self.value as f32);
    }

    fn backward(&self, _: &dyn Here, _: Stretch, _: &[f32], _: &mut [f32], _: bool) {}
}
