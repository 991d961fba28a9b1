//! A linear layer for each field.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::signature::{BIAS, SPARSE, size};
use super::{Algebra, Applied, Op, Operand, Signature, inner_product, values};
use crate::tensor::{Init, TensorKind};

/// `y_i = W_i x_i + b_i`: a layer of its own for each field, `[n, dim] -> [n, width]`. Fields that are the parts of a dense
/// tensor make it the block-diagonal layer of heads (Mao et al., FinalMLP, arXiv 2304.00902, section 3.3).
/// Params: `weight [n width, dim]`, the layers one below the other, then `bias [n width]` if `bias`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinearEach {
    /// Whether `b` is added.
    pub bias: bool,
}

impl Op for LinearEach {
    const SIGNATURES: &'static [Signature] = &[Signature {
        name: "linear_each",
        params: &[SPARSE, size("width"), BIAS],
        meaning: "A linear layer for each field, with parameters of its own.",
        make: |said| LinearEach { bias: said.switch("bias") }.into(),
    }];

    fn name(&self) -> &'static str {
        "linear_each"
    }

    fn apply<A: Algebra>(
        &self,
        algebra: &mut A,
        operands: &[Operand<A::Axis>],
        given: &[A::Axis],
    ) -> Option<Applied<A::Axis>> {
        let ([x], &[width]) = (operands, given) else { return None };
        let [fields, dim] = x.pair()?;
        let stacked = algebra.flattened(fields, width);
        let applied =
            Applied::new(TensorKind::Sparse, [fields, width]).param("weight", [stacked, dim], Init::LecunUniform);
        Some(if self.bias { applied.param("bias", [stacked], Init::Constant(0.0)) } else { applied })
    }

    fn given(&self, _: usize) -> Range<usize> {
        1..2
    }

    /// Width in times width out, for each field; the bias counts nothing.
    fn macs(&self, input: &[usize], output: &[usize]) -> u64 {
        let dim = input.last().map_or(0, |&dim| dim as u64);
        output.iter().fold(dim, |macs, &size| macs.saturating_mul(size as u64))
    }

    /// An inner product for each value, and the addition of its bias.
    fn ops(&self, _: usize, input: &[usize], output: &[usize]) -> u64 {
        let each = inner_product(input.last().copied().unwrap_or_default()) + u64::from(self.bias);
        values(output).saturating_mul(each)
    }
}
