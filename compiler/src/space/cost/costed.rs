//! Counts under constraints on costs. Small spaces are gone through; of a large one it may be proved that all of it is
//! allowed, or nothing. Else what was drawn says `at least` and `at most`, and estimates the rest.

use std::collections::HashSet;

use num_bigint::BigUint;
use num_traits::ToPrimitive;
use rand_chacha::ChaCha8Rng;

use super::extremes::{End, Extreme};
use crate::ir::{Constraint, Interval};
use crate::space::count::{Census, Estimate, Intractable, Tally};
use crate::space::{Architecture, Space};
use crate::streams::Streams;

/// Most encodings of which each is costed.
const MAX_COSTED: u64 = 20_000;
/// Draws for an estimate: of encodings, and of architectures that differ, which take longer to draw.
const DRAWS: [u64; 2] = [5_000, 2_000];
/// Standard deviations that leave 95 % between them.
const DEVIATIONS: f64 = 1.959_964;

impl Space {
    /// Counts the space over its table, with all of its constraints.
    pub fn census(&self) -> Census {
        let mut census = self.graph.census(Some(self.sizes));
        if self.graph.constraints.iter().all(|constraint| constraint.costs.is_empty()) {
            return census;
        }
        if let Some((valid, distinct)) = self.gone_through() {
            census.valid = Tally::Exactly(valid);
            census.distinct = Tally::Exactly(distinct);
            return census;
        }
        match self.all_or_none() {
            Some(true) => {}
            Some(false) => {
                census.valid = Tally::Exactly(BigUint::ZERO);
                census.distinct = Tally::Exactly(BigUint::ZERO);
            }
            None => {
                census.valid = self.estimated(census.valid, "valid", Space::sample_valid);
                census.distinct = self.estimated(census.distinct, "distinct", Space::sample_distinct);
            }
        }
        census
    }

    /// How many encodings, and how many graphs, are allowed of a space that is small enough to cost each.
    fn gone_through(&self) -> Option<(BigUint, BigUint)> {
        if self.valid_count().ok()?.to_u64()? > MAX_COSTED {
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
        what: &str,
        draw: impl Fn(&Space, &mut ChaCha8Rng) -> Result<Architecture, Intractable>,
    ) -> Tally {
        let why = "constraints on costs are not counted, but drawn".to_owned();
        let Tally::Exactly(all) = of_choices else { return of_choices };
        let streams = Streams::new(0);
        let mut meter = self.meter();
        let encodings = what == "valid";
        let draws = DRAWS[usize::from(!encodings)];
        let (mut allowed, mut seen, mut refused) = (0u64, HashSet::new(), HashSet::new());
        for index in 0..draws {
            let drawn = match draw(self, &mut streams.rng(what, index)) {
                Ok(drawn) => drawn,
                Err(error) => return Tally::AtMost(all, format!("{why}, and {error}")),
            };
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
