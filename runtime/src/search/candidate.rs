//! Evaluating candidates: their slices of the supernet, a short training of each head alone or of all of it, the validation part.
//!
//! With heads, several are evaluated at once, merged into one graph: a batch is read once for all, what candidates share is computed
//! once a batch, and their heads advance step by step together on features of which only one batch is ever alive. The
//! figures are those of each on its own, bit for bit.

use std::cell::OnceCell;
use std::sync::Arc;

use nasrec_compiler::plan::Plan;
use nasrec_compiler::recipe::{Finetune, L2, Length};
use nasrec_compiler::streams::{self, Key};

use super::fit::{Regime, Workshop};
use super::searching::Evaluate;
use super::supernet::Supernet;
use crate::Result;
use crate::backend::{Backend, Task, Trainable, Update};
use crate::data::{Batch, Batches, Dataset, Part};
use crate::run::{Entry, Job, Journal};
use crate::train::{Figures, evaluate_each};

/// What the best of a search is called, the second and so on.
pub(super) fn best(rank: usize) -> String {
    format!("best-{rank}")
}

/// Candidates that are evaluated together at most.
pub(super) const TOGETHER: usize = 16;

/// Evaluates candidates with the weights of a supernet. Where the journal holds all of them, neither it nor the supernet is
/// needed.
pub(super) struct InSupernet<'a, B: Backend> {
    shop: Workshop<'a, B>,
    job: &'a Job,
    data: &'a Arc<Dataset>,
    supernet: &'a Supernet<'a, B>,
    judge: OnceCell<Judge<'a, B>>,
}

impl<'a, B: Backend> InSupernet<'a, B> {
    /// Brings the supernet to where it is used, unless the search was over before.
    pub fn new(
        shop: Workshop<'a, B>,
        job: &'a Job,
        data: &'a Arc<Dataset>,
        supernet: &'a Supernet<'a, B>,
        journal: &Journal,
    ) -> Result<Self> {
        // The first of the best is trained when all are judged.
        let is_first = |entry: &Entry| matches!(entry, Entry::Trained { model, .. } if *model == best(1));
        if journal.entries().iter().any(is_first) {
            supernet.say_damage()?;
        } else {
            supernet.params()?;
        }
        Ok(Self { shop, job, data, supernet, judge: OnceCell::new() })
    }
}

impl<B: Backend> Evaluate for InSupernet<'_, B> {
    fn together(&self) -> usize {
        match self.job.recipe.evaluate.finetune {
            Finetune::All { .. } => 1,
            Finetune::None | Finetune::Head { .. } => TOGETHER,
        }
    }

    fn figures(&mut self, _first: u64, plans: &[Plan], _journal: &mut Journal) -> Result<Vec<Figures>> {
        self.shop.stop.check()?;
        if self.judge.get().is_none() {
            let _set = self.judge.set(Judge::new(self.shop, self.job, self.data, self.supernet.params()?)?);
        }
        self.judge.get().map_or_else(|| Ok(Vec::new()), |judge| judge.evaluate(plans))
    }
}

/// Evaluates candidates of one supernet, all on the same batches.
pub(super) struct Judge<'a, B: Backend> {
    pub shop: Workshop<'a, B>,
    pub params: &'a B::Params,
    /// What is fine-tuned is trained on the first batches of one fixed stream.
    finetune: Option<Batches>,
    regime: Option<Regime>,
    /// Whether that is all that a candidate computes with; else its head.
    whole: bool,
    /// What is dropped out then.
    noise: Key,
    /// What a candidate's statistics are found on.
    calibration: Batches,
    calibrate: u64,
    pub validation: Vec<Batch>,
}

impl<'a, B: Backend> Judge<'a, B> {
    pub fn new(shop: Workshop<'a, B>, job: &Job, data: &Arc<Dataset>, params: &'a B::Params) -> Result<Self> {
        let recipe = &job.recipe;
        let mut finetune = None;
        let mut regime = None;
        if let Some((steps, lr)) = recipe.evaluate.finetune.regime() {
            let rows = data.part(Part::Train).clone();
            let streams = job.streams();
            let batches = Batches::shuffled(Arc::clone(data), rows, recipe.train.batch, &streams, "finetune/batches")?;
            // The same share of warm-up as the supernet's, whether that was given as a share or in steps.
            let all = recipe.train.epochs * batches.per_epoch();
            let warmup = Length::Share(recipe.train.warmup.steps(all) as f64 / all.max(1) as f64);
            finetune = Some(batches);
            regime = Some(Regime {
                steps,
                optimiser: recipe.train.optimiser.with_lr(lr),
                warmup,
                schedule: recipe.train.schedule,
                clip: recipe.train.clip,
                l2: L2::default(),
                ema: None,
            });
        }
        let rows = data.part(Part::Train).clone();
        let streams = job.streams();
        let calibration =
            Batches::shuffled(Arc::clone(data), rows, recipe.train.batch, &streams, "recalibrate/batches")?;
        let rows = data.part(Part::Validation).clone();
        let batches = Batches::listed(Arc::clone(data), rows, recipe.evaluate.batch)?;
        let count = batches.per_epoch().min(recipe.evaluate.validate);
        let validation = (0..count).map(|index| batches.batch(0, index)).collect::<Result<_>>()?;
        let (noise, calibrate) = (job.streams().key("finetune/noise"), recipe.evaluate.recalibrate);
        let whole = matches!(recipe.evaluate.finetune, Finetune::All { .. });
        Ok(Self { shop, params, finetune, regime, whole, noise, calibration, calibrate, validation })
    }

    /// The candidates' figures on the validation part. The supernet is only read.
    pub fn evaluate(&self, plans: &[Plan]) -> Result<Vec<Figures>> {
        if self.whole { plans.iter().map(|plan| self.trained_whole(plan)).collect() } else { self.by_heads(plans) }
    }

    /// A candidate's figures once all that it computes with was trained, in a copy of the supernet that is thrown away, on the batches and at the
    /// rate that the recipe has for what is fine-tuned. The optimiser goes on with what it remembers of the supernet's training.
    pub fn trained_whole(&self, plan: &Plan) -> Result<Figures> {
        let backend = self.shop.backend;
        let plan = Arc::new(plan.clone());
        let mut own = backend.load(backend.save(self.params)?.into_owned())?;
        if let (Some(regime), Some(batches)) = (&self.regime, &self.finetune) {
            let program = backend.compile(Task::training(Arc::clone(&plan), &Trainable::all(&plan))?)?;
            let rate = regime.rate();
            for step in 0..regime.steps {
                self.shop.stop.check()?;
                let noise = streams::below(self.noise, step);
                let update = Update { noise, ..regime.update(rate.at(step), step) };
                backend.step(&program, &mut own, &batches.step(step)?, update)?;
            }
        }
        let program = backend.compile(Task::evaluating(plan)?)?;
        let mut copies = backend.copies(&program, &own)?;
        self.recalibrate(&program, &mut copies, &own)?;
        let batches = self.validation.iter().map(|batch| self.shop.stop.check().map(|()| batch));
        let mut of_one = evaluate_each(backend, &program, &copies, &own, batches)?;
        Ok(Figures::from(of_one.swap_remove(0)))
    }

    /// Of heads, all trained together.
    fn by_heads(&self, plans: &[Plan]) -> Result<Vec<Figures>> {
        let backend = self.shop.backend;
        let task = Task::together(plans, Trainable::head)?;
        let training = backend.compile(task.clone())?;
        let mut heads = backend.copies(&training, self.params)?;
        self.recalibrate(&training, &mut heads, self.params)?;
        if let (Some(regime), Some(batches)) = (&self.regime, &self.finetune) {
            let rate = regime.rate();
            for step in 0..regime.steps {
                self.shop.stop.check()?;
                let batch = batches.step(step)?;
                let update = regime.update(rate.at(step), step);
                backend.finetune(&training, &mut heads, self.params, &batch, update)?;
            }
            if task.moves_statistics() {
                self.recalibrate(&training, &mut heads, self.params)?;
            }
        }
        let program = backend.compile(task.frozen())?;
        let batches = self.validation.iter().map(|batch| self.shop.stop.check().map(|()| batch));
        let each = evaluate_each(backend, &program, &heads, self.params, batches)?;
        Ok(each.into_iter().map(Figures::from).collect())
    }

    /// Gives copies the mean statistics of some training batches. Those that the supernet kept are of all paths that went
    /// through its weights, and so of none (Yu and Huang, arXiv 1903.05134; Guo et al., arXiv 1904.00420).
    pub fn recalibrate(&self, program: &B::Program, copies: &mut B::Copies, params: &B::Params) -> Result<()> {
        let backend = self.shop.backend;
        if !backend.task(program).keeps_statistics() {
            return Ok(());
        }
        for seen in 0..self.calibrate {
            self.shop.stop.check()?;
            let batch = self.calibration.step(seen)?;
            backend.recalibrate(program, copies, params, &batch, 1.0 / (seen + 1) as f64)?;
        }
        Ok(())
    }
}
