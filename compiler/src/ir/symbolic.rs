//! Shape rules over sizes that are still open.

use super::bounds::MAX_SIZE;
use super::choices::Choice;
use super::graph::Gate;
use super::layouts::{AxisRef, LayoutExpr};
use super::offers::Takes;
use super::sizes::{Expressions, Size, SizeId};
use crate::primitives::{Algebra, Demand};

/// What a rule demands of two sizes.
pub(crate) type Demanded = (Demand, SizeId, SizeId);

/// The expressions of a space as what a shape rule works with. What the rule demands is kept, to be proved.
pub(crate) struct Symbolic<'a> {
    pub ex: &'a mut Expressions,
    pub choices: &'a [Choice],
    /// When each operand takes part; all of them where it is empty.
    pub gates: &'a [Gate],
    /// What must be equal under every assignment.
    pub demands: Vec<Demanded>,
}

impl<'a> Symbolic<'a> {
    pub fn new(ex: &'a mut Expressions, choices: &'a [Choice], gates: &'a [Gate]) -> Self {
        Self { ex, choices, gates, demands: Vec::new() }
    }

    fn gate(&self, operand: usize) -> Gate {
        self.gates.get(operand).copied().unwrap_or(Gate::Always)
    }

    /// The size of what is joined: what is gated by one choice is summed together, in order of appearance.
    fn gated_sum(&mut self, parts: &[AxisRef]) -> SizeId {
        let mut total = self.ex.constant(0.0);
        let mut at = 0;
        while at < parts.len() {
            let term = match self.gate(at) {
                Gate::Always => parts[at].size,
                Gate::Taken(choice, _) => {
                    let mut group: Vec<SizeId> = vec![parts[at].size];
                    // The same operand once more begins at its first position once more.
                    let next = |gate: Gate, group: &[SizeId]| gate == Gate::Taken(choice, group.len() as u32);
                    match self.choices[choice.index()].offer.takes() {
                        Takes::One => self.ex.atom(Size::When(choice, group[0])),
                        Takes::Set { .. } => {
                            while at + 1 < parts.len() && next(self.gate(at + 1), &group) {
                                at += 1;
                                group.push(parts[at].size);
                            }
                            self.ex.atom(Size::Picked(choice, group))
                        }
                    }
                }
            };
            total = self.ex.add_scaled(total, term, 1.0);
            at += 1;
        }
        total
    }
}

impl Algebra for Symbolic<'_> {
    type Axis = AxisRef;
    type Size = SizeId;

    fn size(&self, axis: AxisRef) -> SizeId {
        axis.size
    }

    fn one(&mut self) -> AxisRef {
        let one = self.ex.constant(1.0);
        self.ex.prefix(one)
    }

    fn is_one(&self, axis: AxisRef) -> bool {
        self.ex.as_constant(axis.size) == Some(1.0)
    }

    fn flattened(&mut self, outer: AxisRef, inner: AxisRef) -> AxisRef {
        AxisRef {
            size: self.ex.product(outer.size, inner.size),
            layout: self.ex.intern_layout(LayoutExpr::Flattened(outer.layout, inner.layout)),
        }
    }

    fn triangle(&mut self, rows: AxisRef) -> AxisRef {
        let square = self.ex.product(rows.size, rows.size);
        let pairs = self.ex.add_scaled(square, rows.size, -1.0);
        let half = self.ex.constant(0.5);
        // n (n - 1) is even, which `is_whole` cannot see: say it.
        let count = self.ex.product(pairs, half);
        AxisRef { size: self.ex.round(count), layout: self.ex.intern_layout(LayoutExpr::Triangle(rows.layout)) }
    }

    fn repeated(&mut self, axis: AxisRef, times: u32) -> AxisRef {
        let zero = self.ex.constant(0.0);
        AxisRef {
            size: self.ex.add_scaled(zero, axis.size, f64::from(times)),
            layout: self.ex.intern_layout(LayoutExpr::Repeated(axis.layout, times)),
        }
    }

    fn joined(&mut self, parts: &[AxisRef]) -> AxisRef {
        let size = self.gated_sum(parts);
        let parts = parts.iter().enumerate().map(|(at, axis)| (self.gate(at), axis.layout)).collect();
        AxisRef { size, layout: self.ex.intern_layout(LayoutExpr::Joined(parts)) }
    }

    fn shared(&mut self, axes: &[AxisRef]) -> AxisRef {
        self.ex.shared_axis(axes[0].size, axes)
    }

    fn product(&mut self, a: SizeId, b: SizeId) -> SizeId {
        self.ex.product(a, b)
    }

    fn larger(&mut self, a: SizeId, b: SizeId) -> SizeId {
        self.ex.max(a, b)
    }

    fn multiple(&mut self, size: SizeId, by: usize) -> SizeId {
        let by = self.ex.constant(by.min(MAX_SIZE) as f64);
        let each = self.ex.quotient(size, by);
        let each = self.ex.round(each);
        self.ex.product(each, by)
    }

    fn behind(&mut self, size: SizeId, by: u32) -> SizeId {
        let by = self.ex.constant(by.into());
        self.ex.add_scaled(size, by, 1.0)
    }

    fn demand(&mut self, what: Demand, left: SizeId, right: SizeId) {
        self.demands.push((what, left, right));
    }
}
