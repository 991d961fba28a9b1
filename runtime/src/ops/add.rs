//! The sum of tensors of one shape.

use candle_core::{Result, Tensor};
use nasrec_compiler::primitives::Add;

use super::Op;
use super::device::{Back, Forward, Vjp};
use super::kernels::elementwise;
use super::tiled::{Here, Kernel, Lowered, Out, Site, Stretch};

impl Op for Add {
    fn lower(&self, site: &Site<'_>) -> Lowered {
        site.step(*self).nonzero(site.live.iter().copied().max().unwrap_or(0))
    }

    fn forward(&self, at: &Forward<'_>) -> Result<Tensor> {
        at.inputs[1..].iter().try_fold(at.inputs[0].clone(), |sum, input| sum + *input)
    }

    fn backward(&self, at: &Back<'_>) -> Result<Vjp> {
        Ok(Vjp::of(at.inputs.iter().map(|_| at.dy.clone())))
    }
}

impl Kernel for Add {
    fn forward(&self, here: &dyn Here, out: Out<'_>) {
        elementwise::add(here.operand(0), here.operand(1), out.y);
        (2..here.operands()).for_each(|k| elementwise::copy(here.operand(k), out.y, true));
    }

    fn backward(&self, _: &dyn Here, _: Stretch, dy: &[f32], dx: &mut [f32], accumulate: bool) {
        elementwise::copy(dy, dx, accumulate);
    }
}
