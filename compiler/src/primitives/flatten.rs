//! From sparse to dense.

use serde::{Deserialize, Serialize};

use super::signature::SPARSE;
use super::{Algebra, Applied, Op, Operand, Signature};
use crate::tensor::TensorKind;

/// `[n, e] -> [n e]`, row-major.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flatten;

impl Op for Flatten {
    const SIGNATURES: &'static [Signature] = &[Signature {
        name: "flatten",
        params: &[SPARSE],
        meaning: "From sparse to dense, row by row.",
        make: |_| Flatten.into(),
    }];

    fn name(&self) -> &'static str {
        "flatten"
    }

    fn apply<A: Algebra>(&self, a: &mut A, operands: &[Operand<A::Axis>], _: &[A::Axis]) -> Option<Applied<A::Axis>> {
        let [s] = operands else { return None };
        let [fields, dim] = s.pair()?;
        Some(Applied::new(TensorKind::Dense, [a.flattened(fields, dim)]))
    }
}
