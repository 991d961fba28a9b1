//! `scale x + shift`, element by element.

use candle_core::{Result, Tensor};
use nasrec_compiler::primitives::Affine;

use super::Op;
use super::device::{Back, Forward, Vjp};
use super::kernels::elementwise;
use super::tiled::{Here, Kernel, Lowered, Out, Site, Stretch};

impl Op for Affine {
    fn lower(&self, site: &Site<'_>) -> Lowered {
        let lowered = site.step(*self);
        if self.shift == 0.0 { lowered.nonzero(site.live[0]) } else { lowered }
    }

    fn forward(&self, at: &Forward<'_>) -> Result<Tensor> {
        at.inputs[0].affine(self.scale, self.shift)
    }

    fn backward(&self, at: &Back<'_>) -> Result<Vjp> {
        Ok(Vjp::of([at.dy.affine(self.scale, 0.0)?]))
    }
}

impl Kernel for Affine {
    fn forward(&self, here: &dyn Here, out: Out<'_>) {
        let (scale, shift) = (self.scale as f32, self.shift as f32);
        elementwise::map(
            out.y,
            false,
            here.operand(0),
            #[inline(always)]
            |x| scale * x + shift,
        );
    }

    fn backward(&self, _: &dyn Here, _: Stretch, dy: &[f32], dx: &mut [f32], accumulate: bool) {
        let scale = self.scale as f32;
        elementwise::map(
            dx,
            accumulate,
            dy,
            #[inline(always)]
            |dy| scale * dy,
        );
    }
}
