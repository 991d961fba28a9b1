//! Training from scratch: the best architectures and the baselines, all the same way.

use std::sync::Arc;
use std::time::Instant;

use nasrec_compiler::plan::Plan;

use super::fit::{Regime, Trained, Workshop, fit};
use crate::Result;
use crate::backend::{Backend, Task, Trainable};
use crate::data::{Batches, Dataset, Part, Rows};
use crate::error::RunError;
use crate::model::{Evidence, Model};
use crate::run::{BEST, Entry, Job, Journal};
use crate::supernet::{Keep, Store};
use crate::train::{Figures, evaluate};
use crate::{Error, files};

/// An architecture that is trained on its own.
#[derive(Clone, Debug)]
pub(super) struct Contender {
    /// Names its files, its stream and its journal entries.
    pub name: String,
    pub plan: Plan,
}

/// The data that all are trained and judged on, and where it is written down.
pub(super) struct Course<'a, B> {
    pub shop: Workshop<'a, B>,
    pub job: &'a Job,
    pub data: &'a Arc<Dataset>,
}

impl<B: Backend> Course<'_, B> {
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

    /// Trains for the last time, on the training and the validation part; the figures on the test part.
    pub fn tested(&self, contender: &Contender, journal: &mut Journal) -> Result<Figures> {
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
        let folder = self.shop.dir().file(BEST);
        let why = match Model::verify(&folder, &checksum) {
            Ok(()) => {
                self.shop.dir().sweep(&checkpoints(&contender.name, true), None)?;
                return Ok(figures);
            }
            Err(error @ (Error::Weights(_) | Error::File(_) | Error::Model(_))) => error.to_string(),
            Err(error) if files::is_missing(&error) => format!("{} is not whole any more", folder.display()),
            Err(error) => return Err(error),
        };
        self.shop.observer.say(&format!("{why}; {} is trained once more", contender.name));
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
        let recipe = &job.recipe.retrain;
        let (rows, evaluated): (Rows, &Rows) = if last {
            (Rows::concat([data.part(Part::Train), data.part(Part::Validation)]), data.part(Part::Test))
        } else {
            (data.part(Part::Train).clone(), data.part(Part::Validation))
        };
        // One order of the data for all, so that they differ in nothing else.
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
        let plan = Arc::new(contender.plan.standalone());
        let keep = Keep::for_optimiser(recipe.optimiser, job.recipe.embeddings.storage);
        let seed = job.seed_of(&format!("retrain/{}", contender.name));
        let store = Store::standalone_kept(&plan, seed, keep)?;
        let backend = shop.backend;
        let program = Arc::new(backend.compile(Task::training(Arc::clone(&plan), &Trainable::all(&plan))?)?);
        let start = Instant::now();
        let title = format!("train {}{}", contender.name, if last { " on train + validation" } else { "" });
        let name = checkpoints(&contender.name, last);
        let Trained { params, curve, failed, given_up } =
            fit(shop, &name, &title, &regime, store, &batches, |_| Ok(Arc::clone(&program)))?;
        let program = backend.compile(Task::evaluating(Arc::clone(&plan))?)?;
        let copies = backend.copies(&program, &params)?;
        let batches = Batches::listed(Arc::clone(data), evaluated.clone(), job.recipe.evaluate.batch)?;
        let all = (0..batches.per_epoch()).map(|index| shop.stop.check().and_then(|()| batches.batch(0, index)));
        let mut figures: Figures = evaluate(backend, &program, &copies, &params, all)?.into();
        if given_up.is_some() {
            figures = figures.of_failed();
        }
        let mut checksum = None;
        if let Some(evidence) = evidence.filter(|_| figures.log_loss.is_some()) {
            let evidence = Evidence { test: Some(figures), ..evidence };
            let store = backend.save(&params)?.into_owned();
            let plan = Plan::clone(&plan);
            let model = Model::new(&contender.name, job.schema.clone(), plan, store, seed, evidence)?;
            shop.dir().still_here()?;
            checksum = Some(model.save(&shop.dir().file(BEST))?);
        }
        match (known, &checksum) {
            (Some(known), Some(now)) if known != now => {
                return Err(RunError::OtherMachine { path: shop.dir().file(BEST) }.into());
            }
            (Some(_), _) => {}
            (None, _) => {
                let (model, seconds) = (contender.name.clone(), start.elapsed().as_secs_f64());
                journal.append(Entry::Trained { model, last, figures, checksum, failed, curve, seconds })?;
            }
        }
        shop.dir().sweep(&name, None)?;
        Ok(figures)
    }
}

/// What the journal says of a training that was done.
fn known(journal: &Journal, contender: &str, last: bool) -> Option<(Figures, Option<String>)> {
    journal.entries().iter().find_map(|entry| match entry {
        Entry::Trained { model, last: was_last, figures, checksum, .. } if model == contender && *was_last == last => {
            Some((*figures, checksum.clone()))
        }
        _ => None,
    })
}

/// What the checkpoints of a training are called: a name such as `dlrm(dim: 8)` as part of a file name.
fn checkpoints(contender: &str, last: bool) -> String {
    let file_safe = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let name: String = contender.chars().map(file_safe).collect();
    format!("retrain-{name}{}", if last { "-last" } else { "" })
}
