//! The sum over fields, `[n, e] -> [e]`.

use candle_core::{Result, Tensor};
use nasrec_compiler::primitives::SumFields;

use super::Op;
use super::device::{Back, Forward, Vjp};
use super::kernels::fields;
use super::tiled::{Here, Kernel, Lowered, Out, Site, Stretch};

impl Op for SumFields {
    fn lower(&self, site: &Site<'_>) -> Lowered {
        site.step(*self)
    }

    fn forward(&self, at: &Forward<'_>) -> Result<Tensor> {
        at.inputs[0].sum(1)
    }

    fn backward(&self, at: &Back<'_>) -> Result<Vjp> {
        Ok(Vjp::of([at.dy.unsqueeze(1)?.broadcast_as(at.full_shape(0)?)?.contiguous()?]))
    }
}

impl Kernel for SumFields {
    fn forward(&self, here: &dyn Here, out: Out<'_>) {
        fields::sum(here.operand(0), out.y);
    }

    fn backward(&self, _: &dyn Here, _: Stretch, dy: &[f32], dx: &mut [f32], accumulate: bool) {
        fields::sum_backward(dy, dx, accumulate);
    }
}
