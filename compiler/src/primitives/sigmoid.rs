//! The logistic function.

use serde::{Deserialize, Serialize};

use super::signature::X;
use super::{Algebra, Applied, Op, Operand, Signature, elementwise, values};

/// `1 / (1 + exp(-x))`, element by element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sigmoid;

impl Op for Sigmoid {
    const SIGNATURES: &'static [Signature] = &[Signature {
        name: "sigmoid",
        params: &[X],
        meaning: "1 / (1 + exp(-x)), element by element.",
        make: |_| Sigmoid.into(),
    }];

    fn name(&self) -> &'static str {
        "sigmoid"
    }

    fn apply<A: Algebra>(&self, a: &mut A, operands: &[Operand<A::Axis>], _: &[A::Axis]) -> Option<Applied<A::Axis>> {
        let [_] = operands else { return None };
        elementwise(a, operands)
    }

    fn ops(&self, _: usize, _: &[usize], output: &[usize]) -> u64 {
        values(output)
    }
}
