//! Zeros appended.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::signature::{X, size};
use super::{Algebra, Applied, Demand, Op, Operand, Signature};

/// A tensor, zeros appended along the last axis up to the node's width, which is at least its own: `[w] -> [n]`, or each field's,
/// `[f, w] -> [f, n]`. The layout is a prefix: what is padded meets its partner position by position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pad;

impl Op for Pad {
    const SIGNATURES: &'static [Signature] = &[Signature {
        name: "pad",
        params: &[X, size("width")],
        meaning: "Zeros appended up to `width`, to each field of a sparse tensor; never narrower.",
        make: |_| Pad.into(),
    }];

    fn name(&self) -> &'static str {
        "pad"
    }

    fn apply<A: Algebra>(
        &self,
        a: &mut A,
        operands: &[Operand<A::Axis>],
        given: &[A::Axis],
    ) -> Option<Applied<A::Axis>> {
        let ([x], &[to]) = (operands, given) else { return None };
        let (&last, before) = x.axes.split_last()?;
        let (from, width) = (a.size(last), a.size(to));
        let larger = a.larger(from, width);
        a.demand(Demand::NoNarrower, larger, width);
        Some(Applied::new(x.kind, before.iter().copied().chain([to])))
    }

    fn given(&self, rank: usize) -> Range<usize> {
        rank.saturating_sub(1)..rank
    }
}
