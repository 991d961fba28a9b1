//! Some of the numbers of a dense tensor, or of the fields of a sparse one.

use candle_core::{Result, Tensor};
use nasrec_compiler::primitives::Slice;

use super::Op;
use super::device::{Back, Forward, Vjp};
use super::kernels::elementwise;
use super::tiled::{Here, Kernel, Lowered, Out, Site, Stretch};

impl Op for Slice {
    fn lower(&self, site: &Site<'_>) -> Lowered {
        let each: usize = site.node.shape[1..].iter().product();
        site.step(Cut { from: self.from as usize * each, len: site.len() })
    }

    fn forward(&self, at: &Forward<'_>) -> Result<Tensor> {
        at.inputs[0].narrow(1, self.from as usize, at.node.shape[0])?.contiguous()
    }

    fn backward(&self, at: &Back<'_>) -> Result<Vjp> {
        let (from, many) = (self.from as usize, at.dy.dim(1)?);
        Ok(Vjp::of([at.dy.pad_with_zeros(1, from, at.shapes[0][0] - from - many)?.contiguous()?]))
    }
}

/// Of the values of a sample `len`, from `from` on.
#[derive(Clone, Copy, Debug)]
struct Cut {
    from: usize,
    len: usize,
}

impl Kernel for Cut {
    fn forward(&self, here: &dyn Here, out: Out<'_>) {
        let t = here.samples();
        out.y.copy_from_slice(&here.operand(0)[self.from * t..][..self.len * t]);
    }

    fn backward(&self, here: &dyn Here, stretch: Stretch, dy: &[f32], dx: &mut [f32], accumulate: bool) {
        let t = here.samples();
        for (at, dx) in (stretch.from..).zip(dx.chunks_exact_mut(t)) {
            match at.checked_sub(self.from).filter(|&at| at < self.len) {
                Some(at) => elementwise::copy(&dy[at * t..][..t], dx, accumulate),
                None if !accumulate => dx.fill(0.0),
                None => {}
            }
        }
    }
}
