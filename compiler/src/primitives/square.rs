//! Squares.

use serde::{Deserialize, Serialize};

use super::signature::X;
use super::{Algebra, Applied, Op, Operand, Signature, elementwise, values};

/// `x x`, element by element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Square;

impl Op for Square {
    const SIGNATURES: &'static [Signature] = &[Signature {
        name: "square",
        params: &[X],
        meaning: "The value times itself, element by element.",
        make: |_| Square.into(),
    }];

    fn name(&self) -> &'static str {
        "square"
    }

    fn apply<A: Algebra>(&self, a: &mut A, operands: &[Operand<A::Axis>], _: &[A::Axis]) -> Option<Applied<A::Axis>> {
        let [_] = operands else { return None };
        elementwise(a, operands)
    }

    fn ops(&self, _: usize, _: &[usize], output: &[usize]) -> u64 {
        values(output)
    }
}
