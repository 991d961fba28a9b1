//! The strictly lower triangle of a square, `[n, n] -> [n (n - 1) / 2]`. In tiles, that of a gram matrix is computed
//! without the matrix.

use candle_core::{Result, Tensor};
use nasrec_compiler::primitives::{LowerTriangle, Primitive};

use super::device::{Back, Forward, Positions, Vjp, to_square};
use super::kernels::gram;
use super::tiled::{Here, Kernel, Lowered, Out, Site, Stretch};
use super::{Op, Reads};

impl Op for LowerTriangle {
    fn lower(&self, site: &Site<'_>) -> Lowered {
        let square = &site.plan.nodes[site.node.inputs[0]];
        if matches!(square.primitive, Primitive::Gram(_)) {
            let shape = &site.plan.nodes[square.inputs[0]].shape;
            return site.step(OfGram { n: shape[0], e: shape[1] }).reading(square.inputs.clone());
        }
        site.step(OfSquare { n: square.shape[0] })
    }

    fn forward(&self, at: &Forward<'_>) -> Result<Tensor> {
        let x = at.inputs[0];
        x.flatten_from(1)?.index_select(at.indices.get(Positions::Triangle, x.dim(1)?)?.as_ref(), 1)
    }

    fn backward(&self, at: &Back<'_>) -> Result<Vjp> {
        Ok(Vjp::of([to_square(at.indices, at.shapes[0][0], at.dy)?.reshape(at.full_shape(0)?)?]))
    }
}

#[derive(Clone, Copy, Debug)]
struct OfSquare {
    n: usize,
}

impl Kernel for OfSquare {
    fn forward(&self, here: &dyn Here, out: Out<'_>) {
        gram::triangle(self.n, here.samples(), here.operand(0), out.y);
    }

    fn backward(&self, here: &dyn Here, _: Stretch, dy: &[f32], dx: &mut [f32], accumulate: bool) {
        gram::triangle_backward(self.n, here.samples(), dy, dx, accumulate);
    }
}

/// The triangle of a gram matrix that nothing else need read.
#[derive(Clone, Copy, Debug)]
struct OfGram {
    n: usize,
    e: usize,
}

impl Kernel for OfGram {
    fn reads(&self, _: bool) -> Reads {
        Reads::OPERANDS
    }

    fn forward(&self, here: &dyn Here, out: Out<'_>) {
        gram::triangle_of_gram(self.n, self.e, here.samples(), here.operand(0), out.y);
    }

    fn backward(&self, here: &dyn Here, _: Stretch, dy: &[f32], dx: &mut [f32], accumulate: bool) {
        gram::triangle_of_gram_backward(self.n, self.e, here.samples(), here.operand(0), dy, dx, accumulate);
    }
}
