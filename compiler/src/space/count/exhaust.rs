//! Every encoding of a small space, one after the other.

use std::collections::HashSet;

use num_bigint::BigUint;
use num_traits::ToPrimitive;

use super::distinct::Distinct;
use super::valid::Intractable;
use crate::space::{Architecture, Space};

/// Most encodings whose graphs are built to count those that differ.
const MAX_BUILT: u64 = 200_000;

impl Space {
    /// Every encoding that the constraints on choices allow, in the order of their ranks.
    ///
    /// # Errors
    /// The constraints couple too many choices.
    pub fn encodings(&self) -> Result<impl Iterator<Item = Architecture> + '_, Intractable> {
        let count = self.valid_count()?;
        let mut next = BigUint::ZERO;
        Ok(std::iter::from_fn(move || {
            if next >= count {
                return None;
            }
            let architecture = self.unrank(&next).ok().flatten();
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

    /// One encoding of each graph, where the space is small enough to build them all.
    pub(in crate::space) fn different(&self) -> Option<Vec<Architecture>> {
        if self.valid_count().ok()?.to_u64()? > MAX_BUILT {
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
