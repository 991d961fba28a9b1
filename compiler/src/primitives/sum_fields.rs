//! Sums over fields.

use serde::{Deserialize, Serialize};

use super::signature::SPARSE;
use super::{Algebra, Applied, Op, Operand, Signature, values};
use crate::tensor::TensorKind;

/// `[n, e] -> [e]`, the sum over fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SumFields;

impl Op for SumFields {
    const SIGNATURES: &'static [Signature] = &[Signature {
        name: "sum_fields",
        params: &[SPARSE],
        meaning: "The sum over fields: dense, of width `dim`.",
        make: |_| SumFields.into(),
    }];

    fn name(&self) -> &'static str {
        "sum_fields"
    }

    fn apply<A: Algebra>(&self, _: &mut A, operands: &[Operand<A::Axis>], _: &[A::Axis]) -> Option<Applied<A::Axis>> {
        let [s] = operands else { return None };
        let [_, dim] = s.pair()?;
        Some(Applied::new(TensorKind::Dense, [dim]))
    }

    /// One addition a value for each field but the first.
    fn ops(&self, _: usize, input: &[usize], output: &[usize]) -> u64 {
        values(output).saturating_mul((input[0] as u64).saturating_sub(1))
    }
}
