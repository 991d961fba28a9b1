//! Tensors joined: `concat` of the language.

use serde::{Deserialize, Serialize};

use super::{Algebra, Applied, Demand, Op, Operand};

/// One or more tensors joined along the first axis of a sample (width or fields).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concat;

impl Op for Concat {
    fn name(&self) -> &'static str {
        "concat"
    }

    fn apply<A: Algebra>(&self, a: &mut A, operands: &[Operand<A::Axis>], _: &[A::Axis]) -> Option<Applied<A::Axis>> {
        let first = operands.first()?;
        if operands.iter().any(|x| x.axes.len() != first.axes.len()) {
            return None;
        }
        let along: Vec<A::Axis> = operands.iter().map(|x| x.axes.first().copied()).collect::<Option<_>>()?;
        let joined = a.joined(&along);
        let Some([_, dim]) = first.pair() else { return Some(Applied::new(first.kind, [joined])) };
        let dims: Vec<A::Axis> = operands.iter().map(|x| x.axes[1]).collect();
        for &other in &dims[1..] {
            let (dim, other) = (a.size(dim), a.size(other));
            a.demand(Demand::Equal("the embedding dimensions"), dim, other);
        }
        let dim = a.shared(&dims);
        Some(Applied::new(first.kind, [joined, dim]))
    }
}
