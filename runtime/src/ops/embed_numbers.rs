//! Numbers times vectors of their own.

use candle_core::{D, Result, Tensor};
use nasrec_compiler::primitives::EmbedNumbers;

use super::device::{Back, Forward, Vjp};
use super::kernels::vectors;
use super::tiled::{Here, Kernel, Lowered, Out, ParamGradients, Site, Stretch};
use super::{Op, Reads};

impl Op for EmbedNumbers {
    fn reads(&self) -> Reads {
        Reads::OPERANDS
    }

    fn lower(&self, site: &Site<'_>) -> Lowered {
        let dim = site.node.shape[1];
        site.step(Vectors { dim }).nonzero(site.live[0] * dim)
    }

    fn forward(&self, at: &Forward<'_>) -> Result<Tensor> {
        at.inputs[0].unsqueeze(2)?.broadcast_mul(at.params[0])
    }

    fn backward(&self, at: &Back<'_>) -> Result<Vjp> {
        let dx = at.dy.broadcast_mul(at.params[0])?.sum(D::Minus1)?;
        let dw = at.dy.broadcast_mul(&at.input(0)?.unsqueeze(2)?)?.sum(0)?;
        Ok(Vjp::with(dx, [dw]))
    }
}

/// The numbers' vectors as seen in memory.
#[derive(Clone, Copy, Debug)]
struct Vectors {
    dim: usize,
}

impl Kernel for Vectors {
    fn reads(&self, weight_trained: bool) -> Reads {
        if weight_trained { Reads::OPERANDS } else { Reads::NOTHING }
    }

    fn forward(&self, here: &dyn Here, out: Out<'_>) {
        vectors::times(here.samples(), here.operand(0), here.weight(0).unwrap_or(&[]), out.y);
    }

    fn backward_params(&self, here: &dyn Here, dy: &[f32], gradients: &mut ParamGradients<'_>) {
        if let Some(dw) = gradients.take(0) {
            vectors::backward_weight(here.samples(), here.operand(0), dy, dw);
        }
    }

    fn backward(&self, here: &dyn Here, stretch: Stretch, dy: &[f32], dx: &mut [f32], accumulate: bool) {
        let (t, weight) = (here.samples(), here.weight(0).unwrap_or(&[]));
        let (from, len) = (stretch.from * self.dim, dx.len() / t * self.dim);
        vectors::backward_input(t, &weight[from..][..len], &dy[from * t..][..len * t], dx, accumulate);
    }
}
