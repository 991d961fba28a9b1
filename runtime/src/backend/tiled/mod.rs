//! The backend of the CPU: the batch in tiles of samples, each tile on one thread.
//!
//! Lives here: the lowering of a task to steps, which buffer holds what, one tile's way forward and back, threads. Never:
//! how a step is computed (`ops`), or what becomes of gradients (`supernet`).

mod arena;
mod footprint;
mod lowering;
mod program;
mod tile;
mod together;

use std::borrow::Cow;
use std::sync::{Mutex, PoisonError};

use nasrec_compiler::plan::ParamKind;
use nasrec_compiler::primitives::Primitive;
use nasrec_compiler::streams::Key;
use rayon::prelude::*;
use smallvec::SmallVec;

pub use footprint::Footprint;
pub use program::Program;
use tile::{Arena, Tile};
use together::{Setting, Together};

use super::{Backend, Stepped, Task, Update, batch};
use crate::data::Batch;
use crate::machine::MachineError;
use crate::ops::Mode;
use crate::ops::kernels::pool::Share;
use crate::ops::tiled::Gathered;
use crate::supernet::{Gradients, Slices, Store, TableGradient, Weights, lengthen};
use crate::{ProgramError, Result};

/// Samples a tile. Fixed: what a sample's numbers are must not depend on the number of threads.
pub(super) const TILE: usize = 128;

/// Most groups of tiles whose weight gradients are summed apart; fixed for the same reason.
pub(super) const GROUPS: usize = 4;

/// How many buffers of dense gradients it takes to add up those of so many groups, so many at a time.
pub(super) fn buffers(groups: usize, wave: usize) -> usize {
    if groups <= wave { groups } else { wave + 1 }
}

/// Computes on the CPU, in `f32`, on parameters where a store has them. The same inputs give the same bytes with any number
/// of threads.
pub struct Tiled {
    pool: rayon::ThreadPool,
    arenas: Mutex<Vec<Arena>>,
    spare: Mutex<Vec<Vec<f32>>>,
    steps: Mutex<Vec<StepMemory>>,
}

/// What a training step works in, kept from step to step.
#[derive(Default)]
struct StepMemory {
    weights: Weights,
    gradients: Gradients,
}

impl Tiled {
    /// With this many threads of its own. Fails where the system does not grant them.
    pub fn new(threads: usize) -> Result<Self> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads.max(1))
            .thread_name(|i| format!("tile-{i}"))
            .build()
            .map_err(|cause| MachineError::Threads { threads, cause })?;
        Ok(Self { pool, arenas: Mutex::default(), spare: Mutex::default(), steps: Mutex::default() })
    }

    /// What each number of each output's logit is of each sample.
    fn each_logits(&self, program: &Program, params: &Slices, batch: &Batch) -> Result<Vec<Vec<f32>>> {
        batch::check(program.task(), batch, false)?;
        params.check()?;
        let (rows, numbers) = (batch.rows, program.numbers());
        let mut tiles = vec![0f32; rows * numbers];
        if rows <= TILE {
            // One tile is one thread's work, and this one is awake.
            self.on_tile(program, (params, batch, Mode::Trained), 0, rows, |tile| tile.logits(&mut tiles));
        } else {
            self.pool.install(|| {
                tiles.par_chunks_mut(TILE * numbers).with_max_len(1).enumerate().for_each(|(i, out)| {
                    self.on_tile(program, (params, batch, Mode::Trained), i, out.len() / numbers, |tile| {
                        tile.logits(out)
                    });
                });
            });
        }
        if numbers == 1 {
            return Ok(vec![tiles]);
        }
        let mut logits = vec![Vec::with_capacity(rows); numbers];
        for tile in tiles.chunks(TILE * numbers) {
            let parts = tile.chunks_exact(tile.len() / numbers);
            logits.iter_mut().zip(parts).for_each(|(logits, part)| logits.extend_from_slice(part));
        }
        Ok(logits)
    }

    /// Each output's mean loss, and the gradients of what the program trains.
    fn each_gradients(
        &self,
        program: &Program,
        params: &Slices,
        batch: &Batch,
        (mode, positive_weight): (Mode, f64),
        gradients: &mut Gradients,
    ) -> Result<(Vec<f64>, Vec<Gathered>)> {
        batch::check(program.task(), batch, true)?;
        params.check()?;
        let rows = batch.rows;
        let tiles = rows.div_ceil(TILE);
        let group_rows = tiles.div_ceil(GROUPS) * TILE;
        let groups = rows.div_ceil(group_rows);
        let waits = mode.of_batch() && !program.barriers.is_empty();
        // As many groups at a time as there are threads; all of them where they wait for each other. The first one's
        // gradients become the sum.
        let wave = if waits { groups } else { self.pool.current_num_threads().min(groups) };
        lengthen(&mut gradients.dense, program.gradients_len);
        let mut others: Vec<Vec<f32>> = (1..buffers(groups, wave)).map(|_| self.take(program.gradients_len)).collect();
        let mut embedded = self.take(program.embedded * rows);
        gradients.spans.clone_from(&program.gradients);
        gradients.tables.resize_with(program.tables.len(), TableGradient::default);
        // Without lookups there is nothing to cut, and chunks of no values are not allowed.
        let empty = program.embedded == 0;
        if empty {
            embedded.resize(rows, 0.0);
        }
        let width = program.embedded.max(1);
        let mut gathered = Vec::new();
        let losses = self.pool.install(|| {
            let mut losses: Vec<Vec<f64>> = Vec::with_capacity(groups);
            for embedded in embedded.chunks_mut(wave * group_rows * width) {
                let done = losses.len();
                let parts = embedded.len().div_ceil(group_rows * width);
                let sum = (done == 0).then_some(&mut gradients.dense);
                let others = &mut others[..parts - usize::from(sum.is_some())];
                let mut dense: Vec<&mut Vec<f32>> = sum.into_iter().chain(others.iter_mut()).collect();
                if waits {
                    let mut tiles = Together::forward(self, Setting { program, params, batch, mode, positive_weight });
                    losses = tiles.backward(group_rows / TILE, &mut dense, (embedded, width));
                    gathered = tiles.end(self);
                    gradients.add(others);
                    continue;
                }
                let parts = embedded.par_chunks_mut(group_rows * width);
                let group = |(group, (dense, embedded)): (usize, (&mut Vec<f32>, &mut [f32]))| {
                    let first = (done + group) * group_rows / TILE;
                    let mut losses = vec![0.0; program.outputs()];
                    for (i, embedded) in embedded.chunks_mut(TILE * width).enumerate() {
                        let t = embedded.len() / width;
                        self.on_tile(program, (params, batch, mode), first + i, t, |tile| {
                            tile.accumulate = i > 0;
                            let embedded = if empty { &mut [] } else { embedded };
                            tile.gradients((1.0 / rows as f64, positive_weight), dense, embedded, &mut losses);
                        });
                    }
                    losses
                };
                losses.par_extend(dense.into_par_iter().zip(parts).with_max_len(1).enumerate().map(group));
                gradients.add(others);
            }
            let embedded = &embedded;
            gradients.tables.par_iter_mut().zip(&program.tables).for_each(|(table, trained)| {
                let (param, dim) = (trained.param, trained.dim);
                let uses: SmallVec<[_; 1]> = (trained.uses.iter())
                    .map(|&(at, of)| {
                        // The batch was checked.
                        let ids = batch.looked_up(of).unwrap_or_default();
                        let look_up = |ids: &[u32], out: &mut [f32]| params.look_up(param, ids, out);
                        (at, ids, Share::of(of.pool, ids, rows, dim, look_up))
                    })
                    .collect();
                let ids = uses.iter().flat_map(|(_, ids, _)| ids.iter().copied());
                table.sum(param, dim, ids, |mut place, sum| {
                    let mut uses = uses.iter();
                    let Some((at, _, share)) = uses.find(|(_, ids, _)| match place.checked_sub(ids.len()) {
                        Some(later) => {
                            place = later;
                            false
                        }
                        None => true,
                    }) else {
                        return;
                    };
                    let (slot, sample) = if place < rows { (0, place) } else { (place / rows, place % rows) };
                    let start = sample / TILE * TILE;
                    let t = TILE.min(rows - start);
                    let column = &embedded[start * width + at * t + sample % TILE..];
                    share.add((slot, sample, rows), column.iter().step_by(t), sum);
                });
            });
            let mean = |output: usize| losses.iter().map(|losses| losses[output]).sum::<f64>() / rows as f64;
            (0..program.outputs()).map(mean).collect()
        });
        others.push(embedded);
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).append(&mut others);
        Ok((losses, gathered))
    }

    /// [`Backend::gradients`] into memory that is there already, whatever it holds.
    pub(crate) fn gradients_into(
        &self,
        program: &Program,
        params: &Store,
        batch: &Batch,
        gradients: &mut Gradients,
    ) -> Result<Vec<f64>> {
        let copies = self.copies(program, params)?;
        let params = params.slices(program.plan(), &copies);
        Ok(self.each_gradients(program, &params, batch, (stepping(program, Key::default()), 1.0), gradients)?.0)
    }

    fn on_tile<R>(
        &self,
        program: &Program,
        (params, batch, mode): (&Slices, &Batch, Mode),
        index: usize,
        t: usize,
        f: impl FnOnce(&mut Tile) -> R,
    ) -> R {
        let mut arena = self.arenas.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        arena.fit(program, t);
        let start = index * TILE;
        let (arena_here, gathered) = (&mut arena, &[][..]);
        let result =
            f(&mut Tile { program, batch, params, arena: arena_here, start, t, mode, gathered, accumulate: false });
        self.arenas.lock().unwrap_or_else(PoisonError::into_inner).push(arena);
        result
    }

    /// A buffer of this length with any contents, the largest spare one that there is.
    fn take(&self, len: usize) -> Vec<f32> {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        let largest = (0..spare.len()).max_by_key(|&i| spare[i].capacity());
        let mut buffer = largest.map(|i| spare.swap_remove(i)).unwrap_or_default();
        drop(spare);
        lengthen(&mut buffer, len);
        buffer
    }
}

/// What a step of a program is computed for. One that trains nothing says what a trained model says.
fn stepping(program: &Program, noise: Key) -> Mode {
    if program.task().trains_any() { Mode::Step(noise) } else { Mode::Trained }
}

/// The statistics of a batch, by parameter of the plan, each with how far its kept value moves there in a step.
fn found(program: &Program, gathered: &[Gathered]) -> impl Iterator<Item = (usize, Vec<f32>, f64)> {
    program.barriers.iter().zip(gathered).flat_map(|(&barrier, gathered)| {
        let step = &program.steps[barrier];
        let kernel = step.kernel.across();
        let found = kernel.into_iter().flat_map(|kernel| kernel.found(gathered).map(|each| (each, kernel.momentum())));
        found.map(|((index, found), momentum)| (step.params[index], found, momentum))
    })
}

impl Backend for Tiled {
    type Program = Program;
    type Params = Store;
    type Copies = Weights;

    fn compile(&self, task: Task) -> Result<Program> {
        Program::new(task)
    }

    fn task<'a>(&self, program: &'a Program) -> &'a Task {
        program.task()
    }

    fn load(&self, store: Store) -> Result<Store> {
        Ok(store)
    }

    fn save<'a>(&self, params: &'a Store) -> Result<Cow<'a, Store>> {
        Ok(Cow::Borrowed(params))
    }

    fn step(&self, program: &Program, params: &mut Store, batch: &Batch, update: Update) -> Result<Option<Stepped>> {
        let known = self.steps.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let StepMemory { mut weights, mut gradients } = known.unwrap_or_default();
        self.pool.install(|| params.gather_parts(program.plan(), &mut weights))?;
        let (losses, gathered) = {
            let params = params.slices(program.plan(), &weights);
            let mode = (stepping(program, update.noise), update.positive_weight);
            self.each_gradients(program, &params, batch, mode, &mut gradients)?
        };
        let loss = losses[0];
        if loss.is_finite() {
            self.pool.install(|| {
                if update.whole_tables {
                    gradients.tables.par_iter_mut().for_each(|table| {
                        let param = &program.plan().params[table.param];
                        table.spread(param.full[0], param.axes[1].len());
                    });
                }
                if update.l2 > 0.0 {
                    params.penalise(program.plan(), &mut gradients, update.l2);
                }
                if let Some(most) = update.clamp {
                    gradients.clamp(most);
                }
                let scale = gradients.clip_scale(update.clip);
                params.step(program.plan(), &gradients, (update.rule, scale), update.average)
            })?;
            for (param, found, momentum) in found(program, &gathered) {
                params.follow(&program.plan().params[param], &found, momentum as f32);
            }
        }
        if let Some(average) = update.average {
            self.pool.install(|| params.follow_all(average));
        }
        self.steps.lock().unwrap_or_else(PoisonError::into_inner).push(StepMemory { weights, gradients });
        Ok(Some(Stepped { steps: 1, failed: u64::from(!loss.is_finite()), loss }))
    }

    fn copies(&self, program: &Program, params: &Store) -> Result<Weights> {
        let task = program.task();
        let statistic = |param: usize| task.plan().params[param].kind == ParamKind::Statistic;
        params.gather(task.plan(), |param| task.trains(param) || statistic(param))
    }

    fn settled(&self, program: &Program, params: &Store) -> Result<Weights> {
        let mut copies = self.copies(program, params)?;
        let plan = program.plan();
        for node in &plan.nodes {
            let along_width = matches!(node.primitive, Primitive::Linear(_)) && node.shape.len() == 1;
            let Some(&param) = node.params.first().filter(|_| along_width) else { continue };
            let values = params.slices(plan, &copies).dense(param).to_vec();
            copies.swap(param, &values, plan.params[param].axes[0].len());
        }
        params.read_directly(plan, &mut copies);
        Ok(copies)
    }

    fn recalibrate(
        &self,
        program: &Program,
        copies: &mut Weights,
        params: &Store,
        batch: &Batch,
        share: f64,
    ) -> Result<()> {
        batch::check(program.task(), batch, false)?;
        params.check(program.plan())?;
        let gathered = {
            let params = &params.slices(program.plan(), copies);
            params.check()?;
            let setting = Setting { program, params, batch, mode: Mode::Statistics, positive_weight: 1.0 };
            self.pool.install(|| Together::forward(self, setting)).end(self)
        };
        found(program, &gathered).for_each(|(param, found, _)| copies.follow(param, &found, share as f32));
        Ok(())
    }

    fn finetune(
        &self,
        program: &Program,
        copies: &mut Weights,
        params: &Store,
        batch: &Batch,
        update: Update,
    ) -> Result<()> {
        if !program.tables.is_empty() {
            return Err(ProgramError::CopiedTables.into());
        }
        if !copies.cover(&program.gradients) {
            return Err(ProgramError::CopiedTooLittle.into());
        }
        params.check(program.plan())?;
        let mut memory = self.steps.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        let slices = params.slices(program.plan(), copies);
        let losses = self
            .each_gradients(program, &slices, batch, (Mode::Trained, update.positive_weight), &mut memory.gradients)?
            .0;
        self.pool.install(|| {
            if let Some(most) = update.clamp {
                memory.gradients.clamp(most);
            }
            for (part, _) in program.owned.iter().zip(&losses).filter(|(_, loss)| loss.is_finite()) {
                let scale = memory.gradients.clip_scale_of(part.clone(), update.clip);
                copies.apply(part.clone(), &memory.gradients, update.rule, scale);
            }
        });
        self.steps.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
        Ok(())
    }

    fn logits(&self, program: &Program, copies: &Weights, params: &Store, batch: &Batch) -> Result<Vec<Vec<f32>>> {
        params.check(program.plan())?;
        self.each_logits(program, &params.slices(program.plan(), copies), batch)
    }

    fn gradients(&self, program: &Program, params: &Store, batch: &Batch) -> Result<(Vec<f64>, Gradients)> {
        let mut gradients = Gradients::default();
        let losses = self.gradients_into(program, params, batch, &mut gradients)?;
        Ok((losses, gradients))
    }

    fn device(&self) -> &'static str {
        "cpu"
    }

    fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    fn release(&self) {
        self.arenas.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.steps.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
