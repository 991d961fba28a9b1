//! How well ways of judging architectures order them: the same ones, drawn uniformly, each trained on its own with several
//! seeds, against what a supernet says of them, and what else can be said before or without a training.
//!
//! Lives here: the phases of such a run, the measures of agreement with their intervals, what is reported; the ways of judging,
//! one file and one line of a list each, in `judges/`. Never: how a supernet or an architecture is trained, which the phases
//! of a search say; a choice of what is better, which is the reader's.

mod drawn;
mod further;
mod intervals;
mod judged;
mod judges;
mod report;
mod trainings;

use std::sync::Arc;

use nasrec_compiler::recipe::Train;

use super::fit::Workshop;
use super::retrain::Course;
use super::supernet::Supernet;
use super::{budget, run as phases};
use crate::backend::Backend;
use crate::data::Dataset;
use crate::error::RunError;
use crate::machine::{Bytes, available_memory};
use crate::run::{Job, Journal, REPORT, Ranking, Run};
use crate::{Observer, Result, Stop};

use drawn::Subject;
use intervals::Resamples;
use judged::Judging;
pub use report::{Agreement, Estimate, Ranked, Regret, Time, Truth};
use trainings::Trainings;

/// Measures what a run is to measure, going on where an earlier process stopped.
///
/// # Errors
/// [`crate::Error::Stopped`] after a request to stop, everything done so far on disk; whatever else goes wrong.
pub fn rank(run: &Run, backend: &impl Backend, observer: &dyn Observer, stop: &Stop) -> Result<Ranked> {
    rank_within(run, backend, observer, stop, available_memory())
}

/// The same, failing before anything is trained where it needs more memory than `budget`; without one, it is tried.
///
/// # Errors
/// See [`rank`].
pub fn rank_within(
    run: &Run,
    backend: &impl Backend,
    observer: &dyn Observer,
    stop: &Stop,
    budget: Option<Bytes>,
) -> Result<Ranked> {
    let job = run.job();
    let Some(ranking) = &job.ranking else {
        return Err(RunError::Ranking { what: format!("`{}` is a search, and measures nothing", run.name()) }.into());
    };
    ranking.check()?;
    let shop = Workshop { run, backend, observer, stop };
    let mut journal = run.journal(backend.device(), observer)?;
    let asked = Asked::of(job, ranking);
    let room = |rows| match run.dir().free_space() {
        Some(free) => asked.iter().try_for_each(|asked| budget::check_disk(&asked.job, rows, run.dir().holds(), free)),
        None => Ok(()),
    };
    room(journal.rows().or_else(|| budget::expected_rows(job)).unwrap_or(0))?;
    let data = Arc::new(phases::read(shop, &mut journal)?);
    let rows = data.rows() as u64;
    room(rows)?;
    if let Some(budget) = budget {
        asked.iter().try_for_each(|asked| budget::check(&asked.job, rows, backend.threads(), budget))?;
    }
    let course = Course { shop, job, data: &data };
    let subjects = drawn::draw(job, ranking, &mut journal, observer)?;
    let trained = trainings::train(&course, ranking, &subjects, &mut journal)?;
    let judging = Judging { shop, ranking, subjects: &subjects };
    let resamples = Resamples::draw(job.streams(), trained.sound().len());
    let mut agreements = Vec::new();
    let usual = match job.has_supernet() {
        true => in_supernets(&judging, &asked, &data, &trained, &resamples, (&mut journal, &mut agreements))?,
        false => None,
    };
    let mut told = Vec::new();
    for judge in judges::untrained() {
        let scores = judging.untrained(&judge, &course, &mut journal)?;
        told.push((judge.name, vec![trained.against_means(&scores)]));
    }
    for judge in judges::trained() {
        told.extend((judge.by)(&trained).map(|readings| (judge.name, readings)));
    }
    for (name, readings) in told {
        let mut agreement = resamples.agreement(None, name, &readings);
        agreement.more = match (&usual, readings.as_slice()) {
            // Against some of the trainings only, another thing is measured.
            (Some(usual), [one]) if one.truths == trained.means() => resamples.more(one, &trained.against_means(usual)),
            _ => None,
        };
        agreements.push(agreement);
    }
    let ranked = report::of(job, ranking, &trained, agreements, &journal);
    run.dir().write(REPORT, &serde_json::to_vec_pretty(&ranked)?)?;
    Ok(ranked)
}

/// A supernet, and how it is asked.
struct Asked {
    /// Which variant it is; none where it is the recipe's.
    variant: Option<String>,
    job: Job,
    /// Whether it is of another space than that of the recipe, with the same choices.
    is_of_another_space: bool,
}

impl Asked {
    /// The recipe's, and each variant's.
    fn of(job: &Job, ranking: &Ranking) -> Vec<Self> {
        let variants = ranking.variants.iter();
        let variants = variants.map(|variant| Self {
            variant: Some(variant.name.clone()),
            job: job.varied(variant),
            is_of_another_space: variant.is_of_another_space(),
        });
        std::iter::once(Self { variant: None, job: job.clone(), is_of_another_space: false }).chain(variants).collect()
    }

    /// What decides the weights of its supernet: variants that are only asked otherwise share one.
    fn trained_by(&self) -> (u64, &Train, Option<&str>) {
        let space = self.variant.as_deref().filter(|_| self.is_of_another_space);
        (self.job.recipe.seed, &self.job.recipe.train, space)
    }

    /// What is judged, in its space.
    fn subjects(&self, subjects: &[Subject]) -> Result<Vec<Subject>> {
        let each = subjects.iter().map(|Subject { plan, live }| {
            let plan = if self.is_of_another_space { self.job.selected(live)?.0 } else { plan.clone() };
            Ok(Subject { plan, live: live.clone() })
        });
        each.collect()
    }
}

/// What supernets say, one after the other: each is trained, asked by all that ask it, and gives way to the next. What the search
/// of the recipe would go by is handed back.
fn in_supernets<B: Backend>(
    judging: &Judging<'_, B>,
    asked: &[Asked],
    data: &Arc<Dataset>,
    trained: &Trainings<'_>,
    resamples: &Resamples,
    (journal, agreements): (&mut Journal, &mut Vec<Agreement>),
) -> Result<Option<Vec<f64>>> {
    let mut usual: Option<Vec<f64>> = None;
    for (at, first) in asked.iter().enumerate() {
        let earlier = asked.get(..at).unwrap_or_default();
        if earlier.iter().any(|earlier| earlier.trained_by() == first.trained_by()) {
            continue;
        }
        let supernet = Supernet::trained_as(first.variant.as_deref(), judging.shop, &first.job, data, journal)?;
        for asked in asked.iter().filter(|asked| asked.trained_by() == first.trained_by()) {
            let variant = asked.variant.as_deref();
            let subjects = asked.subjects(judging.subjects)?;
            let judging = &Judging { subjects: &subjects, ..*judging };
            let mut told = Vec::new();
            for judge in judges::in_supernet() {
                let scores = judging.in_supernet(&judge, (variant, &asked.job), &supernet, data, journal)?;
                told.extend(scores.map(|scores| (judge.name, scores)));
            }
            let own = judges::own(&told).map(<[f64]>::to_vec);
            let corrected = own.as_ref().and_then(|own| judges::corrected(trained, own));
            told.extend(corrected.map(|scores| (judges::CORRECTED, scores)));
            // The recipe's comes first.
            usual = usual.or(own);
            for (name, scores) in told {
                let mut agreement = resamples.agreement(variant, name, &[trained.against_means(&scores)]);
                agreement.more = usual
                    .as_ref()
                    .and_then(|usual| resamples.more(&trained.against_means(&scores), &trained.against_means(usual)));
                agreements.push(agreement);
            }
        }
        drop(supernet);
        judging.shop.backend.release();
    }
    Ok(usual)
}
