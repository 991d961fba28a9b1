//! The phases of a run, one after the other; those of a training are the last of a search's.

use std::sync::Arc;

use nasrec_compiler::Architecture;

use super::fit::Workshop;
use super::report::{Attainable, Report, Row, Size, Usage};
use super::retrain::{Contender, Course};
use super::strategies::{self, Strategy};
use super::supernet::Supernet;
use super::{budget, searching, winner};
use crate::backend::Backend;
use crate::data::{Dataset, Part};
use crate::machine::{Bytes, available_memory, peak_memory};
use crate::model::Evidence;
use crate::run::{BEST_SOURCE, Baseline, CACHE, Entry, Journal, REPORT, Run, RunDir, USAGE};
use crate::train::{self, Figures};
use crate::{Observer, Result, Stop, files};

/// Does what a run is to do, going on where an earlier process stopped. The winner is kept as a [`crate::model::Model`] in
/// `best` and as source in `best.nasrec`, what was done in `journal.jsonl`, the supernet in `supernet.safetensors`.
///
/// # Errors
/// [`crate::Error::Stopped`] after a request to stop, everything done so far on disk; whatever else goes wrong.
pub fn search(run: &Run, backend: &impl Backend, observer: &dyn Observer, stop: &Stop) -> Result<Report> {
    search_within(run, backend, observer, stop, available_memory())
}

/// The same, failing before anything is trained where it needs more memory than `budget`; without one, it is tried.
///
/// # Errors
/// See [`search`].
pub fn search_within(
    run: &Run,
    backend: &impl Backend,
    observer: &dyn Observer,
    stop: &Stop,
    budget: Option<Bytes>,
) -> Result<Report> {
    search_by(run, backend, observer, stop, budget, &mut *strategies::of(&run.job().recipe.method))
}

/// The same with another strategy than the recipe's. A run goes on with the strategy that it began with.
///
/// # Errors
/// See [`search`].
pub fn search_by(
    run: &Run,
    backend: &impl Backend,
    observer: &dyn Observer,
    stop: &Stop,
    budget: Option<Bytes>,
    strategy: &mut dyn Strategy,
) -> Result<Report> {
    let result = phases(Workshop { run, backend, observer, stop }, budget, strategy);
    let peak = peak_memory().map(|bytes| bytes.0).max(usage(run.dir()).peak_memory);
    let written = run.dir().write(USAGE, &files::seal(&Usage { peak_memory: peak })?);
    let report = result?;
    written?;
    Ok(Report { peak_memory: peak.map(Bytes), ..report })
}

/// What earlier processes of the run took; nothing where that cannot be told.
fn usage(dir: &RunDir) -> Usage {
    let text = files::read(&dir.file(USAGE), 1 << 10);
    text.ok().and_then(|text| files::unseal(&text).ok()).map(|(usage, _)| usage).unwrap_or_default()
}

fn phases<B: Backend>(shop: Workshop<'_, B>, budget: Option<Bytes>, strategy: &mut dyn Strategy) -> Result<Report> {
    let Workshop { run, backend, observer, stop } = shop;
    let job = run.job();
    let mut journal = run.journal(backend.device(), observer)?;
    // Before the table is read and once its rows are counted: nothing is trained that cannot be kept.
    let room = |rows| match run.dir().free_space() {
        Some(free) => budget::check_disk(job, rows, run.dir().holds(), free),
        None => Ok(()),
    };
    room(budget::expected_rows(job).unwrap_or(0))?;
    let data = Arc::new(read(shop, &mut journal)?);
    let rows = data.rows() as u64;
    room(rows)?;
    if let Some(budget) = budget {
        budget::check(job, rows, backend.threads(), budget)?;
    }
    let (contenders, candidates) = match &job.model {
        Some((name, architecture)) => (vec![(name.clone(), architecture.clone(), None)], 0),
        None => found(shop, &data, &mut journal, strategy)?,
    };

    let course = Course { shop, job, data: &data };
    let mut best = Vec::new();
    for (name, architecture, in_supernet) in contenders {
        let (plan, canonical) = job.selected(&architecture)?;
        let contender = Contender { name, plan };
        let validation = course.validated(&contender, &mut journal)?;
        let size = Some(Size::of(&contender.plan));
        best.push((row(&contender.name, size, Some(canonical), in_supernet, validation), contender));
    }
    best.sort_by(|(a, _), (b, _)| a.validation.rank().total_cmp(&b.validation.rank()));
    // The first that does not fail now either.
    for (row, contender) in best.iter_mut().filter(|(row, _)| !row.failed()) {
        let evidence = Evidence {
            search: Some(run.name().to_owned()),
            run: Some(run.identity().to_owned()),
            data: Some(data.fingerprint().to_owned()),
            in_supernet: row.in_supernet,
            validation: Some(row.validation),
            test: None,
        };
        row.test = Some(course.kept(contender, evidence, &mut journal)?);
        if !row.failed() {
            break;
        }
    }
    best.sort_by_key(|(row, _)| row.failed());
    let mut baselines = Vec::new();
    for (name, baseline) in &job.baselines {
        let size = match baseline {
            Baseline::Network(plan) => Some(Size::of(plan)),
            Baseline::Trees => None,
        };
        let mut told = row(name, size, None, None, course.compared(name, baseline, false, &mut journal)?);
        if !told.failed() {
            told.test = Some(course.compared(name, baseline, true, &mut journal)?);
        }
        baselines.push(told);
    }
    let attainable = train::Attainable::of(&data, data.part(Part::Test))?
        .map(|known| Attainable { log_loss: known.log_loss, constant: known.base_rate_log_loss });
    let report = Report {
        best: best.into_iter().map(|(row, _)| row).collect(),
        baselines,
        candidates,
        attainable,
        refit: job.recipe.retrain.refit,
        constant: Some(train::Constant::of(&data, job.recipe.evaluate.batch, stop)?),
        peak_memory: None,
    };
    run.dir().write(REPORT, &serde_json::to_vec_pretty(&report)?)?;
    if let Some(architecture) = report.winner().and_then(|row| row.architecture.as_ref()) {
        match winner::source(run, &report, architecture)? {
            Ok(source) => run.dir().write(BEST_SOURCE, source.as_bytes())?,
            // A mistake of ours, and no reason to keep the results back.
            Err(why) => observer.say(&format!("{BEST_SOURCE} cannot be written: {why}")),
        }
    }
    Ok(report)
}

/// What is trained from scratch: its name, and its figures in the supernet where there is one.
type Named = (String, Architecture, Option<Figures>);

/// The best of a search, which are to be retrained, and how many candidates there were.
fn found<B: Backend>(
    shop: Workshop<'_, B>,
    data: &Arc<Dataset>,
    journal: &mut Journal,
    strategy: &mut dyn Strategy,
) -> Result<(Vec<Named>, usize)> {
    let job = shop.run.job();
    let supernet = Supernet::trained(shop, job, data, journal)?;
    let ranked = searching::search(shop, job, data, &supernet, journal, strategy)?;
    let candidates = ranked.len();
    // On disk, and in the way from here on.
    drop(supernet);
    shop.backend.release();
    let best = ranked.into_iter().take(job.recipe.retrain.top).enumerate();
    let named = best.map(|(rank, found)| (format!("best-{}", rank + 1), found.architecture, Some(found.figures)));
    Ok((named.collect(), candidates))
}

/// The data of a run: what it began with, and no other.
fn read<B: Backend>(shop: Workshop<'_, B>, journal: &mut Journal) -> Result<Dataset> {
    let Workshop { run, observer, stop, .. } = shop;
    let (job, cache) = (run.job(), run.dir().file(CACHE));
    let (schema, recipe, base) = (&job.schema, &job.recipe.data, &job.base);
    let known = journal.entries().iter().find_map(|entry| match entry {
        Entry::Data { fingerprint, .. } => Some(fingerprint.clone()),
        _ => None,
    });
    match known {
        Some(fingerprint) => Dataset::recover(schema, recipe, base, &cache, &fingerprint, observer, stop),
        None => {
            let data = Dataset::prepare(schema, recipe, base, &cache, observer, stop)?;
            journal.append(Entry::Data { fingerprint: data.fingerprint().to_owned(), rows: data.rows() })?;
            Ok(data)
        }
    }
}

fn row(
    name: &str,
    size: Option<Size>,
    architecture: Option<Architecture>,
    in_supernet: Option<Figures>,
    validation: Figures,
) -> Row {
    Row { name: name.to_owned(), architecture, in_supernet, validation, test: None, size }
}
