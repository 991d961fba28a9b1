//! Training the supernet: each step one path of the space, its slices of the store trained as if it stood alone.

use std::sync::Arc;
use std::time::Instant;

use super::fit::{Regime, Workshop, fit};
use super::job::Job;
use super::journal::{Entry, Journal};
use super::paths;
use super::programs::Programs;
use crate::Result;
use crate::backend::Backend;
use crate::data::{Batches, Dataset, Part};
use crate::supernet::{Keep, ParamDef, Store};

/// The trained supernet in its run directory.
const FILE: &str = "supernet.safetensors";

/// The trained supernet: from disk where it is there already.
pub(super) fn train<B: Backend>(
    shop: Workshop<'_, B>,
    job: &Job,
    data: &Arc<Dataset>,
    journal: &mut Journal,
) -> Result<B::Params> {
    let recipe = &job.recipe.train;
    let keep = Keep::for_optimiser(recipe.optimiser, job.recipe.embeddings.storage);
    let mut store = Store::kept(job.space.params().iter().map(ParamDef::from), job.seed_of("supernet"), keep)?;
    let path = shop.dir.file(FILE);
    if journal.entries().iter().any(|entry| matches!(entry, Entry::Supernet { .. })) {
        store.load(&path)?;
        shop.dir.sweep("supernet", None)?;
        return shop.backend.load(store);
    }
    let rows = data.part(Part::Train).clone();
    let batches = Batches::shuffled(Arc::clone(data), rows, recipe.batch, &job.streams(), "supernet/batches")?;
    let batches = Arc::new(batches);
    let regime = Regime {
        steps: recipe.epochs * batches.per_epoch(),
        optimiser: recipe.optimiser,
        warmup: recipe.warmup,
        schedule: recipe.schedule,
        clip: recipe.clip,
        l2: job.recipe.embeddings.l2,
    };
    let paths = paths::of(recipe);
    let streams = job.streams();
    let mut programs = Programs::new(job, shop.backend);
    let start = Instant::now();
    let params = fit(shop, "supernet", "train supernet", &regime, store, &batches, |step| {
        let path = paths.path(&job.space, step, regime.steps, &mut streams.rng("supernet/path", step));
        programs.training(path)
    })?;
    shop.backend.save(&params)?.save(&path)?;
    journal.append(Entry::Supernet { steps: regime.steps, seconds: start.elapsed().as_secs_f64() })?;
    shop.dir.sweep("supernet", None)?;
    Ok(params)
}
