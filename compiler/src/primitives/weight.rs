//! Free parameters.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::signature::{DEVIATION, size};
use super::{Algebra, Applied, Default, Op, Operand, Signature, Wants};
use crate::tensor::{Init, TensorKind};

/// A trained tensor that is the same for every sample, `[width]` or `[fields, dim]`. Params: itself. No inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weight;

/// As small as the rows of a large table.
const SMALL: f64 = 1e-2;

impl Op for Weight {
    const SIGNATURES: &'static [Signature] = &[
        Signature {
            name: "weight",
            params: &[size("width"), (DEVIATION, Wants::Positive, Default::Number(SMALL))],
            meaning: "A trained dense tensor, the same for every sample. `deviation`: of the first values.",
            make: |_| Weight.into(),
        },
        Signature {
            name: "weight_fields",
            params: &[size("fields"), size("dim"), (DEVIATION, Wants::Positive, Default::Number(SMALL))],
            meaning: "A trained sparse tensor, the same for every sample. `deviation`: of the first values.",
            make: |_| Weight.into(),
        },
    ];

    fn name(&self) -> &'static str {
        "weight"
    }

    fn apply<A: Algebra>(
        &self,
        _: &mut A,
        operands: &[Operand<A::Axis>],
        given: &[A::Axis],
    ) -> Option<Applied<A::Axis>> {
        let kind = match (operands, given.len()) {
            ([], 1) => TensorKind::Dense,
            ([], 2) => TensorKind::Sparse,
            _ => return None,
        };
        let axes = given.iter().copied();
        Some(Applied::new(kind, axes.clone()).param("weight", axes, Init::Normal(SMALL)))
    }

    fn given(&self, rank: usize) -> Range<usize> {
        0..rank
    }
}
