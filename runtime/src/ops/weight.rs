//! A trained tensor that is the same for every sample.

use candle_core::{Result, Tensor};
use nasrec_compiler::primitives::Weight;
use smallvec::SmallVec;

use super::Op;
use super::device::{Back, Forward, Vjp};
use super::kernels::linear::backward_bias;
use super::tiled::{Here, Kernel, Lowered, Out, ParamGradients, Site, Stretch};

impl Op for Weight {
    fn lower(&self, site: &Site<'_>) -> Lowered {
        site.step(*self)
    }

    fn forward(&self, at: &Forward<'_>) -> Result<Tensor> {
        // A zero for each sample.
        at.inputs[0].broadcast_add(at.params[0])
    }

    fn backward(&self, at: &Back<'_>) -> Result<Vjp> {
        Ok(Vjp { inputs: SmallVec::new(), params: SmallVec::from_iter([at.dy.sum(0)?]) })
    }
}

impl Kernel for Weight {
    fn forward(&self, here: &dyn Here, out: Out<'_>) {
        let rows = out.y.chunks_exact_mut(here.samples());
        rows.zip(here.weight(0).unwrap_or(&[])).for_each(|(row, &weight)| row.fill(weight));
    }

    fn backward_params(&self, here: &dyn Here, dy: &[f32], gradients: &mut ParamGradients<'_>) {
        if let Some(dw) = gradients.take(0) {
            backward_bias(here.samples(), dy, dw);
        }
    }

    fn backward(&self, _: &dyn Here, _: Stretch, _: &[f32], _: &mut [f32], _: bool) {}
}
