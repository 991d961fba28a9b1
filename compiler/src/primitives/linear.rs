//! Linear layers along one axis.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::signature::{BIAS, SPARSE, X, size};
use super::{Algebra, Applied, Axis, Op, Operand, Signature, inner_product, values};
use crate::tensor::Init;

/// `y = W x + b` along `axis`, other axes untouched: the last axis of a dense or a sparse tensor, or the field axis.
/// Params: `W [out, in]`, then `b [out]` if `bias`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Linear {
    /// The axis that it works along.
    pub axis: Axis,
    /// Whether `b` is added.
    pub bias: bool,
}

impl Op for Linear {
    const SIGNATURES: &'static [Signature] = &[
        Signature {
            name: "linear",
            params: &[X, size("width"), BIAS],
            meaning: "A linear layer along the last axis.",
            make: |said| Linear { axis: Axis::Last, bias: said.switch("bias") }.into(),
        },
        Signature {
            name: "linear_fields",
            params: &[SPARSE, size("fields"), BIAS],
            meaning: "A linear layer along the field axis.",
            make: |said| Linear { axis: Axis::Fields, bias: said.switch("bias") }.into(),
        },
    ];

    fn name(&self) -> &'static str {
        match self.axis {
            Axis::Last => "linear",
            Axis::Fields => "linear_fields",
        }
    }

    fn apply<A: Algebra>(
        &self,
        _: &mut A,
        operands: &[Operand<A::Axis>],
        given: &[A::Axis],
    ) -> Option<Applied<A::Axis>> {
        let ([x], &[output]) = (operands, given) else { return None };
        if self.axis == Axis::Fields {
            x.pair()?;
        }
        let mut axes = x.axes.clone();
        let along = self.axis.index(axes.len());
        let input = std::mem::replace(&mut axes[along], output);
        let applied = Applied::new(x.kind, axes).param("weight", [output, input], Init::XavierUniform);
        Some(if self.bias { applied.param("bias", [output], Init::Constant(0.0)) } else { applied })
    }

    fn given(&self, rank: usize) -> Range<usize> {
        let along = self.axis.index(rank);
        along..along + 1
    }

    /// Width in times width out, for each position of the other axis; the bias counts nothing.
    fn macs(&self, input: &[usize], output: &[usize]) -> u64 {
        output.iter().fold(input[self.axis.index(input.len())] as u64, |macs, &size| macs.saturating_mul(size as u64))
    }

    /// An inner product for each value, and the addition of its bias.
    fn ops(&self, _: usize, input: &[usize], output: &[usize]) -> u64 {
        let each = inner_product(input[self.axis.index(input.len())]) + u64::from(self.bias);
        values(output).saturating_mul(each)
    }
}
