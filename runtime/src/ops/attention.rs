//! Multi-head self-attention over the fields of a sample.

use candle_core::{D, Result, Tensor};
use nasrec_compiler::primitives::Attention;

use super::device::{Back, Forward, Vjp, fused, matmul};
use super::kernels::attention::{self, Gradients};
use super::tiled::{AtOnce, Here, Kernel, Lowered, Out, ParamGradients, Site, Stretch};
use super::{Op, Reads, linear};

impl Op for Attention {
    fn reads(&self) -> Reads {
        Reads::OPERANDS
    }

    fn lower(&self, site: &Site<'_>) -> Lowered {
        site.step(OverFields { n: site.input(0)[0], e: site.input(0)[1], heads: self.heads })
    }

    fn forward(&self, at: &Forward<'_>) -> Result<Tensor> {
        let mixed = mix(self.heads, at.inputs[0], &at.params, at.stepwise)?.mixed;
        linear::layer(&mixed, at.params[2], Some(at.params[3]))
    }

    fn backward(&self, at: &Back<'_>) -> Result<Vjp> {
        let x = at.input(0)?;
        let e = x.dim(2)?;
        let Mixed { qkv: [q, k, v], weights, mixed } = mix(self.heads, x, &at.params, false)?;
        let (dmixed, dout, dout_bias) = linear::reverse(&mixed, at.params[2], at.dy)?;
        let dmixed = split(&dmixed, self.heads)?;
        let dv = matmul(&weights.transpose(2, 3)?, &dmixed)?;
        let dweights = matmul(&dmixed, &v.transpose(2, 3)?)?;
        let centre = (&dweights * &weights)?.sum_keepdim(D::Minus1)?;
        let dscores = ((weights * dweights.broadcast_sub(&centre)?)? * scale(e, self.heads))?;
        let (dq, dk) = (matmul(&dscores, &k)?, matmul(&dscores.transpose(2, 3)?, &q)?);
        let dqkv = Tensor::cat(&[join(&dq)?, join(&dk)?, join(&dv)?], 2)?;
        let (dx, dproject, dproject_bias) = linear::reverse(x, at.params[0], &dqkv)?;
        Ok(Vjp::with(dx, [dproject, dproject_bias, dout, dout_bias]))
    }
}

/// What the forward computes before its last layer.
struct Mixed {
    /// Queries, keys and values, `[B, heads, n, e / heads]` each.
    qkv: [Tensor; 3],
    /// `[B, heads, n, n]`
    weights: Tensor,
    /// `[B, n, e]`
    mixed: Tensor,
}

fn mix(heads: usize, x: &Tensor, params: &[&Tensor], stepwise: bool) -> Result<Mixed> {
    let e = x.dim(2)?;
    let all = linear::layer(x, params[0], Some(params[1]))?;
    let part = |i: usize| split(&all.narrow(2, i * e, e)?, heads);
    let qkv = [part(0)?, part(1)?, part(2)?];
    let scores = (matmul(&qkv[0], &qkv[1].transpose(2, 3)?)? * scale(e, heads))?;
    let weights = if fused(&scores) && !stepwise {
        candle_nn::ops::softmax_last_dim(&scores)?
    } else {
        candle_nn::ops::softmax(&scores, D::Minus1)?
    };
    let mixed = join(&matmul(&weights, &qkv[2])?)?;
    Ok(Mixed { qkv, weights, mixed })
}

/// `[B, n, e] -> [B, heads, n, e / heads]`
fn split(x: &Tensor, heads: usize) -> Result<Tensor> {
    let (b, n, e) = x.dims3()?;
    x.contiguous()?.reshape((b, n, heads, e / heads))?.transpose(1, 2)?.contiguous()
}

fn join(x: &Tensor) -> Result<Tensor> {
    let (b, heads, n, width) = x.dims4()?;
    x.transpose(1, 2)?.contiguous()?.reshape((b, n, heads * width))
}

fn scale(e: usize, heads: usize) -> f64 {
    1.0 / ((e / heads) as f64).sqrt()
}

#[derive(Clone, Copy, Debug)]
struct OverFields {
    n: usize,
    e: usize,
    heads: usize,
}

impl OverFields {
    fn over<'a>(&self, here: &'a dyn Here) -> attention::Attention<'a> {
        let weight = |index| here.weight(index).unwrap_or(&[]);
        attention::Attention {
            n: self.n,
            e: self.e,
            heads: self.heads,
            t: here.samples(),
            project: weight(0),
            output: weight(2),
        }
    }
}

impl Kernel for OverFields {
    fn reads(&self, _: bool) -> Reads {
        Reads::OPERANDS
    }

    fn saved(&self) -> usize {
        attention::saved_len(self.n, self.e, self.heads)
    }

    fn scratch(&self) -> usize {
        attention::scratch_len(self.n, self.e)
    }

    fn forward(&self, here: &dyn Here, out: Out<'_>) {
        let biases = [here.weight(1).unwrap_or(&[]), here.weight(3).unwrap_or(&[])];
        let Out { y, saved, scratch } = out;
        self.over(here).forward(biases, here.operand(0), saved, here.is_trained(), scratch, y);
    }

    fn backward(&self, _: &dyn Here, _: Stretch, _: &[f32], _: &mut [f32], _: bool) {}

    fn at_once(&self) -> Option<&dyn AtOnce> {
        Some(self)
    }
}

impl AtOnce for OverFields {
    fn backward(
        &self,
        here: &dyn Here,
        dy: &[f32],
        (saved, scratch): (&[f32], &mut [f32]),
        gradients: &mut ParamGradients<'_>,
        dx: Option<(&mut [f32], bool)>,
    ) {
        let mut parts = gradients.parts.iter_mut().map(|part| part.as_deref_mut());
        let mut part = || parts.next().flatten();
        let gradients = Gradients { project: part(), project_bias: part(), output: part(), output_bias: part() };
        self.over(here).backward(here.operand(0), saved, dy, scratch, gradients, dx);
    }
}
