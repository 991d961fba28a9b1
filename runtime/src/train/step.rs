//! One training step.

use crate::data::Batch;
use crate::ops::{Executor, Gradients, Program};
use crate::supernet::{Rule, Store, Weights};
use crate::{Error, Result};

/// How gradients become updates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Update {
    pub rule: Rule,
    /// Gradients are scaled to at most this norm; none where absent.
    pub clip: Option<f64>,
    /// The gradients of the rows in use grow by this times their values, before they are scaled.
    pub l2: f64,
}

impl Update {
    /// Adagrad without a penalty.
    pub const fn adagrad(lr: f64, eps: f64, clip: Option<f64>) -> Self {
        Self { rule: Rule::Adagrad { lr, eps, rowwise: false }, clip, l2: 0.0 }
    }
}

/// What a step found out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stepped {
    /// Mean loss over the batch, before the update.
    pub loss: f64,
}

/// Takes training steps. Holds an executor and the memory of a step, not a state: two trainers of one executor
/// do the same.
pub struct Trainer<'a> {
    executor: &'a Executor,
    weights: Weights,
    gradients: Gradients,
}

impl<'a> Trainer<'a> {
    pub fn new(executor: &'a Executor) -> Self {
        Self { executor, weights: Weights::default(), gradients: Gradients::default() }
    }

    /// Trains the slices of a store that the program uses, on one batch. Where the loss is not finite, nothing is
    /// updated and the caller sees it.
    pub fn step(&mut self, program: &Program, store: &mut Store, batch: &Batch, update: Update) -> Result<Stepped> {
        let Self { executor, weights, gradients } = self;
        executor.install(|| store.gather_parts(program.plan(), weights))?;
        let loss = {
            let params = store.slices(program.plan(), weights);
            executor.gradients(program, params.inputs(batch), gradients)?
        };
        if loss.is_finite() {
            executor.install(|| {
                if update.l2 > 0.0 {
                    store.penalise(program, gradients, update.l2);
                }
                let scale = gradients.clip_scale(update.clip);
                store.apply(program, gradients, update.rule, scale)
            })?;
        }
        Ok(Stepped { loss })
    }

    /// Trains a gathered copy on one batch, its optimiser state its own; the store is only read. Of merged plans, each
    /// trains what it owns on values that are computed once for all, and takes the step that it would take alone. Fails
    /// where the program trains tables, which no copy holds.
    pub fn finetune(
        &mut self,
        program: &Program,
        weights: &mut Weights,
        store: &Store,
        batch: &Batch,
        update: Update,
    ) -> Result<Vec<Stepped>> {
        if !program.tables.is_empty() {
            return Err(Error::Invalid("fine-tuning a copy cannot train embedding tables".into()));
        }
        if !weights.cover(program) {
            return Err(Error::Invalid("the copy to fine-tune was gathered for a program that trains less".into()));
        }
        store.check(program.plan())?;
        let Self { executor, gradients, .. } = self;
        let params = store.slices(program.plan(), weights);
        let losses = executor.each_gradients(program, params.inputs(batch), gradients)?;
        executor.install(|| {
            for (part, _) in program.owned.iter().zip(&losses).filter(|(_, loss)| loss.is_finite()) {
                let scale = gradients.clip_scale_of(part.clone(), update.clip);
                weights.apply(program, part.clone(), gradients, update.rule, scale);
            }
        });
        Ok(losses.into_iter().map(|loss| Stepped { loss }).collect())
    }
}
