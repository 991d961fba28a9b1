//! The first epoch of a training alone, by what trainings with the other seeds come to in the end. The mean over seeds. It is
//! told where the recipe looks at epochs (`retrain.stop`), and there may be several.

use super::super::intervals::Reading;
use super::Trained;

pub(super) fn judge() -> Trained {
    Trained {
        name: "first epoch alone",
        by: |trained| {
            if trained.seeds() < 2 {
                return None;
            }
            let each = (0..trained.seeds())
                .map(|seed| Some(Reading { scores: trained.after_first_epoch(seed)?, truths: trained.without(seed) }));
            each.collect()
        },
    }
}
