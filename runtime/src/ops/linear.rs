//! `y = W x + b` along one axis.

use candle_core::{Module, Result, Tensor};
use nasrec_compiler::primitives::{Axis, Linear};

use super::device::{Back, Forward, Vjp, matmul};
use super::kernels::linear::{Product, backward_bias};
use super::tiled::{Here, Kernel, Lowered, Out, ParamGradients, Site, Stretch};
use super::{Op, Reads};

impl Op for Linear {
    fn reads(&self) -> Reads {
        Reads::OPERANDS
    }

    fn lower(&self, site: &Site<'_>) -> Lowered {
        let out = site.node.shape[self.axis.index(site.node.shape.len())];
        site.step(match (self.axis, site.input(0)) {
            (Axis::Last, [n, _]) => Along { outer: *n, out, inner: 1 },
            (Axis::Fields, [_, e]) => Along { outer: 1, out, inner: *e },
            _ => Along { outer: 1, out, inner: 1 },
        })
    }

    fn forward(&self, at: &Forward<'_>) -> Result<Tensor> {
        last(self.axis, &layer(&last(self.axis, at.inputs[0])?, at.params[0], at.params.get(1).copied())?)
    }

    fn backward(&self, at: &Back<'_>) -> Result<Vjp> {
        let (x, dy) = (last(self.axis, at.input(0)?)?, last(self.axis, at.dy)?);
        let (dx, dw, db) = reverse(&x, at.params[0], &dy)?;
        Ok(Vjp::with(last(self.axis, &dx)?, std::iter::once(dw).chain(self.bias.then_some(db))))
    }
}

/// The axis that is worked along made the last one, or put back.
fn last(axis: Axis, x: &Tensor) -> Result<Tensor> {
    match axis {
        Axis::Last => Ok(x.clone()),
        Axis::Fields => x.transpose(1, 2)?.contiguous(),
    }
}

/// candle's layer along the last axis.
pub(super) fn layer(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>) -> Result<Tensor> {
    candle_nn::Linear::new(weight.clone(), bias.cloned()).forward(x)
}

/// The derivatives of the input, the weight and the bias of a layer along the last axis.
pub(super) fn reverse(x: &Tensor, weight: &Tensor, dy: &Tensor) -> Result<(Tensor, Tensor, Tensor)> {
    let (out, width) = weight.dims2()?;
    let (rows, dy_rows) = (x.reshape(((), width))?, dy.reshape(((), out))?);
    let dx = matmul(&dy_rows, weight)?.reshape(x.shape())?;
    Ok((dx, matmul(&dy_rows.t()?, &rows)?, dy_rows.sum(0)?))
}

/// A linear layer as seen in memory: for each of `outer` blocks, `W [out, in]` times `[in, inner * t]`. Along the width and
/// along fields there is one block; along the embedding axis of a sparse tensor, one a field.
#[derive(Clone, Copy, Debug)]
struct Along {
    outer: usize,
    out: usize,
    inner: usize,
}

impl Along {
    fn product<'a>(&self, here: &'a dyn Here) -> Product<'a> {
        let weight = here.weight(0).unwrap_or(&[]);
        Product {
            outer: self.outer,
            out: self.out,
            inner: self.inner,
            samples: here.samples(),
            weight,
            swapped: here.swapped(0),
        }
    }
}

impl Kernel for Along {
    fn reads(&self, weight_trained: bool) -> Reads {
        if weight_trained { Reads::OPERANDS } else { Reads::NOTHING }
    }

    fn reads_stretches(&self) -> Option<usize> {
        (self.outer == 1).then_some(self.inner)
    }

    fn forward(&self, here: &dyn Here, out: Out<'_>) {
        self.product(here).forward(here.weight(1), &here.pieces(0), out.y);
    }

    fn backward_params(&self, here: &dyn Here, dy: &[f32], gradients: &mut ParamGradients<'_>) {
        if let Some((dw, accumulate)) = gradients.get(0) {
            self.product(here).backward_weight(&here.pieces(0), dy, dw, accumulate);
        }
        if let Some(db) = gradients.take(1) {
            backward_bias(self.inner * here.samples(), dy, db);
        }
    }

    fn writes(&self, index: usize) -> bool {
        index == 0
    }

    fn backward(&self, here: &dyn Here, stretch: Stretch, dy: &[f32], dx: &mut [f32], accumulate: bool) {
        self.product(here).backward_input(stretch.from, dy, dx, accumulate);
    }
}
