//! The phases of a run, one after the other; those of a training are the last of a search's.

use std::collections::HashMap;
use std::sync::Arc;

use nasrec_compiler::Architecture;
use nasrec_compiler::recipe::Method;

use super::boosted::Subject;
use super::candidate::InSupernet;
use super::clock::{CANDIDATES, Clock, Within};
use super::fit::Workshop;
use super::repeated::{self, Told};
use super::report::{Against, Attainable, Report, Row, Setting, Size, Usage};
use super::retrain::{self, Contender, Course};
use super::searching::Evaluate;
use super::seeds::{self, Finalist, Rounds};
use super::strategies::{self, Strategy};
use super::supernet::Supernet;
use super::trials::{self, Tried};
use super::tuning::{Settings, Tuned, Tuning};
use super::{budget, candidate, clock, pilot, searching, settled, winner};
use crate::backend::Backend;
use crate::data::{Dataset, Part, Wanted};
use crate::error::RunError;
use crate::machine::{Bytes, available_memory, peak_memory};
use crate::model::Evidence;
use crate::run::{BEST_SOURCE, Baseline, CACHE, Entry, FOLDS, Journal, REPORT, Run, RunDir, USAGE};
use crate::train::{self, Figures, Luck};
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
    searched(Workshop { run, backend, observer, stop }, budget, None)
}

/// The same with another strategy than the recipe's. A run goes on with the strategy that it began with. What `method: auto` leaves
/// open is no supernet then.
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
    searched(Workshop { run, backend, observer, stop }, budget, Some(strategy))
}

fn searched<B: Backend>(
    shop: Workshop<'_, B>,
    budget: Option<Bytes>,
    strategy: Option<&mut dyn Strategy>,
) -> Result<Report> {
    let run = shop.run;
    if run.job().ranking.is_some() {
        let what = format!("the run of {} ranks architectures, and searches nothing", run.dir().path().display());
        return Err(RunError::Ranking { what }.into());
    }
    let result = phases(shop, budget, strategy);
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

fn phases<B: Backend>(
    shop: Workshop<'_, B>,
    budget: Option<Bytes>,
    strategy: Option<&mut dyn Strategy>,
) -> Result<Report> {
    let Workshop { run, backend, observer, stop } = shop;
    let job = run.job();
    let mut journal = run.journal(backend.device(), observer)?;
    let clock = Clock::new(&journal);
    // Before the table is read and once its rows are counted: nothing is trained that cannot be kept.
    let room = |rows| match run.dir().free_space() {
        Some(free) => budget::check_disk(job, rows, run.dir().holds(), free),
        None => Ok(()),
    };
    room(journal.rows().or_else(|| budget::expected_rows(job)).unwrap_or(0))?;
    let data = Arc::new(read(shop, &mut journal)?);
    let rows = data.rows() as u64;
    room(rows)?;
    if let Some(budget) = budget {
        budget::check(job, rows, backend.threads(), budget)?;
    }
    if job.recipe.budget.is_some() {
        // What they take is known then, and the rest is for candidates.
        let course = Course { shop, job, data: &data };
        for (name, baseline) in &job.baselines {
            course.validated_as(&Subject::of(name, baseline), &mut journal)?;
        }
    }
    let own = Course { shop, job, data: &data };
    let tuning = Tuning::of_baselines(&own, clock, &mut journal)?;
    // What the search goes by.
    let mut job = job.clone();
    let (mut adopted, mut times) = (Vec::new(), 1.0);
    if let Some(tuning) = &tuning {
        tuning.of_search(&mut job);
        (adopted, times) = (tuning.adopted().to_vec(), tuning.times(&journal));
    }
    job.recipe.budget = job.recipe.budget.map(|budget| budget - repeated::kept(&job, &data, &journal));
    if let (None, Method::Auto) = (&job.model, &job.recipe.method) {
        let course = Course { shop, job: &job, data: &data };
        job = settled::settled(&course, clock, (strategy.is_some(), times), &mut journal)?;
        if let Some(budget) = budget {
            budget::check(&job, rows, backend.threads(), budget)?;
        }
    }
    let job = &job;
    let mut by_recipe = strategies::of(&job.recipe);
    let strategy = strategy.unwrap_or(&mut *by_recipe);
    let course = Course { shop, job, data: &data };
    let Found { mut best, candidates, luck } = match &job.model {
        Some((name, architecture)) => {
            let best = vec![course.compared_alone(name, architecture, &mut journal)?];
            Found { best, candidates: 0, luck: None }
        }
        None if job.has_supernet() => ranked(&course, clock, &mut journal, strategy)?,
        None => tried(&course, clock, &mut journal, strategy)?,
    };
    let (mut compared, mut trials) = (Vec::new(), None);
    if let Some(tuning) = tuning {
        let Settings { found, baselines, tried } = tuning.of_found(&own, &course, &mut best, &mut journal)?;
        (compared, trials) = (baselines, Some(tried));
        let mut ranks = HashMap::new();
        for ((told, contender), tuned) in best.iter_mut().filter(|(told, _)| !told.failed()).zip(found) {
            *told = tuned.told(told.clone());
            ranks.insert(told.name.clone(), tuned.rank);
            if let Subject::Network(tuned) = tuned.subject {
                *contender = tuned;
            }
        }
        if tried > 0 {
            // The tuned ones are the first, and stay so.
            let rank = |row: &Row| ranks.get(&row.name).copied().unwrap_or(f64::INFINITY);
            best.sort_by(|(a, _), (b, _)| rank(a).total_cmp(&rank(b)));
        }
    }
    // The first that does not fail now either.
    for (row, contender) in best.iter_mut().filter(|(row, _)| !row.failed()) {
        let evidence = Evidence {
            search: Some(run.name().to_owned()),
            run: Some(run.identity().to_owned()),
            data: Some(data.fingerprint().to_owned()),
            in_supernet: row.in_supernet,
            validation: Some(row.validation),
            ..Evidence::default()
        };
        row.test = Some(course.kept(contender, evidence, &mut journal)?);
        row.others = retrain::others(&journal, &contender.name);
        if !row.failed() {
            break;
        }
    }
    best.sort_by_key(|(row, _)| row.failed());
    let mut baselines = Vec::new();
    let mut compared = compared.into_iter();
    for (name, baseline) in &job.baselines {
        baselines.push(own.baseline(name, baseline, compared.next(), &mut journal)?);
    }
    let kept = best.first().filter(|(row, _)| !row.failed()).map(|(_, contender)| Subject::Network(contender.clone()));
    let test = best.first().and_then(|(row, _)| row.test);
    let mut told: Vec<(&Course<'_, B>, &Subject, Told)> =
        kept.iter().zip(test).map(|(kept, test)| (&course, kept, Told::once(kept, test, &journal))).collect();
    if !told.is_empty() {
        for (row, subject) in baselines.iter().filter(|(row, _)| !row.failed()) {
            told.extend(row.test.map(|test| (&own, subject, Told::once(subject, test, &journal))));
        }
    }
    if told.len() > 1 {
        Course::repeated(&mut told, clock, own.job.recipe.budget, &mut journal)?;
    }
    let told: Vec<(String, Told)> =
        told.into_iter().map(|(_, subject, told)| (subject.name().to_owned(), told)).collect();
    let of = |name: &str| told.iter().find(|(other, _)| other == name).map(|(_, told)| told);
    if let Some((row, contender)) = best.first_mut() {
        row.repeated = of(&contender.name).and_then(Told::repeated);
    }
    for (row, subject) in &mut baselines {
        row.repeated = of(subject.name()).and_then(Told::repeated);
    }
    // Of what was told on the test part more than once; else of what was judged on the validation part, by many trainings.
    let on_validation = luck.map(|luck| Luck { variance: luck * luck, freedom: f64::INFINITY });
    let luck = repeated::luck(told.iter().map(|(_, told)| told), true).or(on_validation);
    let attainable = train::Attainable::of(&data, data.part(Part::Test))?
        .map(|known| Attainable { log_loss: known.log_loss, constant: known.base_rate_log_loss });
    let report = Report {
        against: against(&best, &baselines, luck, &told),
        luck: luck.map(|luck| luck.variance.sqrt()),
        adopted: adopted.into_iter().map(Setting::from).collect(),
        best: best.into_iter().map(|(row, _)| row).collect(),
        baselines: baselines.into_iter().map(|(row, _)| row).collect(),
        candidates,
        attainable,
        refit: job.recipe.retrain.refit,
        folds: data.folds(),
        tuned: trials.filter(|&trials| trials > 0),
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

/// What a search comes to: the best first, of how many candidates, and how much log losses of one architecture differ by seeds.
struct Found {
    best: Vec<(Row, Contender)>,
    candidates: usize,
    luck: Option<f64>,
}

/// The best of a search in a supernet, retrained and compared.
fn ranked<B: Backend>(
    course: &Course<'_, B>,
    clock: Clock,
    journal: &mut Journal,
    strategy: &mut dyn Strategy,
) -> Result<Found> {
    let Course { shop, job, data } = *course;
    let supernet = Supernet::trained(shop, job, data, journal)?;
    let mut evaluate = InSupernet::new(shop, job, data, &supernet, journal)?;
    let mut ranked = match job.recipe.budget {
        Some(budget) => {
            let decided = journal.decided(CANDIDATES).map(|many| many as usize);
            let judged = clock::judging(journal);
            let (start, known) = (clock.elapsed() - judged.iter().sum::<f64>(), judged.len());
            // The best are trained for the first time, and the winner for the last.
            let (training, _) = pilot::of_candidates(job, journal).unwrap_or_else(|| pilot::expected(job, journal));
            let trainings = (job.recipe.retrain.top + 1) as f64 * training;
            let end = budget - clock::of_baselines(job, data, journal) - trainings;
            let (together, observer) = (evaluate.together(), shop.observer);
            let mut within =
                Within { inner: strategy, clock, start, end, known, decided, again: None, together, observer };
            let all = searching::search(job, &mut evaluate, journal, observer, &mut within)?;
            journal.decide(CANDIDATES, |_| all.len() as u64)?;
            all
        }
        None => searching::search(job, &mut evaluate, journal, shop.observer, strategy)?,
    };
    ranked.sort_by(|a, b| a.figures.rank().total_cmp(&b.figures.rank()).then(a.index.cmp(&b.index)));
    let candidates = ranked.len();
    // On disk, and in the way from here on.
    drop(evaluate);
    drop(supernet);
    shop.backend.release();
    let mut finalists: Vec<Finalist> = Vec::new();
    for (rank, found) in ranked.into_iter().take(job.recipe.retrain.top).enumerate() {
        // As many as there is time for, the first in any case.
        if let Some(budget) = job.recipe.budget.filter(|_| rank > 0) {
            let goes_on = journal.decide(&format!("whether {} is trained", candidate::best(rank + 1)), |journal| {
                let took = clock::first_trainings(journal, |model| finalists.iter().any(|one| one.name == model));
                let each = took.iter().sum::<f64>() / took.len().max(1) as f64;
                let last = each * clock::more_rows(job, data) + clock::of_baselines(job, data, journal);
                u64::from(clock.elapsed() + each + last <= budget)
            })?;
            if goes_on == 0 {
                break;
            }
        }
        let name = candidate::best(rank + 1);
        let figures = course.validated(&Contender::new(&name, job.selected(&found.architecture)?.0), journal)?;
        finalists.push(Finalist::new(name, found, figures));
    }
    let luck = match job.recipe.budget {
        // What is left of the time tells them from the luck of one training.
        Some(budget) => {
            let (rounds, luck) = seeds::again(course, &Rounds::Within(budget, clock), &mut finalists, journal)?;
            luck.filter(|_| !rounds.is_empty())
        }
        None => {
            finalists.sort_by(|a, b| a.figures[0].rank().total_cmp(&b.figures[0].rank()));
            None
        }
    };
    let best = finalists.into_iter().map(|finalist| {
        let (title, in_supernet) = (finalist.name.clone(), finalist.candidate.figures);
        course.told(finalist, title, Some(in_supernet))
    });
    Ok(Found { best: best.collect::<Result<_>>()?, candidates, luck })
}

/// The best of candidates that were trained on their own.
fn tried<B: Backend>(
    course: &Course<'_, B>,
    clock: Clock,
    journal: &mut Journal,
    strategy: &mut dyn Strategy,
) -> Result<Found> {
    let Tried { best: finalists, candidates, luck } = trials::search(course, clock, journal, strategy)?;
    let best =
        finalists.into_iter().zip(1..).map(|(finalist, rank)| course.told(finalist, candidate::best(rank), None));
    Ok(Found { best: best.collect::<Result<_>>()?, candidates, luck })
}

/// How far what was found is ahead of each baseline, on blocks of the test part, in the mean of their trainings. `luck`: of a network's training; that of trees
/// which were told once is next to nothing.
fn against(
    best: &[(Row, Contender)],
    baselines: &[(Row, Subject)],
    luck: Option<Luck>,
    told: &[(String, Told)],
) -> Vec<Against> {
    let of = |name: &str| told.iter().find(|(other, _)| other == name).map(|(_, told)| told);
    let Some(mine) = best.first().and_then(|(_, contender)| of(&contender.name)) else { return Vec::new() };
    let of_trees = repeated::luck(told.iter().map(|(_, told)| told), false);
    let each = baselines.iter().filter_map(|(other, subject)| {
        let theirs = of(subject.name())?;
        let (own_blocks, other_blocks) = (mine.blocks()?, theirs.blocks()?);
        let (own, others) = (mine.mean(), theirs.mean());
        let of_mine = luck.map(|luck| luck.of_mean(mine.trainings()));
        let luck: Vec<Luck> = match subject {
            // All networks are known to be lucky from the same trainings.
            Subject::Network(_) => {
                let of_theirs = luck.map(|luck| luck.of_mean(theirs.trainings()));
                let both = of_mine.zip(of_theirs);
                both.map(|(mine, theirs)| Luck { variance: mine.variance + theirs.variance, ..mine })
                    .into_iter()
                    .collect()
            }
            Subject::Trees { .. } => {
                of_mine.into_iter().chain(of_trees.map(|luck| luck.of_mean(theirs.trainings()))).collect()
            }
        };
        let ahead = others.log_loss? - own.log_loss?;
        Some(Against {
            name: other.name.clone(),
            log_loss: own_blocks.ahead_in_log_loss(&other_blocks, ahead, &luck),
            auc: own.auc.zip(others.auc).and_then(|(mine, other)| own_blocks.ahead_in_auc(&other_blocks, mine - other)),
        })
    });
    each.collect()
}

/// The data of a run: what it began with, and no other.
pub(super) fn read<B: Backend>(shop: Workshop<'_, B>, journal: &mut Journal) -> Result<Dataset> {
    let Workshop { run, observer, stop, .. } = shop;
    let (job, cache) = (run.job(), run.dir().file(CACHE));
    let (schema, recipe, base) = (&job.schema, &job.recipe.data, &job.base);
    let known = journal.entries().iter().find_map(|entry| match entry {
        Entry::Data { fingerprint, .. } => Some(fingerprint.clone()),
        _ => None,
    });
    let (cache_path, folded) = (&*cache, job.judges_again());
    // Never into a folder that is linked to.
    run.dir().folder(FOLDS)?;
    let data =
        Wanted { schema, recipe, base, cache_path, observer, stop, folded, known: known.as_deref() }.dataset()?;
    if known.is_none() {
        journal.append(Entry::Data { fingerprint: data.fingerprint().to_owned(), rows: data.rows() })?;
    }
    Ok(data)
}

fn row(
    name: &str,
    size: Option<Size>,
    architecture: Option<Architecture>,
    in_supernet: Option<Figures>,
    validation: Figures,
) -> Row {
    Row {
        name: name.to_owned(),
        architecture,
        in_supernet,
        validation,
        trainings: 1,
        expected: None,
        settings: Vec::new(),
        test: None,
        others: Vec::new(),
        repeated: None,
        size,
    }
}

impl<B: Backend> Course<'_, B> {
    /// A baseline as it is told of, and as it was trained.
    fn baseline(
        &self,
        name: &str,
        baseline: &Baseline,
        tuned: Option<Tuned>,
        journal: &mut Journal,
    ) -> Result<(Row, Subject)> {
        let mut subject = Subject::of(name, baseline);
        let validation = self.validated_as(&subject, journal)?;
        let size = if let Baseline::Network(plan) = baseline { Some(Size::of(plan)) } else { None };
        let mut told = row(name, size, None, None, validation);
        if let Some(tuned) = tuned {
            told = tuned.told(told);
            subject = tuned.subject;
        }
        if !told.failed() {
            told.test = Some(self.tested_as(&subject, journal)?);
            told.others = retrain::others(journal, subject.name());
        }
        Ok((told, subject))
    }

    /// An architecture that is trained on its own, with its figures on the validation part.
    fn compared_alone(
        &self,
        name: &str,
        architecture: &Architecture,
        journal: &mut Journal,
    ) -> Result<(Row, Contender)> {
        let (plan, canonical) = self.job.selected(architecture)?;
        let contender = Contender::new(name, plan);
        let validation = self.validated(&contender, journal)?;
        let size = Some(Size::of(&contender.plan));
        Ok((row(name, size, Some(canonical), None, validation), contender))
    }

    /// One of the best as it is told of, in the mean of its trainings, and as it was trained for the first time.
    fn told(&self, finalist: Finalist, title: String, in_supernet: Option<Figures>) -> Result<(Row, Contender)> {
        let Finalist { name, candidate, figures, expected } = finalist;
        let (plan, canonical) = self.job.selected(&candidate.architecture)?;
        let size = Some(Size::of(&plan));
        let validation = seeds::on_validation(&figures, self.data.folds());
        let row = row(&title, size, Some(canonical), in_supernet, validation);
        Ok((Row { expected, trainings: figures.len(), ..row }, Contender { title, ..Contender::new(&name, plan) }))
    }
}
