//! Multi-head self-attention over fields (Vaswani et al., arXiv 1706.03762).

use serde::{Deserialize, Serialize};

use super::signature::SPARSE;
use super::{Algebra, Applied, Default, Demand, Op, Operand, Signature, Wants};
use crate::tensor::Init;

/// Multi-head self-attention over fields, `[n, e] -> [n, e]` (the layout of PyTorch's `MultiheadAttention`, no mask, no
/// dropout, scale `1 / sqrt(e / heads)`); `heads` divides `e`. Params: the stacked query, key and value projection
/// `[3 e, e]` and its bias `[3 e]`, then the output projection `[e, e]` and its bias `[e]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attention {
    /// How many stretches of the embedding axis attend on their own.
    pub heads: usize,
}

impl Op for Attention {
    const SIGNATURES: &'static [Signature] = &[Signature {
        name: "multi_head_attention",
        params: &[SPARSE, ("heads", Wants::Number, Default::Number(8.0))],
        meaning: "Self-attention over fields; `heads` divides `dim`.",
        make: |said| Attention { heads: said.number("heads").unwrap_or_default() as usize }.into(),
    }];

    fn name(&self) -> &'static str {
        "multi_head_attention"
    }

    fn apply<A: Algebra>(&self, a: &mut A, operands: &[Operand<A::Axis>], _: &[A::Axis]) -> Option<Applied<A::Axis>> {
        let [s] = operands else { return None };
        let [_, dim] = s.pair()?;
        let stacked = a.repeated(dim, 3);
        let size = a.size(dim);
        let multiple = a.multiple(size, self.heads);
        a.demand(Demand::Heads(self.heads), multiple, size);
        let applied = Applied::new(s.kind, s.axes.iter().copied())
            .param("in_weight", [stacked, dim], Init::XavierUniform)
            .param("in_bias", [stacked], Init::Constant(0.0))
            .param("out_weight", [dim, dim], Init::XavierUniform)
            .param("out_bias", [dim], Init::Constant(0.0));
        Some(applied)
    }

    /// Four projections, and the scores and their mixing.
    fn macs(&self, input: &[usize], _: &[usize]) -> u64 {
        let (n, e) = (input[0] as u64, input[1] as u64);
        (n * e).saturating_mul(4 * e + 2 * n)
    }

    /// What it costs to write it with `linear`, `matmul`, `softmax` and a factor. Four projections with their biases are
    /// `8 n e e`. Each of `heads n n` scores is an inner product of `e / heads` numbers, which is scaled, and a share of a
    /// softmax: `2 n n e + 3 heads n n` in all. Mixing gives `n e` numbers, inner products of `n`.
    fn ops(&self, _: usize, input: &[usize], _: &[usize]) -> u64 {
        let (n, e) = (input[0] as u64, input[1] as u64);
        let shares = (self.heads as u64).saturating_mul(n * n).saturating_mul(3);
        (n * e).saturating_mul(8 * e + 4 * n - 1).saturating_add(shares)
    }
}
