//! Products of two sparse tensors as matrices.

use serde::{Deserialize, Serialize};

use super::signature::{LEFT, RIGHT};
use super::{Algebra, Applied, Demand, Op, Operand, Signature, inner_product, values};
use crate::tensor::TensorKind;

/// `[n, m], [m, e] -> [n, e]`, a product of matrices for each sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matmul;

impl Op for Matmul {
    const SIGNATURES: &'static [Signature] = &[Signature {
        name: "matmul",
        params: &[LEFT, RIGHT],
        meaning: "The product of two sparse tensors as matrices: each field of `a` weighs the fields of `b`, of which there are as many \
                  as it has numbers.",
        make: |_| Matmul.into(),
    }];

    fn name(&self) -> &'static str {
        "matmul"
    }

    fn apply<A: Algebra>(
        &self,
        algebra: &mut A,
        operands: &[Operand<A::Axis>],
        _: &[A::Axis],
    ) -> Option<Applied<A::Axis>> {
        let [a, b] = operands else { return None };
        let ([rows, across], [fields, dim]) = (a.pair()?, b.pair()?);
        let (across, fields) = (algebra.size(across), algebra.size(fields));
        algebra.demand(
            Demand::Equal("the numbers a field of the left side, and the fields of the right"),
            across,
            fields,
        );
        Some(Applied::new(TensorKind::Sparse, [rows, dim]))
    }

    /// As many products as the left side has numbers, for each number that a field of the right has.
    fn macs(&self, input: &[usize], output: &[usize]) -> u64 {
        let across = input.last().map_or(0, |&across| across as u64);
        output.iter().fold(across, |macs, &size| macs.saturating_mul(size as u64))
    }

    /// An inner product for each value.
    fn ops(&self, _: usize, input: &[usize], output: &[usize]) -> u64 {
        values(output).saturating_mul(inner_product(input.last().copied().unwrap_or_default()))
    }
}
