//! The phases of a run, one after the other.

use std::fs;
use std::sync::Arc;

use super::directory::RunDir;
use super::fit::Workshop;
use super::job::Job;
use super::journal::{Entry, Figures, Journal};
use super::report::{Attainable, Report, Row, Usage};
use super::retrain::{self, Model};
use super::strategies::{self, Strategy};
use super::{budget, searching, supernet};
use crate::backend::Backend;
use crate::data::{Dataset, Part};
use crate::error::RunError;
use crate::machine::{Bytes, available_memory, peak_memory};
use crate::train;
use crate::{Observer, Result, Stop};

/// The weights of the winner, in the run directory.
const WEIGHTS: &str = "best.safetensors";
/// What the run took of the machine.
const USAGE: &str = "usage.json";

/// Runs the job in its directory, going on where an earlier process stopped. The winner's weights are in
/// `best.safetensors`, the journal in `journal.jsonl`, the supernet in `supernet.safetensors`.
///
/// # Errors
/// [`crate::Error::Stopped`] after a request to stop, everything done so far on disk; whatever else goes wrong.
pub fn search(job: &Job, dir: &RunDir, backend: &impl Backend, observer: &dyn Observer, stop: &Stop) -> Result<Report> {
    search_within(job, dir, backend, observer, stop, available_memory())
}

/// The same, failing before anything is trained where it needs more memory than `budget`; without one, it is tried.
///
/// # Errors
/// See [`search`].
pub fn search_within(
    job: &Job,
    dir: &RunDir,
    backend: &impl Backend,
    observer: &dyn Observer,
    stop: &Stop,
    budget: Option<Bytes>,
) -> Result<Report> {
    search_by(job, dir, backend, observer, stop, budget, &mut *strategies::of(&job.recipe.method))
}

/// The same with another strategy than the recipe's. A run goes on with the strategy that it began with.
///
/// # Errors
/// See [`search`].
pub fn search_by(
    job: &Job,
    dir: &RunDir,
    backend: &impl Backend,
    observer: &dyn Observer,
    stop: &Stop,
    budget: Option<Bytes>,
    strategy: &mut dyn Strategy,
) -> Result<Report> {
    let shop = Workshop { dir, backend, observer, stop };
    let result = phases(shop, job, budget, strategy);
    let peak = peak_memory().map(|bytes| bytes.0).max(usage(dir).peak_memory);
    let written = dir.write(USAGE, &serde_json::to_vec_pretty(&Usage { peak_memory: peak })?);
    let report = result?;
    written?;
    Ok(Report { peak_memory: peak.map(Bytes), ..report })
}

/// What earlier processes of the run took.
fn usage(dir: &RunDir) -> Usage {
    fs::read(dir.file(USAGE)).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
}

fn phases<B: Backend>(
    shop: Workshop<'_, B>,
    job: &Job,
    budget: Option<Bytes>,
    strategy: &mut dyn Strategy,
) -> Result<Report> {
    let Workshop { dir, backend, observer, stop } = shop;
    let mut journal = Journal::open(&dir.file("journal.jsonl"), observer)?;
    let cache = dir.file("data.cache");
    let data = Arc::new(Dataset::prepare(&job.schema, &job.recipe.data, &job.base, &cache, observer, stop)?);
    same_data(&mut journal, &data, dir)?;
    if let Some(budget) = budget {
        budget::check(job, data.rows() as u64, backend.threads(), budget)?;
    }
    let params = supernet::train(shop, job, &data, &mut journal)?;
    let ranked = searching::search(shop, job, &data, &params, &mut journal, strategy)?;
    let candidates = ranked.len();
    // On disk, and in the way from here on.
    drop(params);
    backend.release();

    let mut best = Vec::new();
    for (rank, candidate) in ranked.iter().take(job.recipe.retrain.top).enumerate() {
        let (plan, canonical) = job.selected(&candidate.architecture)?;
        let model = Model { name: format!("best-{}", rank + 1), plan };
        let validation = retrain::train(shop, job, &data, &mut journal, &model, false, None)?;
        best.push((row(&model, Some(canonical), Some(candidate.figures), validation), model));
    }
    best.sort_by(|(a, _), (b, _)| a.validation.rank().total_cmp(&b.validation.rank()));
    if let Some((row, model)) = best.first_mut() {
        let path = dir.file(WEIGHTS);
        row.test = Some(retrain::train(shop, job, &data, &mut journal, model, true, Some(&path))?);
    }
    let mut baselines = Vec::new();
    for (name, plan) in &job.baselines {
        let model = Model { name: name.clone(), plan: plan.clone() };
        let validation = retrain::train(shop, job, &data, &mut journal, &model, false, None)?;
        let mut row = row(&model, None, None, validation);
        row.test = Some(retrain::train(shop, job, &data, &mut journal, &model, true, None)?);
        baselines.push(row);
    }
    let attainable = train::Attainable::of(&data, data.part(Part::Test))
        .map(|known| Attainable { log_loss: known.log_loss, constant: known.base_rate_log_loss });
    let report = Report {
        best: best.into_iter().map(|(row, _)| row).collect(),
        baselines,
        candidates,
        attainable,
        peak_memory: None,
    };
    dir.write("report.json", &serde_json::to_vec_pretty(&report)?)?;
    Ok(report)
}

/// Remembers the data of a run, and refuses to go on with other data.
fn same_data(journal: &mut Journal, data: &Dataset, dir: &RunDir) -> Result<()> {
    let recorded = journal.entries().iter().find_map(|entry| match entry {
        Entry::Data { fingerprint, rows, .. } => Some((fingerprint.clone(), *rows)),
        _ => None,
    });
    let fingerprint = data.fingerprint().to_owned();
    match recorded {
        None => journal.append(Entry::Data { fingerprint, rows: data.rows(), seconds: 0.0 }),
        Some((known, _)) if known == fingerprint => Ok(()),
        Some((_, then)) => Err(RunError::OtherData { path: dir.path().to_owned(), then, now: data.rows() }.into()),
    }
}

fn row(
    model: &Model,
    architecture: Option<nasrec_compiler::Architecture>,
    in_supernet: Option<Figures>,
    validation: Figures,
) -> Row {
    Row {
        name: model.name.clone(),
        architecture,
        in_supernet,
        validation,
        test: None,
        macs: model.plan.macs(),
        dense_params: model.plan.dense_params(),
        embedding_params: model.plan.embedding_params(),
    }
}
