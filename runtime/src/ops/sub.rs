//! The difference of two tensors of one shape.

use candle_core::{Result, Tensor};
use nasrec_compiler::primitives::Sub;

use super::Op;
use super::device::{Back, Forward, Vjp};
use super::kernels::elementwise;
use super::tiled::{Here, Kernel, Lowered, Out, Site, Stretch};

impl Op for Sub {
    fn lower(&self, site: &Site<'_>) -> Lowered {
        site.step(*self).nonzero(site.live[0].max(site.live[1]))
    }

    fn forward(&self, at: &Forward<'_>) -> Result<Tensor> {
        at.inputs[0] - at.inputs[1]
    }

    fn backward(&self, at: &Back<'_>) -> Result<Vjp> {
        Ok(Vjp::of([at.dy.clone(), at.dy.neg()?]))
    }
}

impl Kernel for Sub {
    fn forward(&self, here: &dyn Here, out: Out<'_>) {
        elementwise::sub(here.operand(0), here.operand(1), out.y);
    }

    fn backward(&self, _: &dyn Here, stretch: Stretch, dy: &[f32], dx: &mut [f32], accumulate: bool) {
        if stretch.k == 1 {
            elementwise::negate(dy, dx, accumulate);
        } else {
            elementwise::copy(dy, dx, accumulate);
        }
    }
}
