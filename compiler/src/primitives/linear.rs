//! Linear layers along one axis.

use super::signature::{Bound, Built};
use super::{Axis, Primitive};
use crate::ir::Expressions;
use crate::plan::Init;

/// `linear(x, width)` works along the last axis of a dense or a sparse tensor.
pub(super) fn linear(ex: &mut Expressions, args: &[Bound]) -> Built {
    along(ex, args, Axis::Last)
}

/// `linear_fields(s, fields)` works along the field axis.
pub(super) fn linear_fields(ex: &mut Expressions, args: &[Bound]) -> Built {
    along(ex, args, Axis::Fields)
}

fn along(ex: &mut Expressions, args: &[Bound], axis: Axis) -> Built {
    let mut axes: Vec<_> = args[0].axes().to_vec();
    let at = axis.index(axes.len());
    let input = axes[at];
    let size = args[1].size(ex);
    let output = ex.prefix(size);
    axes[at] = output;
    let bias = args[2].switch();
    let built = Built::new(Primitive::Linear { axis, bias }, args[0].tensor(), axes);
    let built = built.param("weight", [output, input], Init::XavierUniform);
    if bias { built.param("bias", [output], Init::Constant(0.0)) } else { built }
}

/// Width in times width out, for each position of the other axis; the bias counts nothing.
pub(super) fn macs(axis: Axis, input: &[usize], output: &[usize]) -> u64 {
    output.iter().fold(input[axis.index(input.len())] as u64, |macs, &size| macs.saturating_mul(size as u64))
}
