//! Numbers times tensors and added to them: `2 * x`, `1 - x`, `x / 3`, `-x` of the language.

use serde::{Deserialize, Serialize};

use super::{Algebra, Applied, Op, Operand, elementwise, values};

/// `scale x + shift`, element by element.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Affine {
    /// What every element is multiplied with.
    pub scale: f64,
    /// What is added to it then.
    pub shift: f64,
}

impl Op for Affine {
    fn name(&self) -> &'static str {
        "affine"
    }

    fn apply<A: Algebra>(&self, a: &mut A, operands: &[Operand<A::Axis>], _: &[A::Axis]) -> Option<Applied<A::Axis>> {
        let [_] = operands else { return None };
        elementwise(a, operands)
    }

    fn is_identity(&self) -> bool {
        (self.scale, self.shift) == (1.0, 0.0)
    }

    /// A multiplication and an addition a value, where there is one. A change of sign is none: `a + -b` costs what `a - b`
    /// does.
    fn ops(&self, _: usize, _: &[usize], output: &[usize]) -> u64 {
        let steps = u64::from(self.scale.abs() != 1.0) + u64::from(self.shift != 0.0);
        values(output).saturating_mul(steps)
    }
}
