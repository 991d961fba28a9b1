//! The bias of a linear layer alone.

use serde::{Deserialize, Serialize};

use super::signature::DENSE;
use super::{Algebra, Applied, Op, Operand, Signature, values};
use crate::tensor::{Init, TensorKind};

/// `x + b`, `[w] -> [w]`. Params: `b [w]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shift;

impl Op for Shift {
    const SIGNATURES: &'static [Signature] = &[Signature {
        name: "shift",
        params: &[DENSE],
        meaning: "A dense tensor plus a trained bias.",
        make: |_| Shift.into(),
    }];

    fn name(&self) -> &'static str {
        "shift"
    }

    fn apply<A: Algebra>(&self, _: &mut A, operands: &[Operand<A::Axis>], _: &[A::Axis]) -> Option<Applied<A::Axis>> {
        let [x] = operands else { return None };
        let width = x.width()?;
        Some(Applied::new(TensorKind::Dense, [width]).param("bias", [width], Init::Constant(0.0)))
    }

    fn ops(&self, _: usize, _: &[usize], output: &[usize]) -> u64 {
        values(output)
    }
}
