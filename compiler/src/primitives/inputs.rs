//! Embedding lookups.

use super::Primitive;
use super::signature::{Bound, Built, NewParam};
use crate::ir::{Expressions, Size, TemplateKind, TensorKind};
use crate::plan::Init;

/// `embed(fields, dim)`: one row of each field's table, `[fields, dim]`.
pub(super) fn embed(ex: &mut Expressions, args: &[Bound]) -> Built {
    let dim = args[1].size(ex);
    let dim = ex.prefix(dim);
    let fields = ex.atom(Size::Fields);
    let fields = ex.prefix(fields);
    let mut built = Built::new(Primitive::Embed, TensorKind::Sparse, [fields, dim]);
    built.params.push(NewParam {
        name: "table",
        axes: [dim].into_iter().collect(),
        init: Init::XavierNormal,
        kind: TemplateKind::Tables,
    });
    built
}
