//! What the compiler knows of a primitive.

use std::ops::Range;

use super::algebra::{Algebra, Applied, Demand, Operand};
use super::signature::Signature;

/// A primitive as the compiler sees it. A value is its attributes: what is the same whatever its operands are, and is
/// written into a plan.
pub(crate) trait Op: Copy {
    /// What it is called with in the language; nothing where the language has a sign for it.
    const SIGNATURES: &'static [Signature] = &[];

    /// Its name in the language, or the operation that it stands for.
    fn name(&self) -> &'static str;

    /// The shape rule, over open sizes and over numbers alike: from operands, and the axes that do not follow from them, to
    /// the result and the parameters. What must be true of the operands' sizes is demanded of the algebra. `None` where
    /// these are no operands of it at all: too few, or of too few axes.
    fn apply<A: Algebra>(
        &self,
        algebra: &mut A,
        operands: &[Operand<A::Axis>],
        given: &[A::Axis],
    ) -> Option<Applied<A::Axis>>;

    /// Which axes of a result of so many axes are given and do not follow from the operands: a graph shows those of
    /// them that choices decide.
    fn given(&self, _rank: usize) -> Range<usize> {
        0..0
    }

    /// Whether these attributes make it its only operand, whatever that is: then it is no node of a space.
    fn is_identity(&self) -> bool {
        false
    }

    /// Multiply-accumulates a sample, counted as the paper does: products of matrices only; biases, lookups and
    /// element-wise work count nothing.
    ///
    /// `input` is the shape of its first operand, and empty where it has none; no formula needs another one. Never less
    /// for larger sizes: bounds over a space rest on that.
    fn macs(&self, _input: &[usize], _output: &[usize]) -> u64 {
        0
    }

    /// All arithmetic of one sample: a multiplication, an addition, a comparison and an elementary function (`exp`, `log`,
    /// `sqrt`, `tanh`, `sigmoid`, a reciprocal) count one each, in prediction. What only moves numbers, and what is the same for
    /// every sample, counts nothing. A formula counts what it costs to write the same with other primitives, so that one
    /// computation costs one number however it is said.
    ///
    /// Shapes as for `macs`; `operands` is how many it has, which only a sum asks for. Never less for larger sizes, nor for
    /// more operands: bounds over a space rest on that.
    fn ops(&self, _operands: usize, _input: &[usize], _output: &[usize]) -> u64 {
        0
    }
}

/// How many numbers a tensor has for one sample.
pub(crate) fn values(shape: &[usize]) -> u64 {
    shape.iter().fold(1, |values: u64, &size| values.saturating_mul(size as u64))
}

/// The operations of an inner product of so many terms: their products, and the additions between them.
pub(crate) fn inner_product(terms: usize) -> u64 {
    (terms as u64).saturating_mul(2).saturating_sub(1)
}

/// The rule of what works element by element: operands of one shape, of which the result has whatever layout they share.
pub(crate) fn elementwise<A: Algebra>(a: &mut A, operands: &[Operand<A::Axis>]) -> Option<Applied<A::Axis>> {
    let first = operands.first()?;
    let axes = (0..first.axes.len()).map(|at| {
        let all: Vec<A::Axis> = operands.iter().map(|x| x.axes.get(at).copied()).collect::<Option<_>>()?;
        let size = a.size(all[0]);
        for &other in &all[1..] {
            let other = a.size(other);
            a.demand(Demand::Equal("the sizes of the operands"), size, other);
        }
        Some(a.shared(&all))
    });
    let axes = axes.collect::<Option<Vec<_>>>()?;
    let same = operands.iter().all(|x| x.axes.len() == first.axes.len());
    same.then(|| Applied::new(first.kind, axes))
}
