//! Shares of a whole along one axis.

use candle_core::{Result, Tensor};
use nasrec_compiler::primitives::{Axis, Softmax};

use super::device::{Back, Forward, Vjp};
use super::kernels::softmax::Shares;
use super::tiled::{Here, Kernel, Lowered, Out, Site, Stretch};
use super::{Op, Reads};

impl Op for Softmax {
    fn reads(&self) -> Reads {
        Reads::OUTPUT
    }

    fn lower(&self, site: &Site<'_>) -> Lowered {
        site.step(match (self.axis, site.input(0)) {
            (Axis::Last, [n, e]) => Along { outer: *n, along: *e, inner: 1 },
            (Axis::Fields, [n, e]) => Along { outer: 1, along: *n, inner: *e },
            (_, other) => Along { outer: 1, along: other.iter().product(), inner: 1 },
        })
    }

    fn forward(&self, at: &Forward<'_>) -> Result<Tensor> {
        candle_nn::ops::softmax(at.inputs[0], dimension(self.axis, at.inputs[0]))
    }

    fn backward(&self, at: &Back<'_>) -> Result<Vjp> {
        let y = at.output()?;
        let weighted = (at.dy * y)?;
        let sums = weighted.sum_keepdim(dimension(self.axis, y))?;
        Ok(Vjp::of([(&weighted - y.broadcast_mul(&sums)?)?]))
    }
}

/// Which axis of a tensor with the batch before it is summed over.
fn dimension(axis: Axis, x: &Tensor) -> usize {
    1 + axis.index(x.rank() - 1)
}

/// The middle axis of these.
#[derive(Clone, Copy, Debug)]
struct Along {
    outer: usize,
    along: usize,
    inner: usize,
}

impl Along {
    fn shares(self, here: &dyn Here) -> Shares {
        let Self { outer, along, inner } = self;
        Shares { outer, along, inner, t: here.samples() }
    }
}

impl Kernel for Along {
    fn reads(&self, _: bool) -> Reads {
        Reads::OUTPUT
    }

    fn forward(&self, here: &dyn Here, out: Out<'_>) {
        self.shares(here).forward(here.operand(0), out.y);
    }

    fn backward(&self, here: &dyn Here, stretch: Stretch, dy: &[f32], dx: &mut [f32], accumulate: bool) {
        self.shares(here).backward([here.value(), dy], stretch.from, dx, accumulate);
    }
}
