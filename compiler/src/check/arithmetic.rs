//! Arithmetic of tensors with numbers, and quotients of tensors.

use super::elaborate::Elaborator;
use super::values::Value;
use crate::diagnostics::{Code, Diagnostic, Span};
use crate::ir::SizeId;
use crate::primitives::{Affine, Function, Map, Mul, Primitive};
use crate::syntax::tree::Binary;

impl Elaborator<'_> {
    /// `2 * x`, `x / 2`, `1 - x`, `2 / x`, `x / y`: at least one side is a tensor, or meant to be.
    pub(super) fn mixed(&mut self, binary: Binary, left: (Value, Span), right: (Value, Span)) -> Option<Value> {
        match (left, right) {
            ((Value::Size(size), at), tensor) => {
                let number = self.factor(size, at)?;
                match binary {
                    Binary::Add => self.affine((1.0, number), tensor),
                    Binary::Sub => self.affine((-1.0, number), tensor),
                    Binary::Mul => self.affine((number, 0.0), tensor),
                    _ => {
                        let span = tensor.1;
                        let reciprocal = self.of_one(Map { by: Function::Reciprocal }.into(), tensor)?;
                        self.affine((number, 0.0), (reciprocal, span))
                    }
                }
            }
            (tensor, (Value::Size(size), at)) => {
                let number = self.factor(size, at)?;
                match binary {
                    Binary::Add => self.affine((1.0, number), tensor),
                    Binary::Sub => self.affine((1.0, -number), tensor),
                    Binary::Mul => self.affine((number, 0.0), tensor),
                    _ if number == 0.0 => {
                        self.fail(Diagnostic::error(Code::Size, "a division by zero").label(at, "this is 0"))
                    }
                    _ => self.affine((1.0 / number, 0.0), tensor),
                }
            }
            (left, (divisor, at)) => {
                let reciprocal = self.of_one(Map { by: Function::Reciprocal }.into(), (divisor, at))?;
                self.combine((Mul.into(), "quotient"), left, (reciprocal, at))
            }
        }
    }

    /// A tensor times a number, and another one added.
    pub(super) fn affine(&mut self, (scale, shift): (f64, f64), tensor: (Value, Span)) -> Option<Value> {
        self.of_one(Affine { scale, shift }.into(), tensor)
    }

    /// A primitive of one tensor, under its own name.
    pub(super) fn of_one(&mut self, primitive: Primitive, (value, span): (Value, Span)) -> Option<Value> {
        let node = self.expect_tensor(value, span)?;
        if primitive.is_identity() {
            return Some(Value::Tensor(node));
        }
        self.applied_to(primitive, node, span)
    }

    /// A number that is the same for every architecture.
    fn factor(&mut self, size: SizeId, at: Span) -> Option<f64> {
        match self.ex.as_constant(size) {
            Some(number) => Some(number),
            // What it is called with decides.
            None if self.generic => Some(2.0),
            None => self.fail(
                Diagnostic::error(Code::NotConstant, "a number that meets a tensor must not depend on choices")
                    .label(at, "differs between architectures")
                    .help("as a tensor a size `n` is `sum_last(ones(n))`, and a trained number `weight(1)`: `scale(x, …)`"),
            ),
        }
    }
}
