//! A search by coordinates for allowed, cheap and costly architectures: it finds, and proves nothing.

use super::meter::Meter;
use crate::cost::{Cost, Costs};
use crate::ir::{Assignment, ChoiceId, Made, Takes};
use crate::recipe::Counts;
use crate::space::{Architecture, Space};
use crate::streams::Streams;

/// What is looked for, once what there is is allowed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Goal {
    /// Nothing more.
    Allowed,
    /// The extreme of a cost: the most, or the least.
    Extreme(Cost, bool),
}

impl Goal {
    /// Less is better.
    fn rank(self, costs: Costs) -> f64 {
        match self {
            Goal::Allowed => 0.0,
            Goal::Extreme(cost, most) => costs.of(cost) as f64 * if most { -1.0 } else { 1.0 },
        }
    }
}

impl Space {
    /// Changes one choice of an architecture at a time: while it is not allowed, towards what is; then while that makes it
    /// cheaper, or costlier. `tries` is how many architectures may be looked at, and is counted down. `None` where none was
    /// met that is allowed.
    pub(super) fn climb(
        &self,
        from: &Architecture,
        goal: Goal,
        meter: &mut Meter<'_>,
        tries: &mut usize,
    ) -> Option<(Architecture, Costs)> {
        let mut rng = Streams::new(0).rng("climb", 0);
        let mut best = (from.clone(), meter.costs(from).ok()?);
        let mut rank = self.distance(goal, &best.0, best.1)?;
        loop {
            let before = rank;
            for id in (0..self.choices().len() as u32).map(ChoiceId) {
                if !self.exists(&best.0, id) {
                    continue;
                }
                for made in self.options(id, best.0.get(id)) {
                    let done = goal == Goal::Allowed && rank.0 == 0.0;
                    if done || *tries == 0 {
                        return (rank.0 == 0.0).then_some(best);
                    }
                    *tries -= 1;
                    let mut next = best.0.clone();
                    next.set(id, Some(made));
                    self.complete(&mut next, Counts::Uniform, &mut rng);
                    if self.broken(&next, None).is_some() {
                        continue;
                    }
                    let Ok(costs) = meter.costs(&next) else { continue };
                    let Some(of_next) = self.distance(goal, &next, costs) else { continue };
                    if of_next < rank {
                        (best, rank) = ((next, costs), of_next);
                    }
                }
            }
            if rank == before {
                return (rank.0 == 0.0).then_some(best);
            }
        }
    }

    /// How far from being allowed, then how far from the goal.
    pub(super) fn distance(&self, goal: Goal, architecture: &Architecture, costs: Costs) -> Option<(f64, f64)> {
        let at = Assignment::new(architecture.made(), self.sizes).with_costs(Some(costs));
        Some((self.graph.shortfall(&at).ok()?, goal.rank(costs)))
    }

    /// Other values of a choice; of a set, those that add, drop or swap one member.
    fn options(&self, id: ChoiceId, made: Option<Made>) -> Vec<Made> {
        let offer = &self.choices()[id.index()].offer;
        match offer.takes() {
            Takes::One => offer.options(),
            Takes::Set { lo, hi } => neighbours(lo, hi, offer.positions(), made),
        }
    }
}

/// The sets that add, drop or swap one member.
fn neighbours(lo: usize, hi: usize, all: usize, made: Option<Made>) -> Vec<Made> {
    let Some(Made::Set(mask)) = made else { return Vec::new() };
    let mut options = Vec::new();
    for i in 0..all {
        options.push(mask ^ (1 << i));
        for j in 0..all {
            if mask >> i & 1 == 1 && mask >> j & 1 == 0 {
                options.push(mask ^ (1 << i) ^ (1 << j));
            }
        }
    }
    options.retain(|m| (lo..=hi).contains(&(m.count_ones() as usize)));
    options.into_iter().map(Made::Set).collect()
}
