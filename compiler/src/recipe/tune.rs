//! What of a recipe is tuned for each model that is compared, and over what.

use serde::{Deserialize, Serialize};

use super::{Clip, Decay, L2, Optimiser, Recipe, Schedule};

/// The section `tune`: settings of trainings that are found for each model on its own, for what a search found and for its
/// baselines alike.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tune {
    /// Settings that are tried for a model, those of the recipe not counted; 12 by default.
    pub trials: u64,
    /// How many of the best of a search are tuned; 1 by default.
    pub top: usize,
    /// What is tuned, in the order of [`KNOBS`].
    pub over: Vec<(Knob, Domain)>,
}

/// A number of a recipe that can be tuned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Knob {
    /// The learning rate of `retrain.optimiser`.
    Lr,
    /// Its `weight_decay`, of Adam and SGD.
    WeightDecay,
    /// `retrain.batch`.
    Batch,
    /// `retrain.epochs`.
    Epochs,
    /// The norm of `retrain.clip`.
    Clip,
    /// `retrain.label_smoothing`.
    LabelSmoothing,
    /// `retrain.schedule`: 0 for `constant`, 1 for `cosine`.
    Schedule,
    /// The weight of `embeddings.l2`, of the rows that it says.
    L2,
}

/// All of them, as they are called in a `tune` section.
pub const KNOBS: [(Knob, &str); 8] = [
    (Knob::Lr, "lr"),
    (Knob::WeightDecay, "weight_decay"),
    (Knob::Batch, "batch"),
    (Knob::Epochs, "epochs"),
    (Knob::Clip, "clip"),
    (Knob::LabelSmoothing, "label_smoothing"),
    (Knob::Schedule, "schedule"),
    (Knob::L2, "l2"),
];

/// What `schedule` may be, by its number.
pub const SCHEDULES: [&str; 2] = ["constant", "cosine"];

/// What a number is looked for in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Domain {
    /// `uniform(lo, hi)`
    Uniform(f64, f64),
    /// `log(lo, hi)`: even over their logarithms, above 0.
    Log(f64, f64),
    /// `integers(lo, hi)`, both included.
    Integers(f64, f64),
    /// `[256, 512, 1_024]`: one of those, which have no order.
    OneOf(Vec<f64>),
}

impl Domain {
    /// The value at a place from 0 to 1.
    pub fn at(&self, place: f64) -> f64 {
        let place = place.clamp(0.0, 1.0);
        match self {
            Self::Uniform(lo, hi) => (lo + (hi - lo) * place).clamp(*lo, *hi),
            Self::Log(lo, hi) => (lo.ln() + (hi.ln() - lo.ln()) * place).exp().clamp(*lo, *hi),
            Self::Integers(lo, hi) => (lo + ((hi - lo + 1.0) * place).floor()).min(*hi),
            Self::OneOf(values) => {
                let index = (place * values.len() as f64) as usize;
                values.get(index.min(values.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
            }
        }
    }

    /// How many values there are, where they have no order.
    pub fn listed(&self) -> Option<usize> {
        if let Self::OneOf(values) = self { Some(values.len()) } else { None }
    }

    /// The least and the greatest value.
    pub fn ends(&self) -> (f64, f64) {
        match self {
            Self::Uniform(lo, hi) | Self::Log(lo, hi) | Self::Integers(lo, hi) => (*lo, *hi),
            Self::OneOf(values) => values
                .iter()
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), value| (lo.min(*value), hi.max(*value))),
        }
    }
}

impl Knob {
    /// As it is called in a `tune` section.
    pub fn name(self) -> &'static str {
        KNOBS.iter().find(|(knob, _)| *knob == self).map_or("", |(_, name)| name)
    }

    /// The value in words, as a recipe has it.
    pub fn shown(self, value: f64) -> String {
        match self {
            Self::Schedule => SCHEDULES.get(value as usize).copied().unwrap_or("").to_owned(),
            Self::Batch | Self::Epochs => format!("{value:.0}"),
            _ if value != 0.0 && value.abs() < 1e-2 => format!("{value:.2e}"),
            _ => format!("{value:.4}"),
        }
    }

    /// The least and the greatest value that it can have.
    pub fn bounds(self) -> (f64, f64) {
        match self {
            Self::Lr | Self::WeightDecay => (0.0, 100.0),
            Self::Batch => (1.0, 1e6),
            Self::Epochs => (1.0, 1e4),
            Self::Clip => (1e-6, 1e6),
            Self::LabelSmoothing => (0.0, 0.99),
            Self::Schedule | Self::L2 => (0.0, 1.0),
        }
    }

    /// The value at a place from 0 to 1 of a domain.
    pub fn at(self, domain: &Domain, place: f64) -> f64 {
        let value = domain.at(place);
        if self.is_whole() { value.round() } else { value }
    }

    /// Whether its values are whole.
    pub fn is_whole(self) -> bool {
        matches!(self, Self::Batch | Self::Epochs | Self::Schedule)
    }

    /// Gives a recipe this value.
    pub fn set(self, recipe: &mut Recipe, value: f64) {
        let retrain = &mut recipe.retrain;
        match self {
            Self::Lr => retrain.optimiser = retrain.optimiser.with_lr(value),
            Self::WeightDecay => {
                if let Optimiser::Adam { decay, .. } | Optimiser::Sgd { decay, .. } = &mut retrain.optimiser {
                    *decay = match decay {
                        Decay::Decoupled(_) => Decay::Decoupled(value),
                        Decay::None | Decay::L2(_) => Decay::L2(value),
                    };
                }
            }
            Self::Batch => retrain.batch = value as usize,
            Self::Epochs => retrain.epochs = value as u64,
            Self::Clip => retrain.clip = Some(Clip::Norm(value)),
            Self::LabelSmoothing => retrain.label_smoothing = value,
            Self::Schedule => retrain.schedule = if value == 0.0 { Schedule::Constant } else { Schedule::Cosine },
            Self::L2 => {
                let l2 = &mut recipe.embeddings.l2;
                *l2 = match l2 {
                    L2::Batch(_) => L2::Batch(value),
                    L2::Tables { .. } => L2::Tables { table: value },
                };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_value() {
        let log = Domain::Log(1e-4, 1e-2);
        for (place, value) in [(0.0, 1e-4), (0.5, 1e-3), (1.0, 1e-2)] {
            assert!((log.at(place) - value).abs() < 1e-12 && (1e-4..=1e-2).contains(&log.at(place)));
        }
        let integers = Domain::Integers(2.0, 4.0);
        assert_eq!([0.0, 0.33, 0.34, 0.66, 0.67, 1.0].map(|at| integers.at(at)), [2.0, 2.0, 3.0, 3.0, 4.0, 4.0]);
        let listed = Domain::OneOf(vec![5.0, 1.0, 3.0]);
        assert_eq!([0.0, 0.4, 0.9, 1.0].map(|at| listed.at(at)), [5.0, 1.0, 3.0, 3.0]);
        assert_eq!((listed.ends(), Domain::Uniform(1.0, 2.0).at(0.25)), ((1.0, 5.0), 1.25));
        assert_eq!(Knob::Batch.at(&Domain::Log(100.0, 1000.0), 0.5), 316.0);
    }

    #[test]
    fn a_value_is_shown_as_a_recipe_has_it() {
        let shown = [(Knob::Lr, 0.0031), (Knob::Batch, 512.0), (Knob::Schedule, 1.0), (Knob::WeightDecay, 0.0)];
        assert_eq!(shown.map(|(knob, value)| knob.shown(value)), ["3.10e-3", "512", "cosine", "0.0000"]);
        assert!(KNOBS.iter().all(|(knob, name)| knob.name() == *name));
    }
}
