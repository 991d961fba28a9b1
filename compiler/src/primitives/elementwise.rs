//! Functions of one element: the result has its operand's shape and layout.

use super::Primitive;
use super::signature::{Bound, Built};
use crate::ir::Expressions;

pub(super) fn relu(_: &mut Expressions, args: &[Bound]) -> Built {
    same(Primitive::Relu, args)
}

pub(super) fn sigmoid(_: &mut Expressions, args: &[Bound]) -> Built {
    same(Primitive::Sigmoid, args)
}

pub(super) fn square(_: &mut Expressions, args: &[Bound]) -> Built {
    same(Primitive::Square, args)
}

fn same(primitive: Primitive, args: &[Bound]) -> Built {
    Built::new(primitive, args[0].tensor(), args[0].axes().iter().copied())
}
