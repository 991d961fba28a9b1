//! Draws within constraints on costs where hardly anything that is drawn is allowed: steps from one allowed architecture
//! to the next.

use rand::seq::SliceRandom;
use rand::{Rng, RngExt};

use crate::ir::{ChoiceId, Made, Takes};
use crate::recipe::Counts;
use crate::space::cost::Meter;
use crate::space::count::{Validity, prior};
use crate::space::{Architecture, PlanError, Space};

/// How often a walk comes to every choice.
const SWEEPS: usize = 12;
/// Most nodes of all architectures that one draw looks at: of a large space, fewer sweeps.
const MAX_NODES: usize = 40_000_000;

/// Goes from one allowed architecture of a space to the next, by few choices at a time.
pub struct Walk<'a> {
    space: &'a Space,
    meter: Meter<'a>,
    counts: Counts,
    choices: Vec<ChoiceId>,
    /// Those that constraints on choices couple: they may have no other way than to change together.
    coupled: Vec<ChoiceId>,
}

impl Space {
    /// Walks in which picks are drawn by these counts.
    pub fn walk(&self, counts: Counts) -> Walk<'_> {
        let coupled = match &*self.validity {
            Validity::Diagram(diagram) => diagram.variables().to_vec(),
            Validity::Free | Validity::Rejection(_) => Vec::new(),
        };
        let choices = (0..self.choices().len() as u32).map(ChoiceId).collect();
        Walk { space: self, meter: self.meter(), counts, choices, coupled }
    }
}

impl Walk<'_> {
    /// Whether the constraints allow an architecture.
    ///
    /// # Errors
    /// Those of [`Space::plan`].
    pub fn allows(&mut self, architecture: &Architecture) -> Result<bool, PlanError> {
        let costs = self.meter.costs(architecture)?;
        Ok(self.space.broken(architecture, Some(costs)).is_none())
    }

    /// An allowed architecture, drawn by a walk from one. The longer the walk, the more it is as if [`Space::sample`] were
    /// asked until what it draws is allowed.
    pub fn draw(&mut self, from: &Architecture, rng: &mut impl Rng) -> Architecture {
        let size = self.space.graph.graph.node_count() + self.choices.len();
        let sweeps = SWEEPS.min(MAX_NODES / (3 * size * self.choices.len()).max(1)).max(1);
        let mut at = from.clone();
        for _ in 0..sweeps {
            // What is taken over is drawn anew for each kind of step, and whatever the walk has come to: so it comes to no
            // value more often than it should.
            for together in [self.choices.clone(), self.coupled.clone()] {
                let to = self.space.sample(self.counts, rng);
                self.take(&mut at, &to, &together, rng);
            }
            for together in [1, 2] {
                let mut to = Architecture::new(vec![None; self.choices.len()]);
                self.space.complete(&mut to, self.counts, rng);
                self.take_by(together, &mut at, &to, rng);
            }
            self.change_members(&mut at, rng);
        }
        at
    }

    /// An allowed architecture with what it may have of another one: values are taken over in any order, each where what
    /// comes of it is allowed.
    pub fn towards(&mut self, from: &Architecture, to: &Architecture, rng: &mut impl Rng) -> Architecture {
        let mut at = from.clone();
        self.take(&mut at, to, &self.coupled.clone(), rng);
        self.take_by(1, &mut at, to, rng);
        at
    }

    /// Takes over all choices in any order, so many together.
    fn take_by(&mut self, together: usize, at: &mut Architecture, to: &Architecture, rng: &mut impl Rng) {
        let mut order = self.choices.clone();
        order.shuffle(rng);
        order.chunks(together).for_each(|ids| self.take(at, to, ids, rng));
    }

    /// Takes over the values of some choices, where what comes of it is allowed.
    fn take(&mut self, at: &mut Architecture, to: &Architecture, ids: &[ChoiceId], rng: &mut impl Rng) {
        if ids.iter().any(|&id| self.space.exists(at, id) && to.get(id).is_some() && to.get(id) != at.get(id)) {
            let next = self.taken_over(at, to, ids, rng);
            if self.allows(&next) == Ok(true) {
                *at = next;
            }
        }
    }

    /// One architecture with some values of another, and with those that then exist and did not before.
    fn taken_over(&self, from: &Architecture, to: &Architecture, ids: &[ChoiceId], rng: &mut impl Rng) -> Architecture {
        let mut next = from.clone();
        for &id in ids {
            next.set(id, to.get(id));
        }
        for id in (0..next.made().len() as u32).map(ChoiceId) {
            if next.get(id).is_none() && self.space.exists(&next, id) {
                next.set(id, to.get(id));
            }
        }
        self.space.complete(&mut next, self.counts, rng);
        next
    }

    /// Adds, drops or swaps a member of each set, as often as sets of that many members are drawn.
    fn change_members(&mut self, at: &mut Architecture, rng: &mut impl Rng) {
        for id in (0..at.made().len() as u32).map(ChoiceId) {
            let offer = &self.space.choices()[id.index()].offer;
            let (Takes::Set { lo, hi }, Some(Made::Set(set))) = (offer.takes(), at.get(id)) else { continue };
            let (one, other) = (rng.random_range(0..offer.positions()), rng.random_range(0..offer.positions()));
            let changed = match rng.random_bool(0.5) {
                true => set ^ 1 << one,
                false => set ^ 1 << one ^ 1 << other,
            };
            if changed == set || !(lo..=hi).contains(&(changed.count_ones() as usize)) {
                continue;
            }
            let of = |set| prior(&self.space.graph, self.counts, id, Made::Set(set));
            if rng.random::<f64>() * of(set) > of(changed) {
                continue;
            }
            let mut next = at.clone();
            next.set(id, Some(Made::Set(changed)));
            self.space.complete(&mut next, self.counts, rng);
            if self.allows(&next) == Ok(true) {
                *at = next;
            }
        }
    }
}
