//! Layer normalisation along one axis.

use candle_core::{D, Result, Tensor};
use nasrec_compiler::primitives::{Axis, LayerNorm};

use super::device::{Back, Forward, Vjp, fused};
use super::kernels::norm::Norm;
use super::tiled::{AtOnce, Here, Kernel, Lowered, Out, ParamGradients, Site, Stretch};
use super::{Op, Reads};

impl Op for LayerNorm {
    fn reads(&self) -> Reads {
        Reads::OPERANDS
    }

    fn lower(&self, site: &Site<'_>) -> Lowered {
        let eps = self.eps as f32;
        site.step(match (self.axis, site.input(0)) {
            (Axis::Last, [n, e]) => Along { outer: *n, size: *e, inner: 1, eps },
            (Axis::Fields, [n, e]) => Along { outer: 1, size: *n, inner: *e, eps },
            (_, shape) => Along { outer: 1, size: shape[0], inner: 1, eps },
        })
    }

    fn forward(&self, at: &Forward<'_>) -> Result<Tensor> {
        let x = last(self.axis, at.inputs[0])?;
        let (scale, shift) = (at.params[0], at.params[1]);
        let y = if fused(&x) && !at.stepwise {
            candle_nn::ops::layer_norm(&x, scale, shift, self.eps as f32)?
        } else {
            normalised(&x, self.eps)?.0.broadcast_mul(scale)?.broadcast_add(shift)?
        };
        last(self.axis, &y)
    }

    fn backward(&self, at: &Back<'_>) -> Result<Vjp> {
        let (x, dy) = (last(self.axis, at.input(0)?)?, last(self.axis, at.dy)?);
        let (xhat, deviation) = normalised(&x, self.eps)?;
        let size = x.dim(D::Minus1)?;
        let dscale = (&dy * &xhat)?.reshape(((), size))?.sum(0)?;
        let dshift = dy.reshape(((), size))?.sum(0)?;
        let g = dy.broadcast_mul(at.params[0])?;
        let product = (&g * &xhat)?.mean_keepdim(D::Minus1)?;
        let centred = g.broadcast_sub(&g.mean_keepdim(D::Minus1)?)?.sub(&xhat.broadcast_mul(&product)?)?;
        Ok(Vjp::with(last(self.axis, &centred.broadcast_mul(&deviation)?)?, [dscale, dshift]))
    }
}

/// The axis that is normalised made the last one, or put back.
fn last(axis: Axis, x: &Tensor) -> Result<Tensor> {
    match axis {
        Axis::Last => Ok(x.clone()),
        Axis::Fields => x.transpose(1, 2)?.contiguous(),
    }
}

/// The input without its mean and over its deviation, and the reciprocal of that.
fn normalised(x: &Tensor, eps: f64) -> Result<(Tensor, Tensor)> {
    let centred = x.broadcast_sub(&x.mean_keepdim(D::Minus1)?)?;
    let deviation = (centred.sqr()?.mean_keepdim(D::Minus1)? + eps)?.sqrt()?.recip()?;
    Ok((centred.broadcast_mul(&deviation)?, deviation))
}

/// The normalisation as seen in memory: `outer` blocks of `size` rows of `inner` values a sample.
#[derive(Clone, Copy, Debug)]
struct Along {
    outer: usize,
    size: usize,
    inner: usize,
    eps: f32,
}

impl Along {
    fn norm<'a>(&self, here: &'a dyn Here) -> Norm<'a> {
        let scale = here.weight(0).unwrap_or(&[]);
        Norm { size: self.size, cols: self.inner * here.samples(), eps: self.eps, scale }
    }
}

impl Kernel for Along {
    fn reads(&self, _: bool) -> Reads {
        Reads::OPERANDS
    }

    fn saved(&self) -> usize {
        2 * self.outer * self.inner
    }

    fn scratch(&self) -> usize {
        2 * self.inner
    }

    fn forward(&self, here: &dyn Here, out: Out<'_>) {
        self.norm(here).forward(here.weight(1).unwrap_or(&[]), here.operand(0), out.saved, out.y);
    }

    fn backward(&self, _: &dyn Here, _: Stretch, _: &[f32], _: &mut [f32], _: bool) {}

    fn at_once(&self) -> Option<&dyn AtOnce> {
        Some(self)
    }
}

impl AtOnce for Along {
    fn backward(
        &self,
        here: &dyn Here,
        dy: &[f32],
        (saved, scratch): (&[f32], &mut [f32]),
        gradients: &mut ParamGradients<'_>,
        dx: Option<(&mut [f32], bool)>,
    ) {
        let saved = &saved[..self.saved() * here.samples()];
        let mut parts = gradients.parts.iter_mut().map(|part| part.as_deref_mut());
        let parameters = [parts.next().flatten(), parts.next().flatten()];
        self.norm(here).backward(here.operand(0), saved, dy, scratch, parameters, dx);
    }
}
