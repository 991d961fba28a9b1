//! The numeric columns of a batch.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{Algebra, Applied, Op, Operand};
use crate::tensor::TensorKind;

/// The numeric columns of the batch, `[numeric]`. No inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numeric;

impl Op for Numeric {
    fn name(&self) -> &'static str {
        "numeric"
    }

    fn apply<A: Algebra>(
        &self,
        _: &mut A,
        operands: &[Operand<A::Axis>],
        given: &[A::Axis],
    ) -> Option<Applied<A::Axis>> {
        let ([], &[width]) = (operands, given) else { return None };
        Some(Applied::new(TensorKind::Dense, [width]))
    }

    fn given(&self, _: usize) -> Range<usize> {
        0..1
    }
}
