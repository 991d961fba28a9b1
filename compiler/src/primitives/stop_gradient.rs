//! What is read and not taught.

use serde::{Deserialize, Serialize};

use super::signature::X;
use super::{Algebra, Applied, Op, Operand, Signature, elementwise};

/// `x`, through which no gradient passes: what it was made of does not learn from what is made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopGradient;

impl Op for StopGradient {
    const SIGNATURES: &'static [Signature] = &[Signature {
        name: "stop_gradient",
        params: &[X],
        meaning: "`x`, through which no gradient passes.",
        make: |_| StopGradient.into(),
    }];

    fn name(&self) -> &'static str {
        "stop_gradient"
    }

    fn apply<A: Algebra>(&self, a: &mut A, operands: &[Operand<A::Axis>], _: &[A::Axis]) -> Option<Applied<A::Axis>> {
        let [_] = operands else { return None };
        elementwise(a, operands)
    }
}
