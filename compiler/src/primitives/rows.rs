//! One number a row, where a row is a stretch of the last axis: a field of a sparse tensor, or the whole of a dense one.

use super::signature::{Bound, Built};
use super::{Primitive, Reduction};
use crate::ir::{AxisRef, Expressions, TensorKind};
use crate::plan::Init;

/// `scale(x, by)`: each row times its number. The result has the places of `x`.
pub(super) fn scale(ex: &mut Expressions, args: &[Bound]) -> Built {
    let rows = rows(ex, &args[0]);
    let mut built = Built::new(Primitive::Scale, args[0].tensor(), args[0].axes().iter().copied());
    built.equal.push((args[1].axes()[0].size, rows.size));
    built
}

pub(super) fn sum_last(ex: &mut Expressions, args: &[Bound]) -> Built {
    reduce(ex, args, Reduction::Sum)
}

pub(super) fn mean_last(ex: &mut Expressions, args: &[Bound]) -> Built {
    reduce(ex, args, Reduction::Mean)
}

pub(super) fn max_last(ex: &mut Expressions, args: &[Bound]) -> Built {
    reduce(ex, args, Reduction::Max)
}

/// The number of a field keeps the field's place.
fn reduce(ex: &mut Expressions, args: &[Bound], by: Reduction) -> Built {
    let rows = rows(ex, &args[0]);
    Built::new(Primitive::Reduce { by }, TensorKind::Dense, [rows])
}

fn rows(ex: &mut Expressions, x: &Bound) -> AxisRef {
    match x.axes() {
        [fields, _] => *fields,
        _ => {
            let one = ex.constant(1.0);
            ex.prefix(one)
        }
    }
}

/// `shift(x)`: `x + b`, the bias of a linear layer alone.
pub(super) fn shift(_: &mut Expressions, args: &[Bound]) -> Built {
    let axis = args[0].axes()[0];
    Built::new(Primitive::Shift, TensorKind::Dense, [axis]).param("bias", [axis], Init::Constant(0.0))
}
