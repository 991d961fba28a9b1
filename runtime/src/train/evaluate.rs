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
    store.check(program.plan())?;
    let rows = store.rows(program.plan());
    let (mut logits, mut labels) = (Vec::new(), Vec::new());
    for batch in batches {
        let batch = batch?;
        let batch = batch.borrow();
        logits.extend(executor.logits(program, Store::inputs(&rows, weights, batch))?);
        labels.extend_from_slice(&batch.labels);
    }
    Ok((logits, labels))
}

/// The metrics over all batches together.
pub fn evaluate<B: Borrow<Batch>>(
    executor: &Executor,
    program: &Program,
    weights: &Weights,
    store: &Store,
    batches: impl IntoIterator<Item = Result<B>>,
) -> Result<Metrics> {
    let (logits, labels) = logits(executor, program, weights, store, batches)?;
    Ok(Metrics::of(&logits, &labels))
}
