//! Products of all fields of one tensor with all of another.

use serde::{Deserialize, Serialize};

use super::signature::{LEFT, RIGHT};
use super::{Algebra, Applied, Demand, Op, Operand, Signature, values};
use crate::tensor::TensorKind;

/// `[h, e], [m, e] -> [h m, e]`: every field of the first times every field of the second, element by element; the first
/// one's fields in the outer order. The product of fields `i` and `j` keeps the place of that pair, as in `flatten`. Being
/// element-wise, it counts no multiply-accumulates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldProducts;

impl Op for FieldProducts {
    const SIGNATURES: &'static [Signature] = &[Signature {
        name: "field_products",
        params: &[LEFT, RIGHT],
        meaning: "Every field of `a` times every field of `b`, element by element.",
        make: |_| FieldProducts.into(),
    }];

    fn name(&self) -> &'static str {
        "field_products"
    }

    fn apply<A: Algebra>(&self, a: &mut A, operands: &[Operand<A::Axis>], _: &[A::Axis]) -> Option<Applied<A::Axis>> {
        let [left, right] = operands else { return None };
        let ([left, left_dim], [right, right_dim]) = (left.pair()?, right.pair()?);
        let dim = a.shared(&[left_dim, right_dim]);
        let fields = a.flattened(left, right);
        let (left_dim, right_dim) = (a.size(left_dim), a.size(right_dim));
        a.demand(Demand::Equal("the embedding dimensions"), left_dim, right_dim);
        Some(Applied::new(TensorKind::Sparse, [fields, dim]))
    }

    fn ops(&self, _: usize, _: &[usize], output: &[usize]) -> u64 {
        values(output)
    }
}
