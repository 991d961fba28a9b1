//! `x x`, element by element.

use candle_core::{Result, Tensor};
use nasrec_compiler::primitives::Square;

use super::device::{Back, Forward, Vjp};
use super::kernels::elementwise;
use super::tiled::{Here, Kernel, Lowered, Out, Site, Stretch};
use super::{Op, Reads};

impl Op for Square {
    fn reads(&self) -> Reads {
        Reads::OPERANDS
    }

    fn lower(&self, site: &Site<'_>) -> Lowered {
        site.step(*self).nonzero(site.live[0])
    }

    fn forward(&self, at: &Forward<'_>) -> Result<Tensor> {
        at.inputs[0].sqr()
    }

    fn backward(&self, at: &Back<'_>) -> Result<Vjp> {
        Ok(Vjp::of([((at.input(0)? * at.dy)? * 2.0)?]))
    }
}

impl Kernel for Square {
    fn reads(&self, _: bool) -> Reads {
        Op::reads(self)
    }

    fn forward(&self, here: &dyn Here, out: Out<'_>) {
        elementwise::map(
            out.y,
            false,
            here.operand(0),
            #[inline(always)]
            |x| x * x,
        );
    }

    fn backward(&self, here: &dyn Here, _: Stretch, dy: &[f32], dx: &mut [f32], accumulate: bool) {
        elementwise::zip(
            dx,
            accumulate,
            here.operand(0),
            dy,
            #[inline(always)]
            |x, dy| 2.0 * x * dy,
        );
    }
}
