//! The least and the most that the architectures of a space cost.
//!
//! A bound comes from a relaxation of the whole graph (`relax.rs`) over what its choices may still be (`domains.rs`); the
//! graph is reduced to regions first (`regions.rs`), in which nodes cost something (`items.rs`). Branch and bound (`search.rs`) divides the space until the bound is
//! met by an architecture (`guess.rs`), or says both where it stops.

mod domains;
mod guess;
mod items;
mod regions;
mod relax;
mod search;

use std::sync::Arc;

use crate::ir::{CondId, Constraint, Interval, SpaceGraph};
use crate::plan::Cost;
use crate::space::{Architecture, Space};

/// The least or the most that an architecture of a space costs.
#[derive(Clone, Debug, PartialEq)]
pub struct Extreme {
    /// No architecture that is allowed is beyond this.
    pub proved: u64,
    /// The best architecture that was met. It costs what is proved where that is optimal.
    pub witness: Option<Witness>,
}

/// An architecture, and what it costs.
#[derive(Clone, Debug, PartialEq)]
pub struct Witness {
    /// The constraints allow it.
    pub architecture: Architecture,
    /// In the unit of the [`Cost`] that was asked for.
    pub value: u64,
}

/// What looking for extremes may still take, of one space or of all that one command tells: with less, a bound is less
/// tight.
#[derive(Clone, Debug)]
pub struct Effort(usize);

/// Looks at a region or a size that all bounds of one command take together, at most.
const MAX_EFFORT: usize = 120_000_000;
/// Looks that an extreme takes before anything is divided, for each region and size.
const LOOKS_TO_BEGIN: usize = 256;

impl Default for Effort {
    fn default() -> Self {
        Self(MAX_EFFORT)
    }
}

impl Effort {
    /// So many looks, and no more.
    pub(crate) fn of(looks: usize) -> Self {
        Self(looks)
    }

    /// How much less is left than so many looks.
    pub(crate) fn taken_of(&self, looks: usize) -> usize {
        looks.saturating_sub(self.0)
    }

    pub(super) fn take(&mut self, looks: usize) {
        self.0 = self.0.saturating_sub(looks);
    }

    /// Whether nothing is left of it.
    pub fn is_spent(&self) -> bool {
        self.0 == 0
    }
}

/// An end of what a space costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The minimum over all architectures that are allowed.
    Least,
    /// The maximum over them.
    Most,
}

impl Extreme {
    /// Whether an architecture attains what is proved.
    pub fn is_optimal(&self) -> bool {
        self.witness.as_ref().is_some_and(|witness| witness.value == self.proved)
    }
}

impl Space {
    /// Whether conditions hold for all architectures, or some for none, when each cost is in its range.
    pub(super) fn conditions_hold(&self, conditions: &[&Constraint], costs: &[(Cost, Interval)]) -> Option<bool> {
        let (kinds, domains): (Vec<_>, Vec<_>) = self.choices().iter().map(domains::kind).unzip();
        let conds: Vec<CondId> = conditions.iter().map(|condition| condition.holds).collect();
        let mut ranges = domains::Ranges::new(&self.graph, &kinds, self.sizes, (Vec::new(), conds.clone()));
        ranges.update(&domains);
        let of = |cost: Cost| {
            let known = costs.iter().find(|(known, _)| *known == cost);
            known.map_or(Interval::new(0.0, f64::INFINITY), |&(_, range)| range)
        };
        let known: Vec<Option<bool>> = conds.iter().map(|&cond| ranges.condition(cond, &domains, &of)).collect();
        if known.contains(&Some(false)) {
            return Some(false);
        }
        known.iter().all(|known| *known == Some(true)).then_some(true)
    }

    /// The space with its constraints on choices only.
    pub(super) fn without_costs(&self) -> Space {
        let mut free = self.clone();
        let kept = self.graph.constraints.iter().filter(|constraint| constraint.costs.is_empty()).cloned().collect();
        free.graph = Arc::new(SpaceGraph { constraints: kept, ..SpaceGraph::clone(&self.graph) });
        free
    }

    /// The least or the most that an architecture costs which the constraints allow; `None` where they allow none.
    pub fn extreme(&self, cost: Cost, end: End) -> Option<Extreme> {
        self.extreme_within(cost, end, &mut Effort::default())
    }

    /// The same with no more effort than is left.
    pub fn extreme_within(&self, cost: Cost, end: End, effort: &mut Effort) -> Option<Extreme> {
        if cost == Cost::WeightBytes {
            // Four bytes each.
            let of_params = self.extreme_within(Cost::DenseParams, end, effort)?;
            let witness = of_params.witness.map(|witness| Witness { value: cost.counted(witness.value), ..witness });
            return Some(Extreme { proved: cost.counted(of_params.proved), witness });
        }
        if self.costs_required().is_empty() {
            return self.searched(cost, end, false, effort);
        }
        // What is so of the whole space is so of what costs as it may; and its extreme may be allowed.
        let free = self.without_costs().searched(cost, end, false, effort)?;
        let allowed = |witness: &Witness| {
            let costs = self.costs(&witness.architecture);
            costs.is_ok_and(|costs| self.broken(&witness.architecture, Some(costs)).is_none())
        };
        if free.is_optimal() && free.witness.as_ref().is_some_and(allowed) {
            return Some(free);
        }
        let found = self.searched(cost, end, false, effort)?;
        let proved = match end {
            End::Most => found.proved.min(free.proved),
            End::Least => found.proved.max(free.proved),
        };
        Some(Extreme { proved, ..found })
    }

    /// An architecture that the constraints allow, where one is met while the space is divided from an end of a cost on:
    /// `None` where it was divided until nothing was left.
    pub(super) fn any_within(&self, cost: Cost, end: End, effort: &mut Effort) -> Option<Option<Witness>> {
        let cost = if cost == Cost::WeightBytes { Cost::DenseParams } else { cost };
        self.searched(cost, end, true, effort).map(|found| found.witness)
    }

    /// The costs that constraints speak of.
    pub(super) fn costs_required(&self) -> Vec<Cost> {
        let mut costs: Vec<Cost> = self.graph.constraints.iter().flat_map(|c| c.costs.iter().copied()).collect();
        costs.sort_unstable();
        costs.dedup();
        costs
    }

    fn searched(&self, cost: Cost, end: End, any: bool, effort: &mut Effort) -> Option<Extreme> {
        let (kinds, domains): (Vec<_>, Vec<_>) = self.choices().iter().map(domains::kind).unzip();
        let regions = regions::Regions::new(self, cost);
        let mut others = self.costs_required();
        if others == [cost] {
            others.clear();
        }
        let others: Vec<_> = others.into_iter().map(|other| (other, regions::Regions::new(self, other))).collect();
        let mut search = search::Search::new(self, (cost, end == End::Most), &regions, &others, &kinds);
        search.most_work = effort.0;
        if any {
            search.settle_for_any();
        }
        let (found, taken) = search.run(domains);
        effort.take(taken + LOOKS_TO_BEGIN * regions.all.len());
        found
    }
}
