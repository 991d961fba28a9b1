//! Batch normalisation (Ioffe and Szegedy, arXiv 1502.03167).

use serde::{Deserialize, Serialize};

use super::signature::X;
use super::{Algebra, Applied, Default, Op, Operand, Signature, Wants, values};
use crate::tensor::Init;

/// `scale * (x - mean) / sqrt(variance + eps) + shift`, each position of a sample by itself: of a sparse tensor each number
/// of each field, as PyTorch's `BatchNorm1d` does of the flattened tensor. Params, all of the shape of `x`: `scale` and
/// `shift`, and the statistics `mean` and `variance`.
///
/// In training, mean and (biased) variance are those of the batch, and the statistics move towards them: by `momentum`
/// towards the mean and the unbiased variance. Elsewhere they are the statistics.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchNorm {
    /// Added to the variance.
    pub eps: f64,
    /// How far the statistics move in a step.
    pub momentum: f64,
}

impl Op for BatchNorm {
    const SIGNATURES: &'static [Signature] = &[Signature {
        name: "batch_norm",
        params: &[
            X,
            ("scale", Wants::Number, Default::Number(1.0)),
            ("eps", Wants::Number, Default::Number(1e-5)),
            ("momentum", Wants::Share, Default::Number(0.1)),
        ],
        meaning: "Each position normalised over the samples of a batch, in training; elsewhere by the mean and the \
                  variance that training left. `scale` is the initial value.",
        make: |said| {
            let number = |name| said.number(name).unwrap_or_default();
            BatchNorm { eps: number("eps"), momentum: number("momentum") }.into()
        },
    }];

    fn name(&self) -> &'static str {
        "batch_norm"
    }

    fn apply<A: Algebra>(&self, _: &mut A, operands: &[Operand<A::Axis>], _: &[A::Axis]) -> Option<Applied<A::Axis>> {
        let [x] = operands else { return None };
        let axes = || x.axes.iter().copied();
        let applied = Applied::new(x.kind, axes())
            .param("scale", axes(), Init::Constant(1.0))
            .param("shift", axes(), Init::Constant(0.0))
            .statistic("mean", axes(), Init::Constant(0.0))
            .statistic("variance", axes(), Init::Constant(1.0));
        Some(applied)
    }

    /// A subtraction, a division by the deviation, a multiplication and an addition a value. The deviation is of no sample.
    fn ops(&self, _: usize, _: &[usize], output: &[usize]) -> u64 {
        values(output).saturating_mul(4)
    }
}
