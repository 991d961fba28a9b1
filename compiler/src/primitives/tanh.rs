//! The hyperbolic tangent.

use serde::{Deserialize, Serialize};

use super::signature::X;
use super::{Algebra, Applied, Op, Operand, Signature, elementwise, values};

/// `(exp(x) - exp(-x)) / (exp(x) + exp(-x))`, element by element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tanh;

impl Op for Tanh {
    const SIGNATURES: &'static [Signature] = &[Signature {
        name: "tanh",
        params: &[X],
        meaning: "The hyperbolic tangent, between -1 and 1, element by element.",
        make: |_| Tanh.into(),
    }];

    fn name(&self) -> &'static str {
        "tanh"
    }

    fn apply<A: Algebra>(&self, a: &mut A, operands: &[Operand<A::Axis>], _: &[A::Axis]) -> Option<Applied<A::Axis>> {
        let [_] = operands else { return None };
        elementwise(a, operands)
    }

    fn ops(&self, _: usize, _: &[usize], output: &[usize]) -> u64 {
        values(output)
    }
}
