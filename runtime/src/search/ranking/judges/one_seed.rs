//! A ceiling: one training, by the mean of the others. The mean over seeds.

use super::super::intervals::Reading;
use super::Trained;

pub(super) fn judge() -> Trained {
    Trained {
        name: "one seed by the others",
        by: |trained| {
            let seeds = 0..trained.seeds();
            let readings = seeds.map(|seed| Reading { scores: trained.with(seed), truths: trained.without(seed) });
            (trained.seeds() > 1).then(|| readings.collect())
        },
    }
}
