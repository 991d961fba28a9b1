//! Every encoding of a small space, one after the other.

use std::collections::HashSet;

use num_bigint::BigUint;
use num_traits::ToPrimitive;

use super::distinct::Distinct;
use super::rank::Numbered;
use super::valid::Intractable;
use crate::space::{Architecture, Space};

/// Most encodings whose graphs are built to count those that differ, and most nodes of all of them together.
const MAX_BUILT: u64 = 200_000;
const MAX_BUILT_NODES: u64 = 60_000_000;

impl Space {
    /// Every encoding that the constraints on choices allow, in the order of their ranks.
    ///
    /// # Errors
    /// The constraints couple too many choices.
    pub fn encodings(&self) -> Result<impl Iterator<Item = Architecture> + '_, Intractable> {
        let numbered = Numbered::new(self)?;
        let mut next = BigUint::ZERO;
        Ok(std::iter::from_fn(move || {
            let architecture = numbered.unrank(&next);
            next += 1u32;
            architecture
        }))
    }

    /// How many architectures differ among those that the constraints on choices allow: by dynamic programming, and
    /// where that gives a bound and the space is small, by building every graph.
    ///
    /// # Errors
    /// There are too many states to count them.
    pub fn distinct_count(&self) -> Result<Distinct, Intractable> {
        let counted = self.graph.distinct_count(self.sizes)?;
        let Distinct::AtMost(bound, why) = counted else { return Ok(counted) };
        match self.different() {
            Some(all) => Ok(Distinct::Exactly(BigUint::from(all.len()))),
            None => Ok(Distinct::AtMost(bound, why)),
        }
    }

    /// Whether there are no more encodings than this, with no more nodes in the graphs of all of them.
    pub(in crate::space) fn has_at_most(&self, encodings: u64, nodes: u64) -> bool {
        let size = self.graph.graph.node_count() as u64;
        let count = self.valid_count().ok().and_then(|count| count.to_u64());
        count.is_some_and(|count| count <= encodings && count.saturating_mul(size) <= nodes)
    }

    /// One encoding of each graph, where the space is small enough to build them all.
    pub(in crate::space) fn different(&self) -> Option<Vec<Architecture>> {
        if !self.has_at_most(MAX_BUILT, MAX_BUILT_NODES) {
            return None;
        }
        let mut seen = HashSet::new();
        let mut all = Vec::new();
        for architecture in self.encodings().ok()? {
            if seen.insert(self.plan(&architecture).ok()?.fingerprint()) {
                all.push(architecture);
            }
        }
        Some(all)
    }
}
