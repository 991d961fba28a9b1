//! The choices of a space, and what one architecture makes of them.

use std::cell::RefCell;

use super::sizes::{CondId, SizeId};
use crate::cost::{Cost, Costs};
use crate::diagnostics::Span;

/// Index of a choice in its space, in source order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChoiceId(pub u32);

impl ChoiceId {
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
    pub kind: ChoiceKind,
    /// A choice inside an alternative or an iteration exists only when that one is taken (rule 8): when the value of
    /// this choice has one of these positions, as a bit mask.
    pub parent: Option<(ChoiceId, u64)>,
    pub span: Span,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ChoiceKind {
    /// One of these sizes.
    Width { values: Vec<i64> },
    /// Between `lo` and `hi` of these sources, by name.
    Pick { lo: usize, hi: usize, sources: Vec<String> },
    /// Between `lo` and `hi` of these alternatives, by label, added up; one of them where `hi` is 1.
    Choose { lo: usize, hi: usize, alternatives: Vec<String> },
    /// Between `lo` and `hi` iterations; position 0 is `lo` of them.
    Repeat { lo: usize, hi: usize },
    /// There or not.
    Maybe,
}

impl ChoiceKind {
    /// How many values it can take, as far as that can be counted in 64 bits.
    pub fn option_count(&self) -> u64 {
        match self {
            ChoiceKind::Width { values } => values.len() as u64,
            ChoiceKind::Choose { hi: 1, alternatives, .. } => alternatives.len() as u64,
            ChoiceKind::Repeat { lo, hi } => (hi - lo + 1) as u64,
            ChoiceKind::Maybe => 2,
            ChoiceKind::Pick { lo, hi, sources: all } | ChoiceKind::Choose { lo, hi, alternatives: all } => {
                let binomial =
                    |k: usize| (0..k).fold(1u64, |c, i| c.saturating_mul((all.len() - i) as u64) / (i as u64 + 1));
                (*lo..=*hi).map(binomial).fold(0, u64::saturating_add)
            }
        }
    }

    /// Every value that it can take, [`ChoiceKind::option_count`] of them.
    pub fn options(&self) -> Vec<Made> {
        match self {
            ChoiceKind::Width { values } => (0..values.len() as u32).map(Made::One).collect(),
            ChoiceKind::Choose { hi: 1, alternatives, .. } => (0..alternatives.len() as u32).map(Made::One).collect(),
            ChoiceKind::Repeat { lo, hi } => (0..=(hi - lo) as u32).map(Made::One).collect(),
            ChoiceKind::Maybe => vec![Made::One(0), Made::One(1)],
            ChoiceKind::Pick { lo, hi, sources: all } | ChoiceKind::Choose { lo, hi, alternatives: all } => {
                let mut masks = Vec::new();
                subsets(all.len(), (*lo, *hi), 0, 0, &mut masks);
                masks.into_iter().map(Made::Set).collect()
            }
        }
    }
}

/// The sets of `lo` to `hi` positions below `count` that hold `mask` and, beyond it, only positions from `from` on.
fn subsets(count: usize, (lo, hi): (usize, usize), from: usize, mask: u64, found: &mut Vec<u64>) {
    let taken = mask.count_ones() as usize;
    if taken >= lo {
        found.push(mask);
    }
    for next in from..count {
        // Enough positions must be left.
        if taken < hi && taken + count - next >= lo {
            subsets(count, (lo, hi), next + 1, mask | 1 << next, found);
        }
    }
}

impl ChoiceKind {
    /// The word of the language.
    pub fn word(&self) -> &'static str {
        match self {
            ChoiceKind::Width { .. } => "width",
            ChoiceKind::Pick { .. } => "pick",
            ChoiceKind::Choose { .. } => "choose",
            ChoiceKind::Repeat { .. } => "repeat",
            ChoiceKind::Maybe => "maybe",
        }
    }

    /// What its positions are called: sizes, sources, alternatives, numbers of iterations, `off` and `on`.
    pub fn labels(&self) -> Vec<String> {
        match self {
            ChoiceKind::Width { values } => values.iter().map(ToString::to_string).collect(),
            ChoiceKind::Pick { sources: all, .. } | ChoiceKind::Choose { alternatives: all, .. } => all.clone(),
            ChoiceKind::Repeat { lo, hi } => (*lo..=*hi).map(|n| n.to_string()).collect(),
            ChoiceKind::Maybe => vec!["off".to_owned(), "on".to_owned()],
        }
    }

    /// How many positions a value takes, where it takes a set.
    pub fn counts(&self) -> Option<(usize, usize)> {
        match self {
            ChoiceKind::Pick { lo, hi, .. } => Some((*lo, *hi)),
            ChoiceKind::Choose { lo, hi, .. } if *hi > 1 => Some((*lo, *hi)),
            _ => None,
        }
    }
}

impl Choice {
    /// The name within its block: `d` for `b[1].d`.
    pub fn key(&self) -> &str {
        match &self.block {
            Some(block) => &self.name[block.len() + 1..],
            None => &self.name,
        }
    }
}

/// What an architecture makes of one choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Made {
    /// Position of the width or alternative; 0 or 1 for `maybe`.
    One(u32),
    /// A set, as a bit mask: the sources of a pick, or, in a relaxed architecture (rule 10), several alternatives.
    Set(u64),
}

impl Made {
    /// Whether position `index` is in it.
    pub fn has(self, index: usize) -> bool {
        match self {
            Made::One(one) => one as usize == index,
            Made::Set(mask) => index < 64 && mask >> index & 1 == 1,
        }
    }

    /// Whether any of these positions, as a bit mask, is in it.
    pub fn meets(self, positions: u64) -> bool {
        match self {
            Made::One(one) => one < 64 && positions >> one & 1 == 1,
            Made::Set(mask) => mask & positions != 0,
        }
    }

    /// Its first position; 0 for an empty set.
    pub fn first(self) -> usize {
        match self {
            Made::One(one) => one as usize,
            Made::Set(mask) => mask.trailing_zeros().min(63) as usize,
        }
    }
}

/// What a schema supplies to a space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchemaSizes {
    pub numeric: usize,
    pub fields: usize,
}

/// A choice was needed that the architecture leaves open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Undecided(pub ChoiceId);

/// An architecture's values together with the schema's sizes, and a record of which choices were asked for: the ones
/// that are live.
pub struct Assignment<'a> {
    made: &'a [Option<Made>],
    pub schema: SchemaSizes,
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
    pub fn new(made: &'a [Option<Made>], schema: SchemaSizes) -> Self {
        Self::with_memo(made, schema, Memo::default())
    }

    /// With a memo that served another assignment of the same expressions.
    pub fn with_memo(made: &'a [Option<Made>], schema: SchemaSizes, mut memo: Memo) -> Self {
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

    pub fn into_memo(self) -> Memo {
        self.memo.into_inner()
    }

    pub fn made(&self, choice: ChoiceId) -> Result<Made, Undecided> {
        let memo = &mut *self.memo.borrow_mut();
        if memo.asked.len() < self.made.len() {
            memo.asked.resize(self.made.len(), 0);
        }
        memo.asked[choice.index()] = memo.stamp;
        self.made[choice.index()].ok_or(Undecided(choice))
    }

    /// Which choices were asked for since the assignment was made.
    pub fn into_asked(self) -> Vec<bool> {
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
