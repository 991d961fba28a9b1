//! The cheapest and the costliest architecture that a search by coordinates finds: witnesses, not proofs.

use rand::Rng;

use super::architecture::Architecture;
use super::bind::Space;
use crate::ir::{ChoiceId, ChoiceKind, Made};
use crate::recipe::Counts;

/// An architecture and its cost.
#[derive(Clone, Debug, PartialEq)]
pub struct Extreme {
    pub architecture: Architecture,
    /// Multiply-accumulates a sample.
    pub macs: u64,
}

/// Starts of the search.
const STARTS: usize = 4;

impl Space {
    /// The least and the most multiply-accumulates found by changing one choice at a time from several starts, until
    /// no change helps. `None` for a space whose architectures have no plan, or where the search met none that is
    /// allowed.
    pub fn extremes(&self, rng: &mut impl Rng) -> Option<(Extreme, Extreme)> {
        let start: Vec<Architecture> = (0..STARTS).map(|_| self.sample(Counts::Uniform, rng)).collect();
        let least = start.iter().filter_map(|a| self.descend(a, true, rng)).min_by_key(|e| e.macs)?;
        let most = start.iter().filter_map(|a| self.descend(a, false, rng)).max_by_key(|e| e.macs)?;
        Some((least, most))
    }

    fn descend(&self, from: &Architecture, least: bool, rng: &mut impl Rng) -> Option<Extreme> {
        let better = |new: u64, old: u64| if least { new < old } else { new > old };
        let plan = self.plan(from).ok()?;
        let mut best = Extreme { macs: plan.macs(), architecture: from.clone() };
        // What is drawn may cost more, or less, than it may: then anything is better that leads away from it.
        let mut allowed = self.broken(from, Some(&plan)).is_none();
        loop {
            let before = best.macs;
            for id in (0..self.choices().len() as u32).map(ChoiceId) {
                if !self.exists(&best.architecture, id) {
                    continue;
                }
                for made in self.options(id, best.architecture.get(id)) {
                    let mut next = best.architecture.clone();
                    next.set(id, Some(made));
                    self.complete(&mut next, Counts::Uniform, rng);
                    let Ok(plan) = self.plan(&next) else { continue };
                    if self.broken(&next, None).is_some() || !better(plan.macs(), best.macs) {
                        continue;
                    }
                    let next_allowed = self.broken(&next, Some(&plan)).is_none();
                    if next_allowed || !allowed {
                        allowed = next_allowed;
                        best = Extreme { macs: plan.macs(), architecture: next };
                    }
                }
            }
            if best.macs == before {
                return allowed.then_some(best);
            }
        }
    }

    /// Other values of a choice; of a pick, those that add, drop or swap one source.
    fn options(&self, id: ChoiceId, made: Option<Made>) -> Vec<Made> {
        match &self.choices()[id.index()].kind {
            ChoiceKind::Width { values } => (0..values.len() as u32).map(Made::One).collect(),
            ChoiceKind::Choose { hi: 1, alternatives, .. } => (0..alternatives.len() as u32).map(Made::One).collect(),
            ChoiceKind::Choose { lo, hi, alternatives } => neighbours(*lo, *hi, alternatives.len(), made),
            ChoiceKind::Repeat { lo, hi } => (0..=(hi - lo) as u32).map(Made::One).collect(),
            ChoiceKind::Maybe => vec![Made::One(0), Made::One(1)],
            ChoiceKind::Pick { lo, hi, sources } => neighbours(*lo, *hi, sources.len(), made),
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
