//! `max(x, 0)`, element by element; NaN stays NaN.

use candle_core::{Result, Tensor};
use nasrec_compiler::primitives::Relu;

use super::device::{Back, Forward, Vjp};
use super::kernels::elementwise;
use super::tiled::{Here, Kernel, Lowered, Out, Site, Stretch};
use super::{Op, Reads};

impl Op for Relu {
    fn reads(&self) -> Reads {
        Reads::OUTPUT
    }

    fn lower(&self, site: &Site<'_>) -> Lowered {
        site.step(*self).nonzero(site.live[0])
    }

    fn forward(&self, at: &Forward<'_>) -> Result<Tensor> {
        at.inputs[0].relu()
    }

    fn backward(&self, at: &Back<'_>) -> Result<Vjp> {
        Ok(Vjp::of([(at.output()?.gt(0.0)?.to_dtype(at.dy.dtype())? * at.dy)?]))
    }
}

impl Kernel for Relu {
    fn reads(&self, _: bool) -> Reads {
        Op::reads(self)
    }

    fn forward(&self, here: &dyn Here, out: Out<'_>) {
        elementwise::relu(here.operand(0), out.y);
    }

    fn backward(&self, here: &dyn Here, _: Stretch, dy: &[f32], dx: &mut [f32], accumulate: bool) {
        elementwise::relu_backward(here.value(), dy, dx, accumulate);
    }
}
