//! The supernet's weights with all of an architecture trained a little, on the batches and at the rate that the recipe has for
//! the head: in a copy of the supernet, which is thrown away. The optimiser goes on with what it remembers of the supernet's training.

use std::sync::Arc;

use nasrec_compiler::plan::Plan;
use nasrec_compiler::streams;

use super::super::super::candidate::Judge;
use super::head::finetunes;
use super::{InSupernet, Setting};
use crate::Result;
use crate::backend::{Backend, Task, Trainable, Update};
use crate::run::Job;
use crate::train::{Figures, evaluate_each};

pub(super) fn judge<B: Backend>() -> InSupernet<B> {
    InSupernet {
        name: "all weights",
        // Each has a copy of its own.
        together: 1,
        of_others: false,
        is_asked: finetunes,
        prepared: |Setting { shop, job, data, params }| {
            let judge = Judge::new(shop, job, data, params)?;
            Ok(Box::new(move |subjects| subjects.iter().map(|subject| score(&judge, job, &subject.plan)).collect()))
        },
    }
}

fn score<B: Backend>(judge: &Judge<'_, B>, job: &Job, plan: &Plan) -> Result<f64> {
    let backend = judge.shop.backend;
    let plan = Arc::new(plan.clone());
    let mut own = backend.load(backend.save(judge.params)?.into_owned())?;
    if let (Some(regime), Some(batches)) = (&judge.regime, &judge.finetune) {
        let program = backend.compile(Task::training(Arc::clone(&plan), &Trainable::all(&plan))?)?;
        let (rate, noise) = (regime.rate(), job.streams().key("finetune/noise"));
        for step in 0..regime.steps {
            judge.shop.stop.check()?;
            let update = Update { noise: streams::below(noise, step), ..regime.update(rate.at(step), step) };
            backend.step(&program, &mut own, &batches.step(step)?, update)?;
        }
    }
    let program = backend.compile(Task::evaluating(plan)?)?;
    let mut copies = backend.copies(&program, &own)?;
    judge.recalibrate(&program, &mut copies, &own)?;
    let batches = judge.validation.iter().map(|batch| judge.shop.stop.check().map(|()| batch));
    let told = evaluate_each(backend, &program, &copies, &own, batches)?;
    Ok(told.into_iter().next().map_or(f64::INFINITY, |metrics| Figures::from(metrics).rank()))
}
