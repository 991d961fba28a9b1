//! Zeros appended.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::signature::{DENSE, size};
use super::{Algebra, Applied, Demand, Op, Operand, Signature};
use crate::tensor::TensorKind;

/// A dense tensor, zeros appended up to the node's width, which is at least its own. The layout is a prefix: what is
/// padded meets its partner position by position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pad;

impl Op for Pad {
    const SIGNATURES: &'static [Signature] = &[Signature {
        name: "pad",
        params: &[DENSE, size("width")],
        meaning: "Zeros appended up to `width`; never narrower.",
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
        let (from, width) = (a.size(x.width()?), a.size(to));
        let larger = a.larger(from, width);
        a.demand(Demand::NoNarrower, larger, width);
        Some(Applied::new(TensorKind::Dense, [to]))
    }

    fn given(&self, _: usize) -> Range<usize> {
        0..1
    }
}
