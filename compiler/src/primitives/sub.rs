//! Differences: `-` of the language.

use serde::{Deserialize, Serialize};

use super::{Algebra, Applied, Op, Operand, elementwise, values};

/// Element-wise `a - b`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sub;

impl Op for Sub {
    fn name(&self) -> &'static str {
        "subtract"
    }

    fn apply<A: Algebra>(&self, a: &mut A, operands: &[Operand<A::Axis>], _: &[A::Axis]) -> Option<Applied<A::Axis>> {
        let [_, _] = operands else { return None };
        elementwise(a, operands)
    }

    fn ops(&self, _: usize, _: &[usize], output: &[usize]) -> u64 {
        values(output)
    }
}
