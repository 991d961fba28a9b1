//! Logits and metrics over batches.

use std::borrow::Borrow;

use nasrec_compiler::plan::Head;

use super::metrics::Metrics;
use super::scaling::Scaling;
use crate::Result;
use crate::backend::Backend;
use crate::data::Batch;

/// What a model says of samples, and what came true.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scores {
    /// Of each sample.
    pub logits: Vec<f32>,
    /// Of each sample, 0 or 1.
    pub labels: Vec<f32>,
    /// Of each sample; nothing where samples have none.
    pub groups: Vec<u64>,
}

impl Scores {
    /// How good they are.
    pub fn metrics(&self) -> Metrics {
        Metrics::of_groups(&self.logits, &self.labels, &self.groups)
    }

    /// The same, calibrated.
    #[must_use]
    pub fn scaled(mut self, scaling: Option<Scaling>) -> Self {
        if let Some(scaling) = scaling {
            self.logits.iter_mut().for_each(|logit| *logit = scaling.of(*logit));
        }
        self
    }
}

/// What a plan says of all batches, in order: of each head that is told.
pub fn scores<B: Backend, T: Borrow<Batch>>(
    backend: &B,
    program: &B::Program,
    copies: &B::Copies,
    params: &B::Params,
    batches: impl IntoIterator<Item = Result<T>>,
) -> Result<Vec<Scores>> {
    let told: Vec<usize> = (0..backend.task(program).plan().told().len()).collect();
    let (each, truth) = each_logits(backend, program, copies, params, &told, batches)?;
    let Truth { labels, groups } = truth;
    Ok(each.into_iter().zip(labels).map(|(logits, labels)| Scores { logits, labels, groups: groups.clone() }).collect())
}

/// The metrics of each of the plans that were merged, of the head that models are compared by: batches are read once for all of them.
pub fn evaluate_each<B: Backend, T: Borrow<Batch>>(
    backend: &B,
    program: &B::Program,
    copies: &B::Copies,
    params: &B::Params,
    batches: impl IntoIterator<Item = Result<T>>,
) -> Result<Vec<Metrics>> {
    let main = Head::main(backend.task(program).heads());
    let (each, Truth { labels, groups }) = each_logits(backend, program, copies, params, &[main], batches)?;
    Ok(each.iter().map(|logits| Metrics::of_groups(logits, &labels[0], &groups)).collect())
}

/// What logits are held against.
struct Truth {
    /// Of each of the heads that were asked for.
    labels: Vec<Vec<f32>>,
    /// Of each sample; nothing where samples have none.
    groups: Vec<u64>,
}

/// The logits of some heads of each plan, plan after plan.
fn each_logits<B: Backend, T: Borrow<Batch>>(
    backend: &B,
    program: &B::Program,
    copies: &B::Copies,
    params: &B::Params,
    wanted: &[usize],
    batches: impl IntoIterator<Item = Result<T>>,
) -> Result<(Vec<Vec<f32>>, Truth)> {
    let (task, heads) = (backend.task(program), backend.task(program).heads());
    let mut each = vec![Vec::new(); task.outputs().len() * wanted.len()];
    let mut truth = Truth { labels: vec![Vec::new(); wanted.len()], groups: Vec::new() };
    for batch in batches {
        let batch = batch?;
        let batch = batch.borrow();
        let logits = backend.logits(program, copies, params, batch)?;
        let of_wanted = logits.chunks_exact(heads.len()).flat_map(|of_plan| wanted.iter().map(|&head| &of_plan[head]));
        each.iter_mut().zip(of_wanted).for_each(|(all, logits)| all.extend_from_slice(logits));
        let labels = wanted.iter().map(|&head| batch.labels_of(heads[head].label));
        truth.labels.iter_mut().zip(labels).for_each(|(all, labels)| all.extend_from_slice(labels));
        truth.groups.extend_from_slice(&batch.groups);
    }
    Ok((each, truth))
}
