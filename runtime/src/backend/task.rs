//! What a backend is asked to compute: a plan, or several merged, and what of it is trained.

use std::sync::Arc;

use nasrec_compiler::plan::passes::{self, Merged};
use nasrec_compiler::plan::{ParamKind, Plan, sound};

use crate::{ProgramError, Result};

/// Nodes and parameters in execution order, the node of each logit, and for each trained parameter the logit that has it
/// for itself. A backend compiles it, whatever its values will be.
#[derive(Clone, Debug)]
pub struct Task {
    /// Of merged plans, the first one's logit is the plan's.
    plan: Arc<Plan>,
    outputs: Vec<usize>,
    owners: Vec<Option<usize>>,
}

impl Task {
    /// A plan to be evaluated.
    ///
    /// # Errors
    /// The plan is damaged.
    pub fn evaluating(plan: impl Into<Arc<Plan>>) -> Result<Self> {
        let plan = plan.into();
        let trainable = Trainable::none(&plan);
        Self::training(plan, &trainable)
    }

    /// A plan of which these parameters are trained.
    ///
    /// # Errors
    /// The plan is damaged, or they were chosen for another one.
    pub fn training(plan: impl Into<Arc<Plan>>, trainable: &Trainable) -> Result<Self> {
        let plan = plan.into();
        let outputs = vec![plan.logit];
        sound::check(&plan.nodes, &plan.params, &outputs).map_err(ProgramError::from)?;
        if trainable.0.len() != plan.params.len() {
            return Err(ProgramError::OtherTrainable.into());
        }
        let owners = trainable.0.iter().map(|&trained| trained.then_some(0)).collect();
        Ok(Self { plan, outputs, owners })
    }

    /// Plans of one space together: what they share is computed once, and each trains what `trainable` says on its own.
    ///
    /// # Errors
    /// A plan is damaged.
    pub fn together(plans: &[Plan], trainable: impl Fn(&Plan) -> Trainable) -> Result<Self> {
        let graph = |plan: &Plan| {
            let trainable = trainable(plan);
            Merged::of(plan, |param| trainable.contains(param))
        };
        let merged = passes::together(plans.iter().map(graph).collect());
        Self::merged(merged.map_err(ProgramError::from)?)
    }

    /// Plans that were merged, each to train what it owns.
    ///
    /// # Errors
    /// The graph is damaged.
    pub fn merged(graph: Merged) -> Result<Self> {
        passes::verify(&graph).map_err(ProgramError::from)?;
        let (outputs, owners) = (graph.outputs.clone(), graph.owners.clone());
        Ok(Self { plan: Arc::new(graph.into_plan()), outputs, owners })
    }

    /// The same, of which nothing is trained.
    pub fn frozen(&self) -> Self {
        Self { owners: vec![None; self.owners.len()], ..self.clone() }
    }

    /// The nodes and parameters; of merged plans, the first one's logit is the plan's.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// The node of each logit: one a plan.
    pub fn outputs(&self) -> &[usize] {
        &self.outputs
    }

    /// The output that trains a parameter, if one does.
    pub fn owner(&self, param: usize) -> Option<usize> {
        self.owners[param]
    }

    /// Whether a parameter is trained.
    pub fn trains(&self, param: usize) -> bool {
        self.owners[param].is_some()
    }

    /// Whether anything is trained.
    pub fn trains_any(&self) -> bool {
        self.owners.iter().any(Option::is_some)
    }

    /// Whether any table is trained.
    pub fn trains_tables(&self) -> bool {
        let mut params = self.plan.params.iter().zip(&self.owners);
        params.any(|(param, owner)| owner.is_some() && param.kind != ParamKind::Dense)
    }
}

/// Which parameters of a plan are trained, by index into [`Plan::params`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trainable(Vec<bool>);

impl Trainable {
    /// All of them.
    pub fn all(plan: &Plan) -> Self {
        Self(vec![true; plan.params.len()])
    }

    /// None of them.
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

    /// Whether a parameter is among them.
    pub fn contains(&self, param: usize) -> bool {
        self.0[param]
    }
}
