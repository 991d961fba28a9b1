//! Some of the numbers of a dense tensor, or of the fields of a sparse one.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{Algebra, Applied, Demand, Op, Operand};

/// Positions from `from` on, counted from 0: `[w] -> [n]`, or fields, `[f, e] -> [n, e]`. The layout is a prefix: what is cut out is a tensor of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slice {
    /// The first.
    pub from: u32,
}

impl Op for Slice {
    fn name(&self) -> &'static str {
        "slice"
    }

    fn apply<A: Algebra>(
        &self,
        a: &mut A,
        operands: &[Operand<A::Axis>],
        given: &[A::Axis],
    ) -> Option<Applied<A::Axis>> {
        let ([x], &[many]) = (operands, given) else { return None };
        let (&first, rest) = x.axes.split_first()?;
        let (all, end) = (a.size(first), a.size(many));
        let end = a.behind(end, self.from);
        let larger = a.larger(all, end);
        a.demand(Demand::Inside, larger, all);
        Some(Applied::new(x.kind, std::iter::once(many).chain(rest.iter().copied())))
    }

    fn given(&self, _: usize) -> Range<usize> {
        0..1
    }
}
