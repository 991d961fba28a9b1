//! Training from scratch: the best architectures and the baselines, all the same way.

use std::sync::Arc;
use std::time::Instant;

use nasrec_compiler::plan::{Head, Plan};
use nasrec_compiler::recipe::{Metric, Recipe};

use super::bar::{self, Bar};
use super::fit::{Epochs, Judge, Regime, Test, Trained, Training, Workshop, fit};
use crate::Result;
use crate::backend::{Backend, Task, Trainable};
use crate::data::{Batches, Dataset, Part, Rows};
use crate::error::RunError;
use crate::model::{Evidence, Model};
use crate::run::{BEST, Entry, Job, Journal};
use crate::supernet::{Average, Keep, Store};
use crate::train::{Blocks, Calibrated, Figures, OfHead, Scaling, Scores, Tested, Watch, scores};
use crate::{Error, Observer, files};

/// An architecture that is trained on its own.
#[derive(Clone, Debug)]
pub(super) struct Contender {
    /// Names its files, its streams and its journal entries.
    pub name: String,
    /// What it is called where it is kept, and told of.
    pub title: String,
    /// The order in which it sees the data: all have the first, but those that are trained again with another seed.
    pub order: u64,
    /// What it has to have come to after its first epoch, its second and so on, or training ends.
    pub bar: Bar,
    /// Whether it is judged after parts of its first epoch, too, where its figures may end it.
    pub parts: bool,
    /// Where it is trained by another recipe than the others.
    pub recipe: Option<Arc<Recipe>>,
    pub plan: Plan,
}

impl Contender {
    pub fn new(name: &str, plan: Plan) -> Self {
        Self {
            name: name.to_owned(),
            title: name.to_owned(),
            order: 0,
            bar: Bar::default(),
            parts: false,
            recipe: None,
            plan,
        }
    }
}

/// The data that all are trained and judged on, and where it is written down.
pub(super) struct Course<'a, B> {
    pub shop: Workshop<'a, B>,
    pub job: &'a Job,
    pub data: &'a Arc<Dataset>,
}

impl<'a, B: Backend> Course<'a, B> {
    /// The same, told of to another.
    pub fn observed_by(&self, observer: &'a dyn Observer) -> Self {
        Self { shop: Workshop { observer, ..self.shop }, job: self.job, data: self.data }
    }

    /// Trains on the training part; the figures on the validation part.
    pub fn validated(&self, contender: &Contender, journal: &mut Journal) -> Result<Figures> {
        match known(journal, &contender.name, false) {
            Some((figures, _)) => {
                self.shop.dir().sweep(&checkpoints(&contender.name, false), None)?;
                Ok(figures)
            }
            None => self.train(contender, false, None, None, journal),
        }
    }

    /// Trains for the last time, as the recipe says on the training and the validation part or once more on the training part;
    /// the figures on the test part.
    pub fn tested(&self, contender: &Contender, journal: &mut Journal) -> Result<Figures> {
        if let Some(figures) = told_at_once(journal, &contender.name) {
            return Ok(figures);
        }
        match known(journal, &contender.name, true) {
            Some((figures, _)) => {
                self.shop.dir().sweep(&checkpoints(&contender.name, true), None)?;
                Ok(figures)
            }
            None => self.train(contender, true, None, None, journal),
        }
    }

    /// The same, and the model is kept with its evidence, unless it failed. Where the one that was kept is lost or damaged, it is trained once
    /// more, which gives the same.
    pub fn kept(&self, contender: &Contender, evidence: Evidence, journal: &mut Journal) -> Result<Figures> {
        let (figures, checksum) = match known(journal, &contender.name, true) {
            Some((figures, Some(checksum))) => (figures, checksum),
            // It failed, so that nothing was kept of it.
            Some((figures, None)) if figures.log_loss.is_none() => {
                self.shop.dir().sweep(&checkpoints(&contender.name, true), None)?;
                return Ok(figures);
            }
            _ => return self.train(contender, true, Some(evidence), None, journal),
        };
        let folder = self.shop.dir().folder(BEST)?;
        let why = match Model::verify(&folder, &checksum) {
            Ok(()) => {
                self.shop.dir().sweep(&checkpoints(&contender.name, true), None)?;
                return Ok(figures);
            }
            Err(error @ (Error::Weights(_) | Error::File(_) | Error::Model(_))) => error.to_string(),
            Err(error) if files::is_missing(&error) => format!("{} is not whole any more", folder.display()),
            Err(error) => return Err(error),
        };
        self.shop.observer.say(&format!("{why}; {} is trained once more", contender.title));
        self.train(contender, true, Some(evidence), Some(&checksum), journal)
    }

    /// `evidence`: of a model that is kept. `known`: the checksum that it must have.
    fn train(
        &self,
        contender: &Contender,
        last: bool,
        evidence: Option<Evidence>,
        known: Option<&str>,
        journal: &mut Journal,
    ) -> Result<Figures> {
        let Self { shop, job, data } = *self;
        let whole = contender.recipe.as_deref().unwrap_or(&job.recipe);
        let (recipe, l2) = (&whole.retrain, whole.embeddings.l2);
        let train = data.part(Part::Train);
        let refit = last && recipe.refit;
        let rows = if refit { Rows::concat([train, data.part(Part::Validation)]) } else { train.clone() };
        // One order of the data for all, so that they differ in nothing else.
        let batches = |rows: Rows, stream: &str| {
            let stream = match contender.order {
                0 => stream.to_owned(),
                order => format!("{stream}/{order}"),
            };
            Batches::shuffled(Arc::clone(data), rows, recipe.batch, &job.streams(), &stream).map(Arc::new)
        };
        let first = batches(train.clone(), "retrain/batches")?;
        let batches = if refit { batches(rows, "retrain/last/batches")? } else { Arc::clone(&first) };
        // With something to stop on, a schedule is that of the training that is stopped, whoever repeats it.
        let watched = if recipe.stop.is_some() { &first } else { &batches };
        let regime = Regime {
            steps: recipe.epochs * watched.per_epoch(),
            optimiser: recipe.optimiser,
            warmup: recipe.warmup,
            schedule: recipe.schedule,
            clip: recipe.clip,
            l2,
            ema: recipe.ema,
        };
        let plan = Arc::new(contender.plan.standalone());
        let keep = Keep::for_optimiser(recipe.optimiser, job.recipe.embeddings.storage).averaged(recipe.ema.is_some());
        let seed = job.seed_of(&format!("retrain/{}", contender.name));
        let store = Store::standalone_kept(&plan, seed, keep)?;
        let backend = shop.backend;
        let program = Arc::new(backend.compile(Task::training(Arc::clone(&plan), &Trainable::all(&plan))?)?);
        let evaluating = backend.compile(Task::evaluating(Arc::clone(&plan))?)?;
        let judge = |part: Part, params: &B::Params| -> Result<Vec<Scores>> {
            let copies = backend.copies(&evaluating, params)?;
            let batches = Batches::listed(Arc::clone(data), data.part(part).clone(), job.recipe.evaluate.batch)?;
            let all = (0..batches.per_epoch()).map(|index| shop.stop.check().and_then(|()| batches.batch(0, index)));
            scores(backend, &evaluating, &copies, params, all)
        };
        // What models are compared by.
        let validated = |params: &B::Params| -> Result<Figures> {
            let mut each = judge(Part::Validation, params)?;
            Ok(Figures::fitted(&each.swap_remove(Head::main(&plan.heads)), recipe.calibrate))
        };
        let told = |params: &B::Params, scaling: Option<Scaling>| -> Result<Tested> {
            Ok(Tested::of_heads(&plan, &job.schema, judge(Part::Test, params)?, scaling))
        };
        // What is evaluated and kept, after so many steps, in place of what is trained.
        let averaged = |params: &B::Params, step: u64| -> Result<Option<B::Params>> {
            let Some(decay) = recipe.ema else { return Ok(None) };
            Ok(Some(backend.load(backend.save(params)?.averaged(Average { decay, step }))?))
        };
        let on_validation =
            |params: &B::Params, steps: u64| validated(averaged(params, steps)?.as_ref().unwrap_or(params));
        let on_test = |params: &B::Params, steps: u64, validation: &Figures| {
            told(averaged(params, steps)?.as_ref().unwrap_or(params), validation.scaling())
        };
        // What is not trained once more is told on the test part right away, or was after its best epoch; folds have none.
        let tells = !(last || recipe.refit || data.is_fold());
        let watch = recipe.stop.map(|early| Watch { early, schedule: recipe.schedule });
        let epochs = watch.map(|watch| {
            let (steps, judged) = (first.per_epoch(), if last { judged(journal, &contender.name) } else { Vec::new() });
            let until = if last { watch.best(&judged) as u64 * steps } else { regime.steps };
            let judge: Option<&Judge<B::Params>> = if last { None } else { Some(&on_validation) };
            let test: Option<&Test<B::Params>> = if tells { Some(&on_test) } else { None };
            let parts = if contender.parts && !last { bar::parts(steps) } else { Vec::new() };
            Epochs { watch, bar: contender.bar.clone(), steps, parts, judge, test, judged, until }
        });
        let start = Instant::now();
        let name = checkpoints(&contender.name, last);
        let (noise, how) = match (last, refit) {
            (false, _) => (name.clone(), ""),
            (true, true) => (name.clone(), " on train + validation"),
            // The same once more, to the last bit: nobody has kept the weights of all that were compared.
            (true, false) => (checkpoints(&contender.name, false), " once more"),
        };
        let title = format!("train {}{how}", contender.title);
        let (label_smoothing, positive_weight) = (recipe.label_smoothing, recipe.positive_weight);
        let training =
            Training { name: &name, noise: &noise, title: &title, regime: &regime, label_smoothing, positive_weight };
        let Trained { params, steps, judged, parts, tested, curve, failed, given_up } =
            fit(shop, &training, epochs, store, &batches, |_, _, _| Ok(Arc::clone(&program)))?;
        let params = averaged(&params, steps)?.unwrap_or(params);
        let best_epoch = watch.filter(|_| !last && !judged.is_empty()).map(|watch| watch.best(&judged));
        let (mut blocks, mut others) = (None, Vec::new());
        let mut figures = match best_epoch {
            Some(best) => judged[best - 1],
            None if last => {
                let told = told(&params, scaling(journal, &contender.name))?;
                (blocks, others) = (told.blocks, told.others);
                told.figures
            }
            None => match parts.last() {
                // It was ended in its first epoch.
                Some(part) => *part,
                None => validated(&params)?,
            },
        };
        if let (Some(best), Some(watch), None) = (best_epoch, watch, given_up) {
            let told = match watch.early.metric {
                Metric::LogLoss => figures.log_loss.map(|loss| format!(", log loss {loss:.5} on validation")),
                Metric::Auc => figures.auc.map(|auc| format!(", AUC {auc:.5} on validation")),
                Metric::GroupAuc => figures.group_auc.map(|auc| format!(", group AUC {auc:.5} on validation")),
            };
            let (told, seen) = (told.unwrap_or_default(), judged.len());
            shop.observer.say(&format!("{title}: best after epoch {best} of {seen}{told}"));
        }
        let judged = if last { Vec::new() } else { judged };
        let test = match best_epoch {
            _ if !tells || given_up.is_some() || (judged.is_empty() && !parts.is_empty()) => None,
            Some(_) => tested,
            None => Some(told(&params, figures.scaling())?),
        };
        let test = test.map(|told| {
            (blocks, others) = (told.blocks, told.others);
            told.figures
        });
        if given_up.is_some() {
            figures = figures.of_failed();
        }
        if !last && recipe.calibrate.is_some() && figures.log_loss.is_some() {
            shop.observer.say(&format!("{title}: {}", fitted(&figures)));
        }
        if let Some(told) = test.or_else(|| Some(figures).filter(|_| last)).and_then(|test| calibration(&test)) {
            shop.observer.say(&format!("{title}: {told}"));
        }
        let mut checksum = None;
        if let Some(evidence) = evidence.filter(|_| figures.log_loss.is_some()) {
            let evidence = Evidence { test: Some(figures), others: others.clone(), ..evidence };
            let store = backend.save(&params)?.into_owned();
            let plan = Plan::clone(&plan);
            let columns = (job.schema.clone(), data.encoder(&job.schema)?);
            let model = Model::new(&contender.title, columns, plan, store, seed, evidence)?;
            let model = model.without_auxiliary()?.calibrated(figures.scaling());
            shop.dir().still_here()?;
            checksum = Some(model.save(&shop.dir().folder(BEST)?)?);
        }
        match (known, &checksum) {
            (Some(known), Some(now)) if known != now => {
                return Err(RunError::OtherMachine { path: shop.dir().file(BEST) }.into());
            }
            (Some(_), _) => {}
            (None, _) => {
                let (model, seconds) = (contender.name.clone(), start.elapsed().as_secs_f64());
                journal.append(Entry::Trained {
                    model,
                    last,
                    figures,
                    test: test.map(Box::new),
                    blocks,
                    others,
                    checksum,
                    failed,
                    epochs: judged,
                    parts,
                    best_epoch,
                    trees: None,
                    curve,
                    seconds,
                })?;
            }
        }
        shop.dir().sweep(&name, None)?;
        Ok(figures)
    }
}

/// How well predictions on the test part say how many clicks there are in it.
pub(super) fn calibration(test: &Figures) -> Option<String> {
    let (error, entropy, ratio) = (test.calibration_error?, test.normalised_entropy?, test.calibration?);
    let before = test.calibrated.and_then(|calibrated| {
        let (loss, error) = (calibrated.before.log_loss?, calibrated.before.calibration_error?);
        Some(format!("; not calibrated, log loss {loss:.5} and calibration error {error:.4}"))
    });
    Some(format!(
        "on test, calibration error {error:.4}, normalised entropy {entropy:.4}, mean prediction {ratio:.3} times the click rate{}",
        before.unwrap_or_default()
    ))
}

/// With what outputs are calibrated that were asked to be, and what that changes where it was fitted.
pub(super) fn fitted(validation: &Figures) -> String {
    let Some(Calibrated { scaling: Scaling { scale, offset }, before, after }) = validation.calibrated else {
        return "not calibrated: on the validation part its outputs do not tell clicks from others".to_owned();
    };
    let [before, after] = [before, after].map(|told| {
        let figure =
            |figure: Option<f64>, digits| figure.map_or("none".to_owned(), |figure| format!("{figure:.digits$}"));
        (figure(told.log_loss, 5), figure(told.calibration_error, 4))
    });
    format!(
        "calibrated on validation, logit * {scale:.4} {} {:.4}: log loss there {} -> {}, calibration error {} -> {}",
        if offset < 0.0 { '-' } else { '+' },
        offset.abs(),
        before.0,
        after.0,
        before.1,
        after.1
    )
}

/// What the outputs of a model are calibrated with, as fitted to it when the validation part was not trained on.
pub(super) fn scaling(journal: &Journal, contender: &str) -> Option<Scaling> {
    known(journal, contender, false).and_then(|(figures, _)| figures.scaling())
}

/// What the journal says of a training that was done.
pub(super) fn known(journal: &Journal, contender: &str, last: bool) -> Option<(Figures, Option<String>)> {
    journal.entries().iter().find_map(|entry| match entry {
        Entry::Trained { model, last: was_last, figures, checksum, .. } if model == contender && *was_last == last => {
            Some((*figures, checksum.clone()))
        }
        _ => None,
    })
}

/// The figures on the test part of a model that was told on it as it was trained on the training part.
fn told_at_once(journal: &Journal, contender: &str) -> Option<Figures> {
    journal.entries().iter().find_map(|entry| match entry {
        Entry::Trained { model, last: false, test: Some(test), .. } if model == contender => Some(**test),
        _ => None,
    })
}

/// How a model did on blocks of the test part, by which it is compared with others.
pub(super) fn blocks<'j>(journal: &'j Journal, contender: &str) -> Option<&'j Blocks> {
    journal.entries().iter().find_map(|entry| match entry {
        Entry::Trained { model, blocks, .. } if model == contender => blocks.as_ref(),
        _ => None,
    })
}

/// How a model does on the test part on other labels than the first.
pub(super) fn others(journal: &Journal, contender: &str) -> Vec<OfHead> {
    let found = journal.entries().iter().find_map(|entry| match entry {
        Entry::Trained { model, blocks: Some(_), others, .. } if model == contender => Some(others.clone()),
        _ => None,
    });
    found.unwrap_or_default()
}

/// How the epochs of a training did that could be stopped on the validation part.
fn judged(journal: &Journal, contender: &str) -> Vec<Figures> {
    let found = journal.entries().iter().find_map(|entry| match entry {
        Entry::Trained { model, last: false, epochs, .. } if model == contender => Some(epochs.clone()),
        _ => None,
    });
    found.unwrap_or_default()
}

/// What the checkpoints of a training are called: a name such as `dlrm(dim: 8)` as part of a file name.
fn checkpoints(contender: &str, last: bool) -> String {
    let file_safe = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let name: String = contender.chars().map(file_safe).collect();
    format!("retrain-{name}{}", if last { "-last" } else { "" })
}
