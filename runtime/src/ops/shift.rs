//! `x + b`, the bias of a linear layer alone.

use candle_core::{Result, Tensor};
use nasrec_compiler::primitives::Shift;

use super::Op;
use super::device::{Back, Forward, Vjp};
use super::kernels::linear::backward_bias;
use super::kernels::{elementwise, rows};
use super::tiled::{Here, Kernel, Lowered, Out, ParamGradients, Site, Stretch};

impl Op for Shift {
    fn lower(&self, site: &Site<'_>) -> Lowered {
        site.step(*self)
    }

    fn forward(&self, at: &Forward<'_>) -> Result<Tensor> {
        at.inputs[0].broadcast_add(at.params[0])
    }

    fn backward(&self, at: &Back<'_>) -> Result<Vjp> {
        Ok(Vjp::with(at.dy.clone(), [at.dy.sum(0)?]))
    }
}

impl Kernel for Shift {
    fn forward(&self, here: &dyn Here, out: Out<'_>) {
        rows::shift(here.samples(), here.operand(0), here.weight(0).unwrap_or(&[]), out.y);
    }

    fn backward_params(&self, here: &dyn Here, dy: &[f32], gradients: &mut ParamGradients<'_>) {
        if let Some(db) = gradients.take(0) {
            backward_bias(here.samples(), dy, db);
        }
    }

    fn backward(&self, _: &dyn Here, _: Stretch, dy: &[f32], dx: &mut [f32], accumulate: bool) {
        elementwise::copy(dy, dx, accumulate);
    }
}
