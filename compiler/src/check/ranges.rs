//! What sizes can be, whatever is chosen: for that nothing is chosen, a choice is all that it offers at once.

use std::collections::HashMap;

use super::elaborate::Elaborator;
use crate::cost::Cost;
use crate::ir::{Choice, ChoiceId, CondId, Expressions, Interval, Knowledge, SchemaSizes, SizeId, Taken};

/// How many operands deep a size is looked into.
const MAX_DEPTH: u32 = 64;

/// What is known over all choices.
struct Over<'a> {
    ex: &'a Expressions,
    choices: &'a [Choice],
    /// Of this table; of all, where there is none.
    table: Option<SchemaSizes>,
    intervals: &'a mut HashMap<SizeId, Interval>,
    /// How many operands deep it may still be looked into.
    depth: u32,
}

impl Elaborator<'_> {
    /// The smallest and the largest value over all choices; `None` where it depends on data, or on too much. `intervals`: what is known of
    /// others.
    pub(super) fn range(&self, intervals: &mut HashMap<SizeId, Interval>, size: SizeId) -> Option<(f64, f64)> {
        self.range_for(None, intervals, size)
    }

    /// Whether a size lies between these for each of these tables, whatever is chosen. What is not shown so can be true.
    pub(super) fn lies_within(&self, size: SizeId, (lo, hi): (f64, f64), tables: &[SchemaSizes]) -> bool {
        tables.iter().all(|&table| {
            let range = self.range_for(Some(table), &mut HashMap::new(), size);
            range.is_some_and(|(least, most)| lo <= least && most <= hi)
        })
    }

    fn range_for(
        &self,
        table: Option<SchemaSizes>,
        intervals: &mut HashMap<SizeId, Interval>,
        size: SizeId,
    ) -> Option<(f64, f64)> {
        let mut over = Over { ex: &self.ex, choices: &self.choices, table, intervals, depth: MAX_DEPTH };
        let Interval { lo, hi, finite } = over.size(size);
        (finite && lo.is_finite() && hi.is_finite()).then_some((lo, hi))
    }
}

impl Knowledge for Over<'_> {
    fn size(&mut self, size: SizeId) -> Interval {
        if let Some(&known) = self.intervals.get(&size) {
            return known;
        }
        let Some(below) = self.depth.checked_sub(1) else { return Interval::ANYTHING };
        let depth = std::mem::replace(&mut self.depth, below);
        let ex = self.ex;
        let interval = ex.interval(size, self);
        self.depth = depth;
        self.intervals.insert(size, interval);
        interval
    }

    fn condition(&mut self, _: CondId) -> Option<bool> {
        None
    }

    fn width(&self, choice: ChoiceId) -> Interval {
        Interval::of_numbers(&self.choices[choice.index()].offer)
    }

    fn taken(&self, choice: ChoiceId) -> Taken {
        let choice = &self.choices[choice.index()];
        let any = Taken::any_of(&choice.offer);
        // The full path takes every source where its space is relaxed (rule 10).
        match (self.table, choice.is_relaxed()) {
            (Some(_), true) => Taken { range: (any.range.0, choice.offer.positions()), ..any },
            _ => any,
        }
    }

    fn schema(&self) -> Option<SchemaSizes> {
        self.table
    }

    fn cost(&self, _: Cost) -> Interval {
        Interval::ANYTHING
    }
}
