//! The same out of candle's operations, on any device and float type.

use candle_core::{D, Result, Tensor};

use crate::ops::linear::portable as linear;
use crate::ops::matmul::matmul;
use nasrec_compiler::primitives::Axis;

struct Forward {
    /// `[heads, B, n, e / heads]` each.
    qkv: [Tensor; 3],
    /// `[heads, B, n, n]`
    weights: Tensor,
    /// `[n, e, B]`
    mixed: Tensor,
}

/// `[n, e, B] -> [heads, B, n, e / heads]`
fn split(x: &Tensor, heads: usize) -> Result<Tensor> {
    let (n, e, b) = x.dims3()?;
    x.reshape((n, heads, e / heads, b))?.permute((1, 3, 0, 2))?.contiguous()
}

fn join(x: &Tensor) -> Result<Tensor> {
    let (heads, b, n, width) = x.dims4()?;
    x.permute((2, 0, 3, 1))?.contiguous()?.reshape((n, heads * width, b))
}

fn transposed(x: &Tensor) -> Result<Tensor> {
    x.transpose(2, 3)?.contiguous()
}

fn run(heads: usize, x: &Tensor, params: &[&Tensor]) -> Result<Forward> {
    let (_, e, _) = x.dims3()?;
    let all = linear::forward(Axis::Last, x, params[0], Some(params[1]))?;
    let part = |i: usize| split(&all.narrow(1, i * e, e)?.contiguous()?, heads);
    let qkv = [part(0)?, part(1)?, part(2)?];
    let scores = (matmul(&qkv[0], &transposed(&qkv[1])?)? * scale(e, heads))?;
    let shifted = scores.broadcast_sub(&scores.max_keepdim(D::Minus1)?)?.exp()?;
    let weights = shifted.broadcast_div(&shifted.sum_keepdim(D::Minus1)?)?;
    let mixed = join(&matmul(&weights, &qkv[2])?)?;
    Ok(Forward { qkv, weights, mixed })
}

fn scale(e: usize, heads: usize) -> f64 {
    1.0 / ((e / heads) as f64).sqrt()
}

pub(crate) fn forward(heads: usize, x: &Tensor, params: &[&Tensor]) -> Result<Tensor> {
    let mixed = run(heads, x, params)?.mixed;
    linear::forward(Axis::Last, &mixed, params[2], Some(params[3]))
}

/// Gradients of the input and of the four parameters.
pub(crate) fn backward(heads: usize, x: &Tensor, params: &[&Tensor], dy: &Tensor) -> Result<[Option<Tensor>; 5]> {
    let e = x.dim(1)?;
    let Forward { qkv, weights, mixed } = run(heads, x, params)?;
    let [dmixed, dout, dout_bias] = linear::backward(Axis::Last, Some(&mixed), params[2], dy, [true; 3])?;
    let Some(dmixed) = dmixed else { unreachable!("the input's gradient was asked for") };
    let dmixed = split(&dmixed, heads)?;
    let dv = matmul(&transposed(&weights)?, &dmixed)?;
    let dweights = matmul(&dmixed, &transposed(&qkv[2])?)?;
    let centre = (&dweights * &weights)?.sum_keepdim(D::Minus1)?;
    let dscores = ((weights * dweights.broadcast_sub(&centre)?)? * scale(e, heads))?;
    let dq = matmul(&dscores, &qkv[1])?;
    let dk = matmul(&transposed(&dscores)?, &qkv[0])?;
    let dqkv = Tensor::cat(&[join(&dq)?, join(&dk)?, join(&dv)?], 1)?;
    let [dx, dproject, dproject_bias] = linear::backward(Axis::Last, Some(x), params[0], &dqkv, [true; 3])?;
    Ok([dx, dproject, dproject_bias, dout, dout_bias])
}
