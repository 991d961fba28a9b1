//! Functions of one number, element by element.

use candle_core::{Result, Tensor};
use nasrec_compiler::primitives::{Function, Map};

use super::device::{Back, Forward, Vjp};
use super::kernels::{elementwise, simd};
use super::tiled::{Here, Kernel, Lowered, Out, Site, Stretch};
use super::{Op, Reads};
use crate::elementary;

impl Op for Map {
    fn reads(&self) -> Reads {
        match self.by {
            Function::Log => Reads::OPERANDS,
            Function::Exp | Function::Sqrt | Function::Reciprocal => Reads::OUTPUT,
        }
    }

    fn lower(&self, site: &Site<'_>) -> Lowered {
        let lowered = site.step(*self);
        if self.by == Function::Sqrt { lowered.nonzero(site.live[0]) } else { lowered }
    }

    fn forward(&self, at: &Forward<'_>) -> Result<Tensor> {
        let x = at.inputs[0];
        match self.by {
            Function::Exp => x.exp(),
            Function::Log => x.log(),
            Function::Sqrt => x.sqrt(),
            Function::Reciprocal => x.recip(),
        }
    }

    fn backward(&self, at: &Back<'_>) -> Result<Vjp> {
        let dx = match self.by {
            Function::Exp => at.dy * at.output()?,
            Function::Log => at.dy / at.input(0)?,
            Function::Sqrt => (at.dy / at.output()?)?.affine(0.5, 0.0),
            Function::Reciprocal => (at.dy * at.output()?.sqr()?)?.neg(),
        };
        Ok(Vjp::of([dx?]))
    }
}

impl Kernel for Map {
    fn reads(&self, _: bool) -> Reads {
        Op::reads(self)
    }

    fn forward(&self, here: &dyn Here, out: Out<'_>) {
        let x = here.operand(0);
        match self.by {
            Function::Exp => elementwise::map(out.y, false, x, simd::exp),
            Function::Log => elementwise::map(out.y, false, x, elementary::ln),
            Function::Sqrt => elementwise::map(out.y, false, x, f32::sqrt),
            Function::Reciprocal => elementwise::map(out.y, false, x, f32::recip),
        }
    }

    fn backward(&self, here: &dyn Here, stretch: Stretch, dy: &[f32], dx: &mut [f32], accumulate: bool) {
        match self.by {
            Function::Exp => elementwise::mul(here.value(), dy, dx, accumulate),
            Function::Log => elementwise::zip(
                dx,
                accumulate,
                here.operand(stretch.k),
                dy,
                #[inline(always)]
                |x, dy| dy / x,
            ),
            Function::Sqrt => elementwise::zip(
                dx,
                accumulate,
                here.value(),
                dy,
                #[inline(always)]
                |y, dy| 0.5 * dy / y,
            ),
            Function::Reciprocal => elementwise::zip(
                dx,
                accumulate,
                here.value(),
                dy,
                #[inline(always)]
                |y, dy| -dy * y * y,
            ),
        }
    }
}
