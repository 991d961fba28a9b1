//! Shares of a whole.

use serde::{Deserialize, Serialize};

use super::signature::{SPARSE, X};
use super::{Algebra, Applied, Axis, Op, Operand, Signature, elementwise, values};

/// `exp(x_i) / sum_j exp(x_j)` along `axis`: numbers above 0 whose sum is 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Softmax {
    /// The axis that is summed over.
    pub axis: Axis,
}

impl Op for Softmax {
    const SIGNATURES: &'static [Signature] = &[
        Signature {
            name: "softmax",
            params: &[X],
            meaning: "Shares along the last axis, whose sum is 1: of a dense tensor, or of each field.",
            make: |_| Softmax { axis: Axis::Last }.into(),
        },
        Signature {
            name: "softmax_fields",
            params: &[SPARSE],
            meaning: "Shares along the fields, whose sum is 1 in each place of the embedding.",
            make: |_| Softmax { axis: Axis::Fields }.into(),
        },
    ];

    fn name(&self) -> &'static str {
        match self.axis {
            Axis::Last => "softmax",
            Axis::Fields => "softmax_fields",
        }
    }

    fn apply<A: Algebra>(&self, a: &mut A, operands: &[Operand<A::Axis>], _: &[A::Axis]) -> Option<Applied<A::Axis>> {
        let [x] = operands else { return None };
        if self.axis == Axis::Fields {
            x.pair()?;
        }
        elementwise(a, operands)
    }

    /// Of `k` numbers, `k` exponentials, `k - 1` additions, the reciprocal of their sum and `k` products with it. That the
    /// largest is subtracted first, so that no exponential is too large, is not counted.
    fn ops(&self, _: usize, _: &[usize], output: &[usize]) -> u64 {
        values(output).saturating_mul(3)
    }
}
