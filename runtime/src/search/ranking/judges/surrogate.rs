//! A Gaussian process over choices, of the trainings of others: what a search of trials knows after a few.

use super::super::super::surrogate::Surrogate;
use super::Trained;

pub(super) fn judge() -> Trained {
    Trained {
        name: "surrogate",
        by: |trained| {
            let (judged, others) = trained.numbers();
            let surrogate = Surrogate::fit(trained.space, &trained.seen(others))?;
            let scores = trained.seen(judged).into_iter().map(|seen| surrogate.expect(&seen.architecture).mean);
            Some(vec![trained.against_means(&scores.collect::<Vec<f64>>())])
        },
    }
}
