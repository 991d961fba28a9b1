//! Tensors that are the same number everywhere.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::signature::size;
use super::{Algebra, Applied, Op, Operand, Signature};
use crate::tensor::TensorKind;

/// The same number for every sample and place, `[width]` or `[fields, dim]`. No inputs, no params.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fill {
    /// The number.
    pub value: f64,
}

impl Op for Fill {
    const SIGNATURES: &'static [Signature] = &[
        Signature {
            name: "ones",
            params: &[size("width")],
            meaning: "A dense tensor of ones, which nothing trains.",
            make: |_| Fill { value: 1.0 }.into(),
        },
        Signature {
            name: "ones_fields",
            params: &[size("fields"), size("dim")],
            meaning: "A sparse tensor of ones, which nothing trains.",
            make: |_| Fill { value: 1.0 }.into(),
        },
        Signature {
            name: "zeros",
            params: &[size("width")],
            meaning: "A dense tensor of zeros, which nothing trains.",
            make: |_| Fill { value: 0.0 }.into(),
        },
        Signature {
            name: "zeros_fields",
            params: &[size("fields"), size("dim")],
            meaning: "A sparse tensor of zeros, which nothing trains.",
            make: |_| Fill { value: 0.0 }.into(),
        },
    ];

    fn name(&self) -> &'static str {
        "fill"
    }

    fn apply<A: Algebra>(
        &self,
        _: &mut A,
        operands: &[Operand<A::Axis>],
        given: &[A::Axis],
    ) -> Option<Applied<A::Axis>> {
        let kind = match (operands, given.len()) {
            ([], 1) => TensorKind::Dense,
            ([], 2) => TensorKind::Sparse,
            _ => return None,
        };
        Some(Applied::new(kind, given.iter().copied()))
    }

    fn given(&self, rank: usize) -> Range<usize> {
        0..rank
    }
}
