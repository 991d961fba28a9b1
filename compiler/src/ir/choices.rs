//! The choices of a space, and what one architecture makes of them.

use std::cell::RefCell;

use super::inputs::{InputId, MAX_INPUTS};
use super::offers::{Made, Offer, Word};
use super::sizes::{CondId, SizeId};
use crate::cost::{Cost, Costs};
use crate::diagnostics::Span;

/// Index of a choice in its space, in source order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChoiceId(pub u32);

impl ChoiceId {
    /// As an index into [`Space::choices`](crate::Space::choices).
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// One thing that a space leaves open.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// Such as `b[1].d`; unique in the space.
    pub name: String,
    /// The block instance it belongs to, such as `b[1]`.
    pub block: Option<String>,
    /// The values that it may have.
    pub offer: Offer,
    /// A choice inside an alternative or an iteration exists only when that one is taken (rule 8): when the value of
    /// this choice has one of these positions, as a bit mask.
    pub parent: Option<(ChoiceId, u64)>,
    /// Where it is written, once for all instances of a block.
    pub span: Span,
    /// Of a pick of several: whether sizes are right that rest on how many it takes with all of its sources too, where it never takes so many. Else
    /// the full path takes no more of them than it offers (rule 10).
    pub is_joined_whole: bool,
}

impl Choice {
    /// Whether the full path takes every source of it, more than it offers: of a pick of several, whose width follows what it takes.
    pub(crate) fn is_relaxed(&self) -> bool {
        self.is_joined_whole && self.exceeds()
    }

    /// Whether it is a pick of several that never takes all of its sources.
    pub(crate) fn exceeds(&self) -> bool {
        let (_, most) = self.offer.takes().range();
        self.offer.word() == Word::Pick && most > 1 && most < self.offer.positions()
    }

    /// The name within its block: `d` for `b[1].d`.
    pub fn key(&self) -> &str {
        match &self.block {
            Some(block) => &self.name[block.len() + 1..],
            None => &self.name,
        }
    }
}

/// What a schema supplies to a space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchemaSizes {
    /// Numeric columns, at least 1.
    pub numeric: usize,
    /// Categorical columns; 0 for a schema without any.
    pub fields: usize,
    /// Columns of each input that says which it reads.
    pub columns: [u16; MAX_INPUTS],
}

impl SchemaSizes {
    /// One of everything.
    pub const ONE: Self = Self { numeric: 1, fields: 1, columns: [1; MAX_INPUTS] };

    /// Columns of an input that says which it reads.
    pub fn of(self, input: InputId) -> usize {
        self.columns[input.index()].into()
    }
}

/// A choice was needed that the architecture leaves open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Undecided(pub ChoiceId);

/// An architecture's values together with the schema's sizes, and a record of which choices were asked for: the ones
/// that are live.
pub struct Assignment<'a> {
    made: &'a [Option<Made>],
    pub(crate) schema: SchemaSizes,
    /// What the architecture costs, where that is known.
    costs: Option<Costs>,
    memo: RefCell<Memo>,
}

/// Values of expressions under one assignment. It is emptied and used again for the next one at no cost.
#[derive(Clone, Debug, Default)]
pub struct Memo {
    sizes: Vec<(u64, f64)>,
    conds: Vec<(u64, bool)>,
    /// The stamp under which each choice was asked for.
    asked: Vec<u64>,
    /// Values with an older stamp belong to an earlier assignment.
    stamp: u64,
}

impl<'a> Assignment<'a> {
    /// Of a value for each choice, in their order; `None` where it is left open. Costs are not known.
    pub fn new(made: &'a [Option<Made>], schema: SchemaSizes) -> Self {
        Self::with_memo(made, schema, Memo::default())
    }

    /// With a memo that served another assignment of the same expressions.
    pub(crate) fn with_memo(made: &'a [Option<Made>], schema: SchemaSizes, mut memo: Memo) -> Self {
        memo.stamp += 1;
        Self { made, schema, costs: None, memo: RefCell::new(memo) }
    }

    /// With what the architecture costs, for constraints on that.
    pub fn with_costs(self, costs: Option<Costs>) -> Self {
        Self { costs, ..self }
    }

    pub(super) fn has_costs(&self) -> bool {
        self.costs.is_some()
    }

    /// NaN where costs are not known: then every comparison is false.
    pub(super) fn cost(&self, cost: Cost) -> f64 {
        self.costs.map_or(f64::NAN, |costs| costs.of(cost) as f64)
    }

    pub(crate) fn into_memo(self) -> Memo {
        self.memo.into_inner()
    }

    pub(crate) fn made(&self, choice: ChoiceId) -> Result<Made, Undecided> {
        let memo = &mut *self.memo.borrow_mut();
        if memo.asked.len() < self.made.len() {
            memo.asked.resize(self.made.len(), 0);
        }
        memo.asked[choice.index()] = memo.stamp;
        self.made[choice.index()].ok_or(Undecided(choice))
    }

    /// Which choices were asked for since the assignment was made.
    pub(crate) fn into_asked(self) -> Vec<bool> {
        let memo = self.memo.into_inner();
        let mut asked: Vec<bool> = memo.asked.iter().map(|&stamp| stamp == memo.stamp).collect();
        asked.resize(self.made.len(), false);
        asked
    }

    pub(super) fn known_size(&self, id: SizeId) -> Option<f64> {
        let memo = self.memo.borrow();
        memo.sizes.get(id.0 as usize).filter(|(stamp, _)| *stamp == memo.stamp).map(|&(_, value)| value)
    }

    pub(super) fn remember_size(&self, id: SizeId, value: f64) {
        let memo = &mut *self.memo.borrow_mut();
        store(&mut memo.sizes, id.0 as usize, (memo.stamp, value));
    }

    pub(super) fn known_cond(&self, id: CondId) -> Option<bool> {
        let memo = self.memo.borrow();
        memo.conds.get(id.0 as usize).filter(|(stamp, _)| *stamp == memo.stamp).map(|&(_, value)| value)
    }

    pub(super) fn remember_cond(&self, id: CondId, value: bool) {
        let memo = &mut *self.memo.borrow_mut();
        store(&mut memo.conds, id.0 as usize, (memo.stamp, value));
    }
}

fn store<T: Clone + Default>(values: &mut Vec<(u64, T)>, at: usize, value: (u64, T)) {
    if values.len() <= at {
        values.resize(at + 1, (0, T::default()));
    }
    values[at] = value;
}
