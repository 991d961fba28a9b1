//! Dropout (Srivastava et al., JMLR 2014).

use serde::{Deserialize, Serialize};

use super::signature::X;
use super::{Algebra, Applied, Default, Op, Operand, Signature, Wants, elementwise};

/// While it is trained: each value with probability `rate` made 0, the others divided by `1 - rate`, so that the mean
/// stays. Elsewhere `x` as it is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dropout {
    /// The share that is dropped, at least 0 and below 1.
    pub rate: f64,
}

impl Op for Dropout {
    const SIGNATURES: &'static [Signature] = &[Signature {
        name: "dropout",
        params: &[X, ("rate", Wants::Share, Default::Required)],
        meaning: "In training, a share `rate` of the values made 0 and the others larger by as much; elsewhere nothing.",
        // The sign of a zero would tell two plans apart.
        make: |said| Dropout { rate: said.number("rate").unwrap_or_default().abs() }.into(),
    }];

    fn name(&self) -> &'static str {
        "dropout"
    }

    fn is_identity(&self) -> bool {
        self.rate == 0.0
    }

    fn apply<A: Algebra>(&self, a: &mut A, operands: &[Operand<A::Axis>], _: &[A::Axis]) -> Option<Applied<A::Axis>> {
        let [_] = operands else { return None };
        // A plan may come from a file.
        (0.0..1.0).contains(&self.rate).then(|| elementwise(a, operands)).flatten()
    }
}
