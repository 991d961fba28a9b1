//! Fields and embeddings turned, `[n, e] -> [e, n]`.

use candle_core::{Result, Tensor};
use nasrec_compiler::primitives::Transpose;

use super::Op;
use super::device::{Back, Forward, Vjp};
use super::kernels::elementwise;
use super::tiled::{Here, Kernel, Lowered, Out, Site, Stretch};

impl Op for Transpose {
    fn lower(&self, site: &Site<'_>) -> Lowered {
        site.step(Turned { n: site.input(0)[0], e: site.input(0)[1] })
    }

    fn forward(&self, at: &Forward<'_>) -> Result<Tensor> {
        turned(at.inputs[0])
    }

    fn backward(&self, at: &Back<'_>) -> Result<Vjp> {
        Ok(Vjp::of([turned(at.dy)?]))
    }
}

fn turned(x: &Tensor) -> Result<Tensor> {
    x.transpose(1, 2)?.contiguous()
}

/// The rows of a matrix `[n, e]` of stretches of `t` samples, in the order of its columns.
#[derive(Clone, Copy, Debug)]
struct Turned {
    n: usize,
    e: usize,
}

impl Kernel for Turned {
    fn forward(&self, here: &dyn Here, out: Out<'_>) {
        let (x, t) = (here.operand(0), here.samples());
        for (at, y) in out.y.chunks_exact_mut(t).enumerate() {
            let (d, i) = (at / self.n, at % self.n);
            y.copy_from_slice(&x[(i * self.e + d) * t..][..t]);
        }
    }

    fn backward(&self, here: &dyn Here, stretch: Stretch, dy: &[f32], dx: &mut [f32], accumulate: bool) {
        let t = here.samples();
        for (at, dx) in (stretch.from..).zip(dx.chunks_exact_mut(t)) {
            let (i, d) = (at / self.e, at % self.e);
            elementwise::copy(&dy[(d * self.n + i) * t..][..t], dx, accumulate);
        }
    }
}
