//! Rows made numbers: each field of a sparse tensor, or the whole of a dense one.

use candle_core::{D, Result, Tensor};
use nasrec_compiler::primitives::{Reduce, Reduction};

use super::device::{Back, Forward, Vjp};
use super::kernels::rows;
use super::tiled::{Here, Kernel, Lowered, Out, Site, Stretch};
use super::{Op, Reads};

impl Op for Reduce {
    /// Only the largest reads the operand.
    fn reads(&self) -> Reads {
        if self.by == Reduction::Max { Reads::OPERANDS } else { Reads::NOTHING }
    }

    fn lower(&self, site: &Site<'_>) -> Lowered {
        site.step(*self)
    }

    fn forward(&self, at: &Forward<'_>) -> Result<Tensor> {
        let x = at.inputs[0];
        let reduced = match self.by {
            Reduction::Sum => x.sum_keepdim(D::Minus1)?,
            Reduction::Mean => x.mean_keepdim(D::Minus1)?,
            Reduction::Max => x.max_keepdim(D::Minus1)?,
        };
        if x.rank() == 3 { reduced.squeeze(2) } else { Ok(reduced) }
    }

    fn backward(&self, at: &Back<'_>) -> Result<Vjp> {
        let shape = at.full_shape(0)?;
        let dy = if shape.len() == 3 { at.dy.unsqueeze(2)? } else { at.dy.clone() };
        let width = shape[shape.len() - 1] as f64;
        Ok(Vjp::of([match self.by {
            Reduction::Sum => dy.broadcast_as(shape)?.contiguous()?,
            Reduction::Mean => (dy / width)?.broadcast_as(shape)?.contiguous()?,
            Reduction::Max => {
                let x = at.input(0)?;
                let largest = x.broadcast_eq(&x.max_keepdim(D::Minus1)?)?.to_dtype(x.dtype())?;
                let share = dy.broadcast_div(&largest.sum_keepdim(D::Minus1)?)?;
                largest.broadcast_mul(&share)?
            }
        }]))
    }
}

impl Kernel for Reduce {
    fn reads(&self, _: bool) -> Reads {
        Op::reads(self)
    }

    fn forward(&self, here: &dyn Here, out: Out<'_>) {
        rows::reduce(self.by, here.samples(), here.operand(0), out.y);
    }

    fn backward(&self, here: &dyn Here, _: Stretch, dy: &[f32], dx: &mut [f32], accumulate: bool) {
        // What is not read is otherwise no longer there.
        let x = if Op::reads(self).operands { here.operand(0) } else { &[] };
        rows::reduce_backward(self.by, here.samples(), x, dy, dx, accumulate);
    }
}
