//! Functions of one number, element by element.

use serde::{Deserialize, Serialize};

use super::signature::X;
use super::{Algebra, Applied, Op, Operand, Signature, elementwise, values};

/// A function of one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Function {
    /// `e^x`
    Exp,
    /// The natural logarithm: minus infinity of 0, and no number of what is below.
    Log,
    /// The square root: no number of what is below 0.
    Sqrt,
    /// `1 / x`
    Reciprocal,
}

/// One of these functions of every element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Map {
    /// Which.
    pub by: Function,
}

/// What the language calls with a number or with a tensor.
pub(crate) const OF_BOTH: [(&str, Function); 1] = [("sqrt", Function::Sqrt)];

impl Op for Map {
    const SIGNATURES: &'static [Signature] = &[
        Signature {
            name: "exp",
            params: &[X],
            meaning: "The exponential function, element by element.",
            make: |_| Map { by: Function::Exp }.into(),
        },
        Signature {
            name: "log",
            params: &[X],
            meaning: "The natural logarithm, element by element; of what is below 0 it is no number.",
            make: |_| Map { by: Function::Log }.into(),
        },
    ];

    fn name(&self) -> &'static str {
        match self.by {
            Function::Exp => "exp",
            Function::Log => "log",
            Function::Sqrt => "sqrt",
            Function::Reciprocal => "reciprocal",
        }
    }

    fn apply<A: Algebra>(&self, a: &mut A, operands: &[Operand<A::Axis>], _: &[A::Axis]) -> Option<Applied<A::Axis>> {
        let [_] = operands else { return None };
        elementwise(a, operands)
    }

    fn ops(&self, _: usize, _: &[usize], output: &[usize]) -> u64 {
        values(output)
    }
}
