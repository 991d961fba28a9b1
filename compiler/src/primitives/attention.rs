//! Multi-head self-attention over fields (Vaswani et al., arXiv 1706.03762).

use super::Primitive;
use super::signature::{Bound, Built};
use crate::ir::{AxisRef, Expressions, LayoutExpr};
use crate::plan::Init;

/// `multi_head_attention(s, heads)`: `[n, e] -> [n, e]`; `heads` divides `e`.
pub(super) fn attention(ex: &mut Expressions, args: &[Bound]) -> Built {
    let dim = args[0].axes()[1];
    let heads = args[1].number();
    let zero = ex.constant(0.0);
    let stacked = AxisRef {
        size: ex.add_scaled(zero, dim.size, 3.0),
        layout: ex.intern_layout(LayoutExpr::Repeated(dim.layout, 3)),
    };
    let mut built =
        Built::new(Primitive::Attention { heads: heads as usize }, args[0].tensor(), args[0].axes().iter().copied())
            .param("in_weight", [stacked, dim], Init::XavierUniform)
            .param("in_bias", [stacked], Init::Constant(0.0))
            .param("out_weight", [dim, dim], Init::XavierUniform)
            .param("out_bias", [dim], Init::Constant(0.0));
    // heads * round(dim / heads) == dim says that heads divide the dimension.
    let heads = ex.constant(heads);
    let each = ex.quotient(dim.size, heads);
    let each = ex.round(each);
    let whole = ex.product(each, heads);
    built.equal.push((whole, dim.size));
    built
}

/// Four projections, and the scores and their mixing.
pub(super) fn macs(input: &[usize]) -> u64 {
    let (n, e) = (input[0] as u64, input[1] as u64);
    (n * e).saturating_mul(4 * e + 2 * n)
}
