//! Logits and metrics over batches.

use std::borrow::Borrow;

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

/// What a plan says of all batches, in order.
pub fn scores<B: Backend, T: Borrow<Batch>>(
    backend: &B,
    program: &B::Program,
    copies: &B::Copies,
    params: &B::Params,
    batches: impl IntoIterator<Item = Result<T>>,
) -> Result<Scores> {
    let (mut each, Truth { labels, groups }) = each_logits(backend, program, copies, params, batches)?;
    Ok(Scores { logits: each.swap_remove(0), labels, groups })
}

/// The metrics of each of the plans that were merged: batches are read once for all of them.
pub fn evaluate_each<B: Backend, T: Borrow<Batch>>(
    backend: &B,
    program: &B::Program,
    copies: &B::Copies,
    params: &B::Params,
    batches: impl IntoIterator<Item = Result<T>>,
) -> Result<Vec<Metrics>> {
    let (each, Truth { labels, groups }) = each_logits(backend, program, copies, params, batches)?;
    Ok(each.iter().map(|logits| Metrics::of_groups(logits, &labels, &groups)).collect())
}

/// What logits are held against.
struct Truth {
    labels: Vec<f32>,
    /// Of each sample; nothing where samples have none.
    groups: Vec<u64>,
}

fn each_logits<B: Backend, T: Borrow<Batch>>(
    backend: &B,
    program: &B::Program,
    copies: &B::Copies,
    params: &B::Params,
    batches: impl IntoIterator<Item = Result<T>>,
) -> Result<(Vec<Vec<f32>>, Truth)> {
    let outputs = backend.task(program).outputs().len();
    let (mut each, mut truth) = (vec![Vec::new(); outputs], Truth { labels: Vec::new(), groups: Vec::new() });
    for batch in batches {
        let batch = batch?;
        let batch = batch.borrow();
        let logits = backend.logits(program, copies, params, batch)?;
        each.iter_mut().zip(&logits).for_each(|(all, logits)| all.extend_from_slice(logits));
        truth.labels.extend_from_slice(batch.labels_of(0));
        truth.groups.extend_from_slice(&batch.groups);
    }
    Ok((each, truth))
}
