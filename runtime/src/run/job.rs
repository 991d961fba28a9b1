//! What a run does, all of it decided before it starts.

use std::path::PathBuf;

use nasrec_compiler::plan::Plan;
use nasrec_compiler::recipe::{Method, Recipe};
use nasrec_compiler::schema::Schema;
use nasrec_compiler::space::Standing;
use nasrec_compiler::streams::Streams;
use nasrec_compiler::{Architecture, Baseline as CheckedBaseline, CheckedSearch, CheckedSpace, Space};

use super::ranking::{Ranking, Variant};
use crate::Result;
use crate::error::RunError;

/// A model that what is found is compared with.
#[derive(Clone, Debug)]
pub enum Baseline {
    /// An architecture, trained as what is found is.
    Network(Plan),
    /// Gradient-boosted trees.
    Trees,
}

/// What a run does, all of it decided.
#[derive(Clone, Debug)]
pub struct Job {
    /// What is searched, over its schema; or what the one model is of.
    pub space: Space,
    /// The columns of the table.
    pub schema: Schema,
    /// Data, training, evaluation, strategy and retraining.
    pub recipe: Recipe,
    /// The one model that is trained, with its name: nothing is searched then.
    pub model: Option<(String, Architecture)>,
    /// An architecture that is allowed, where something is required: what draws within a budget start from.
    pub start: Option<Architecture>,
    /// What is found is compared with these, by name.
    pub baselines: Vec<(String, Baseline)>,
    /// Where relative paths of data files start.
    pub base: PathBuf,
    /// How well architectures are ordered is measured, and nothing is searched.
    pub ranking: Option<Ranking>,
    /// The spaces of the variants that are of another, by their names: with the same choices, so that an architecture is one of each.
    pub(super) spaces: Vec<(String, Space)>,
}

impl Job {
    /// What a checked search, or a training, does. Relative paths of data files start at `base`.
    ///
    /// # Errors
    /// The schema does not fit the space or a baseline; nothing is found that may be searched.
    pub fn new(search: &CheckedSearch, base: impl Into<PathBuf>) -> Result<Self> {
        let bind = |space: &CheckedSpace| Space::bind(space, &search.schema);
        let baselines = search.baselines.iter().map(|baseline| {
            let what = match baseline {
                CheckedBaseline::Space(space) => Baseline::Network(bind(space)?.plan(&Architecture::new(Vec::new()))?),
                CheckedBaseline::Trees => Baseline::Trees,
            };
            Ok((baseline.title(), what))
        });
        let space = bind(&search.space).map_err(RunError::from)?;
        let start = if search.model.is_none() { allowed(&space)? } else { None };
        Ok(Self {
            space,
            start,
            model: search.model.clone(),
            baselines: baselines.collect::<Result<_, RunError>>()?,
            schema: search.schema.clone(),
            recipe: search.recipe.clone(),
            base: base.into(),
            ranking: None,
            spaces: Vec::new(),
        })
    }

    /// The same, that measures how well architectures are ordered. `varied`: what each variant is checked as.
    ///
    /// # Errors
    /// A variant is of a space with other choices.
    pub fn ranked(mut self, ranking: Ranking, varied: &[CheckedSearch]) -> Result<Self> {
        for (variant, search) in
            ranking.variants.iter().zip(varied).filter(|(variant, _)| variant.is_of_another_space())
        {
            let space = Space::bind(&search.space, &search.schema).map_err(RunError::from)?;
            if space.choices() != self.space.choices() {
                let name = &variant.name;
                let what = format!(
                    "the variant `{name}` is of a space with other choices: expected one in which the same is left open, so that an \
                     architecture of one is one of the other"
                );
                return Err(RunError::Ranking { what }.into());
            }
            self.spaces.push((variant.name.clone(), space));
        }
        self.ranking = Some(ranking);
        Ok(self)
    }

    /// The same with another supernet.
    #[must_use]
    pub fn varied(&self, variant: &Variant) -> Self {
        let mut job = self.clone();
        if let Some((_, space)) = self.spaces.iter().find(|(name, _)| *name == variant.name) {
            job.space = space.clone();
        }
        let Variant { seed, train, evaluate, .. } = variant.clone();
        (job.recipe.seed, job.recipe.train, job.recipe.evaluate) = (seed, train, evaluate);
        job
    }

    /// Whether a supernet is trained: not for one model, nor for candidates that are trained on their own.
    pub(crate) fn has_supernet(&self) -> bool {
        // A ranking asks what one would say, where a search leaves that open.
        let is_open = self.ranking.is_some() && self.recipe.method == Method::Auto;
        self.model.is_none() && (self.recipe.method.has_supernet() || is_open)
    }

    /// Whether the best are trained again, so that other rows can judge them.
    pub(crate) fn judges_again(&self) -> bool {
        let recipe = &self.recipe;
        let again = match recipe.method {
            Method::Auto => true,
            Method::Trials { seeds, .. } => seeds > 1,
            _ => false,
        };
        self.model.is_none() && self.ranking.is_none() && (again || recipe.budget.is_some() || recipe.tune.is_some())
    }

    pub(crate) fn streams(&self) -> Streams {
        Streams::new(self.recipe.seed)
    }

    /// The seed of the initial values of one store.
    pub(crate) fn seed_of(&self, name: &str) -> u64 {
        let key = self.streams().key(&format!("{name}/values"));
        u64::from_le_bytes([key[0], key[1], key[2], key[3], key[4], key[5], key[6], key[7]])
    }

    /// The baselines that are architectures.
    pub(crate) fn networks(&self) -> impl Iterator<Item = &Plan> {
        self.baselines.iter().filter_map(|(_, baseline)| match baseline {
            Baseline::Network(plan) => Some(plan),
            Baseline::Trees => None,
        })
    }

    /// The plan of an architecture; a space that was checked has one for each that is complete.
    pub(crate) fn plan(&self, architecture: &Architecture) -> Result<Plan> {
        Ok(self.selected(architecture)?.0)
    }

    /// The plan of an architecture, and the architecture without what its logit does not depend on.
    pub(crate) fn selected(&self, architecture: &Architecture) -> Result<(Plan, Architecture)> {
        Ok(self.space.selected(architecture).map_err(RunError::from)?)
    }
}

/// An architecture that a space's constraints allow, where it has any.
fn allowed(space: &Space) -> Result<Option<Architecture>, RunError> {
    let constraints = &space.graph().constraints;
    if constraints.is_empty() {
        return Ok(None);
    }
    let required =
        || constraints.iter().map(|constraint| format!("`{}`", constraint.text)).collect::<Vec<_>>().join(", ");
    match space.standing() {
        Standing::Allowed(architecture) => Ok(Some(architecture)),
        Standing::Empty(_, proof) => {
            Err(RunError::NoneAllowed { space: space.name.clone(), required: required(), why: proof.to_string() })
        }
        Standing::Open(tried) => {
            Err(RunError::NoneFound { space: space.name.clone(), required: required(), tried: tried.to_string() })
        }
    }
}
