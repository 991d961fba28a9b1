//! Sums: `+` of the language, and several alternatives of a `choose`.

use serde::{Deserialize, Serialize};

use super::{Algebra, Applied, Op, Operand, elementwise, values};

/// Element-wise sum of two or more tensors of one shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Add;

impl Op for Add {
    fn name(&self) -> &'static str {
        "add"
    }

    fn apply<A: Algebra>(&self, a: &mut A, operands: &[Operand<A::Axis>], _: &[A::Axis]) -> Option<Applied<A::Axis>> {
        let [_, _, ..] = operands else { return None };
        elementwise(a, operands)
    }

    /// One addition a value for each operand but the first.
    fn ops(&self, operands: usize, _: &[usize], output: &[usize]) -> u64 {
        values(output).saturating_mul(operands.saturating_sub(1) as u64)
    }
}
