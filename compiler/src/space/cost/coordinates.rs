//! A search by coordinates for cheap and costly architectures: it finds, and proves nothing.

use super::extremes::Witness;
use super::meter::Meter;
use crate::ir::{ChoiceId, Made, Takes};
use crate::plan::Cost;
use crate::recipe::Counts;
use crate::space::{Architecture, Space};
use crate::streams::Streams;

impl Space {
    /// Changes one choice of an architecture at a time while that makes it cheaper, or costlier. `tries` is how many
    /// architectures may be looked at, and is counted down. `None` where none was met that is allowed.
    pub(super) fn climb(
        &self,
        from: &Architecture,
        (cost, most): (Cost, bool),
        meter: &mut Meter<'_>,
        tries: &mut usize,
    ) -> Option<Witness> {
        let better = |new: u64, old: u64| if most { new > old } else { new < old };
        let mut rng = Streams::new(0).rng("climb", 0);
        let costs = meter.costs(from).ok()?;
        let mut best = Witness { value: costs.of(cost), architecture: from.clone() };
        // What it starts from may cost more, or less, than it may: then anything is better that leads away from it.
        let mut allowed = self.broken(from, Some(costs)).is_none();
        loop {
            let before = (best.value, allowed);
            for id in (0..self.choices().len() as u32).map(ChoiceId) {
                if !self.exists(&best.architecture, id) {
                    continue;
                }
                for made in self.options(id, best.architecture.get(id)) {
                    if *tries == 0 {
                        return allowed.then_some(best);
                    }
                    *tries -= 1;
                    let mut next = best.architecture.clone();
                    next.set(id, Some(made));
                    self.complete(&mut next, Counts::Uniform, &mut rng);
                    let Ok(costs) = meter.costs(&next) else { continue };
                    let value = costs.of(cost);
                    // Away from what is forbidden, where what it starts from is; else towards the end.
                    let helps = if allowed { better(value, best.value) } else { better(best.value, value) };
                    let next_allowed = self.broken(&next, Some(costs)).is_none();
                    if next_allowed && (!allowed || helps) || !allowed && helps && self.broken(&next, None).is_none() {
                        allowed = next_allowed;
                        best = Witness { value, architecture: next };
                    }
                }
            }
            if (best.value, allowed) == before {
                return allowed.then_some(best);
            }
        }
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
