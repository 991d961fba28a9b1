//! All inner products of two fields, `[n, e] -> [n, n]`.

use candle_core::{Result, Tensor};
use nasrec_compiler::primitives::Gram;

use super::device::{Back, Forward, Vjp, matmul};
use super::kernels::gram;
use super::tiled::{Here, Kernel, Lowered, Out, Site, Stretch};
use super::{Op, Reads};

impl Op for Gram {
    fn reads(&self) -> Reads {
        Reads::OPERANDS
    }

    fn lower(&self, site: &Site<'_>) -> Lowered {
        site.step(OfFields { n: site.input(0)[0], e: site.input(0)[1] })
    }

    fn forward(&self, at: &Forward<'_>) -> Result<Tensor> {
        products(at.inputs[0])
    }

    fn backward(&self, at: &Back<'_>) -> Result<Vjp> {
        Ok(Vjp::of([products_backward(at.input(0)?, at.dy)?]))
    }
}

fn products(x: &Tensor) -> Result<Tensor> {
    matmul(x, &x.transpose(1, 2)?)
}

fn products_backward(x: &Tensor, dy: &Tensor) -> Result<Tensor> {
    matmul(&(dy + dy.transpose(1, 2)?)?, x)
}

#[derive(Clone, Copy, Debug)]
struct OfFields {
    n: usize,
    e: usize,
}

impl Kernel for OfFields {
    fn reads(&self, _: bool) -> Reads {
        Reads::OPERANDS
    }

    fn forward(&self, here: &dyn Here, out: Out<'_>) {
        gram::gram(self.n, self.e, here.samples(), here.operand(0), out.y);
    }

    fn backward(&self, here: &dyn Here, _: Stretch, dy: &[f32], dx: &mut [f32], accumulate: bool) {
        gram::gram_backward(self.n, self.e, here.samples(), here.operand(0), dy, dx, accumulate);
    }
}
