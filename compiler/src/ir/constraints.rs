//! What a space or a search asks of its architectures.

use std::collections::HashSet;

use super::choices::{Assignment, Undecided};
use super::graph::SpaceGraph;
use super::sizes::{Cond, CondId, Expressions, Size, SizeId};
use crate::cost::Cost;
use crate::diagnostics::Span;

/// One condition of a `require` or a `forbid`.
#[derive(Clone, Debug, PartialEq)]
pub struct Constraint {
    /// Holds for the architectures that are allowed. That a choice exists is part of it: a comparison with a choice
    /// that does not exist is false.
    pub holds: CondId,
    /// As it was written, with its keyword: `require macs <= 3M`.
    pub text: String,
    /// Where it is written, once for all instances of a block.
    pub span: Span,
    /// The block instance that it stands in.
    pub block: Option<String>,
    /// The costs that it speaks of, which only the live graph tells.
    pub costs: Vec<Cost>,
}

impl SpaceGraph {
    /// The first constraint that an assignment breaks. What cannot be decided yet is not broken; neither is a
    /// constraint on costs where they are not known.
    pub fn broken(&self, at: &Assignment<'_>) -> Option<&Constraint> {
        self.constraints
            .iter()
            .filter(|constraint| constraint.costs.is_empty() || at.has_costs())
            .find(|constraint| self.expressions.holds(constraint.holds, &self.choices, at) == Ok(false))
    }

    /// Whether all constraints on choices hold.
    ///
    /// # Errors
    /// A choice that they depend on is left open.
    pub fn allows(&self, at: &Assignment<'_>) -> Result<bool, Undecided> {
        for constraint in self.constraints.iter().filter(|constraint| constraint.costs.is_empty()) {
            if !self.expressions.holds(constraint.holds, &self.choices, at)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// How far an assignment whose costs are known is from what is required: 0 where all constraints hold. Of two numbers
    /// that do not compare as they should it is their difference, as a share of the larger one.
    ///
    /// # Errors
    /// A choice that they depend on is left open.
    pub(crate) fn shortfall(&self, at: &Assignment<'_>) -> Result<f64, Undecided> {
        self.constraints.iter().map(|constraint| self.shortfall_of(constraint.holds, true, at)).sum()
    }

    /// The same of one condition that should hold, or should not.
    fn shortfall_of(&self, cond: CondId, wanted: bool, at: &Assignment<'_>) -> Result<f64, Undecided> {
        let ex = &self.expressions;
        if ex.holds(cond, &self.choices, at)? == wanted {
            return Ok(0.0);
        }
        Ok(match *ex.cond(cond) {
            Cond::Known(_) | Cond::Opaque(_) => 1.0,
            Cond::Compare(_, a, b) => {
                let (a, b) = (ex.evaluate(a, &self.choices, at)?, ex.evaluate(b, &self.choices, at)?);
                // Numbers that may not be equal are apart by the least step.
                let short = ((a - b).abs() + 1.0) / (a.abs().max(b.abs()) + 1.0);
                if short.is_finite() { short } else { 1.0 }
            }
            Cond::Not(a) => self.shortfall_of(a, !wanted, at)?,
            Cond::And(a, b) | Cond::Or(a, b) => {
                let (a, b) = (self.shortfall_of(a, wanted, at)?, self.shortfall_of(b, wanted, at)?);
                let both = matches!(ex.cond(cond), Cond::And(..)) == wanted;
                if both { a + b } else { a.min(b) }
            }
        })
    }
}

impl Expressions {
    /// The costs that a condition speaks of.
    pub fn costs_in(&self, cond: CondId) -> Vec<Cost> {
        let mut costs = Vec::new();
        self.each_size(Vec::new(), vec![cond], |size| {
            if let Size::Cost(cost) = size {
                costs.push(*cost);
            }
        });
        costs.sort_unstable();
        costs
    }

    /// Whether a condition can be different for different tables.
    pub fn depends_on_schema(&self, cond: CondId) -> bool {
        self.conds_of_data[cond.0 as usize]
    }

    /// Whether a size depends on the data: on how many columns there are.
    pub(crate) fn is_of_data(&self, size: SizeId) -> bool {
        self.of_data[size.0 as usize]
    }

    /// A whole number that makes of a size, as its multiple, a polynomial with whole coefficients in the numbers of columns; `None` where it is no
    /// such fraction.
    pub(crate) fn denominator(&self, size: SizeId) -> Option<u64> {
        let whole = |x: f64| x.fract() == 0.0 && x.abs() < 1e9;
        match self.size(size) {
            Size::Numeric | Size::Fields | Size::Columns(_) => Some(1),
            Size::Linear { constant, terms } => {
                let all =
                    terms.iter().map(|&(term, factor)| whole(factor.get()).then(|| self.denominator(term)).flatten());
                let all = all.collect::<Option<Vec<u64>>>()?;
                whole(constant.get()).then(|| all.into_iter().fold(1, lcm)).filter(|&all| all > 0)
            }
            Size::Product(a, b) => self.denominator(*a)?.checked_mul(self.denominator(*b)?),
            Size::Quotient(a, b) => {
                let by = self.as_constant(*b).filter(|&by| whole(by) && by >= 1.0)?;
                self.denominator(*a)?.checked_mul(by as u64)
            }
            // Whole, whatever is chosen, and nothing to do with columns.
            _ => (self.is_whole(size) && !self.is_of_data(size)).then_some(1),
        }
    }

    /// Every size in these sizes and conditions, once.
    fn each_size(&self, sizes: Vec<SizeId>, conds: Vec<CondId>, visit: impl FnMut(&Size)) {
        self.each(sizes, conds, visit, |_, _| {});
    }

    /// The same, and the two sides of every comparison.
    pub(super) fn each(
        &self,
        mut sizes: Vec<SizeId>,
        mut conds: Vec<CondId>,
        mut visit: impl FnMut(&Size),
        mut compared: impl FnMut(SizeId, SizeId),
    ) {
        let (mut seen, mut seen_conds) = (HashSet::new(), HashSet::new());
        loop {
            if let Some(id) = conds.pop() {
                if !seen_conds.insert(id) {
                    continue;
                }
                match *self.cond(id) {
                    Cond::Known(_) | Cond::Opaque(_) => {}
                    Cond::Compare(_, a, b) => {
                        compared(a, b);
                        sizes.extend([a, b]);
                    }
                    Cond::Not(a) => conds.push(a),
                    Cond::And(a, b) | Cond::Or(a, b) => conds.extend([a, b]),
                }
            } else if let Some(id) = sizes.pop() {
                if !seen.insert(id) {
                    continue;
                }
                visit(self.size(id));
                self.size(id).for_each_operand(|size| sizes.push(size), |cond| conds.push(cond));
            } else {
                return;
            }
        }
    }
}

/// The least common multiple; 0 where that is too large.
fn lcm(a: u64, b: u64) -> u64 {
    let (mut x, mut y) = (a, b);
    while y > 0 {
        (x, y) = (y, x % y);
    }
    (a / x.max(1)).checked_mul(b).unwrap_or(0)
}
