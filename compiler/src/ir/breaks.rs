//! What sizes say of the numbers of columns: which of them they depend on, and where what they say changes its form.

use super::sizes::{Cond, CondId, Expressions, Size, SizeId};

/// Most comparisons that are looked at for one question.
const MAX_BREAKS: usize = 64;

/// Two sizes of which it matters which is larger, or whether they are equal.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Break {
    /// The two.
    pub sides: (SizeId, SizeId),
    /// The numbers of columns that they depend on.
    pub columns: Vec<Size>,
    /// Numbers that stand in them, and the values of widths that do: where choices decide too, columns are as many as one of these.
    pub numbers: Vec<f64>,
    /// Whether choices decide too.
    pub is_open: bool,
}

impl Expressions {
    /// The numbers of columns that these depend on, each once, in the order of their inputs.
    pub(crate) fn columns_of(&self, sizes: &[SizeId], conds: &[CondId]) -> Vec<Size> {
        let mut found = Vec::new();
        self.each(
            sizes.to_vec(),
            conds.to_vec(),
            |size| {
                if matches!(size, Size::Numeric | Size::Fields | Size::Columns(_)) {
                    found.push(size.clone());
                }
            },
            |_, _| {},
        );
        found.sort_by_key(|size| {
            if let Size::Columns(input) = size { 2 + input.index() } else { usize::from(*size == Size::Fields) }
        });
        found
    }

    /// The comparisons in these, and the larger or smaller of two, that depend on numbers of columns.
    pub(crate) fn breaks(&self, sizes: &[SizeId], conds: &[CondId], widths: impl Fn(&Size) -> Vec<i64>) -> Vec<Break> {
        let mut larger = Vec::new();
        let mut compared = Vec::new();
        self.each(
            sizes.to_vec(),
            conds.to_vec(),
            |size| {
                if let Size::Max(a, b) | Size::Min(a, b) = size {
                    larger.push((*a, *b));
                }
            },
            |a, b| compared.push((a, b)),
        );
        let of = |sides: (SizeId, SizeId)| {
            let both = [sides.0, sides.1];
            if !both.iter().any(|&side| self.is_of_data(side)) {
                return None;
            }
            let columns = self.columns_of(&both, &[]);
            let mut choices = Vec::new();
            both.iter().for_each(|&side| self.mentioned(side, &mut choices));
            let mut numbers = Vec::new();
            let number = |size: &Size| match size {
                Size::Linear { constant, .. } => numbers.push(constant.get()),
                size => numbers.extend(widths(size).into_iter().map(|width| width as f64)),
            };
            self.each(both.to_vec(), Vec::new(), number, |_, _| {});
            Some(Break { sides, columns, numbers, is_open: !choices.is_empty() })
        };
        compared.into_iter().chain(larger).filter_map(of).take(MAX_BREAKS).collect()
    }

    /// Whole numbers that what these say repeats itself with: what they divide by.
    pub(crate) fn divisors(&self, conds: &[CondId]) -> Vec<f64> {
        let mut found = Vec::new();
        let divisor = |size: &Size| {
            if let Size::Quotient(_, by) = size {
                found.extend(self.as_constant(*by).filter(|by| by.fract() == 0.0 && *by >= 1.0));
            }
        };
        self.each(Vec::new(), conds.to_vec(), divisor, |_, _| {});
        found
    }

    /// The conditions that hold where all of these do, none of which is made of two that do.
    pub(crate) fn conjuncts(&self, conds: &[CondId]) -> Vec<CondId> {
        let (mut left, mut found) = (conds.to_vec(), Vec::new());
        left.reverse();
        while let Some(cond) = left.pop() {
            match *self.cond(cond) {
                Cond::And(a, b) => left.extend([b, a]),
                _ => found.push(cond),
            }
        }
        found
    }

    /// Whether a condition is about numbers of columns, and nothing else: neither about what is chosen nor about what that costs.
    pub(crate) fn is_of_columns(&self, cond: CondId) -> bool {
        let mut choices = Vec::new();
        self.mentioned_in(cond, &mut choices);
        choices.is_empty() && self.costs_in(cond).is_empty() && self.depends_on_schema(cond)
    }
}
