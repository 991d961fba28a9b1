//! Counts under constraints on costs. Small spaces are gone through; of a large one it may be proved that all of it is
//! allowed, or nothing. Else what was drawn says `at least` and `at most`, and estimates the rest.

use std::collections::HashSet;

use num_bigint::BigUint;
use rand_chacha::ChaCha8Rng;

use super::extremes::{End, Extreme};
use crate::ir::{Constraint, Interval};
use crate::space::count::{Census, Estimate, Intractable, Numbered, Tally};
use crate::space::{Architecture, Space};
use crate::streams::Streams;

/// Most encodings of which each is costed, and most nodes of the graphs of all of them together.
const MAX_COSTED: u64 = 20_000;
const MAX_COSTED_NODES: u64 = 2_000_000;
/// Draws for an estimate: of encodings, and of architectures that differ, which take longer to draw.
const DRAWS: [u64; 2] = [5_000, 2_000];
/// Most that the draws of an estimate take together, in nodes, words and numbers that are looked at: of large
/// architectures fewer are drawn.
const MAX_DRAWN: usize = 30_000_000;
/// Why a count is not known, where it could be drawn.
const DRAWN: &str = "constraints on costs are not counted, but drawn";
/// Standard deviations that leave 95 % between them.
const DEVIATIONS: f64 = 1.959_964;

impl Space {
    /// Counts the space over its table, with all of its constraints; what cannot be counted is drawn.
    pub fn census(&self) -> Census {
        let (mut census, open) = self.counted();
        if !open {
            return census;
        }
        let all = std::mem::replace(&mut census.valid, Tally::Unknown(DRAWN.to_owned()));
        census.valid = self.estimated(all, true, {
            let numbered = Numbered::new(self);
            move |rng| {
                let numbered = numbered.as_ref().map_err(|error| *error)?;
                Ok((numbered.draw(rng).ok_or(Intractable::TooLarge)?, numbered.work()))
            }
        });
        let all = std::mem::replace(&mut census.distinct, Tally::Unknown(DRAWN.to_owned()));
        census.distinct = self.estimated(all, false, |rng| self.drawn_distinct(rng));
        census
    }

    /// The same without a draw: where constraints on costs leave a count open, no more than its bound.
    pub(crate) fn proved_census(&self) -> Census {
        let (mut census, open) = self.counted();
        for tally in [&mut census.valid, &mut census.distinct] {
            if let (true, Tally::Exactly(all)) = (open, &*tally) {
                *tally = Tally::AtMost(all.clone(), DRAWN.to_owned());
            }
        }
        census
    }

    /// Counts with all constraints, or without those on costs where these leave open how many: then `true`.
    fn counted(&self) -> (Census, bool) {
        let mut census = self.graph.census(Some(self.sizes));
        if let Tally::AtMost(..) = census.distinct
            && let Some(all) = self.different()
        {
            census.distinct = Tally::Exactly(BigUint::from(all.len()));
        }
        if self.graph.constraints.iter().all(|constraint| constraint.costs.is_empty()) {
            return (census, false);
        }
        if let Some((valid, distinct)) = self.gone_through() {
            census.valid = Tally::Exactly(valid);
            census.distinct = Tally::Exactly(distinct);
            return (census, false);
        }
        let all_or_none = self.all_or_none();
        if all_or_none == Some(false) {
            census.valid = Tally::Exactly(BigUint::ZERO);
            census.distinct = Tally::Exactly(BigUint::ZERO);
        }
        (census, all_or_none.is_none())
    }

    /// How many encodings, and how many graphs, are allowed of a space that is small enough to cost each.
    fn gone_through(&self) -> Option<(BigUint, BigUint)> {
        if !self.has_at_most(MAX_COSTED, MAX_COSTED_NODES) {
            return None;
        }
        let mut meter = self.meter();
        let mut valid = 0u64;
        let mut graphs = HashSet::new();
        for architecture in self.encodings().ok()? {
            let costs = meter.costs(&architecture).ok()?;
            if self.broken(&architecture, Some(costs)).is_none() {
                valid += 1;
                graphs.insert(self.plan(&architecture).ok()?.fingerprint());
            }
        }
        Some((valid.into(), graphs.len().into()))
    }

    /// Whether the bounds of the costs prove that the constraints on them always hold, or never.
    fn all_or_none(&self) -> Option<bool> {
        let of_costs = |constraint: &&Constraint| !constraint.costs.is_empty();
        let constraints: Vec<&Constraint> = self.graph.constraints.iter().filter(of_costs).collect();
        let free = self.without_costs();
        let mut costs: Vec<_> = constraints.iter().flat_map(|constraint| constraint.costs.iter().copied()).collect();
        costs.sort_unstable();
        costs.dedup();
        let mut ranges = Vec::new();
        for cost in costs {
            let proved = |end| free.extreme(cost, end).map(|Extreme { proved, .. }| proved as f64);
            ranges.push((cost, Interval::new(proved(End::Least)?, proved(End::Most)?)));
        }
        self.conditions_hold(&constraints, &ranges)
    }

    /// What draws say of a count, of which each is as likely as any other.
    fn estimated(
        &self,
        of_choices: Tally,
        encodings: bool,
        draw: impl Fn(&mut ChaCha8Rng) -> Result<(Architecture, usize), Intractable>,
    ) -> Tally {
        let why = DRAWN.to_owned();
        let Tally::Exactly(all) = of_choices else { return of_choices };
        let streams = Streams::new(0);
        let mut meter = self.meter();
        let what = if encodings { "valid" } else { "distinct" };
        let size = self.graph.graph.node_count() + self.choices().len();
        let (mut draws, mut taken) = (0, 0);
        let (mut allowed, mut seen, mut refused) = (0u64, HashSet::new(), HashSet::new());
        while draws < DRAWS[usize::from(!encodings)] && taken < MAX_DRAWN {
            let (drawn, work) = match draw(&mut streams.rng(what, draws)) {
                Ok(drawn) => drawn,
                Err(error) => return Tally::AtMost(all, format!("{why}, and {error}")),
            };
            draws += 1;
            taken += size + work;
            let Ok(costs) = meter.costs(&drawn) else { continue };
            if self.broken(&drawn, Some(costs)).is_none() {
                allowed += 1;
                seen.insert(drawn);
            } else {
                refused.insert(drawn);
            }
        }
        let (from, to) = wilson(allowed, draws);
        let of_all = |share: f64| &all * ((share * 1e12).round() as u64) / 1_000_000_000_000u64;
        // What was drawn is certain; of graphs, only that there is one, for several encodings may have the same.
        let certain = |seen: &HashSet<Architecture>| if encodings { seen.len() } else { seen.len().min(1) };
        let least = BigUint::from(certain(&seen));
        let most = &all - BigUint::from(certain(&refused));
        let estimate = Estimate {
            count: of_all(allowed as f64 / draws as f64),
            from: of_all(from),
            to: of_all(to),
            draws,
            allowed,
        };
        Tally::Between { least, most, estimate, why }
    }
}

/// The interval of a share that so many of so many draws leave, with 95 % confidence (Wilson, 1927).
fn wilson(hits: u64, draws: u64) -> (f64, f64) {
    let (n, p, z) = (draws as f64, hits as f64 / draws as f64, DEVIATIONS);
    let middle = p + z * z / (2.0 * n);
    let spread = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z * z / n;
    (((middle - spread) / scale).max(0.0), ((middle + spread) / scale).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_holds_its_share_and_never_leaves_0_to_1() {
        let (from, to) = wilson(50, 100);
        assert!((from - 0.4038).abs() < 1e-3 && (to - 0.5962).abs() < 1e-3, "{from} {to}");
        assert_eq!(wilson(0, 100).0, 0.0);
        assert!(wilson(0, 100).1 > 0.03 && wilson(100, 100).1 <= 1.0);
    }
}
