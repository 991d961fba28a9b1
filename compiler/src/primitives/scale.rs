//! Rows times numbers. A row is a stretch of the last axis: a field of a sparse tensor, or the whole of a dense one.

use serde::{Deserialize, Serialize};

use super::reduce::rows;
use super::signature::X;
use super::{Algebra, Applied, Default, Demand, Op, Operand, Signature, Wants, values};

/// Each row times its number: `[n, e], [n] -> [n, e]`; a dense tensor is one row, `[w], [1] -> [w]`. The result has the
/// places of `x`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scale;

impl Op for Scale {
    const SIGNATURES: &'static [Signature] = &[Signature {
        name: "scale",
        params: &[X, ("by", Wants::Dense, Default::Required)],
        meaning: "Each field times its number; a dense tensor times one number.",
        make: |_| Scale.into(),
    }];

    fn name(&self) -> &'static str {
        "scale"
    }

    fn apply<A: Algebra>(&self, a: &mut A, operands: &[Operand<A::Axis>], _: &[A::Axis]) -> Option<Applied<A::Axis>> {
        let [x, by] = operands else { return None };
        let rows = rows(a, x);
        let (by, rows) = (a.size(by.width()?), a.size(rows));
        a.demand(Demand::Equal("the values to scale by and what they scale"), by, rows);
        Some(Applied::new(x.kind, x.axes.iter().copied()))
    }

    fn ops(&self, _: usize, _: &[usize], output: &[usize]) -> u64 {
        values(output)
    }
}
