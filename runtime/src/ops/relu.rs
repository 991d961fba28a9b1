//! `max(x, 0)`, element by element; NaN stays NaN, so that a diverged model shows.

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
        // candle's relu makes NaN zero on a GPU.
        let zero = at.inputs[0].zeros_like()?;
        at.inputs[0].le(&zero)?.where_cond(&zero, at.inputs[0])
    }

    fn backward(&self, at: &Back<'_>) -> Result<Vjp> {
        let y = at.output()?;
        // Not `y > 0.0`: a number to compare with would be sent to the device each time.
        Ok(Vjp::of([(y.gt(&y.zeros_like()?)?.to_dtype(at.dy.dtype())? * at.dy)?]))
    }
}

impl Kernel for Relu {
    fn reads(&self, _: bool) -> Reads {
        Op::reads(self)
    }

    fn forward(&self, here: &dyn Here, out: Out<'_>) {
        elementwise::map(
            out.y,
            false,
            here.operand(0),
            #[inline(always)]
            |x| if x < 0.0 { 0.0 } else { x },
        );
    }

    fn backward(&self, here: &dyn Here, _: Stretch, dy: &[f32], dx: &mut [f32], accumulate: bool) {
        // The gradient is 0 at 0.
        elementwise::zip(
            dx,
            accumulate,
            here.value(),
            dy,
            #[inline(always)]
            |y, dy| if y > 0.0 { dy } else { 0.0 },
        );
    }
}
