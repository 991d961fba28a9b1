//! Products of values: `*` of the language.

use serde::{Deserialize, Serialize};

use super::{Algebra, Applied, Op, Operand, elementwise, values};

/// Element-wise `a * b`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mul;

impl Op for Mul {
    fn name(&self) -> &'static str {
        "multiply"
    }

    fn apply<A: Algebra>(&self, a: &mut A, operands: &[Operand<A::Axis>], _: &[A::Axis]) -> Option<Applied<A::Axis>> {
        let [_, _] = operands else { return None };
        elementwise(a, operands)
    }

    fn ops(&self, _: usize, _: &[usize], output: &[usize]) -> u64 {
        values(output)
    }
}
