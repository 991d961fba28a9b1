//! Rows times numbers: each field of a sparse tensor, or the whole of a dense one.

use candle_core::{Result, Tensor};
use nasrec_compiler::primitives::Scale;

use super::device::{Back, Forward, Vjp};
use super::kernels::rows;
use super::tiled::{Here, Kernel, Lowered, Out, Site, Stretch};
use super::{Op, Reads};

impl Op for Scale {
    fn reads(&self) -> Reads {
        Reads::OPERANDS
    }

    fn lower(&self, site: &Site<'_>) -> Lowered {
        site.step(*self).nonzero(site.live[0])
    }

    fn forward(&self, at: &Forward<'_>) -> Result<Tensor> {
        at.inputs[0].broadcast_mul(&beside(at.inputs[1], at.inputs[0])?)
    }

    fn backward(&self, at: &Back<'_>) -> Result<Vjp> {
        let (x, by) = (at.input(0)?, at.input(1)?);
        let last = x.rank() - 1;
        let sums = (x * at.dy)?.sum_keepdim(last)?;
        let dby = if last == 2 { sums.squeeze(2)? } else { sums };
        Ok(Vjp::of([at.dy.broadcast_mul(&beside(by, x)?)?, dby]))
    }
}

/// One number a row as a tensor that broadcasts against `x`: the number of a dense tensor already does.
fn beside(by: &Tensor, x: &Tensor) -> Result<Tensor> {
    if x.rank() == 3 { by.unsqueeze(2) } else { Ok(by.clone()) }
}

impl Kernel for Scale {
    fn reads(&self, _: bool) -> Reads {
        Op::reads(self)
    }

    fn forward(&self, here: &dyn Here, out: Out<'_>) {
        rows::scale(here.samples(), here.operand(0), here.operand(1), out.y, false);
    }

    fn backward(&self, here: &dyn Here, stretch: Stretch, dy: &[f32], dx: &mut [f32], accumulate: bool) {
        if stretch.k == 0 {
            rows::scale(here.samples(), dy, here.operand(1), dx, accumulate);
        } else {
            rows::scale_backward(here.samples(), here.operand(0), dy, dx, accumulate);
        }
    }
}
