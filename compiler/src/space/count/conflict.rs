//! Whether constraints on choices can be satisfied together, and if not, which few of them already cannot.

use super::valid::Decider;
use crate::ir::{CondId, SchemaSizes, SpaceGraph};

/// Most steps that may be taken to find out: a file is checked often, so this is far less than a space is bound with.
const MAX_STEPS: usize = 200_000;

/// What the constraints on choices come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Some architecture satisfies them all.
    Satisfiable,
    /// No architecture satisfies them all.
    Conflict(Conflict),
    /// They couple too many choices.
    Undecided,
}

/// Constraints that nothing satisfies together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Positions among the constraints of the space, ascending.
    pub members: Vec<usize>,
    /// Whether it was shown that the rest can be satisfied when any one of them is dropped.
    pub irreducible: bool,
}

impl SpaceGraph {
    /// Whether the constraints on choices can be satisfied. Without a schema, those that depend on the sizes of one are
    /// left out.
    pub(crate) fn verdict(&self, schema: Option<SchemaSizes>) -> Verdict {
        let mut members: Vec<usize> = (0..self.constraints.len())
            .filter(|&at| self.constraints[at].costs.is_empty())
            .filter(|&at| schema.is_some() || !self.expressions.depends_on_schema(self.constraints[at].holds))
            .collect();
        if members.is_empty() {
            return Verdict::Satisfiable;
        }
        // What does not depend on a schema is the same with any.
        let sizes = schema.unwrap_or(SchemaSizes::ONE);
        let mut decider = Decider::new(self, sizes, MAX_STEPS);
        let mut satisfiable = |members: &[usize]| {
            let conds: Vec<CondId> = members.iter().map(|&at| self.constraints[at].holds).collect();
            decider.is_satisfiable(&conds)
        };
        match satisfiable(&members) {
            Ok(true) => return Verdict::Satisfiable,
            Err(_) => return Verdict::Undecided,
            Ok(false) => {}
        }
        // One at a time is dropped for good if the others cannot be satisfied without it either. What is needed once
        // stays needed when more is dropped, so one round is enough.
        let mut irreducible = true;
        let mut at = 0;
        while at < members.len() {
            let mut rest = members.clone();
            rest.remove(at);
            match satisfiable(&rest) {
                Ok(false) => members = rest,
                Ok(true) => at += 1,
                Err(_) => {
                    irreducible = false;
                    at += 1;
                }
            }
        }
        Verdict::Conflict(Conflict { members, irreducible })
    }
}
