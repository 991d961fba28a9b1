//! Products of two sparse tensors' fields, element by element. A field, `e` values of `t` samples, is one stretch.

use super::elementwise;

/// The pairs `(i, j)` of fields in the order of the result.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Pairs {
    /// Every one of `left` with every one of `right`.
    All { left: usize, right: usize },
    /// `j < i < n`.
    Below { n: usize },
}

impl Pairs {
    /// How many of the second operand's fields the first one's field `i` meets, and where its products start.
    fn row(self, i: usize) -> (usize, usize) {
        match self {
            Pairs::All { right, .. } => (right, i * right),
            Pairs::Below { .. } => (i, i * i.saturating_sub(1) / 2),
        }
    }

    fn left(self) -> usize {
        match self {
            Pairs::All { left, .. } => left,
            Pairs::Below { n } => n,
        }
    }

    fn each(self) -> impl Iterator<Item = (usize, usize, usize)> {
        (0..self.left()).flat_map(move |i| {
            let (count, start) = self.row(i);
            (0..count).map(move |j| (i, j, start + j))
        })
    }
}

/// Field `i` of `stretches` of `len`.
fn field(values: &[f32], i: usize, len: usize) -> &[f32] {
    &values[i * len..][..len]
}

/// `len`: values of a field, `e t`.
pub(crate) fn forward(pairs: Pairs, len: usize, a: &[f32], b: &[f32], y: &mut [f32]) {
    for (i, j, at) in pairs.each() {
        elementwise::mul(field(a, i, len), field(b, j, len), &mut y[at * len..][..len], false);
    }
}

/// The gradient of operand `k`; `other` is the other operand.
pub(crate) fn backward(
    pairs: Pairs,
    k: usize,
    len: usize,
    other: &[f32],
    dy: &[f32],
    dx: &mut [f32],
    accumulate: bool,
) {
    if !accumulate {
        dx.fill(0.0);
    }
    for (i, j, at) in pairs.each() {
        let (own, partner) = if k == 0 { (i, j) } else { (j, i) };
        elementwise::mul(field(other, partner, len), field(dy, at, len), &mut dx[own * len..][..len], true);
    }
}

/// Any device and float type.
pub(crate) mod portable {
    use candle_core::{Result, Tensor};

    pub(crate) fn all(a: &Tensor, b: &Tensor) -> Result<Tensor> {
        let ((h, e, t), m) = (a.dims3()?, b.dim(0)?);
        a.unsqueeze(1)?.broadcast_mul(&b.unsqueeze(0)?)?.reshape((h * m, e, t))
    }

    pub(crate) fn all_backward(a: &Tensor, b: &Tensor, dy: &Tensor) -> Result<[Tensor; 2]> {
        let ((h, e, t), m) = (a.dims3()?, b.dim(0)?);
        let dy = dy.reshape((h, m, e, t))?;
        Ok([dy.broadcast_mul(&b.unsqueeze(0)?)?.sum(1)?, dy.broadcast_mul(&a.unsqueeze(1)?)?.sum(0)?])
    }

    pub(crate) fn below(a: &Tensor, b: &Tensor) -> Result<Tensor> {
        let (left, right) = positions(a)?;
        a.index_select(&left, 0)? * b.index_select(&right, 0)?
    }

    pub(crate) fn below_backward(a: &Tensor, b: &Tensor, dy: &Tensor) -> Result<[Tensor; 2]> {
        let (left, right) = positions(a)?;
        let da = a.zeros_like()?.index_add(&left, &(dy * b.index_select(&right, 0)?)?, 0)?;
        let db = b.zeros_like()?.index_add(&right, &(dy * a.index_select(&left, 0)?)?, 0)?;
        Ok([da, db])
    }

    /// The first and the second field of every pair.
    fn positions(a: &Tensor) -> Result<(Tensor, Tensor)> {
        let n = a.dim(0)? as u32;
        let (left, right): (Vec<u32>, Vec<u32>) = (0..n).flat_map(|i| (0..i).map(move |j| (i, j))).unzip();
        let len = left.len();
        Ok((Tensor::from_vec(left, len, a.device())?, Tensor::from_vec(right, len, a.device())?))
    }
}
