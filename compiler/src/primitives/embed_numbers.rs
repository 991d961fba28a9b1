//! Numbers as fields.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::signature::{DENSE, DEVIATION, size};
use super::{Algebra, Applied, Default, Op, Operand, Signature, Wants, values};
use crate::tensor::{Init, TensorKind};

/// Each number times a trained vector of its own, `[n] -> [n, dim]`: numeric columns as fields beside the categorical ones
/// (Song et al., AutoInt, arXiv 1810.11921, equation 4). Params: `weight [n, dim]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmbedNumbers;

/// As small as the rows of a large table are: beside these, products of the vectors of numbers would be the whole of a sum over
/// pairs of fields.
const SMALL: f64 = 1e-2;

impl Op for EmbedNumbers {
    const SIGNATURES: &'static [Signature] = &[Signature {
        name: "embed_numbers",
        params: &[DENSE, size("dim"), (DEVIATION, Wants::Positive, Default::Number(SMALL))],
        meaning: "Each number times a trained vector of its own: a sparse tensor. `deviation`: of the first values.",
        make: |_| EmbedNumbers.into(),
    }];

    fn name(&self) -> &'static str {
        "embed_numbers"
    }

    fn apply<A: Algebra>(
        &self,
        _: &mut A,
        operands: &[Operand<A::Axis>],
        given: &[A::Axis],
    ) -> Option<Applied<A::Axis>> {
        let ([x], &[dim]) = (operands, given) else { return None };
        let numbers = x.width()?;
        Some(Applied::new(TensorKind::Sparse, [numbers, dim]).param("weight", [numbers, dim], Init::Normal(SMALL)))
    }

    fn given(&self, _: usize) -> Range<usize> {
        1..2
    }

    fn ops(&self, _: usize, _: &[usize], output: &[usize]) -> u64 {
        values(output)
    }
}
