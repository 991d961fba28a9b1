//! Inner products of all pairs of fields.

use serde::{Deserialize, Serialize};

use super::signature::SPARSE;
use super::{Algebra, Applied, Op, Operand, Signature, inner_product};
use crate::tensor::TensorKind;

/// `[n, e] -> [n, n]`, all pairwise inner products `T Tᵀ`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gram;

impl Op for Gram {
    const SIGNATURES: &'static [Signature] = &[Signature {
        name: "gram",
        params: &[SPARSE],
        meaning: "All inner products of two fields: a square tensor.",
        make: |_| Gram.into(),
    }];

    fn name(&self) -> &'static str {
        "gram"
    }

    fn apply<A: Algebra>(&self, _: &mut A, operands: &[Operand<A::Axis>], _: &[A::Axis]) -> Option<Applied<A::Axis>> {
        let [s] = operands else { return None };
        let [fields, _] = s.pair()?;
        Some(Applied::new(TensorKind::Square, [fields, fields]))
    }

    /// The whole square is counted, as the paper does, though its triangle is what is read.
    fn macs(&self, input: &[usize], _: &[usize]) -> u64 {
        (input[0] as u64).saturating_mul(input[0] as u64).saturating_mul(input[1] as u64)
    }

    /// An inner product for each pair of different fields: what stands below the diagonal. Nothing else of a square can be
    /// read, and so it costs what the sums of `pair_products` do.
    fn ops(&self, _: usize, input: &[usize], _: &[usize]) -> u64 {
        let n = input[0] as u64;
        (n.saturating_mul(n.saturating_sub(1)) / 2).saturating_mul(inner_product(input[1]))
    }
}
