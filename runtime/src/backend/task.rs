//! What a backend is asked to compute: a plan, or several merged, and what of it is trained.

use std::sync::Arc;

use nasrec_compiler::plan::passes::{self, Merged};
use nasrec_compiler::plan::{Head, ParamKind, Plan, sound};

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
        sound::check(&plan.nodes, &plan.params, &outputs, &plan.heads).map_err(ProgramError::from)?;
        if trainable.0.len() != plan.params.len() {
            return Err(ProgramError::OtherTrainable.into());
        }
        let owners = trainable.0.iter().map(|&trained| trained.then_some(0)).collect();
        Ok(Self { plan, outputs, owners })
    }

    /// Plans of one space together: what they share is computed once, and each trains what `trainable` says on its own, and
    /// has its own statistics: those of one norm are not the same behind different layers.
    ///
    /// # Errors
    /// A plan is damaged.
    pub fn together(plans: &[Plan], trainable: impl Fn(&Plan) -> Trainable) -> Result<Self> {
        let graph = |plan: &Plan| {
            let trainable = trainable(plan);
            Merged::of(plan, |param| trainable.contains(param) || plan.params[param].kind == ParamKind::Statistic)
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

    /// What the numbers of each logit are of: alike for all plans.
    pub fn heads(&self) -> &[Head] {
        &self.plan.heads
    }

    /// The node of each logit: one a plan.
    pub fn outputs(&self) -> &[usize] {
        &self.outputs
    }

    /// The output that has a parameter for itself, if one does: trains it, or keeps statistics there.
    pub fn owner(&self, param: usize) -> Option<usize> {
        self.owners[param]
    }

    /// Whether a parameter is trained.
    pub fn trains(&self, param: usize) -> bool {
        self.owners[param].is_some() && self.plan.params[param].kind != ParamKind::Statistic
    }

    /// Whether anything is trained.
    pub fn trains_any(&self) -> bool {
        (0..self.owners.len()).any(|param| self.trains(param))
    }

    /// Whether anything is kept of the values that pass through.
    pub fn keeps_statistics(&self) -> bool {
        self.plan.params.iter().any(|param| param.kind == ParamKind::Statistic)
    }

    /// Whether what is kept depends on what is trained: it is no longer of the same values then.
    pub fn moves_statistics(&self) -> bool {
        let mut moved: Vec<bool> = Vec::with_capacity(self.plan.nodes.len());
        self.plan.nodes.iter().any(|node| {
            let moves = node.inputs.iter().any(|&input| moved[input]);
            moved.push(moves || node.params.iter().any(|&param| self.trains(param)));
            moves && node.params.iter().any(|&param| self.plan.params[param].kind == ParamKind::Statistic)
        })
    }

    /// Whether any table is trained.
    pub fn trains_tables(&self) -> bool {
        let mut params = self.plan.params.iter().zip(&self.owners);
        params.any(|(param, owner)| owner.is_some() && param.kind.is_table())
    }
}

/// Which parameters of a plan are trained, by index into [`Plan::params`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trainable(Vec<bool>);

impl Trainable {
    /// All of them. Statistics are none that anything trains.
    pub fn all(plan: &Plan) -> Self {
        Self(plan.params.iter().map(|param| param.kind != ParamKind::Statistic).collect())
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
