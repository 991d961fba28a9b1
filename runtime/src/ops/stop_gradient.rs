//! What is read and not taught.

use candle_core::{Result, Tensor};
use nasrec_compiler::primitives::StopGradient;

use super::Op;
use super::device::{Back, Forward, Vjp};
use super::tiled::{Here, Kernel, Lowered, Out, Site, Stretch};

impl Op for StopGradient {
    fn lower(&self, site: &Site<'_>) -> Lowered {
        if site.trains { site.step(*self) } else { Lowered::View }
    }

    fn forward(&self, at: &Forward<'_>) -> Result<Tensor> {
        Ok(at.inputs[0].detach())
    }

    /// Never asked for: no gradient is wanted of it.
    fn backward(&self, _: &Back<'_>) -> Result<Vjp> {
        Ok(Vjp::of([]))
    }
}

impl Kernel for StopGradient {
    fn forward(&self, here: &dyn Here, out: Out<'_>) {
        out.y.copy_from_slice(here.operand(0));
    }

    /// Zeros, which its operands may be the first to have.
    fn backward(&self, _: &dyn Here, _: Stretch, _: &[f32], dx: &mut [f32], accumulate: bool) {
        if !accumulate {
            dx.fill(0.0);
        }
    }
}
