//! The rectifier.

use serde::{Deserialize, Serialize};

use super::signature::X;
use super::{Algebra, Applied, Op, Operand, Signature, elementwise, values};

/// `max(x, 0)`, element by element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relu;

impl Op for Relu {
    const SIGNATURES: &'static [Signature] = &[Signature {
        name: "relu",
        params: &[X],
        meaning: "The larger of 0 and the value, element by element.",
        make: |_| Relu.into(),
    }];

    fn name(&self) -> &'static str {
        "relu"
    }

    fn apply<A: Algebra>(&self, a: &mut A, operands: &[Operand<A::Axis>], _: &[A::Axis]) -> Option<Applied<A::Axis>> {
        let [_] = operands else { return None };
        elementwise(a, operands)
    }

    fn ops(&self, _: usize, _: &[usize], output: &[usize]) -> u64 {
        values(output)
    }
}
