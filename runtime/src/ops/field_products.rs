//! Every field of one tensor times every field of another, element by element.

use candle_core::{Result, Tensor};
use nasrec_compiler::primitives::FieldProducts;

use super::device::{Back, Forward, Vjp};
use super::kernels::products::{self, Pairs};
use super::tiled::{Here, Kernel, Lowered, Out, Site, Stretch};
use super::{Op, Reads};

impl Op for FieldProducts {
    fn reads(&self) -> Reads {
        Reads::OPERANDS
    }

    fn lower(&self, site: &Site<'_>) -> Lowered {
        let pairs = Pairs::All { left: site.input(0)[0], right: site.input(1)[0] };
        site.step(OfPairs { pairs, e: site.input(0)[1] })
    }

    fn forward(&self, at: &Forward<'_>) -> Result<Tensor> {
        let (a, b) = (at.inputs[0], at.inputs[1]);
        let ((samples, h, e), m) = (a.dims3()?, b.dim(1)?);
        a.unsqueeze(2)?.broadcast_mul(&b.unsqueeze(1)?)?.reshape((samples, h * m, e))
    }

    fn backward(&self, at: &Back<'_>) -> Result<Vjp> {
        let (a, b) = (at.input(0)?, at.input(1)?);
        let ((samples, h, e), m) = (a.dims3()?, b.dim(1)?);
        let dy = at.dy.reshape((samples, h, m, e))?;
        Ok(Vjp::of([dy.broadcast_mul(&b.unsqueeze(1)?)?.sum(2)?, dy.broadcast_mul(&a.unsqueeze(2)?)?.sum(1)?]))
    }
}

/// The products of these pairs, each of `e` values a sample: what two ops compute.
#[derive(Clone, Copy, Debug)]
pub(super) struct OfPairs {
    pub pairs: Pairs,
    pub e: usize,
}

impl Kernel for OfPairs {
    fn reads(&self, _: bool) -> Reads {
        Reads::OPERANDS
    }

    fn forward(&self, here: &dyn Here, out: Out<'_>) {
        products::forward(self.pairs, self.e * here.samples(), here.operand(0), here.operand(1), out.y);
    }

    fn backward(&self, here: &dyn Here, stretch: Stretch, dy: &[f32], dx: &mut [f32], accumulate: bool) {
        let other = here.operand(1 - stretch.k);
        products::backward(self.pairs, stretch.k, self.e * here.samples(), other, dy, dx, accumulate);
    }
}
