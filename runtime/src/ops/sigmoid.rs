//! `1 / (1 + exp(-x))`, element by element.

use candle_core::{Result, Tensor};
use nasrec_compiler::primitives::Sigmoid;

use super::device::{Back, Forward, Vjp};
use super::kernels::{elementwise, simd};
use super::tiled::{Here, Kernel, Lowered, Out, Site, Stretch};
use super::{Op, Reads};

impl Op for Sigmoid {
    fn reads(&self) -> Reads {
        Reads::OUTPUT
    }

    fn lower(&self, site: &Site<'_>) -> Lowered {
        site.step(*self)
    }

    fn forward(&self, at: &Forward<'_>) -> Result<Tensor> {
        candle_nn::ops::sigmoid(at.inputs[0])
    }

    fn backward(&self, at: &Back<'_>) -> Result<Vjp> {
        let y = at.output()?;
        Ok(Vjp::of([(at.dy * (y * y.affine(-1.0, 1.0)?)?)?]))
    }
}

impl Kernel for Sigmoid {
    fn reads(&self, _: bool) -> Reads {
        Op::reads(self)
    }

    fn forward(&self, here: &dyn Here, out: Out<'_>) {
        elementwise::map(out.y, false, here.operand(0), simd::sigmoid);
    }

    fn backward(&self, here: &dyn Here, _: Stretch, dy: &[f32], dx: &mut [f32], accumulate: bool) {
        elementwise::zip(
            dx,
            accumulate,
            here.value(),
            dy,
            #[inline(always)]
            |y, dy| dy * y * (1.0 - y),
        );
    }
}
