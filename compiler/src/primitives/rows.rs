//! From dense to sparse.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::signature::{DENSE, size};
use super::{Algebra, Applied, Demand, Op, Operand, Signature};
use crate::tensor::TensorKind;

/// `[n e] -> [n, e]`, row-major: a dense tensor viewed as fields. With one field, the embedding axis is the axis of `x`;
/// otherwise `x` is read position by position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rows;

impl Op for Rows {
    const SIGNATURES: &'static [Signature] = &[Signature {
        name: "rows",
        params: &[DENSE, size("fields"), size("dim")],
        meaning: "From dense to sparse, row by row: `fields * dim` is the width.",
        make: |_| Rows.into(),
    }];

    fn name(&self) -> &'static str {
        "rows"
    }

    fn apply<A: Algebra>(
        &self,
        a: &mut A,
        operands: &[Operand<A::Axis>],
        given: &[A::Axis],
    ) -> Option<Applied<A::Axis>> {
        let ([x], &[fields, dim]) = (operands, given) else { return None };
        let x = x.width()?;
        let (rows, columns, width) = (a.size(fields), a.size(dim), a.size(x));
        let product = a.product(rows, columns);
        a.demand(Demand::Equal("the width and `fields * dim`"), width, product);
        let dim = if a.is_one(fields) { x } else { dim };
        Some(Applied::new(TensorKind::Sparse, [fields, dim]))
    }

    fn given(&self, _: usize) -> Range<usize> {
        0..2
    }
}
