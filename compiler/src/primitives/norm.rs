//! Layer normalisation along one axis (Ba et al., arXiv 1607.06450).

use super::signature::{Bound, Built, Default, Wants};
use super::{Axis, Primitive};
use crate::ir::Expressions;
use crate::plan::Init;

/// The initial scale; it is trained.
pub(super) const SCALE: (&str, Wants, Default) = ("scale", Wants::Number, Default::Number(1.0));
pub(super) const EPS: (&str, Wants, Default) = ("eps", Wants::Number, Default::Number(1e-5));

/// `layer_norm(x)` normalises over the last axis.
pub(super) fn layer_norm(_: &mut Expressions, args: &[Bound]) -> Built {
    along(args, Axis::Last)
}

/// `layer_norm_fields(s)` normalises over the field axis.
pub(super) fn layer_norm_fields(_: &mut Expressions, args: &[Bound]) -> Built {
    along(args, Axis::Fields)
}

fn along(args: &[Bound], axis: Axis) -> Built {
    let axes = args[0].axes().to_vec();
    let along = axes[axis.index(axes.len())];
    Built::new(Primitive::LayerNorm { axis, eps: args[2].number() }, args[0].tensor(), axes)
        .param("scale", [along], Init::Constant(args[1].number()))
        .param("shift", [along], Init::Constant(0.0))
}
