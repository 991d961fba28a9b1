//! The largest form of every axis: how large each size can become over all assignments.

use super::choices::{Choice, ChoiceId, SchemaSizes};
use super::intervals::{Interval, Knowledge, Taken};
use super::layouts::{LayoutExpr, LayoutId};
use super::sizes::{CondId, Expressions, SizeId};
use crate::plan::Cost;

/// Largest size of any axis.
pub const MAX_SIZE: usize = 1 << 24;

/// Smallest and largest value of each size, and the length of each layout's largest form, for one schema.
#[derive(Clone, Debug)]
pub struct Bounds {
    sizes: Vec<Interval>,
    layouts: Vec<usize>,
}

/// What is known over all assignments of one schema. Whether a condition holds is left open: the largest form does not depend
/// on it.
struct Largest<'a> {
    choices: &'a [Choice],
    schema: SchemaSizes,
    /// Those of the expressions before.
    sizes: &'a [Interval],
}

impl Knowledge for Largest<'_> {
    fn size(&mut self, size: SizeId) -> Interval {
        self.sizes[size.0 as usize]
    }

    fn condition(&mut self, _: CondId) -> Option<bool> {
        None
    }

    fn width(&self, choice: ChoiceId) -> Interval {
        Interval::of_numbers(&self.choices[choice.index()].offer)
    }

    fn taken(&self, choice: ChoiceId) -> Taken {
        let offer = &self.choices[choice.index()].offer;
        let any = Taken::any_of(offer);
        // A relaxed architecture takes every source (rule 10), so the largest form holds them all.
        Taken { range: (any.range.0, offer.positions()), ..any }
    }

    fn schema(&self) -> Option<SchemaSizes> {
        Some(self.schema)
    }

    fn cost(&self, _: Cost) -> Interval {
        Interval::new(0.0, f64::INFINITY)
    }
}

impl Bounds {
    pub fn new(expressions: &Expressions, choices: &[Choice], schema: SchemaSizes) -> Self {
        let mut bounds = Self { sizes: Vec::with_capacity(expressions.size_count()), layouts: Vec::new() };
        // Operands come before what is made of them, so one pass is enough.
        for id in 0..expressions.size_count() {
            let mut known = Largest { choices, schema, sizes: &bounds.sizes };
            let interval = expressions.interval(SizeId(id as u32), &mut known);
            bounds.sizes.push(interval);
        }
        for layout in &expressions.layouts {
            let full = match layout {
                LayoutExpr::Prefix(size) => bounds.largest(*size),
                LayoutExpr::Joined(parts) => {
                    parts.iter().fold(0usize, |sum, &(_, part)| sum.saturating_add(bounds.full(part)))
                }
                LayoutExpr::Flattened(a, b) => bounds.full(*a).saturating_mul(bounds.full(*b)),
                LayoutExpr::Triangle(a) => bounds.full(*a).saturating_mul(bounds.full(*a).saturating_sub(1)) / 2,
                LayoutExpr::Repeated(a, times) => bounds.full(*a).saturating_mul(*times as usize),
            };
            bounds.layouts.push(full);
        }
        bounds
    }

    /// The largest value of a size.
    pub fn largest(&self, size: SizeId) -> usize {
        self.sizes[size.0 as usize].hi.max(0.0) as usize
    }

    /// The smallest value of a size.
    pub fn smallest(&self, size: SizeId) -> f64 {
        self.sizes[size.0 as usize].lo
    }

    /// The length of a layout's largest form.
    pub fn full(&self, layout: LayoutId) -> usize {
        self.layouts[layout.0 as usize]
    }
}
