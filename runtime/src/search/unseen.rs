//! What a strategy proposes, until it is something new that the constraints allow.

use std::collections::HashSet;

use nasrec_compiler::plan::Plan;
use nasrec_compiler::space::Walk;
use nasrec_compiler::{Architecture, Space};
use rand::Rng;

use super::strategies::{Candidate, MAX_TRIES, Proposal};
use crate::error::RunError;
use crate::run::Job;
use crate::{Observer, Result};

/// Proposals that are not allowed, before what is proposed is brought within what is required. As long as one in fifty is
/// allowed, hardly a candidate comes to that: what is drawn again is drawn as if nothing else were there.
const REJECTED: usize = 200;

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
    walk: Option<Walk<'a>>,
    /// What is allowed in any case.
    start: Option<&'a Architecture>,
    seen: HashSet<Architecture>,
    observer: &'a dyn Observer,
}

impl<'a> Unseen<'a> {
    pub fn new(job: &'a Job, observer: &'a dyn Observer) -> Self {
        let space = &job.space;
        let walk = (!space.graph().constraints.is_empty()).then(|| space.walk(job.recipe.train.paths.counts()));
        Self { space, walk, start: job.start.as_ref(), seen: HashSet::new(), observer }
    }

    /// Asks until the live architecture is a new one that is allowed, and gives it with its plan; `propose` is told how
    /// often it was asked before. A proposal that is not allowed is asked for again, and after a while brought within what
    /// is required, by draws from `rng`: as near to it as may be, from its parent, or from what a walk comes to. `None`, and a
    /// line that says why, where nothing more is found.
    ///
    /// # Errors
    /// A proposal is of another space.
    pub fn next(
        &mut self,
        known: &[Candidate],
        rng: &mut impl Rng,
        mut propose: impl FnMut(usize) -> Proposal,
    ) -> Result<Option<(Selected, Plan)>> {
        let (mut met, mut excluded) = (0usize, 0usize);
        for tries in 0..MAX_TRIES {
            let mut proposal = propose(tries);
            if !self.space.offers(&proposal.architecture) {
                return Err(RunError::NotOfSpace { space: self.space.name.clone() }.into());
            }
            if let Some(walk) = &mut self.walk
                && !walk.allows(&proposal.architecture).map_err(RunError::from)?
            {
                let Some(start) = self.start.filter(|_| excluded >= REJECTED) else {
                    excluded += 1;
                    continue;
                };
                let parent = proposal.parent.and_then(|index| known.get(usize::try_from(index).ok()?));
                let from = match parent {
                    Some(parent) => parent.architecture.clone(),
                    None => walk.draw(start, rng),
                };
                proposal.architecture = walk.towards(&from, &proposal.architecture, rng);
            }
            let (plan, canonical) = self.space.selected(&proposal.architecture).map_err(RunError::from)?;
            if self.seen.insert(canonical.clone()) {
                return Ok(Some((Selected { proposal, canonical }, plan)));
            }
            met += 1;
        }
        let found = self.seen.len();
        self.observer.say(&format!(
            "the search ends with {found} candidates: of {MAX_TRIES} more that were drawn, {met} were known and \
             {excluded} cost too much"
        ));
        Ok(None)
    }
}
