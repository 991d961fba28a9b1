//! The supernet's weights with the head trained a little, as the recipe's search does it.

use nasrec_compiler::recipe::Finetune;

use super::super::super::candidate::{Judge, TOGETHER};
use super::{InSupernet, Setting, plans};
use crate::backend::Backend;
use crate::run::Job;
use crate::train::Figures;

pub(super) const NAME: &str = "head";

pub(super) fn judge<B: Backend>() -> InSupernet<B> {
    InSupernet {
        name: NAME,
        together: TOGETHER,
        of_others: true,
        is_asked: finetunes,
        prepared: |Setting { shop, job, data, params }| {
            let judge = Judge::new(shop, job, data, params)?;
            Ok(Box::new(move |subjects| Ok(judge.evaluate(&plans(subjects))?.iter().map(Figures::rank).collect())))
        },
    }
}

/// Whether a recipe trains something of a candidate before it is evaluated.
pub(super) fn finetunes(job: &Job) -> bool {
    matches!(job.recipe.evaluate.finetune, Finetune::Head { steps: 1.., .. })
}
