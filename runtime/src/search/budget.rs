//! Whether a search, or a training, fits the memory that it may take, worked out from the job before anything is trained.

use nasrec_compiler::plan::{ParamKind, Plan};
use nasrec_compiler::recipe::{Finetune, Knob, L2, Source};

use super::candidate::TOGETHER;
use super::paths;
use super::phase::{self, Phase};
use super::programs::KEPT;
use crate::Result;
use crate::backend::tiled::Program;
use crate::backend::{Task, Trainable};
use crate::data::{self, held_in_memory};
use crate::error::RunError;
use crate::machine::Bytes;
use crate::run::{Baseline, Job};
use crate::supernet::{Keep, ParamDef, Store};
use crate::trees::{self, Growth, MOST_LEAVES};

/// Bytes of a program for each node of its plan; measured, and rounded up.
const NODE: u64 = 1000;

/// What each phase takes, at most, with a table of so many rows: those of a search, or the one of a training.
///
/// # Errors
/// The space gives no plan; a plan that cannot be executed.
pub fn needs(job: &Job, rows: u64, threads: usize) -> Result<Vec<Phase>> {
    let full = largest(job)?;
    let training = Program::new(Task::training(full.clone(), &Trainable::all(&full))?)?;
    let mut phases = match job.has_supernet() {
        false => Vec::new(),
        true => searching(job, rows, threads, &full, &training)?,
    };
    phases.push(retraining(job, rows, threads, &full, &training)?);
    Ok(phases)
}

/// Everything that a path may hold, so the largest step and no smaller than what is retrained; or the one model.
fn largest(job: &Job) -> Result<Plan> {
    match &job.model {
        Some((_, architecture)) => job.plan(architecture),
        None => {
            let mut rng = job.streams().rng("budget/full path", 0);
            job.plan(&paths::largest(&job.recipe.train, &job.space, &mut rng))
        }
    }
}

/// The rows of each part, their order in an epoch, and train and validation in one; and a small table itself, and a fold beside it.
fn lists(job: &Job, rows: u64) -> u64 {
    let (folds, held) = (folds(job, rows), held_in_memory(&job.schema, rows));
    let tables = if folds > 0 { 2 } else { 1 };
    rows.saturating_mul(12 + 4 * folds).saturating_add(held.saturating_mul(tables))
}

/// How many folds there are of a table of so many rows, at most.
fn folds(job: &Job, rows: u64) -> u64 {
    if job.judges_again() { data::most_folds(&job.recipe.data, rows) as u64 } else { 0 }
}

/// Bytes of a sample of a batch.
fn sample(job: &Job) -> u64 {
    (job.schema.numeric_width() + job.schema.looked_up() + 1) as u64 * 4
}

/// Training the supernet, and searching with it.
fn searching(job: &Job, rows: u64, threads: usize, full: &Plan, training: &Program) -> Result<Vec<Phase>> {
    let recipe = &job.recipe;
    let touched = touched(job, rows);
    let counts = recipe.train.paths.counts();
    let streams = job.streams();
    let storage = recipe.embeddings.storage;
    let keep = Keep::for_optimiser(recipe.train.optimiser, storage);
    let supernet = stored(job.space.params().iter().map(ParamDef::from), keep, touched);

    let plans = (0..TOGETHER as u64).map(|index| {
        let architecture = job.space.sample(counts, &mut streams.rng("budget/candidate", index));
        job.plan(&architecture)
    });
    let plans = plans.collect::<Result<Vec<Plan>>>()?;
    let nodes = plans.iter().map(|plan| plan.nodes.len()).sum::<usize>() / plans.len();
    let together = Program::new(Task::together(&plans, Trainable::head)?)?;
    let mut searching = together.footprint(recipe.evaluate.batch.max(recipe.train.batch), threads);
    // Statistics are found on batches that all of it is computed of at once.
    searching = searching.max(together.footprint_of_step(recipe.train.batch, threads));
    // Heads are trained as copies, with a memory of their own.
    searching.gradients += (together.gradients_len * 4 * (1 + keep.memory.of_value())) as u64;

    let sample = sample(job);
    let shares = recipe.data.split.map(u64::from);
    let validation = rows * shares[1] / shares.iter().sum::<u64>().max(1);
    let held = recipe.evaluate.validate.saturating_mul(recipe.evaluate.batch as u64).min(validation);
    let lists = lists(job, rows);
    let mut step = training.footprint_of_step(recipe.train.batch, threads);
    step.gradients += of_whole_tables(job, full);
    // Of whom all weights are trained, as in a ranking, each has a copy of the supernet; further copies of that are judged by the same.
    let all = matches!(recipe.evaluate.finetune, Finetune::All { .. });
    let whole = all || job.ranking.is_some();
    let further = job.ranking.as_ref().is_some_and(|ranking| ranking.further);
    let copies = 1 + u64::from(whole) + u64::from(all && further);
    if whole {
        searching = searching.max(step);
    }
    Ok(vec![
        Phase {
            name: "supernet",
            dense: supernet.0,
            tables: supernet.1,
            executing: step,
            data: lists + 8 * sample * recipe.train.batch as u64,
            programs: nodes as u64 * NODE * KEPT.get() as u64,
        },
        Phase {
            name: "search",
            dense: supernet.0.saturating_mul(copies),
            tables: supernet.1.saturating_mul(copies),
            executing: searching,
            data: lists + held * sample,
            programs: 0,
        },
    ])
}

/// Training the largest model, or a baseline, on its own.
fn retraining(job: &Job, rows: u64, threads: usize, full: &Plan, training: &Program) -> Result<Phase> {
    let recipe = &job.recipe;
    let touched = touched(job, rows);
    let averaged = recipe.retrain.ema.is_some();
    let keep = Keep::for_optimiser(recipe.retrain.optimiser, recipe.embeddings.storage).averaged(averaged);
    // Averages are evaluated and kept as parameters of their own, beside what is trained.
    let held = |plan: &Plan| {
        let (dense, tables) = stored(plan.params.iter().map(ParamDef::from), keep, touched);
        if !averaged {
            return (dense, tables);
        }
        let (more_dense, more_tables) = stored(plan.params.iter().map(ParamDef::from), keep.values(), touched);
        (dense.saturating_add(more_dense), tables.saturating_add(more_tables))
    };
    let mut retrained = held(&full.standalone());
    let mut executing = training.footprint_of_step(largest_batch(job), threads);
    executing.gradients += of_whole_tables(job, full);
    for plan in job.networks() {
        let plan = plan.standalone();
        let (dense, tables) = held(&plan);
        let all = Trainable::all(&plan);
        let whole = of_whole_tables(job, &plan);
        let mut footprint = Program::new(Task::training(plan, &all)?)?.footprint_of_step(largest_batch(job), threads);
        footprint.gradients += whole;
        executing = executing.max(footprint);
        retrained = (retrained.0.max(dense), retrained.1.max(tables));
    }
    let boosted = match job.baselines.iter().any(|(_, baseline)| matches!(baseline, Baseline::Trees)) {
        true => {
            // Any number of leaves may be tried.
            let leaves = if recipe.tune.is_some() { MOST_LEAVES } else { Growth::default().leaves };
            trees::memory(job.schema.numeric_width(), job.schema.sparse.len(), rows, leaves)
        }
        false => 0,
    };
    Ok(Phase {
        name: if job.model.is_some() { "training" } else { "retraining" },
        dense: retrained.0,
        tables: retrained.1,
        executing,
        data: lists(job, rows) + boosted.max(8 * sample(job) * largest_batch(job) as u64),
        programs: 0,
    })
}

/// Samples of the largest step that trains a model on its own.
fn largest_batch(job: &Job) -> usize {
    let tuned = job.recipe.tune.iter().flat_map(|tune| &tune.over).filter(|(knob, _)| *knob == Knob::Batch);
    tuned.map(|(_, domain)| domain.ends().1 as usize).fold(job.recipe.retrain.batch, usize::max)
}

/// A search or a training, as it is called in what is told of it.
fn word(job: &Job) -> &'static str {
    if job.model.is_some() { "training" } else { "search" }
}

/// Rows of a table that are touched, at most, by training on so many rows of data.
fn touched(job: &Job, rows: u64) -> u64 {
    match job.recipe.embeddings.l2 {
        L2::Batch(_) => rows,
        L2::Tables { .. } => u64::MAX,
    }
}

/// Bytes of the gradients of all rows of a plan's tables, where they all have one.
fn of_whole_tables(job: &Job, plan: &Plan) -> u64 {
    let L2::Tables { .. } = job.recipe.embeddings.l2 else { return 0 };
    let tables = plan.params.iter().filter(|param| param.kind.is_table());
    // A number of the row, and its values, while those of the rows that were looked up are still there.
    let bytes = tables.map(|param| (param.full[0] as u64).saturating_mul(4 * (1 + 2 * param.axes[1].len() as u64)));
    bytes.fold(0, u64::saturating_add)
}

/// Dense parameters and tables of a store after training on `rows` rows: no more rows of a table are touched.
fn stored(defs: impl Iterator<Item = ParamDef>, keep: Keep, rows: u64) -> (u64, u64) {
    defs.fold((0u64, 0u64), |(dense, tables), def| {
        let bytes = Store::bytes(&def, keep, rows);
        match def.kind {
            ParamKind::Dense | ParamKind::Statistic => (dense.saturating_add(bytes), tables),
            ParamKind::Table { .. } => (dense, tables.saturating_add(bytes)),
        }
    })
}

/// Fails where a search needs more than `budget`, with the numbers and what could be done.
///
/// # Errors
/// See there.
pub fn check(job: &Job, rows: u64, threads: usize, budget: Bytes) -> Result<()> {
    let phases = needs(job, rows, threads)?;
    if phases.iter().all(|phase| phase.total() <= budget.0) {
        return Ok(());
    }
    let worst = phases.iter().max_by_key(|phase| phase.total()).copied().unwrap_or_default();
    let described = phase::described(word(job), &phases, budget, &advice(job, worst.largest()));
    Err(RunError::Memory { needed: worst.total(), budget: budget.0, described }.into())
}

/// Bytes that a run writes into its directory, at most, with a table of so many rows: the encoded table, and the largest
/// files of weights that lie there at one time.
///
/// # Errors
/// Those of [`needs`].
pub fn disk_needs(job: &Job, rows: u64) -> Result<u64> {
    let storage = job.recipe.embeddings.storage;
    let touched = touched(job, rows);
    let file = |defs: &mut dyn Iterator<Item = ParamDef>, keep: Keep| {
        defs.fold(0u64, |bytes, def| bytes.saturating_add(Store::file_bytes(&def, keep, touched)))
    };
    let keep = Keep::for_optimiser(job.recipe.train.optimiser, storage);
    let supernet = match job.has_supernet() {
        false => 0,
        true => file(&mut job.space.params().iter().map(ParamDef::from), keep),
    };
    let keep = Keep::for_optimiser(job.recipe.retrain.optimiser, storage).averaged(job.recipe.retrain.ema.is_some());
    let full = largest(job)?;
    let plans = job.networks().chain([&full]);
    let each = plans.map(|plan| file(&mut plan.standalone().params.iter().map(ParamDef::from), keep));
    let retrained = each.max().unwrap_or(0);
    // A new checkpoint beside the last one; the trained supernet beside a model's checkpoints, and the model that is kept.
    let weights = supernet.saturating_mul(2).max(supernet.saturating_add(retrained.saturating_mul(3)));
    Ok(weights.saturating_add(data::on_disk(&job.schema, rows, folds(job, rows))?))
}

/// Fails where a run writes more than there is room for, before anything is read or trained. `there`: what it holds already.
///
/// # Errors
/// See there.
pub fn check_disk(job: &Job, rows: u64, there: u64, free: Bytes) -> Result<()> {
    let needed = disk_needs(job, rows)?;
    if needed.saturating_sub(there) <= free.0 {
        return Ok(());
    }
    let described = format!(
        "this {} writes up to {} into its run directory, and the disk has room for {free}: choose another `--out`, \
         make room, or cap the rows of tables (`modulo(rows: …)`)",
        word(job),
        Bytes(needed.saturating_sub(there))
    );
    Err(RunError::Disk { needed, free: free.0, described }.into())
}

/// What to change where this part is the largest.
fn advice(job: &Job, largest: &str) -> String {
    match largest {
        "dense parameters" | "gradients" => {
            let dense = job.space.params().iter().filter(|param| param.kind == ParamKind::Dense);
            let widest = dense.max_by_key(|param| param.full.iter().map(|&size| size as u128).product::<u128>());
            widest.map_or_else(String::new, |param| {
                let shape: Vec<String> = param.full.iter().map(ToString::to_string).collect();
                format!("make layers narrower: the largest parameter is {}, {}", param.name, shape.join(" x "))
            })
        }
        "embedding tables" => {
            "cap the rows of tables (`modulo(rows: …)`), store them as `embeddings { storage: bf16 }`, \
             or remember less of them (`adagrad(rowwise: on)`)"
                .to_owned()
        }
        "activations" => "take fewer --threads, smaller batches or narrower layers".to_owned(),
        _ => "validate on fewer batches (`evaluate { validate: … }`), or read fewer rows".to_owned(),
    }
}

/// How many rows the data has, where that can be told before it is read: of a drawn table, and roughly of files.
pub fn expected_rows(job: &Job) -> Option<u64> {
    if let Source::Synthetic(table) = &job.recipe.data.source {
        return Some(table.rows);
    }
    data::expected_rows(&data::locate_all(&job.base, &job.recipe.data).ok()?.concat())
}
