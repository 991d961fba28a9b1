//! The product of two sparse tensors as matrices.

use candle_core::{Result, Tensor};
use nasrec_compiler::primitives::Matmul;

use super::device::{Back, Forward, Vjp, matmul};
use super::kernels::matmul::Products;
use super::tiled::{Here, Kernel, Lowered, Out, Site, Stretch};
use super::{Op, Reads};

impl Op for Matmul {
    fn reads(&self) -> Reads {
        Reads::OPERANDS
    }

    fn lower(&self, site: &Site<'_>) -> Lowered {
        let (a, b) = (site.input(0), site.input(1));
        site.step(Matrices { n: a[0], m: a[1], e: b[1] })
    }

    fn forward(&self, at: &Forward<'_>) -> Result<Tensor> {
        matmul(at.inputs[0], at.inputs[1])
    }

    fn backward(&self, at: &Back<'_>) -> Result<Vjp> {
        let (a, b) = (at.input(0)?, at.input(1)?);
        Ok(Vjp::of([matmul(at.dy, &b.transpose(1, 2)?)?, matmul(&a.transpose(1, 2)?, at.dy)?]))
    }
}

/// The sizes of `[n, m]` times `[m, e]`.
#[derive(Clone, Copy, Debug)]
struct Matrices {
    n: usize,
    m: usize,
    e: usize,
}

impl Matrices {
    fn products(self, here: &dyn Here) -> Products {
        let Self { n, m, e } = self;
        Products { n, m, e, t: here.samples() }
    }
}

impl Kernel for Matrices {
    fn reads(&self, _: bool) -> Reads {
        Reads::OPERANDS
    }

    fn forward(&self, here: &dyn Here, out: Out<'_>) {
        self.products(here).forward(here.operand(0), here.operand(1), out.y);
    }

    fn backward(&self, here: &dyn Here, stretch: Stretch, dy: &[f32], dx: &mut [f32], accumulate: bool) {
        let products = self.products(here);
        match stretch.k {
            0 => products.backward_left(here.operand(1), dy, stretch.from, dx, accumulate),
            _ => products.backward_right(here.operand(0), dy, stretch.from, dx, accumulate),
        }
    }
}
