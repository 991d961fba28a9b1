//! Where things are computed: on the CPU in tiles, or on a device of candle's.
//!
//! Lives here: what a backend is ([`Backend`]), what it is asked to compute ([`Task`]), and the two that there are. Never:
//! what a primitive computes (`ops`), which architecture is trained next (`search`), or anything about strategies.

mod batch;
pub mod device;
mod loss;
mod task;
pub mod tiled;

#[cfg(test)]
pub(crate) mod tests;

use std::borrow::Cow;

pub use device::Candle;
use nasrec_compiler::streams::Key;

pub use loss::{cross_entropy, cross_entropy_gradient};
pub use task::{Task, Trainable};
pub use tiled::Tiled;

use crate::Result;
use crate::data::Batch;
use crate::supernet::{Average, Gradients, Rule, Store};

/// Computes tasks on live parameters.
///
/// A [`Store`] is how parameters are kept and written down; [`Backend::Params`] is where they live while they are trained,
/// which on a device is its memory. Where values lie and in which order, is a backend's own affair.
pub trait Backend: Sync {
    /// A task made ready to compute.
    type Program: Send + Sync;
    /// Live parameters, with what their optimiser remembers.
    type Params: Send + Sync;
    /// Copies of some of them, to be fine-tuned.
    type Copies: Send + Sync;

    /// Makes a task ready.
    ///
    /// # Errors
    /// The task is damaged.
    fn compile(&self, task: Task) -> Result<Self::Program>;

    /// What a program computes.
    fn task<'a>(&self, program: &'a Self::Program) -> &'a Task;

    /// Brings parameters to where they are trained.
    ///
    /// # Errors
    /// There is no memory for them.
    fn load(&self, store: Store) -> Result<Self::Params>;

    /// The parameters as they are, to be kept.
    ///
    /// # Errors
    /// They cannot be read back.
    fn save<'a>(&self, params: &'a Self::Params) -> Result<Cow<'a, Store>>;

    /// Trains the slices that a program uses, on one batch, moves their statistics, and tells every few steps how that went. Where a loss is not
    /// finite nothing is updated.
    ///
    /// # Errors
    /// The program is of another space, the batch does not fit it, or the parameters do not remember what the rule needs.
    fn step(
        &self,
        program: &Self::Program,
        params: &mut Self::Params,
        batch: &Batch,
        update: Update,
    ) -> Result<Option<Stepped>>;

    /// Copies what a program trains, with an optimiser state of its own, and its statistics.
    ///
    /// # Errors
    /// The program is of another space.
    fn copies(&self, program: &Self::Program, params: &Self::Params) -> Result<Self::Copies>;

    /// [`Backend::copies`] of what is not trained any more, with all that makes predicting quicker.
    ///
    /// # Errors
    /// Those of [`Backend::copies`].
    fn settled(&self, program: &Self::Program, params: &Self::Params) -> Result<Self::Copies> {
        self.copies(program, params)
    }

    /// Moves the copies of statistics this share of the way to those of one batch, computed with nothing dropped out; the
    /// parameters are only read.
    ///
    /// # Errors
    /// Those of [`Backend::logits`].
    fn recalibrate(
        &self,
        program: &Self::Program,
        copies: &mut Self::Copies,
        params: &Self::Params,
        batch: &Batch,
        share: f64,
    ) -> Result<()>;

    /// Trains copies on one batch; the parameters are only read. Of merged plans, each trains what it owns on values that are
    /// computed once for all, and takes the step that it would take alone. All is computed as it is by [`Backend::logits`]:
    /// nothing is dropped out, and statistics stay as they are.
    ///
    /// # Errors
    /// The program trains tables, which are not copied; or the copies are of a program that trains less.
    fn finetune(
        &self,
        program: &Self::Program,
        copies: &mut Self::Copies,
        params: &Self::Params,
        batch: &Batch,
        update: Update,
    ) -> Result<()>;

    /// The logit of each sample, for each head of each of the plans that were merged, plan after plan: what they share is computed once. Copies,
    /// which are of this task or of one that it is frozen from, go before the parameters.
    ///
    /// # Errors
    /// The program is of another space, or the batch does not fit it.
    fn logits(
        &self,
        program: &Self::Program,
        copies: &Self::Copies,
        params: &Self::Params,
        batch: &Batch,
    ) -> Result<Vec<Vec<f32>>>;

    /// The mean losses of each of the plans that were merged, those of its heads added up by their weights, and the gradients of what each trains, as in a step whose key
    /// is zeros.
    ///
    /// # Errors
    /// Those of [`Backend::logits`].
    fn gradients(&self, program: &Self::Program, params: &Self::Params, batch: &Batch)
    -> Result<(Vec<f64>, Gradients)>;

    /// What it computes on, as `--device` calls it. Figures of one are not to the last digit those of another.
    fn device(&self) -> &'static str;

    /// How many threads of this machine it computes with.
    fn threads(&self) -> usize;

    /// Gives back the memory that is kept from step to step, where other work follows that needs less.
    fn release(&self);
}

/// What a step draws, and how gradients become updates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Update {
    /// The update rule of this step.
    pub rule: Rule,
    /// Gradients are scaled to at most this norm; none where absent.
    pub clip: Option<f64>,
    /// Each gradient is brought to between minus this and this instead; as it is where absent.
    pub clamp: Option<f64>,
    /// How many times the loss of a click counts.
    pub positive_weight: f64,
    /// The gradients of rows grow by this times their values, before they are scaled.
    pub l2: f64,
    /// Whether all rows of the tables that are trained are moved, as if they were dense; else those that the batch looks up.
    pub whole_tables: bool,
    /// What moves the averages that are kept of weights, where they are.
    pub average: Option<Average>,
    /// The key of the step's random draws: another one for every step. Where copies are fine-tuned, nothing is drawn.
    pub noise: Key,
}

impl Update {
    /// Adagrad without a penalty.
    pub const fn adagrad(lr: f64, eps: f64, clip: Option<f64>) -> Self {
        Self {
            rule: Rule::Adagrad { lr, eps, rowwise: false },
            clip,
            clamp: None,
            positive_weight: 1.0,
            l2: 0.0,
            whole_tables: false,
            average: None,
            noise: [0; 32],
        }
    }
}

/// What some steps found out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stepped {
    /// How many steps this is of: since the last time that it was told.
    pub steps: u64,
    /// How many of them had a loss that was not finite.
    pub failed: u64,
    /// Mean loss over the batches of the others, before each update; not finite where there are none.
    pub loss: f64,
}
