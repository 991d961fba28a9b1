//! The store itself: parameters by identity, gathered and updated through plans.

use std::collections::HashSet;
use std::mem::{discriminant, take};
use std::sync::Arc;

use nasrec_compiler::plan::{Init, Param, ParamKind, Plan, Shape};
use nasrec_compiler::recipe::{Optimiser, Storage};
use nasrec_compiler::streams::Streams;
use rayon::prelude::*;
use smallvec::SmallVec;

use super::average::{self, Average};
use super::dense::Dense;
use super::gradients::{Gradients, TableGradient};
use super::optimiser::{Memory, Rule};
use super::rows;
use super::slices::{self, Stretch};
use super::table::Table;
use super::weights::Weights;
use crate::{ProgramError, Result, WeightsError};

/// What a stored parameter is. Its identity, [`Param::id`], is its place in the list that a store is made from.
#[derive(Clone, Debug, PartialEq)]
pub struct ParamDef {
    /// Unique in the store; decides the initial values, together with the seed.
    pub name: Arc<str>,
    /// The largest shape: `[fan_out, fan_in]`, `[size]`, or `[rows, dim]` of a table.
    pub full: Shape,
    /// Dense, a statistic, or the embedding table of a field.
    pub kind: ParamKind,
    /// How its values are drawn.
    pub init: Init,
}

impl From<&Param> for ParamDef {
    fn from(param: &Param) -> Self {
        Self { name: param.name.clone(), full: param.full.clone(), kind: param.kind, init: param.init }
    }
}

/// How a store keeps parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// What is remembered of each for the optimiser.
    pub memory: Memory,
    /// How the values of tables are stored.
    pub storage: Storage,
    /// Whether a moving average is kept of all values.
    pub average: bool,
}

impl Keep {
    /// For training with this optimiser.
    pub fn for_optimiser(optimiser: Optimiser, storage: Storage) -> Self {
        Self { memory: Memory::of(optimiser), storage, average: false }
    }

    /// The same, with a moving average or without one.
    #[must_use]
    pub fn averaged(self, average: bool) -> Self {
        Self { average, ..self }
    }

    /// Values alone, stored in the same way.
    #[must_use]
    pub fn values(self) -> Self {
        Self { memory: Memory::Nothing, average: false, ..self }
    }

    /// Of a parameter of this kind.
    fn of(self, kind: ParamKind) -> Self {
        if kind == ParamKind::Statistic { Self { memory: Memory::Nothing, ..self } } else { self }
    }

    /// Numbers that are kept of a value of a dense parameter beside it.
    fn beside_value(self) -> usize {
        self.memory.of_value() + usize::from(self.average)
    }

    /// Numbers that are kept of a row of a table of `dim` columns beside its values: first the optimiser's.
    pub(crate) fn beside_row(self, dim: usize) -> usize {
        self.memory.of_row(dim) + if self.average { average::of_row(dim) } else { 0 }
    }
}

/// Every parameter of a space at its largest shape, with what its optimiser remembers.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) keep: Keep,
    pub(crate) defs: Vec<ParamDef>,
    pub(crate) params: Vec<Stored>,
}

#[derive(Clone, Debug)]
pub(crate) enum Stored {
    Dense(Dense),
    Table(Table),
}

impl Store {
    /// Draws every parameter, for Adagrad, in f32. The same seed and names give the same values, whatever else is in the
    /// list.
    pub fn new(defs: impl IntoIterator<Item = ParamDef>, seed: u64) -> Result<Self> {
        Self::kept(defs, seed, Keep::default())
    }

    /// The same, kept another way.
    pub fn kept(defs: impl IntoIterator<Item = ParamDef>, seed: u64, keep: Keep) -> Result<Self> {
        let defs: Vec<ParamDef> = defs.into_iter().collect();
        let streams = Streams::new(seed);
        for def in &defs {
            let ranks = if def.kind.is_table() { 2..=2 } else { 1..=2 };
            if !ranks.contains(&def.full.len()) || def.full.contains(&0) {
                return Err(WeightsError::Shape { parameter: def.name.to_string(), shape: def.full.to_vec() }.into());
            }
        }
        let draw = |def: &ParamDef| {
            Ok(match def.kind {
                ParamKind::Dense | ParamKind::Statistic => {
                    Stored::Dense(Dense::drawn(streams, &def.name, &def.full, def.init, keep.of(def.kind))?)
                }
                ParamKind::Table { .. } => {
                    Stored::Table(Table::new(streams, &def.name, [def.full[0], def.full[1]], def.init, keep))
                }
            })
        };
        let params = defs.par_iter().map(draw).collect::<Result<_>>()?;
        Self { keep, defs, params }.with_unique_names()
    }

    /// A store of a stand-alone plan's parameters, drawn at their own shapes.
    pub fn standalone(plan: &Plan, seed: u64) -> Result<Self> {
        Self::standalone_kept(plan, seed, Keep::default())
    }

    /// The same, kept another way.
    pub fn standalone_kept(plan: &Plan, seed: u64, keep: Keep) -> Result<Self> {
        Self::kept(plan.standalone().params.iter().map(ParamDef::from), seed, keep)
    }

    /// Bytes that a parameter takes here, at most, when no more than `touched` rows of a table are.
    pub fn bytes(def: &ParamDef, keep: Keep, touched: u64) -> u64 {
        match def.kind {
            ParamKind::Dense | ParamKind::Statistic => {
                let values = def.full.iter().fold(1u64, |values, &size| values.saturating_mul(size as u64));
                values.saturating_mul(4 * (1 + keep.of(def.kind).beside_value() as u64))
            }
            ParamKind::Table { .. } => Table::bytes(def.full[0] as u64, def.full[1], keep, touched),
        }
    }

    /// Bytes that a parameter takes in a file, at most, when no more than `touched` rows of a table are.
    pub fn file_bytes(def: &ParamDef, keep: Keep, touched: u64) -> u64 {
        match def.kind {
            ParamKind::Dense | ParamKind::Statistic => Self::bytes(def, keep, touched),
            ParamKind::Table { .. } => {
                let dim = def.full[1];
                // Its number, its values, and what is kept beside them.
                let row = (4 + rows::bytes(keep.storage, dim) + 4 * keep.beside_row(dim)) as u64;
                touched.min(def.full[0] as u64).saturating_mul(row)
            }
        }
    }

    fn with_unique_names(self) -> Result<Self> {
        let mut seen = HashSet::new();
        for def in &self.defs {
            if !seen.insert(&def.name) {
                return Err(WeightsError::Twice { parameter: def.name.to_string() }.into());
            }
        }
        Ok(self)
    }

    /// The same values, those of tables stored another way, with nothing beside them.
    #[must_use]
    pub fn stored_as(&self, storage: Storage) -> Self {
        let params = self.params.iter().map(|stored| match stored {
            Stored::Dense(dense) => Stored::Dense(dense.clone()),
            Stored::Table(table) => Stored::Table(table.stored_as(storage)),
        });
        let params = params.collect();
        Self { keep: Keep { storage, ..self.keep }, defs: self.defs.clone(), params }
    }

    /// How it keeps parameters.
    pub fn kept_as(&self) -> Keep {
        self.keep
    }

    /// The parameters, in the order of their ids.
    pub fn defs(&self) -> &[ParamDef] {
        &self.defs
    }

    /// Fails unless every parameter of the plan is a slice of one stored here.
    pub fn check(&self, plan: &Plan) -> Result<()> {
        for param in &plan.params {
            let fits = self
                .defs
                .get(param.id)
                .is_some_and(|def| def.full == param.full && discriminant(&def.kind) == discriminant(&param.kind));
            if !fits {
                let (parameter, shape) = (param.name.to_string(), param.full.to_vec());
                return Err(WeightsError::OtherSpace { parameter, shape }.into());
            }
        }
        Ok(())
    }

    /// Fails unless the store remembers what a rule needs.
    pub(crate) fn check_rule(&self, rule: Rule) -> Result<()> {
        if rule.memory() == self.keep.memory {
            return Ok(());
        }
        let (kept, needed) = (self.keep.memory.name(), rule.memory().name());
        Err(WeightsError::OtherOptimiser { kept, needed }.into())
    }

    /// Copies what of a plan is `trained`, and what is only a part of a parameter, side by side, with a fresh optimiser state.
    /// Other whole parameters are read where they lie, so once the store was trained, gather again.
    pub fn gather(&self, plan: &Plan, trained: impl Fn(usize) -> bool) -> Result<Weights> {
        let mut weights = Weights::default();
        self.gather_some(plan, |index, param| trained(index) || !param.is_whole(), &mut weights)?;
        Ok(weights)
    }

    /// Copies the parts of parameters alone, into memory that is there already: for a step that trains the store itself.
    pub(crate) fn gather_parts(&self, plan: &Plan, weights: &mut Weights) -> Result<()> {
        self.gather_some(plan, |_, param| !param.is_whole(), weights)
    }

    fn gather_some(&self, plan: &Plan, copied: impl Fn(usize, &Param) -> bool, weights: &mut Weights) -> Result<()> {
        self.check(plan)?;
        weights.renew(plan, copied);
        let mut parts: SmallVec<[(&Param, &Dense, &mut [f32]); 64]> = SmallVec::new();
        let (mut rest, mut at) = (weights.values.as_mut_slice(), 0);
        for (param, span) in plan.params.iter().zip(&weights.spans).filter(|(_, span)| !span.is_empty()) {
            if let Stored::Dense(dense) = &self.params[param.id] {
                let (_, ahead) = take(&mut rest).split_at_mut(span.start - at);
                let (part, later) = ahead.split_at_mut(span.len());
                (rest, at) = (later, span.end);
                parts.push((param, dense, part));
            }
        }
        parts
            .par_iter_mut()
            .with_max_len(1)
            .for_each(|(param, dense, part)| slices::gather(param, &dense.values, part));
        Ok(())
    }

    /// The parameters of a plan: the weights that were gathered for it, and what else it reads where it lies here. The
    /// plan must have passed [`Store::check`], as every gathered one has.
    pub fn slices<'a>(&'a self, plan: &'a Plan, weights: &'a Weights) -> Slices<'a> {
        Slices { store: self, plan, weights }
    }

    /// Has copies of what is not trained any more read narrow tables of the plan without an index.
    pub(crate) fn read_directly(&self, plan: &Plan, weights: &mut Weights) {
        for (index, param) in plan.params.iter().enumerate() {
            if let Stored::Table(table) = &self.params[param.id]
                && param.axes[1].len() == table.dim
            {
                weights.read_directly(index, table);
            }
        }
    }

    /// Updates the plan's slices that have a gradient, and the rows that the batch looked up, in place; nothing else is
    /// touched.
    /// Every gradient is multiplied by `scale` first.
    ///
    /// # Errors
    /// The plan belongs to another space, or the store does not remember what the rule needs.
    pub fn apply(&mut self, plan: &Plan, gradients: &Gradients, rule: Rule, scale: f32) -> Result<()> {
        self.step(plan, gradients, (rule, scale), None)
    }

    /// The same, the means of rows moved with them; see [`Store::follow_all`] for those of dense parameters.
    pub(crate) fn step(
        &mut self,
        plan: &Plan,
        gradients: &Gradients,
        (rule, scale): (Rule, f32),
        average: Option<Average>,
    ) -> Result<()> {
        self.check(plan)?;
        self.check_rule(rule)?;
        let rule = rule.prepared(scale);
        // What each stored parameter is moved by, in the order it was found in; large ones are shared out further.
        let dense = plan.params.iter().zip(&gradients.spans).filter(|(_, span)| !span.is_empty());
        let mut moves: SmallVec<[(&Param, Move); 64]> = SmallVec::new();
        moves.extend(dense.map(|(param, span)| (param, Move::Dense(&gradients.dense[span.clone()]))));
        moves.extend(gradients.tables.iter().map(|gradient| (&plan.params[gradient.param], Move::Table(gradient))));
        moves.sort_by_key(|(param, _)| param.id);
        let mut moved: SmallVec<[Moved; 64]> = SmallVec::new();
        let (mut rest, mut at) = (self.params.as_mut_slice(), 0);
        for group in moves.chunk_by(|(a, _), (b, _)| a.id == b.id) {
            let id = group[0].0.id;
            let (_, ahead) = take(&mut rest).split_at_mut(id - at);
            let (here, later) = ahead.split_at_mut(1);
            (rest, at) = (later, id + 1);
            moved.extend(here.iter_mut().map(|stored| (stored, group)));
        }
        moved.par_iter_mut().with_max_len(1).for_each(|(stored, group)| {
            for (param, by) in *group {
                match (&mut **stored, by) {
                    (Stored::Dense(dense), Move::Dense(gradients)) => dense.apply(param, gradients, &rule),
                    (Stored::Table(table), Move::Table(gradient)) => {
                        table.apply(&rule, average, &param.axes[1], gradient)
                    }
                    _ => unreachable!("the plan was checked against this store"),
                }
            }
        });
        Ok(())
    }

    /// Moves a statistic of the plan, which passed [`Store::check`], this share of the way to what was found.
    pub(crate) fn follow(&mut self, param: &Param, found: &[f32], share: f32) {
        if let Stored::Dense(dense) = &mut self.params[param.id] {
            let all = Stretch { gradients: found, values: &mut dense.values, first: &mut [], second: &mut [] };
            slices::update(param, all, &|part: Stretch| follow(part.values, part.gradients, share));
        }
    }

    /// Moves the means of all dense parameters, as the end of a step does, whatever it has moved.
    pub(crate) fn follow_all(&mut self, average: Average) {
        self.params.par_iter_mut().for_each(|stored| {
            if let Stored::Dense(dense) = stored {
                dense.follow(average);
            }
        });
    }

    /// The averages of all values before step `average.step`, as a store of values alone; where there was no step, or no average
    /// is kept, the values as they are.
    #[must_use]
    pub fn averaged(&self, average: Average) -> Self {
        let keep = self.keep.values();
        let params = self.params.par_iter().map(|stored| match stored {
            Stored::Dense(dense) => Stored::Dense(dense.averaged(average)),
            Stored::Table(table) => Stored::Table(table.averaged(average)),
        });
        Self { keep, defs: self.defs.clone(), params: params.collect() }
    }

    /// Adds to the gradients of the rows in use `factor` times their values: the gradient of an L2 penalty on them.
    pub fn penalise(&self, plan: &Plan, gradients: &mut Gradients, factor: f64) {
        gradients.tables.par_iter_mut().for_each(|gradient| {
            let param = &plan.params[gradient.param];
            if let Some(Stored::Table(table)) = self.params.get(param.id) {
                table.add_values(factor as f32, &param.axes[1], gradient);
            }
        });
    }

    /// The store of the plan on its own (see [`Plan::standalone`]): the same values and memory of the optimiser,
    /// untouched rows of tables with the same initial values.
    pub fn extract(&self, plan: &Plan) -> Result<Store> {
        self.check(plan)?;
        let defs: Vec<ParamDef> = plan.standalone().params.iter().map(ParamDef::from).collect();
        let part = |param: &Param| match &self.params[param.id] {
            Stored::Dense(dense) => Stored::Dense(dense.sliced(param)),
            Stored::Table(table) => Stored::Table(table.sliced(&param.axes[1])),
        };
        let params = plan.params.par_iter().map(part).collect();
        Store { keep: self.keep, defs, params }.with_unique_names()
    }
}

/// Moves values this share of the way to others.
pub(crate) fn follow(values: &mut [f32], others: &[f32], share: f32) {
    values.iter_mut().zip(others).for_each(|(value, other)| *value = (1.0 - share) * *value + share * other);
}

/// A stored parameter and all that moves it.
type Moved<'a, 'b> = (&'a mut Stored, &'a [(&'b Param, Move<'b>)]);

/// What moves a stored parameter.
enum Move<'a> {
    Dense(&'a [f32]),
    Table(&'a TableGradient),
}

/// A store's parameters as one plan sees them.
pub struct Slices<'a> {
    store: &'a Store,
    plan: &'a Plan,
    weights: &'a Weights,
}

impl Slices<'_> {
    /// Fails unless every dense parameter is there at its active length.
    pub(crate) fn check(&self) -> Result<()> {
        for (index, param) in self.plan.params.iter().enumerate().filter(|(_, param)| !param.kind.is_table()) {
            if self.dense(index).len() != param.len() {
                return Err(ProgramError::OtherValues { parameter: param.name.to_string() }.into());
            }
        }
        Ok(())
    }

    /// The active values of a dense parameter of the plan, row-major.
    pub fn dense(&self, param: usize) -> &[f32] {
        let gathered = self.weights.param(param);
        match &self.store.params[self.plan.params[param].id] {
            // A part of one that was not gathered shows by its length.
            Stored::Dense(dense) if gathered.is_empty() => &dense.values,
            _ => gathered,
        }
    }

    /// A dense parameter of the plan with its two axes swapped, where that was made ready.
    pub(crate) fn swapped(&self, param: usize) -> Option<&[f32]> {
        self.weights.swapped(param)
    }

    /// Rows `ids` of a table of the plan, their active columns, one row beside the other: fills `out`, `[dim, ids]`.
    pub fn look_up(&self, param: usize, ids: &[u32], out: &mut [f32]) {
        let direct = self.weights.direct(param);
        let param = &self.plan.params[param];
        if let Stored::Table(table) = &self.store.params[param.id] {
            match direct {
                Some(direct) => direct.gather(table, ids, out),
                None => table.gather(&param.axes[1], ids, out),
            }
        }
    }
}
