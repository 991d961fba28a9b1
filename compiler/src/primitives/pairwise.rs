//! Products of pairs of fields, and sums over fields.

use super::Primitive;
use super::signature::{Bound, Built};
use crate::ir::{AxisRef, Expressions, LayoutExpr, TensorKind};

/// `gram(s)`: all inner products of two fields, `[n, e] -> [n, n]`.
pub(super) fn gram(_: &mut Expressions, args: &[Bound]) -> Built {
    let fields = args[0].axes()[0];
    Built::new(Primitive::Gram, TensorKind::Square, [fields, fields])
}

/// The whole square is counted, as the paper does, though its triangle is what is read.
pub(super) fn gram_macs(input: &[usize]) -> u64 {
    (input[0] as u64).saturating_mul(input[0] as u64).saturating_mul(input[1] as u64)
}

/// `lower_triangle(x)`: below the diagonal, row by row, `[n, n] -> [n (n - 1) / 2]`.
pub(super) fn lower_triangle(ex: &mut Expressions, args: &[Bound]) -> Built {
    let axis = below_diagonal(ex, args[0].axes()[0]);
    Built::new(Primitive::LowerTriangle, TensorKind::Dense, [axis])
}

/// The axis of all pairs `j < i` of positions of an axis, row by row.
pub(super) fn below_diagonal(ex: &mut Expressions, rows: AxisRef) -> AxisRef {
    let square = ex.product(rows.size, rows.size);
    let pairs = ex.add_scaled(square, rows.size, -1.0);
    let half = ex.constant(0.5);
    // n (n - 1) is even, which `is_whole` cannot see: say it.
    let count = ex.product(pairs, half);
    AxisRef { size: ex.round(count), layout: ex.intern_layout(LayoutExpr::Triangle(rows.layout)) }
}

/// `sum_fields(s)`: `[n, e] -> [e]`.
pub(super) fn sum_fields(_: &mut Expressions, args: &[Bound]) -> Built {
    Built::new(Primitive::SumFields, TensorKind::Dense, [args[0].axes()[1]])
}
