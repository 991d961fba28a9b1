//! The backend of a device of candle's: the whole batch at once, out of tensor operations, on parameters that stay there.
//!
//! Lives here: parameters and their optimiser's memory on the device, the way through a plan and back there, losses,
//! clipping and updates out of candle's operations, and what moves between the host and the device. Never: what an op
//! computes (`ops`), how parameters are drawn or written down (`supernet`), or kernels of our own.
//!
//! Samples are the first axis: numeric columns `[B, w]`, looked-up rows `[B, fields, dim]`. A training step takes the batch
//! and gives back two numbers every few steps; an evaluation takes the batch and gives back logits. Every operation used is
//! one that candle has for a GPU and that adds up in one order there, so that a search is the same each time.

pub(crate) mod bags;
mod loss;
mod params;
pub(crate) mod pass;
mod slices;
mod tables;
mod traffic;
mod update;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use candle_core::{DType, Device, Tensor};
use nasrec_compiler::plan::{Head, Node, Param, ParamKind, Plan};
use nasrec_compiler::primitives::Primitive;
use nasrec_compiler::streams::Key;
use rayon::prelude::*;
use smallvec::SmallVec;

use loss::{cross_entropy, finite, select};
pub use params::Params;
use params::State;
use pass::{Derivatives, Leaves, backward, forward, wanted};
use tables::{Ids, RowGradients, WholeGradients, look_up, shared, stretches, there};
use traffic::Traffic;
use update::Change;

use super::{Backend, Stepped, Task, Update, batch};
use crate::data::{Batch, EMPTY};
use crate::ops::device::Indices;
use crate::ops::{Mask, Mode, unbiased};
use crate::supernet::{Gradients, Memory, Prepared, Store, TableGradient, side_by_side};
use crate::{ProgramError, Result};

/// Computes on a device of candle's, in `f32`; losses and norms in `f64`.
///
/// Tables lie there whole, with the rows that nothing touched, so the device needs memory for all of them and for what the
/// optimiser remembers of each row. A gradient that is not finite while the loss is spreads to the other rows of its field
/// that the batch looked up.
pub struct Candle {
    traffic: Traffic,
    indices: Indices,
}

/// A task with what its reverse has to reach.
#[derive(Debug)]
pub struct Program {
    task: Task,
    /// Which nodes' gradients are needed.
    wanted: Vec<bool>,
}

/// Copies of the dense parameters that a program trains, by index into its plan's, with an optimiser state of their own.
pub struct Copies {
    params: Vec<Option<State>>,
    /// What is remembered of those that have a memory.
    memory: Memory,
}

/// A batch on the device, of it what a plan reads.
struct Given {
    /// `[B, w]`
    numeric: Option<Tensor>,
    ids: Option<Ids>,
    rows: usize,
    mode: Mode,
}

impl Candle {
    /// Computes on this device.
    pub fn new(device: Device) -> Self {
        Self { traffic: Traffic::new(device.clone()), indices: Indices::new(device) }
    }

    /// On the CPU, as it is done on every other device: for checking one without having it.
    pub fn portable() -> Self {
        Self::new(Device::Cpu)
    }

    /// On the CUDA device with this number.
    ///
    /// # Errors
    /// There is no such device, or this program was built without the feature `cuda`.
    #[cfg(feature = "cuda")]
    pub fn cuda(ordinal: usize) -> Result<Self> {
        Ok(Self::new(Device::new_cuda(ordinal)?))
    }

    /// On the CUDA device with this number.
    ///
    /// # Errors
    /// There is no such device, or this program was built without the feature `cuda`.
    #[cfg(not(feature = "cuda"))]
    pub fn cuda(_: usize) -> Result<Self> {
        Err(ProgramError::WithoutCuda.into())
    }

    /// Brings a batch to the device as it lies, and turns it there.
    fn give(&self, plan: &Plan, batch: &Batch, mode: Mode) -> Result<Given> {
        let reads = |is: fn(&Primitive) -> bool| plan.nodes.iter().any(|node| is(&node.primitive));
        let of_rows = |len: usize| (len / batch.rows, batch.rows);
        let numeric = if reads(|primitive| matches!(primitive, Primitive::Numeric(_))) {
            Some(self.traffic.upload(&batch.numeric, of_rows(batch.numeric.len()))?.t()?.contiguous()?)
        } else {
            None
        };
        let ids = if reads(|primitive| matches!(primitive, Primitive::Embed(_) | Primitive::Mask(_))) {
            Some(Ids { all: self.traffic.upload(&batch.ids, of_rows(batch.ids.len()))?, ends: batch.ends.clone() })
        } else {
            None
        };
        Ok(Given { numeric, ids, rows: batch.rows, mode })
    }

    /// What a plan reads: copies before parameters, and of these their active part.
    fn leaves(&self, task: &Task, copies: Option<&Copies>, params: &Params, given: &Given) -> Result<Leaves> {
        let plan = task.plan();
        let dense = |(index, param): (usize, &Param)| match param.kind {
            ParamKind::Table { .. } => Ok(None),
            ParamKind::Dense | ParamKind::Statistic => Ok(Some(match copies.and_then(|copies| copies.of(index)) {
                Some(copy) => copy.values.clone(),
                None => slices::active(param, &params.dense(param).values)?,
            })),
        };
        let node = |(index, node): (usize, &Node)| match node.primitive {
            Primitive::Numeric(_) => given.numeric.as_ref().map(|all| columns(node, all)).transpose(),
            Primitive::Embed(_) => given.ids.as_ref().map(|ids| look_up(params, plan, node, ids)).transpose(),
            Primitive::Mask(_) => given.ids.as_ref().map(|ids| there(node, ids)).transpose(),
            Primitive::Weight(_) | Primitive::Fill(_) => {
                zeros(node, given.rows, DType::F32, self.traffic.device()).map(Some)
            }
            Primitive::Dropout(dropout) => given
                .mode
                .noise()
                .map(|noise| self.mask(Mask::new(dropout, index, noise), node, given.rows))
                .transpose(),
            _ => Ok(None),
        };
        Ok(Leaves {
            params: plan.params.iter().enumerate().map(dense).collect::<candle_core::Result<_>>()?,
            nodes: plan.nodes.iter().enumerate().map(node).collect::<candle_core::Result<_>>()?,
            of_batch: given.mode.of_batch(),
            stepwise: false,
        })
    }

    /// What stays of a node's value and by how much it grows, drawn on the host: a byte a value is sent.
    fn mask(&self, mask: Mask, node: &Node, rows: usize) -> candle_core::Result<Tensor> {
        let len = node.shape.iter().product();
        let mut kept = vec![0u8; rows * len];
        kept.par_chunks_exact_mut(len).enumerate().for_each(|(sample, kept)| {
            kept.iter_mut().zip(mask.kept(sample)).for_each(|(to, kept)| *to = kept.into());
        });
        let mut shape = vec![rows];
        shape.extend_from_slice(&node.shape);
        self.traffic.upload(&kept, shape)?.to_dtype(DType::F32)? * f64::from(mask.by)
    }

    /// Each output's mean loss over the batch, `[1]` in `f64`, the derivatives of what the program trains, and the statistics
    /// of the batch, one a node that takes them.
    fn derivatives(
        &self,
        program: &Program,
        leaves: &Leaves,
        batch: &Batch,
        positive_weight: f64,
    ) -> candle_core::Result<(Vec<Tensor>, Derivatives, Vec<Option<Tensor>>)> {
        let (task, wanted) = (&program.task, program.wanted.as_slice());
        let (plan, outputs) = (task.plan(), task.outputs());
        let label = |head: &Head| self.traffic.upload(batch.labels_of(head.label), batch.rows);
        let labels: Vec<Tensor> = task.heads().iter().map(label).collect::<candle_core::Result<_>>()?;
        let weights = match batch.weights.as_slice() {
            [] => None,
            weights => Some(self.traffic.upload(weights, batch.rows)?),
        };
        let pass = forward(plan, outputs, leaves, wanted, &self.indices)?;
        let statistics = pass.statistics.clone();
        let (mut losses, mut from) = (Vec::new(), Vec::new());
        for (&output, logits) in outputs.iter().zip(&pass.logits) {
            let heads = task.heads().iter().zip(&labels).enumerate();
            let of_head = heads.map(|(index, (head, labels))| {
                let logits = logits.narrow(1, index, 1)?;
                let (loss, gradient) = cross_entropy(&logits, labels, (positive_weight, weights.as_ref()))?;
                Ok(if head.weight == 1.0 {
                    (loss, gradient)
                } else {
                    ((loss * head.weight)?, (gradient * head.weight)?)
                })
            });
            let (each, gradients): (Vec<Tensor>, Vec<Tensor>) =
                of_head.collect::<candle_core::Result<Vec<_>>>()?.into_iter().unzip();
            let mut each = each.into_iter();
            let first = each.next().ok_or_else(|| candle_core::Error::Msg("a logit has no head".to_owned()))?;
            losses.push(each.try_fold(first, |sum, loss| sum + loss)?);
            from.push((output, Tensor::cat(&gradients, 1)?));
        }
        let derivatives = backward(plan, leaves, pass, |param| task.trains(param), wanted, from, &self.indices)?;
        Ok((losses, derivatives, statistics))
    }

    /// The gradients of the looked-up rows of all trained tables.
    fn row_gradients(
        &self,
        program: &Program,
        params: &Params,
        (given, leaves): (&Given, &Leaves),
        derivatives: &Derivatives,
        l2: f64,
    ) -> candle_core::Result<Vec<RowGradients>> {
        let (task, plan) = (&program.task, program.task.plan());
        let (mut all, shared) = (Vec::new(), shared(plan));
        let Some(ids) = &given.ids else { return Ok(all) };
        for (i, node) in plan.nodes.iter().enumerate() {
            let (Some(derivative), Some(looked_up)) = (&derivatives.nodes[i], &leaves.nodes[i]) else { continue };
            for stretch in stretches(params, plan, node, ids, |param| task.trains(param) && !shared[param]) {
                all.push(RowGradients::of_stretch(stretch, ids, derivative, looked_up, l2)?);
            }
        }
        all.extend(self.shared_gradients(program, params, given, derivatives, l2)?.into_iter().map(|(_, rows)| rows));
        Ok(all)
    }

    /// Those of tables that are shared, by the plan's parameters.
    fn shared_gradients(
        &self,
        program: &Program,
        params: &Params,
        given: &Given,
        derivatives: &Derivatives,
        l2: f64,
    ) -> candle_core::Result<Vec<(usize, RowGradients)>> {
        let (task, plan) = (&program.task, program.task.plan());
        let (mut uses, shared) = (BTreeMap::<usize, Vec<_>>::new(), shared(plan));
        let Some(ids) = &given.ids else { return Ok(Vec::new()) };
        for (node, derivative) in plan.nodes.iter().zip(&derivatives.nodes) {
            let Some(derivative) = derivative else { continue };
            let tables: BTreeSet<usize> = node.params.iter().copied().filter(|&param| shared[param]).collect();
            for param in tables.into_iter().filter(|&param| task.trains(param)) {
                let of_node = stretches(params, plan, node, ids, |other| other == param);
                uses.entry(param).or_default().extend(of_node.into_iter().map(|stretch| (stretch, derivative)));
            }
        }
        let all = uses.into_iter().filter_map(|(param, uses)| {
            RowGradients::of_table(params, uses, ids, l2).transpose().map(|rows| Ok((param, rows?)))
        });
        all.collect()
    }
}

/// The trained dense parameters that `included` says, with their derivatives side by side; none where there are none.
/// A zero for each sample, to which a free tensor or a constant is added.
pub(crate) fn zeros(node: &Node, samples: usize, dtype: DType, device: &Device) -> candle_core::Result<Tensor> {
    let shape: Vec<usize> = std::iter::once(samples).chain(node.shape.iter().map(|_| 1)).collect();
    Tensor::zeros(shape, dtype, device)
}

/// The columns that a numeric node yields, of all of a batch.
pub(crate) fn columns(node: &Node, all: &Tensor) -> candle_core::Result<Tensor> {
    if node.columns.is_empty() {
        return Ok(all.clone());
    }
    let runs = node.columns.chunk_by(|a, b| a + 1 == *b);
    let parts: Vec<Tensor> = runs.map(|run| all.narrow(1, run[0], run.len())).collect::<candle_core::Result<_>>()?;
    Tensor::cat(&parts, 1)
}

fn dense_gradients(
    plan: &Plan,
    derivatives: &Derivatives,
    included: impl Fn(usize) -> bool,
) -> candle_core::Result<Option<(Vec<usize>, Tensor)>> {
    let trained = (0..plan.params.len()).filter(|&index| included(index));
    let (trained, gradients): (Vec<usize>, Vec<&Tensor>) =
        trained.filter_map(|index| Some((index, derivatives.params[index].as_ref()?))).unzip();
    if trained.is_empty() { Ok(None) } else { Ok(Some((trained, update::side_by_side(gradients)?))) }
}

/// What a step of a task is computed for. One that trains nothing says what a trained model says.
fn stepping(task: &Task, noise: Key) -> Mode {
    if task.trains_any() { Mode::Step(noise) } else { Mode::Trained }
}

/// The statistics of a batch, by parameter of the plan, each with how far its kept value moves there in a step.
fn found(plan: &Plan, statistics: &[Option<Tensor>], samples: usize) -> candle_core::Result<Vec<(usize, Tensor, f64)>> {
    let mut all = Vec::new();
    for (node, found) in plan.nodes.iter().zip(statistics) {
        let (Some(found), Primitive::BatchNorm(norm)) = (found, node.primitive) else { continue };
        let kept = node.params.iter().filter(|&&param| plan.params[param].kind == ParamKind::Statistic);
        let found = [found.get(0)?, (found.get(1)? * unbiased(samples))?];
        all.extend(kept.zip(found).map(|(&param, found)| (param, found, norm.momentum)));
    }
    Ok(all)
}

/// This share of the way from what was kept to what was found.
fn follow(kept: &Tensor, found: &Tensor, share: f64) -> candle_core::Result<Tensor> {
    (kept * (1.0 - share))? + (found * share)?
}

impl Copies {
    fn of(&self, param: usize) -> Option<&State> {
        self.params.get(param).and_then(Option::as_ref)
    }

    /// With a memory for this rule; a fresh one where there is none of its kind.
    fn ready(&mut self, rule: &Prepared) -> candle_core::Result<()> {
        let renewed = self.memory != rule.memory;
        self.memory = rule.memory;
        for state in self.params.iter_mut().flatten() {
            if renewed || state.memory.len() != rule.memory.of_value() {
                let fresh = (0..rule.memory.of_value()).map(|_| state.values.zeros_like());
                state.memory = fresh.collect::<candle_core::Result<SmallVec<_>>>()?;
            }
        }
        Ok(())
    }
}

impl Backend for Candle {
    type Program = Program;
    type Params = Params;
    type Copies = Copies;

    fn compile(&self, task: Task) -> Result<Program> {
        Ok(Program { wanted: wanted(task.plan(), |param| task.trains(param)), task })
    }

    fn task<'a>(&self, program: &'a Program) -> &'a Task {
        &program.task
    }

    fn load(&self, store: Store) -> Result<Params> {
        Params::load(&self.traffic, store)
    }

    fn save<'a>(&self, params: &'a Params) -> Result<Cow<'a, Store>> {
        params.save(&self.traffic).map(Cow::Owned)
    }

    fn step(&self, program: &Program, params: &mut Params, batch: &Batch, update: Update) -> Result<Option<Stepped>> {
        let (task, plan) = (&program.task, program.task.plan());
        batch::check(task, batch, true)?;
        params.check(plan)?;
        params.check_rule(update.rule)?;
        let given = self.give(plan, batch, stepping(task, update.noise))?;
        let leaves = self.leaves(task, None, params, &given)?;
        let (losses, derivatives, statistics) = self.derivatives(program, &leaves, batch, update.positive_weight)?;
        let finite = finite(&losses[0])?;
        let mut dense = dense_gradients(plan, &derivatives, |param| task.trains(param))?;
        let l2 = if update.whole_tables { 0.0 } else { update.l2 };
        let mut rows = self.row_gradients(program, params, (&given, &leaves), &derivatives, l2)?;
        let mut tables = Vec::new();
        if update.whole_tables {
            let whole = rows.drain(..).map(|rows| WholeGradients::of(rows, params, update.l2));
            tables = whole.collect::<candle_core::Result<Vec<_>>>()?;
        }
        let change =
            |dense: &mut Option<(_, Tensor)>, rows: &mut [RowGradients], tables: &mut [WholeGradients], by: Change| {
                if let Some((_, gradients)) = dense {
                    *gradients = by.of(gradients)?;
                }
                rows.iter_mut().try_for_each(|rows| rows.change(&by))?;
                tables.iter_mut().try_for_each(|tables| tables.change(&by))
            };
        if let Some(most) = update.clamp {
            change(&mut dense, &mut rows, &mut tables, Change::Clamped(most))?;
        }
        if let Some(clip) = update.clip {
            let squares = dense.iter().map(|(_, gradients)| update::squares(gradients));
            let squares = squares.chain(rows.iter().map(RowGradients::squares));
            let squares = squares.chain(tables.iter().map(WholeGradients::squares));
            if let Some(squares) = squares.reduce(|sum, squares| sum? + squares?).transpose()? {
                change(&mut dense, &mut rows, &mut tables, Change::Scaled(update::clip_scale(clip, &squares)?))?;
            }
        }
        let (rule, average) = (update.rule.prepared(1.0), params.average(update.average));
        if let Some((trained, gradients)) = dense {
            let state =
                |&index: &usize| params.dense(&plan.params[index]).map(|x| slices::active(&plan.params[index], x));
            let states = trained.iter().map(state).collect::<candle_core::Result<Vec<_>>>()?;
            let next = update::advance_all(&rule, &states, &gradients, &finite)?;
            for (&index, next) in trained.iter().zip(&next) {
                let param = &plan.params[index];
                for (full, active) in params.dense(param).tensors().zip(next.tensors()) {
                    slices::set(param, full, active)?;
                }
            }
        }
        for (index, found, momentum) in found(plan, &statistics, batch.rows)? {
            let (param, full) = (&plan.params[index], &params.dense(&plan.params[index]).values);
            let kept = slices::active(param, full)?;
            slices::set(param, full, &select(&finite, &follow(&kept, &found, momentum)?, &kept)?)?;
        }
        for rows in &rows {
            rows.apply(params, &rule, average, &finite)?;
        }
        for tables in &tables {
            tables.apply(params, &rule, average, &finite)?;
        }
        if let Some(average) = average {
            params.follow_all(average)?;
        }
        if update.whole_tables {
            params.touch_all(plan, |param| task.trains(param));
        }
        params.touch(plan, |param| task.trains(param), batch);
        Ok(params.losses.add(&self.traffic, &losses[0], &finite)?)
    }

    fn copies(&self, program: &Program, params: &Params) -> Result<Copies> {
        let task = &program.task;
        params.check(task.plan())?;
        let copy = |(index, param): (usize, &Param)| {
            if param.kind.is_table() || !(task.trains(index) || param.kind == ParamKind::Statistic) {
                return Ok(None);
            }
            let values = slices::active(param, &params.dense(param).values)?.force_contiguous()?;
            Ok(Some(State { values, memory: SmallVec::new() }))
        };
        let params = task.plan().params.iter().enumerate().map(copy).collect::<candle_core::Result<_>>()?;
        Ok(Copies { params, memory: Memory::Nothing })
    }

    fn recalibrate(
        &self,
        program: &Program,
        copies: &mut Copies,
        params: &Params,
        batch: &Batch,
        share: f64,
    ) -> Result<()> {
        let (task, plan) = (&program.task, program.task.plan());
        batch::check(task, batch, false)?;
        params.check(plan)?;
        let given = self.give(plan, batch, Mode::Statistics)?;
        let leaves = self.leaves(task, Some(copies), params, &given)?;
        let nothing = vec![false; plan.nodes.len()];
        let pass = forward(plan, task.outputs(), &leaves, &nothing, &self.indices)?;
        for (index, found, _) in found(plan, &pass.statistics, batch.rows)? {
            if let Some(copy) = copies.params.get_mut(index).and_then(Option::as_mut) {
                copy.values = follow(&copy.values, &found, share)?;
            }
        }
        Ok(())
    }

    fn finetune(
        &self,
        program: &Program,
        copies: &mut Copies,
        params: &Params,
        batch: &Batch,
        update: Update,
    ) -> Result<()> {
        let (task, plan) = (&program.task, program.task.plan());
        if task.trains_tables() {
            return Err(ProgramError::CopiedTables.into());
        }
        let covered = |(index, param): (usize, &Param)| {
            !task.trains(index) || copies.of(index).is_some_and(|copy| *copy.values.dims() == *param.shape())
        };
        if !plan.params.iter().enumerate().all(covered) {
            return Err(ProgramError::CopiedTooLittle.into());
        }
        batch::check(task, batch, true)?;
        params.check(plan)?;
        let given = self.give(plan, batch, Mode::Trained)?;
        let leaves = self.leaves(task, Some(copies), params, &given)?;
        let (losses, derivatives, _) = self.derivatives(program, &leaves, batch, update.positive_weight)?;
        let rule = update.rule.prepared(1.0);
        copies.ready(&rule)?;
        for (output, loss) in losses.iter().enumerate() {
            let owned = dense_gradients(plan, &derivatives, |param| task.owner(param) == Some(output))?;
            let Some((trained, mut gradients)) = owned else { continue };
            if let Some(most) = update.clamp {
                gradients = Change::Clamped(most).of(&gradients)?;
            }
            if let Some(clip) = update.clip {
                let scale = update::clip_scale(clip, &update::squares(&gradients)?)?;
                gradients = Change::Scaled(scale).of(&gradients)?;
            }
            let states: Vec<State> = trained.iter().filter_map(|&index| copies.of(index).cloned()).collect();
            let next = update::advance_all(&rule, &states, &gradients, &finite(loss)?)?;
            for (index, next) in trained.into_iter().zip(next) {
                copies.params[index] = Some(next);
            }
        }
        Ok(())
    }

    fn logits(&self, program: &Program, copies: &Copies, params: &Params, batch: &Batch) -> Result<Vec<Vec<f32>>> {
        let (task, plan) = (&program.task, program.task.plan());
        batch::check(task, batch, false)?;
        params.check(plan)?;
        let given = self.give(plan, batch, Mode::Trained)?;
        let leaves = self.leaves(task, Some(copies), params, &given)?;
        let nothing = vec![false; plan.nodes.len()];
        let pass = forward(plan, task.outputs(), &leaves, &nothing, &self.indices)?;
        let logits = Tensor::cat(&pass.logits, 1)?.t()?.contiguous()?;
        let logits: Vec<f32> = self.traffic.download(&logits)?;
        Ok(logits.chunks_exact(batch.rows).map(<[f32]>::to_vec).collect())
    }

    fn gradients(&self, program: &Program, params: &Params, batch: &Batch) -> Result<(Vec<f64>, Gradients)> {
        let (task, plan) = (&program.task, program.task.plan());
        batch::check(task, batch, true)?;
        params.check(plan)?;
        let given = self.give(plan, batch, stepping(task, Key::default()))?;
        let leaves = self.leaves(task, None, params, &given)?;
        let (losses, derivatives, _) = self.derivatives(program, &leaves, batch, 1.0)?;
        let (spans, len) = side_by_side(plan, |index, _| task.trains(index));
        let mut gradients = Gradients { dense: vec![0f32; len], spans, ..Gradients::default() };
        for (span, derivative) in gradients.spans.iter().zip(&derivatives.params) {
            if let Some(derivative) = derivative {
                gradients.dense[span.clone()].copy_from_slice(&self.traffic.download::<f32>(derivative)?);
            }
        }
        gradients.add(&[]);
        let shared = shared(plan);
        for (node, derivative) in plan.nodes.iter().zip(&derivatives.nodes) {
            let Some(derivative) = derivative else { continue };
            let values: Vec<f32> = self.traffic.download(derivative)?;
            let (fields, dim) = (node.shape[0], node.shape[1]);
            for (index, &param) in node.params.iter().enumerate() {
                let Some(lookup) = node.lookup(&plan.params, index) else { continue };
                if !task.trains(param) || shared[param] {
                    continue;
                }
                let mut table = TableGradient::default();
                let ids = batch.looked_up(lookup).unwrap_or_default();
                table.sum(param, dim, ids.iter().copied(), |sample, sum| {
                    let row = &values[(sample * fields + index) * dim..][..dim];
                    sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
                });
                gradients.tables.push(table);
            }
        }
        for (param, rows) in self.shared_gradients(program, params, &given, &derivatives, 0.0)? {
            let (ids, values): (Vec<u32>, Vec<f32>) = rows.download(&self.traffic)?;
            let dim = plan.params[param].axes[1].len();
            let (mut table, mut known) = (TableGradient::default(), BTreeSet::new());
            // Each of the ids of a row has its whole gradient.
            let first = ids.iter().map(|&id| if known.insert(id) { id } else { EMPTY });
            table.sum(param, dim, first, |place, sum| sum.copy_from_slice(&values[place * dim..][..dim]));
            gradients.tables.push(table);
        }
        let losses = Tensor::cat(&losses, 0)?;
        Ok((self.traffic.download(&losses)?, gradients))
    }

    fn device(&self) -> &'static str {
        if self.traffic.device().is_cpu() { "cpu:portable" } else { "cuda" }
    }

    fn threads(&self) -> usize {
        1
    }

    /// What is kept from step to step is a few positions.
    fn release(&self) {}
}
