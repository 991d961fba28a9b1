//! What is trained.

use nasrec_compiler::plan::{ParamKind, Plan};

/// Which parameters of a plan are trained, by index into [`Plan::params`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trainable(pub(super) Vec<bool>);

impl Trainable {
    pub fn all(plan: &Plan) -> Self {
        Self(vec![true; plan.params.len()])
    }

    pub fn none(plan: &Plan) -> Self {
        Self(vec![false; plan.params.len()])
    }

    /// Only the dense parameters of the `logit` statement.
    pub fn head(plan: &Plan) -> Self {
        let mut trainable = Self::none(plan);
        for node in plan.nodes.iter().filter(|node| node.place.head) {
            let dense = node.params.iter().filter(|&&param| plan.params[param].kind == ParamKind::Dense);
            dense.for_each(|&param| trainable.0[param] = true);
        }
        trainable
    }

    /// Everything but the embedding tables.
    pub fn all_but_tables(plan: &Plan) -> Self {
        Self(plan.params.iter().map(|param| param.kind == ParamKind::Dense).collect())
    }

    pub fn contains(&self, param: usize) -> bool {
        self.0[param]
    }
}
