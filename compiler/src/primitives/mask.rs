//! Which places of a sequence hold something.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{Algebra, Applied, Default, Op, Operand, Signature, Wants};
use crate::tensor::TensorKind;

/// 1 for each place of a sequence that holds something and 0 for the others, `[places]`. No inputs, no params.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mask;

impl Op for Mask {
    const SIGNATURES: &'static [Signature] = &[Signature {
        name: "mask",
        params: &[("history", Wants::Sequence, Default::Required)],
        meaning: "1 for each place of a sequence that holds something and 0 for the others: a dense tensor, as wide as the sequence has places.",
        make: |_| Mask.into(),
    }];

    fn name(&self) -> &'static str {
        "mask"
    }

    fn apply<A: Algebra>(
        &self,
        _: &mut A,
        operands: &[Operand<A::Axis>],
        given: &[A::Axis],
    ) -> Option<Applied<A::Axis>> {
        let ([], &[places]) = (operands, given) else { return None };
        Some(Applied::new(TensorKind::Dense, [places]))
    }

    fn given(&self, _: usize) -> Range<usize> {
        0..1
    }
}
