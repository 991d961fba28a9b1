//! The supernet's weights with all of an architecture trained a little, on the batches and at the rate that the recipe has for what is fine-tuned.

use super::super::super::candidate::Judge;
use super::{InSupernet, Setting};
use crate::backend::Backend;

pub(super) const NAME: &str = "all weights";

pub(super) fn judge<B: Backend>() -> InSupernet<B> {
    InSupernet {
        name: NAME,
        // Each has a copy of its own.
        together: 1,
        of_others: false,
        is_asked: |job| job.recipe.evaluate.finetune.regime().is_some(),
        prepared: |Setting { shop, job, data, params }| {
            let judge = Judge::new(shop, job, data, params)?;
            Ok(Box::new(move |subjects| {
                subjects.iter().map(|subject| Ok(judge.trained_whole(&subject.plan)?.rank())).collect()
            }))
        },
    }
}
