//! The supernet's weights as they are.

use nasrec_compiler::recipe::Finetune;

use super::super::super::candidate::{Judge, TOGETHER};
use super::{InSupernet, Setting, plans};
use crate::backend::Backend;
use crate::run::Job;
use crate::train::Figures;

pub(super) const NAME: &str = "as they are";

pub(super) fn judge<B: Backend>() -> InSupernet<B> {
    InSupernet {
        name: NAME,
        together: TOGETHER,
        of_others: true,
        is_asked: |_| true,
        prepared: |Setting { shop, job, data, params }| {
            let mut job: Job = job.clone();
            job.recipe.evaluate.finetune = Finetune::None;
            let judge = Judge::new(shop, &job, data, params)?;
            Ok(Box::new(move |subjects| Ok(judge.evaluate(&plans(subjects))?.iter().map(Figures::rank).collect())))
        },
    }
}
