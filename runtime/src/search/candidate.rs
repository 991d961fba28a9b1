//! Evaluating a candidate: its slices of the supernet, a short training of the head alone, the validation part.

use std::sync::Arc;

use nasrec_compiler::plan::Plan;
use nasrec_compiler::recipe::{Finetune, Optimiser};

use super::fit::{Regime, Workshop};
use super::job::Job;
use super::journal::Figures;
use crate::Result;
use crate::data::{Batch, Batches, Dataset, Part};
use crate::ops::{Program, Trainable};
use crate::supernet::Store;
use crate::train::{Trainer, evaluate};

/// Evaluates candidates of one supernet, all on the same batches.
pub(super) struct Judge<'a> {
    shop: Workshop<'a>,
    store: &'a Store,
    /// The head is trained on the first batches of one fixed stream.
    finetune: Vec<Batch>,
    regime: Option<Regime>,
    validation: Vec<Batch>,
}

impl<'a> Judge<'a> {
    pub fn new(shop: Workshop<'a>, job: &Job, data: &Arc<Dataset>, store: &'a Store) -> Result<Self> {
        let recipe = &job.recipe;
        let mut finetune = Vec::new();
        let mut regime = None;
        if let Finetune::Head { steps, lr } = recipe.evaluate.finetune
            && steps > 0
        {
            let rows = data.part(Part::Train).clone();
            let streams = job.streams();
            let batches = Batches::shuffled(Arc::clone(data), rows, recipe.train.batch, &streams, "finetune/batches")?;
            finetune.extend((0..steps).map(|step| batches.step(step)));
            let Optimiser::Adagrad { eps, .. } = recipe.train.optimiser;
            regime = Some(Regime {
                steps,
                optimiser: Optimiser::Adagrad { lr, eps },
                warmup: recipe.train.warmup,
                schedule: recipe.train.schedule,
                clip: recipe.train.clip,
            });
        }
        let rows = data.part(Part::Validation).clone();
        let batches = Batches::listed(Arc::clone(data), rows, recipe.evaluate.batch)?;
        let count = batches.per_epoch().min(recipe.evaluate.validate);
        let validation = (0..count).map(|index| batches.batch(0, index)).collect();
        Ok(Self { shop, store, finetune, regime, validation })
    }

    /// The candidate's figures on the validation part. The store is only read.
    pub fn evaluate(&self, plan: Plan) -> Result<Figures> {
        let plan = Arc::new(plan);
        let head = Trainable::head(&plan);
        let training = Program::training(Arc::clone(&plan), head)?;
        let mut weights = self.store.gather(&training)?;
        if let Some(regime) = &self.regime {
            let rate = regime.rate();
            let mut trainer = Trainer::new(self.shop.executor);
            for (step, batch) in (0..).zip(&self.finetune) {
                self.shop.stop.check()?;
                trainer.finetune(&training, &mut weights, self.store, batch, regime.update(rate.at(step)))?;
            }
        }
        let program = Program::evaluating(plan)?;
        let batches = self.validation.iter().map(|batch| self.shop.stop.check().map(|()| batch));
        Ok(evaluate(self.shop.executor, &program, &weights, self.store, batches)?.into())
    }
}
