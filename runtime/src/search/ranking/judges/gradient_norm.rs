//! How long the gradient of an untrained architecture is: the longer, the better (`grad_norm` of Abdelfattah et al.,
//! arXiv 2101.08134). The mean over some batches of the training part, all parameters together.

use std::sync::Arc;

use nasrec_compiler::plan::Plan;

use super::super::super::retrain::Course;
use super::Untrained;
use crate::Result;
use crate::backend::{Backend, Task, Trainable};
use crate::data::{Batches, Part};
use crate::supernet::Store;

/// Batches that it is the mean of.
const BATCHES: u64 = 4;

pub(super) fn judge<B: Backend>() -> Untrained<B> {
    Untrained { name: "gradient norm", by: score }
}

fn score<B: Backend>(course: &Course<'_, B>, plan: &Plan) -> Result<f64> {
    let Course { shop, job, data } = *course;
    let plan = Arc::new(plan.standalone());
    let program = shop.backend.compile(Task::training(Arc::clone(&plan), &Trainable::all(&plan))?)?;
    let params = shop.backend.load(Store::standalone(&plan, job.seed_of("ranking/gradient norm"))?)?;
    let batches = Batches::listed(Arc::clone(data), data.part(Part::Train).clone(), job.recipe.retrain.batch)?;
    let many = batches.per_epoch().min(BATCHES);
    let mut sum = 0.0;
    for index in 0..many {
        let (_, gradients) = shop.backend.gradients(&program, &params, &batches.batch(0, index)?)?;
        let dense = (0..plan.params.len()).flat_map(|param| gradients.dense(param));
        let tables = gradients.tables.iter().flat_map(|table| &table.values);
        sum += dense.chain(tables).map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt();
    }
    Ok(-sum / many.max(1) as f64)
}
