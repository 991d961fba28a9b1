//! A ceiling: one training by another, with its own seed. The mean over all pairs of seeds.

use super::super::intervals::Reading;
use super::Trained;

pub(super) fn judge() -> Trained {
    Trained {
        name: "one seed by another",
        by: |trained| {
            let pairs = (1..trained.seeds()).flat_map(|second| (0..second).map(move |first| (first, second)));
            let readings =
                pairs.map(|(first, second)| Reading { scores: trained.with(first), truths: trained.with(second) });
            Some(readings.collect::<Vec<_>>()).filter(|readings| !readings.is_empty())
        },
    }
}
