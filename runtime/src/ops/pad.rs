//! Zeros appended along the last axis. In tiles that computes nothing where there is one row: a view is longer than its stretches.

use candle_core::{Result, Tensor};
use nasrec_compiler::primitives::Pad;

use super::Op;
use super::device::{Back, Forward, Vjp};
use super::kernels::elementwise;
use super::tiled::{Here, Kernel, Lowered, Out, Site, Stretch};

impl Op for Pad {
    fn lower(&self, site: &Site<'_>) -> Lowered {
        match (site.node.shape.as_slice(), site.input(0)) {
            (&[rows, to], &[_, from]) if rows > 1 => site.step(Widened { from, to }),
            _ => Lowered::View,
        }
    }

    fn forward(&self, at: &Forward<'_>) -> Result<Tensor> {
        let x = at.inputs[0];
        let last = at.node.shape.len();
        x.pad_with_zeros(last, 0, at.node.shape[last - 1] - x.dim(last)?)
    }

    fn backward(&self, at: &Back<'_>) -> Result<Vjp> {
        let last = at.shapes[0].len();
        Ok(Vjp::of([at.dy.narrow(last, 0, at.shapes[0][last - 1])?.contiguous()?]))
    }
}

/// Rows of `from` numbers, each brought to `to`.
#[derive(Clone, Copy, Debug)]
struct Widened {
    from: usize,
    to: usize,
}

impl Kernel for Widened {
    fn forward(&self, here: &dyn Here, out: Out<'_>) {
        let t = here.samples();
        let rows = here.operand(0).chunks_exact(self.from * t);
        for (y, x) in out.y.chunks_exact_mut(self.to * t).zip(rows) {
            let (row, rest) = y.split_at_mut(x.len());
            row.copy_from_slice(x);
            rest.fill(0.0);
        }
    }

    fn backward(&self, here: &dyn Here, stretch: Stretch, dy: &[f32], dx: &mut [f32], accumulate: bool) {
        let t = here.samples();
        for (at, dx) in (stretch.from..).zip(dx.chunks_exact_mut(t)) {
            let (row, number) = (at / self.from, at % self.from);
            elementwise::copy(&dy[(row * self.to + number) * t..][..t], dx, accumulate);
        }
    }
}
