//! The product of two tensors of one shape, element by element.

use candle_core::{Result, Tensor};
use nasrec_compiler::primitives::Mul;

use super::device::{Back, Forward, Vjp};
use super::kernels::elementwise;
use super::tiled::{Here, Kernel, Lowered, Out, Site, Stretch};
use super::{Op, Reads};

impl Op for Mul {
    fn reads(&self) -> Reads {
        Reads::OPERANDS
    }

    fn lower(&self, site: &Site<'_>) -> Lowered {
        site.step(*self).nonzero(site.live[0].min(site.live[1]))
    }

    fn forward(&self, at: &Forward<'_>) -> Result<Tensor> {
        at.inputs[0] * at.inputs[1]
    }

    fn backward(&self, at: &Back<'_>) -> Result<Vjp> {
        Ok(Vjp::of([(at.input(1)? * at.dy)?, (at.input(0)? * at.dy)?]))
    }
}

impl Kernel for Mul {
    fn reads(&self, _: bool) -> Reads {
        Op::reads(self)
    }

    fn forward(&self, here: &dyn Here, out: Out<'_>) {
        elementwise::mul(here.operand(0), here.operand(1), out.y, false);
    }

    fn backward(&self, here: &dyn Here, stretch: Stretch, dy: &[f32], dx: &mut [f32], accumulate: bool) {
        elementwise::mul(here.operand(1 - stretch.k), dy, dx, accumulate);
    }
}
