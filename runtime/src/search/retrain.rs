//! Training from scratch: the best architectures and the baselines, all the same way.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use nasrec_compiler::plan::Plan;

use super::fit::{Regime, Workshop, fit};
use super::job::Job;
use super::journal::{Entry, Figures, Journal};
use crate::Result;
use crate::backend::{Backend, Task, Trainable};
use crate::data::{Batches, Dataset, Part, Rows};
use crate::supernet::{Keep, Store};
use crate::train::evaluate;

/// A model to train.
#[derive(Clone, Debug)]
pub(super) struct Model {
    /// Names its files, its stream and its journal entries.
    pub name: String,
    pub plan: Plan,
}

/// Trains a model on the training part and gives its figures on the validation part; or, for the `last` time, on both,
/// with its figures on the test part, and its weights written to `weights` where a path is given.
pub(super) fn train<B: Backend>(
    shop: Workshop<'_, B>,
    job: &Job,
    data: &Arc<Dataset>,
    journal: &mut Journal,
    model: &Model,
    last: bool,
    weights: Option<&Path>,
) -> Result<Figures> {
    let known = journal.entries().iter().find_map(|entry| match entry {
        Entry::Trained { model: name, last: was_last, figures, .. } if *name == model.name && *was_last == last => {
            Some(*figures)
        }
        _ => None,
    });
    let run = format!("{}{}", model.name, if last { "-last" } else { "" });
    // A name such as `dlrm(dim: 8)` as part of a file name.
    let file_safe = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let checkpoints = format!("retrain-{}", run.chars().map(file_safe).collect::<String>());
    // Weights are written before the journal says so; without them it is done again.
    if let Some(figures) = known.filter(|_| weights.is_none_or(Path::is_file)) {
        shop.dir.sweep(&checkpoints, None)?;
        return Ok(figures);
    }
    let recipe = &job.recipe.retrain;
    let (rows, evaluated): (Rows, &Rows) = if last {
        (Rows::concat([data.part(Part::Train), data.part(Part::Validation)]), data.part(Part::Test))
    } else {
        (data.part(Part::Train).clone(), data.part(Part::Validation))
    };
    // One order of the data for all models, so that they differ in nothing else.
    let stream = if last { "retrain/last/batches" } else { "retrain/batches" };
    let batches = Arc::new(Batches::shuffled(Arc::clone(data), rows, recipe.batch, &job.streams(), stream)?);
    let regime = Regime {
        steps: recipe.epochs * batches.per_epoch(),
        optimiser: recipe.optimiser,
        warmup: recipe.warmup,
        schedule: recipe.schedule,
        clip: recipe.clip,
        l2: job.recipe.embeddings.l2,
    };
    let plan = Arc::new(model.plan.standalone());
    let keep = Keep::for_optimiser(recipe.optimiser, job.recipe.embeddings.storage);
    let store = Store::standalone_kept(&plan, job.seed_of(&format!("retrain/{}", model.name)), keep)?;
    let backend = shop.backend;
    let program = Arc::new(backend.compile(Task::training(Arc::clone(&plan), &Trainable::all(&plan))?)?);
    let start = Instant::now();
    let title = format!("train {}{}", model.name, if last { " on train + validation" } else { "" });
    let params = fit(shop, &checkpoints, &title, &regime, store, &batches, |_| Ok(Arc::clone(&program)))?;
    let program = backend.compile(Task::evaluating(plan)?)?;
    let copies = backend.copies(&program, &params)?;
    let batches = Batches::listed(Arc::clone(data), evaluated.clone(), job.recipe.evaluate.batch)?;
    let all = (0..batches.per_epoch()).map(|index| shop.stop.check().map(|()| batches.batch(0, index)));
    let figures: Figures = evaluate(backend, &program, &copies, &params, all)?.into();
    if let Some(path) = weights {
        backend.save(&params)?.export(path)?;
    }
    if known.is_none() {
        let (model, seconds) = (model.name.clone(), start.elapsed().as_secs_f64());
        journal.append(Entry::Trained { model, last, figures, seconds })?;
    }
    shop.dir.sweep(&checkpoints, None)?;
    Ok(figures)
}
