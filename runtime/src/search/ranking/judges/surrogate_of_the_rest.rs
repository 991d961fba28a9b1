//! The same of all trainings, but for those of what is judged: in ten parts, each by a model that has not seen it. Within
//! a part the order is that of one model; between parts it is that of what each expects.

use super::super::super::surrogate::Surrogate;
use super::Trained;

/// Parts in which architectures are judged.
const PARTS: usize = 10;

pub(super) fn judge() -> Trained {
    Trained {
        name: "surrogate of the rest",
        by: |trained| {
            let (judged, others) = trained.numbers();
            let mut scores = vec![f64::INFINITY; judged.len()];
            for part in 0..PARTS {
                let known = judged.clone().filter(|at| at % PARTS != part).chain(others.clone());
                let surrogate = Surrogate::fit(trained.space, &trained.seen(known))?;
                for at in judged.clone().filter(|at| at % PARTS == part) {
                    let expected = trained.seen([at]).first().map(|seen| surrogate.expect(&seen.architecture).mean);
                    scores[at] = expected.unwrap_or(f64::INFINITY);
                }
            }
            Some(vec![trained.against_means(&scores)])
        },
    }
}
