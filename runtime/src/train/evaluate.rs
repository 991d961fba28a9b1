//! Logits and metrics over batches.

use std::borrow::Borrow;

use super::metrics::Metrics;
use crate::Result;
use crate::backend::Backend;
use crate::data::Batch;

/// The logits and labels of all batches, in order.
pub fn logits<B: Backend, T: Borrow<Batch>>(
    backend: &B,
    program: &B::Program,
    copies: &B::Copies,
    params: &B::Params,
    batches: impl IntoIterator<Item = Result<T>>,
) -> Result<(Vec<f32>, Vec<f32>)> {
    let (mut logits, Truth { labels, .. }) = each_logits(backend, program, copies, params, batches)?;
    Ok((logits.swap_remove(0), labels))
}

/// The metrics over all batches together.
pub fn evaluate<B: Backend, T: Borrow<Batch>>(
    backend: &B,
    program: &B::Program,
    copies: &B::Copies,
    params: &B::Params,
    batches: impl IntoIterator<Item = Result<T>>,
) -> Result<Metrics> {
    Ok(evaluate_each(backend, program, copies, params, batches)?.swap_remove(0))
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
        truth.labels.extend_from_slice(&batch.labels);
        truth.groups.extend_from_slice(&batch.groups);
    }
    Ok((each, truth))
}
