//! Rows made numbers. A row is a stretch of the last axis: a field of a sparse tensor, or the whole of a dense one.

use serde::{Deserialize, Serialize};

use super::signature::X;
use super::{Algebra, Applied, Op, Operand, Signature, values};
use crate::tensor::TensorKind;

/// How numbers are made one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reduction {
    /// All of them added up.
    Sum,
    /// Their sum over how many there are.
    Mean,
    /// The largest; equal ones share its derivative evenly.
    Max,
}

/// Each row made one number: `[n, e] -> [n]`; a dense tensor is one row, `[w] -> [1]`. The number of a field keeps the
/// field's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reduce {
    /// How.
    pub by: Reduction,
}

impl Op for Reduce {
    const SIGNATURES: &'static [Signature] = &[
        Signature {
            name: "sum_last",
            params: &[X],
            meaning: "The sum of each field: dense, of width `fields`; a dense tensor becomes one number.",
            make: |_| Reduce { by: Reduction::Sum }.into(),
        },
        Signature {
            name: "mean_last",
            params: &[X],
            meaning: "The mean of each field: dense, of width `fields`; a dense tensor becomes one number.",
            make: |_| Reduce { by: Reduction::Mean }.into(),
        },
        Signature {
            name: "max_last",
            params: &[X],
            meaning: "The largest value of each field: dense, of width `fields`; a dense tensor becomes one number.",
            make: |_| Reduce { by: Reduction::Max }.into(),
        },
    ];

    fn name(&self) -> &'static str {
        match self.by {
            Reduction::Sum => "sum_last",
            Reduction::Mean => "mean_last",
            Reduction::Max => "max_last",
        }
    }

    fn apply<A: Algebra>(&self, a: &mut A, operands: &[Operand<A::Axis>], _: &[A::Axis]) -> Option<Applied<A::Axis>> {
        let [x] = operands else { return None };
        Some(Applied::new(TensorKind::Dense, [rows(a, x)]))
    }

    /// Of a row of `k` numbers, `k - 1` additions or comparisons; a mean divides once more.
    fn ops(&self, _: usize, input: &[usize], output: &[usize]) -> u64 {
        let between = input.last().map_or(0, |&many| (many as u64).saturating_sub(1));
        values(output).saturating_mul(between + u64::from(self.by == Reduction::Mean))
    }
}

/// The axis of the rows of a tensor: the fields of a sparse one, one of a dense one.
pub(super) fn rows<A: Algebra>(a: &mut A, x: &Operand<A::Axis>) -> A::Axis {
    match x.pair() {
        Some([fields, _]) => fields,
        None => a.one(),
    }
}
