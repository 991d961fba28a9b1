//! What a strategy proposes, until it is something new that the constraints allow.

use std::collections::HashSet;

use nasrec_compiler::plan::Plan;
use nasrec_compiler::space::Meter;
use nasrec_compiler::{Architecture, Space};

use super::strategies::{MAX_TRIES, Proposal};
use crate::error::RunError;
use crate::{Observer, Result};

/// An architecture that is to be evaluated.
pub(super) struct Selected {
    pub proposal: Proposal,
    /// The architecture without what its logit does not depend on.
    pub canonical: Architecture,
}

/// The live graphs of a space that were met, and the constraints that proposals have to keep to.
pub(super) struct Unseen<'a> {
    space: &'a Space,
    /// Where there are constraints.
    meter: Option<Meter<'a>>,
    seen: HashSet<Architecture>,
    observer: &'a dyn Observer,
}

impl<'a> Unseen<'a> {
    pub fn new(space: &'a Space, observer: &'a dyn Observer) -> Self {
        let meter = (!space.graph().constraints.is_empty()).then(|| space.meter());
        Self { space, meter, seen: HashSet::new(), observer }
    }

    /// Asks until the live architecture is a new one that is allowed, and gives it with its plan; `propose` is told how
    /// often it was asked before. `None`, and a line that says why, where nothing more is found.
    ///
    /// # Errors
    /// No proposal is allowed, and none ever was; a proposal is of another space.
    pub fn next(&mut self, mut propose: impl FnMut(usize) -> Proposal) -> Result<Option<(Selected, Plan)>> {
        let (mut known, mut excluded) = (0usize, 0usize);
        // The constraint that excluded the cheapest, and what that costs.
        let mut nearest: Option<(u64, &str)> = None;
        for tries in 0..MAX_TRIES {
            let proposal = propose(tries);
            if !self.space.offers(&proposal.architecture) {
                return Err(RunError::NotOfSpace { space: self.space.name.clone() }.into());
            }
            if let Some(meter) = &mut self.meter {
                let costs = meter.costs(&proposal.architecture).map_err(RunError::from)?;
                if let Some(broken) = self.space.broken(&proposal.architecture, Some(costs)) {
                    excluded += 1;
                    if nearest.is_none_or(|(least, _)| costs.macs < least) {
                        nearest = Some((costs.macs, &broken.text));
                    }
                    continue;
                }
            }
            let (plan, canonical) = self.space.selected(&proposal.architecture).map_err(RunError::from)?;
            if self.seen.insert(canonical.clone()) {
                return Ok(Some((Selected { proposal, canonical }, plan)));
            }
            known += 1;
        }
        let found = self.seen.len();
        if let (true, Some((macs, constraint))) = (found == 0, nearest) {
            return Err(RunError::NoneAllowed { tries: MAX_TRIES, constraint: constraint.to_owned(), macs }.into());
        }
        self.observer.say(&format!(
            "the search ends with {found} candidates: of {MAX_TRIES} more that were drawn, {known} were known and \
             {excluded} cost too much"
        ));
        Ok(None)
    }
}
