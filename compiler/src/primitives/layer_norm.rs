//! Layer normalisation along one axis (Ba et al., arXiv 1607.06450).

use serde::{Deserialize, Serialize};

use super::signature::{Param, SPARSE, X};
use super::{Algebra, Applied, Axis, Constants, Default, Op, Operand, Primitive, Signature, Wants, values};
use crate::tensor::Init;

/// `scale * (x - mean) / sqrt(var + eps) + shift` over `axis` (biased variance). Params: `scale`, `shift`, both
/// `[size of axis]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerNorm {
    /// The axis that is normalised.
    pub axis: Axis,
    /// Added to the variance.
    pub eps: f64,
}

/// The initial scale; it is trained.
const SCALE: Param = ("scale", Wants::Number, Default::Number(1.0));
const EPS: Param = ("eps", Wants::Number, Default::Number(1e-5));

fn along(axis: Axis, said: &Constants) -> Primitive {
    LayerNorm { axis, eps: said.number("eps").unwrap_or_default() }.into()
}

impl Op for LayerNorm {
    const SIGNATURES: &'static [Signature] = &[
        Signature {
            name: "layer_norm",
            params: &[X, SCALE, EPS],
            meaning: "Layer normalisation over the last axis; `scale` is the initial value.",
            make: |said| along(Axis::Last, said),
        },
        Signature {
            name: "layer_norm_fields",
            params: &[SPARSE, SCALE, EPS],
            meaning: "Layer normalisation over the field axis; `scale` is the initial value.",
            make: |said| along(Axis::Fields, said),
        },
    ];

    fn name(&self) -> &'static str {
        match self.axis {
            Axis::Last => "layer_norm",
            Axis::Fields => "layer_norm_fields",
        }
    }

    fn apply<A: Algebra>(&self, _: &mut A, operands: &[Operand<A::Axis>], _: &[A::Axis]) -> Option<Applied<A::Axis>> {
        let [x] = operands else { return None };
        if self.axis == Axis::Fields {
            x.pair()?;
        }
        let along = x.axes[self.axis.index(x.axes.len())];
        let applied = Applied::new(x.kind, x.axes.iter().copied()).param("scale", [along], Init::Constant(1.0));
        Some(applied.param("shift", [along], Init::Constant(0.0)))
    }

    /// Of each row of `k` numbers, in this order: the mean (`k`), its subtraction (`k`), squares (`k`), their mean (`k`), `eps`
    /// and the root (2), the reciprocal of that (1), products with it (`k`), with the scale (`k`), and the shift (`k`).
    fn ops(&self, _: usize, _: &[usize], output: &[usize]) -> u64 {
        let along = self.axis.index(output.len());
        let others = output.iter().enumerate().filter(|&(at, _)| at != along).map(|(_, &size)| size);
        let rows = others.fold(1u64, |rows, size| rows.saturating_mul(size as u64));
        values(output).saturating_mul(7).saturating_add(rows.saturating_mul(3))
    }
}
