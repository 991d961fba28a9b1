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
