//! Products of two sparse tensors' fields, element by element. Being element-wise, they count no multiply-accumulates.

use super::Primitive;
use super::signature::{Bound, Built};
use crate::ir::{AxisRef, Expressions, LayoutExpr, TensorKind};

/// `field_products(a, b)`: every field of `a` times every field of `b`, `[h, e], [m, e] -> [h m, e]`. The product of
/// fields `i` and `j` keeps the place of that pair, as in `flatten`.
pub(super) fn field_products(ex: &mut Expressions, args: &[Bound]) -> Built {
    let ([left, left_dim], [right, right_dim]) = (pair(&args[0]), pair(&args[1]));
    let dim = ex.shared_axis(left_dim.size, &[left_dim, right_dim]);
    let mut fields = left;
    fields.size = ex.product(left.size, right.size);
    fields.layout = ex.intern_layout(LayoutExpr::Flattened(left.layout, right.layout));
    let mut built = Built::new(Primitive::FieldProducts, TensorKind::Sparse, [fields, dim]);
    built.equal.push((left_dim.size, right_dim.size));
    built
}

/// `pair_products(a, b)`: field `i` of `a` times field `j` of `b` for `j < i`, `[n, e], [n, e] -> [n (n - 1) / 2, e]`.
/// The places are those of `lower_triangle`, over the layout that both share.
pub(super) fn pair_products(ex: &mut Expressions, args: &[Bound]) -> Built {
    let ([left, left_dim], [right, right_dim]) = (pair(&args[0]), pair(&args[1]));
    let dim = ex.shared_axis(left_dim.size, &[left_dim, right_dim]);
    let fields = ex.shared_axis(left.size, &[left, right]);
    let fields = super::pairwise::below_diagonal(ex, fields);
    let mut built = Built::new(Primitive::PairProducts, TensorKind::Sparse, [fields, dim]);
    built.equal.push((left.size, right.size));
    built.equal.push((left_dim.size, right_dim.size));
    built
}

/// The field axis and the embedding axis.
fn pair(argument: &Bound) -> [AxisRef; 2] {
    [argument.axes()[0], argument.axes()[1]]
}
