//! Fields and embeddings turned.

use serde::{Deserialize, Serialize};

use super::signature::SPARSE;
use super::{Algebra, Applied, Op, Operand, Signature};

/// `[n, e] -> [e, n]`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transpose;

impl Op for Transpose {
    const SIGNATURES: &'static [Signature] = &[Signature {
        name: "transpose",
        params: &[SPARSE],
        meaning: "A sparse tensor turned: as many fields as it had numbers a field.",
        make: |_| Transpose.into(),
    }];

    fn name(&self) -> &'static str {
        "transpose"
    }

    fn apply<A: Algebra>(&self, _: &mut A, operands: &[Operand<A::Axis>], _: &[A::Axis]) -> Option<Applied<A::Axis>> {
        let [x] = operands else { return None };
        let [fields, dim] = x.pair()?;
        Some(Applied::new(x.kind, [dim, fields]))
    }
}
