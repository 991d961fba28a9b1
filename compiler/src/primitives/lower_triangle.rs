//! The triangle of a square.

use serde::{Deserialize, Serialize};

use super::{Algebra, Applied, Default, Demand, Op, Operand, Signature, Wants};
use crate::tensor::TensorKind;

/// `[n, n] -> [n (n - 1) / 2]`, the strictly lower triangle, row by row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LowerTriangle;

impl Op for LowerTriangle {
    const SIGNATURES: &'static [Signature] = &[Signature {
        name: "lower_triangle",
        params: &[("x", Wants::Matrix, Default::Required)],
        meaning: "What stands below the diagonal, such as the inner products of different fields: dense.",
        make: |_| LowerTriangle.into(),
    }];

    fn name(&self) -> &'static str {
        "lower_triangle"
    }

    fn apply<A: Algebra>(&self, a: &mut A, operands: &[Operand<A::Axis>], _: &[A::Axis]) -> Option<Applied<A::Axis>> {
        let [x] = operands else { return None };
        let [rows, columns] = x.pair()?;
        let (n, m) = (a.size(rows), a.size(columns));
        a.demand(Demand::Equal("the two sides of the square"), n, m);
        Some(Applied::new(TensorKind::Dense, [a.triangle(rows)]))
    }
}
