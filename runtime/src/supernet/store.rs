//! The store itself: parameters by identity, gathered and updated through plans.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use nasrec_compiler::plan::{Init, Param, ParamKind, Plan, Shape};
use nasrec_compiler::streams::Streams;
use rayon::prelude::*;

use super::adagrad::Adagrad;
use super::dense::Dense;
use super::slices;
use super::table::Table;
use super::weights::Weights;
use crate::data::Batch;
use crate::ops::{Gradients, Inputs, Program, Rows};
use crate::{Error, Result};

/// What a stored parameter is. Its identity, [`Param::id`], is its place in the list that a store is made from.
#[derive(Clone, Debug, PartialEq)]
pub struct ParamDef {
    /// Unique in the store; decides the initial values, together with the seed.
    pub name: Arc<str>,
    /// The largest shape: `[fan_out, fan_in]`, `[size]`, or `[rows, dim]` of a table.
    pub full: Shape,
    pub kind: ParamKind,
    pub init: Init,
}

impl From<&Param> for ParamDef {
    fn from(param: &Param) -> Self {
        Self { name: param.name.clone(), full: param.full.clone(), kind: param.kind, init: param.init }
    }
}

/// Every parameter of a space at its largest shape, with its optimiser state.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) defs: Vec<ParamDef>,
    pub(crate) params: Vec<Stored>,
}

#[derive(Clone, Debug)]
pub(crate) enum Stored {
    Dense(Dense),
    Table(Table),
}

impl Store {
    /// Draws every parameter. The same seed and names give the same values, whatever else is in the list.
    pub fn new(defs: impl IntoIterator<Item = ParamDef>, seed: u64) -> Result<Self> {
        let defs: Vec<ParamDef> = defs.into_iter().collect();
        let streams = Streams::new(seed);
        for def in &defs {
            let ranks = if def.kind == ParamKind::Dense { 1..=2 } else { 2..=2 };
            if !ranks.contains(&def.full.len()) || def.full.contains(&0) {
                return Err(Error::Invalid(format!("parameter {} cannot have the shape {:?}", def.name, def.full)));
            }
        }
        let draw = |def: &ParamDef| match def.kind {
            ParamKind::Dense => Stored::Dense(Dense::drawn(streams, &def.name, &def.full, def.init)),
            ParamKind::Table { .. } => {
                Stored::Table(Table::new(streams, &def.name, def.full[0], def.full[1], def.init))
            }
        };
        let params = defs.par_iter().map(draw).collect();
        Self { defs, params }.with_unique_names()
    }

    /// A store of a stand-alone plan's parameters, drawn at their own shapes.
    pub fn standalone(plan: &Plan, seed: u64) -> Result<Self> {
        Self::new(plan.standalone().params.iter().map(ParamDef::from), seed)
    }

    fn with_unique_names(self) -> Result<Self> {
        let mut seen = HashMap::new();
        for def in &self.defs {
            if seen.insert(&def.name, ()).is_some() {
                return Err(Error::Invalid(format!("two parameters are called {}", def.name)));
            }
        }
        Ok(self)
    }

    pub fn defs(&self) -> &[ParamDef] {
        &self.defs
    }

    /// Fails unless every parameter of the plan is a slice of one stored here.
    pub fn check(&self, plan: &Plan) -> Result<()> {
        for param in &plan.params {
            let fits = self.defs.get(param.id).is_some_and(|def| {
                def.full == param.full && matches!(def.kind, ParamKind::Dense) == matches!(param.kind, ParamKind::Dense)
            });
            if !fits {
                return Err(Error::Invalid(format!(
                    "parameter {} of the plan, stored as {:?}, is not in this store: the plan belongs to another space",
                    param.name, param.full
                )));
            }
        }
        Ok(())
    }

    /// Copies the plan's dense slices side by side, with a fresh optimiser state.
    pub fn gather(&self, program: &Program) -> Result<Weights> {
        let mut weights = Weights::default();
        self.gather_into(program, &mut weights)?;
        Ok(weights)
    }

    /// As [`Store::gather`], into memory that is there already.
    pub fn gather_into(&self, program: &Program, weights: &mut Weights) -> Result<()> {
        self.check(program.plan())?;
        weights.renew(program.weights_len);
        for (param, span) in program.plan().params.iter().zip(&program.weights) {
            if let Stored::Dense(dense) = &self.params[param.id] {
                slices::gather(param, &dense.values, &mut weights.values[span.clone()]);
            }
        }
        Ok(())
    }

    /// The rows that a plan looks up. The plan must have passed [`Store::check`], as every gathered one has.
    pub fn rows<'a>(&'a self, plan: &'a Plan) -> TableRows<'a> {
        TableRows { store: self, plan }
    }

    /// What an executor reads, of gathered weights and this store's tables.
    pub fn inputs<'a>(rows: &'a TableRows<'a>, weights: &'a Weights, batch: &'a Batch) -> Inputs<'a> {
        Inputs { batch, weights: &weights.values, rows }
    }

    /// Updates the plan's slices, and the rows that the batch looked up, in place; nothing else is touched.
    /// Every gradient is multiplied by `scale` first.
    pub fn apply(&mut self, program: &Program, gradients: &Gradients, rule: Adagrad, scale: f32) -> Result<()> {
        let plan = program.plan();
        self.check(plan)?;
        for (param, span) in plan.params.iter().zip(&program.gradients).filter(|(_, span)| !span.is_empty()) {
            if let Stored::Dense(dense) = &mut self.params[param.id] {
                let gradients = &gradients.dense[span.clone()];
                slices::update(param, gradients, &mut dense.values, &mut dense.state, |gradients, values, state| {
                    rule.update(scale, gradients, values, state);
                });
            }
        }
        let mut tables: HashMap<usize, Vec<&_>> = HashMap::new();
        for gradient in &gradients.tables {
            tables.entry(plan.params[gradient.param].id).or_default().push(gradient);
        }
        self.params.par_iter_mut().enumerate().for_each(|(id, stored)| {
            if let (Stored::Table(table), Some(gradients)) = (stored, tables.get(&id)) {
                for gradient in gradients {
                    table.apply(rule, scale, &plan.params[gradient.param].axes[1], gradient);
                }
            }
        });
        Ok(())
    }

    /// The store of the plan on its own (see [`Plan::standalone`]): the same values and optimiser state, untouched
    /// rows of tables with the same initial values.
    pub fn extract(&self, plan: &Plan) -> Result<Store> {
        self.check(plan)?;
        let defs: Vec<ParamDef> = plan.standalone().params.iter().map(ParamDef::from).collect();
        let part = |param: &Param| match &self.params[param.id] {
            Stored::Dense(dense) => {
                let cut = |full: &[f32]| {
                    let mut active = vec![0f32; param.len()];
                    slices::gather(param, full, &mut active);
                    active
                };
                Stored::Dense(Dense { values: cut(&dense.values), state: cut(&dense.state) })
            }
            Stored::Table(table) => Stored::Table(table.sliced(&param.axes[1])),
        };
        let params = plan.params.par_iter().map(part).collect();
        Store { defs, params }.with_unique_names()
    }
}

/// A store's tables as one plan sees them.
pub struct TableRows<'a> {
    store: &'a Store,
    plan: &'a Plan,
}

impl Rows for TableRows<'_> {
    fn row(&self, param: usize, row: u32) -> Cow<'_, [f32]> {
        let param = &self.plan.params[param];
        let Stored::Table(table) = &self.store.params[param.id] else { return Cow::Borrowed(&[]) };
        let whole = table.row(row as usize);
        if param.axes[1].len() == table.dim {
            return whole;
        }
        let mut active = vec![0f32; param.axes[1].len()];
        slices::pick(&param.axes[1], &whole, &mut active);
        Cow::Owned(active)
    }
}
