//! Logits and metrics over batches.

use std::borrow::Borrow;

use super::metrics::Metrics;
use crate::Result;
use crate::data::Batch;
use crate::ops::{Executor, Program};
use crate::supernet::{Store, Weights};

/// The logits and labels of all batches, in order.
pub fn logits<B: Borrow<Batch>>(
    executor: &Executor,
    program: &Program,
    weights: &Weights,
    store: &Store,
    batches: impl IntoIterator<Item = Result<B>>,
) -> Result<(Vec<f32>, Vec<f32>)> {
    let (mut logits, labels) = each_logits(executor, program, weights, store, batches)?;
    Ok((logits.swap_remove(0), labels))
}

/// The metrics over all batches together.
pub fn evaluate<B: Borrow<Batch>>(
    executor: &Executor,
    program: &Program,
    weights: &Weights,
    store: &Store,
    batches: impl IntoIterator<Item = Result<B>>,
) -> Result<Metrics> {
    Ok(evaluate_each(executor, program, weights, store, batches)?.swap_remove(0))
}

/// The metrics of each of the plans that were merged: batches are read once for all of them.
pub fn evaluate_each<B: Borrow<Batch>>(
    executor: &Executor,
    program: &Program,
    weights: &Weights,
    store: &Store,
    batches: impl IntoIterator<Item = Result<B>>,
) -> Result<Vec<Metrics>> {
    let (each, labels) = each_logits(executor, program, weights, store, batches)?;
    Ok(each.iter().map(|logits| Metrics::of(logits, &labels)).collect())
}

fn each_logits<B: Borrow<Batch>>(
    executor: &Executor,
    program: &Program,
    weights: &Weights,
    store: &Store,
    batches: impl IntoIterator<Item = Result<B>>,
) -> Result<(Vec<Vec<f32>>, Vec<f32>)> {
    store.check(program.plan())?;
    let params = store.slices(program.plan(), weights);
    let (mut each, mut labels) = (vec![Vec::new(); program.outputs()], Vec::new());
    for batch in batches {
        let batch = batch?;
        let batch = batch.borrow();
        let logits = executor.each_logits(program, params.inputs(batch))?;
        each.iter_mut().zip(&logits).for_each(|(all, logits)| all.extend_from_slice(logits));
        labels.extend_from_slice(&batch.labels);
    }
    Ok((each, labels))
}
