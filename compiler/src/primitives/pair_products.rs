//! Products of the pairs of fields below the diagonal.

use serde::{Deserialize, Serialize};

use super::signature::{LEFT, RIGHT};
use super::{Algebra, Applied, Demand, Op, Operand, Signature, values};
use crate::tensor::TensorKind;

/// `[n, e], [n, e] -> [n (n - 1) / 2, e]`: field `i` of the first times field `j` of the second, element by element, for
/// `j < i`, row by row. The places are those of `lower_triangle`, over the layout that both share. Being element-wise, it
/// counts no multiply-accumulates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairProducts;

impl Op for PairProducts {
    const SIGNATURES: &'static [Signature] = &[Signature {
        name: "pair_products",
        params: &[LEFT, RIGHT],
        meaning: "Field `i` of `a` times field `j` of `b` for `j < i`, element by element.",
        make: |_| PairProducts.into(),
    }];

    fn name(&self) -> &'static str {
        "pair_products"
    }

    fn apply<A: Algebra>(&self, a: &mut A, operands: &[Operand<A::Axis>], _: &[A::Axis]) -> Option<Applied<A::Axis>> {
        let [left, right] = operands else { return None };
        let ([left, left_dim], [right, right_dim]) = (left.pair()?, right.pair()?);
        let dim = a.shared(&[left_dim, right_dim]);
        let fields = a.shared(&[left, right]);
        let fields = a.triangle(fields);
        for (mine, theirs) in [(left, right), (left_dim, right_dim)] {
            let (mine, theirs) = (a.size(mine), a.size(theirs));
            a.demand(Demand::Equal("the sizes of both sides"), mine, theirs);
        }
        Some(Applied::new(TensorKind::Sparse, [fields, dim]))
    }

    fn ops(&self, _: usize, _: &[usize], output: &[usize]) -> u64 {
        values(output)
    }
}
