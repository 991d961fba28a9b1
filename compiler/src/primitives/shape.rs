//! Primitives that move values without changing them.

use super::Primitive;
use super::signature::{Bound, Built};
use crate::ir::{Expressions, LayoutExpr, TensorKind};

/// `pad(x, width)`: zeros appended up to `width`, which is at least the width of `x`. The layout is a prefix: what is
/// padded meets its partner position by position.
pub(super) fn pad(ex: &mut Expressions, args: &[Bound]) -> Built {
    let width = args[1].size(ex);
    let axis = ex.prefix(width);
    let mut built = Built::new(Primitive::Pad, TensorKind::Dense, [axis]);
    // Never narrower: the larger of both is the new width.
    let larger = ex.max(args[0].axes()[0].size, width);
    built.equal.push((larger, width));
    built
}

/// `flatten(s)`: `[n, e] -> [n e]`, row-major.
pub(super) fn flatten(ex: &mut Expressions, args: &[Bound]) -> Built {
    let (fields, dim) = (args[0].axes()[0], args[0].axes()[1]);
    let mut axis = fields;
    axis.size = ex.product(fields.size, dim.size);
    axis.layout = ex.intern_layout(LayoutExpr::Flattened(fields.layout, dim.layout));
    Built::new(Primitive::Flatten, TensorKind::Dense, [axis])
}

/// `rows(x, fields, dim)`: `[fields * dim] -> [fields, dim]`. With one field, the embedding axis is the axis of `x`;
/// otherwise `x` is read position by position.
pub(super) fn rows(ex: &mut Expressions, args: &[Bound]) -> Built {
    let (fields, dim) = (args[1].size(ex), args[2].size(ex));
    let product = ex.product(fields, dim);
    let fields_axis = ex.prefix(fields);
    let dim_axis = if ex.as_constant(fields) == Some(1.0) { args[0].axes()[0] } else { ex.prefix(dim) };
    let mut built = Built::new(Primitive::Rows, TensorKind::Sparse, [fields_axis, dim_axis]);
    built.equal.push((args[0].axes()[0].size, product));
    built
}
