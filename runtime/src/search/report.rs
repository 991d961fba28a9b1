//! What a run found, as data.

use std::fmt;

use nasrec_compiler::Architecture;
use nasrec_compiler::plan::Plan;
use nasrec_compiler::recipe::Knob;
use serde::{Deserialize, Serialize};

use super::surrogate::Expected;
use crate::machine::Bytes;
use crate::train::{Constant, Figures, Interval, OfHead};

/// The result of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Best first, as trained from scratch and compared on the validation part.
    pub best: Vec<Row>,
    /// Hand-made models, in the order of the search.
    pub baselines: Vec<Row>,
    /// Candidates that were evaluated with the supernet's weights; none where one model was trained, and nothing searched.
    pub candidates: usize,
    /// Log loss of the best constant, and of the true probabilities, on the test part; of planted data only.
    pub attainable: Option<Attainable>,
    /// What was found against each baseline, on the test part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub against: Vec<Against>,
    /// Standard deviation between the log losses of trainings of one model with several seeds: on the test part where some were told on that
    /// ([`Row::repeated`]), else on the validation part; where none were, absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub luck: Option<f64>,
    /// Whether what was told on the test part was trained on the validation part too (`retrain.refit`).
    #[serde(default = "on")]
    pub refit: bool,
    /// How many blocks of the training part took the place of the validation part, when the best were trained again.
    #[serde(default, skip_serializing_if = "is_none")]
    pub folds: usize,
    /// How many settings were tried for each model that was tuned, at most, those that it had not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tuned: Option<u64>,
    /// What candidates were trained by that the recipe does not say: what is best for a baseline.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub adopted: Vec<Setting>,
    /// What a model that has learnt something is better than; absent from reports of before it was told.
    #[serde(default)]
    pub constant: Option<Constant>,
    /// The most memory that a process of this run has held, where the system tells. Not a result: `usage.json` has it,
    /// and the file of this report does not.
    #[serde(skip)]
    pub peak_memory: Option<Bytes>,
}

fn on() -> bool {
    true
}

fn once() -> usize {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_none(count: &usize) -> bool {
    *count == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_once(trainings: &usize) -> bool {
    *trainings == 1
}

impl Report {
    /// The model that is kept: the best, unless all have failed.
    pub fn winner(&self) -> Option<&Row> {
        self.best.first().filter(|row| !row.failed())
    }

    /// Whether candidates were evaluated with the weights of a supernet.
    pub fn in_supernet(&self) -> bool {
        self.best.iter().any(|row| row.in_supernet.is_some())
    }

    /// Why a model has learnt nothing, if so: on the test part where it was told on that, else on the validation part.
    pub fn learnt_nothing(&self, row: &Row) -> Option<Nothing> {
        let (figures, constant) = match row.test {
            Some(test) => (test, self.constant.map(|constant| constant.test)),
            None => (row.validation, self.constant.map(|constant| constant.validation)),
        };
        let log_loss = figures.log_loss?;
        if figures.alike {
            return Some(Nothing::Alike);
        }
        constant.filter(|&constant| log_loss >= constant).map(|constant| Nothing::NoBetter { log_loss, constant })
    }
}

/// The model that was found against another, on the same rows: how far it is ahead.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Against {
    /// The other.
    pub name: String,
    /// By how much its log loss is the lower, over what rows there might have been and, where [`Report::luck`] is known, trainings.
    pub log_loss: Option<Interval>,
    /// By how much its AUC is the higher, over rows.
    pub auc: Option<Interval>,
}

/// Why a model has learnt nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Nothing {
    /// Its predictions are all alike.
    Alike,
    /// Its log loss is not below that of the best constant.
    NoBetter {
        /// Of the model.
        log_loss: f64,
        /// Of the constant, on the same rows.
        constant: f64,
    },
}

/// What a run took of the machine, in `usage.json`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Bytes of memory that a process of the run has held at most.
    pub peak_memory: Option<u64>,
}

/// What planted data lets a model reach on the test part.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attainable {
    /// Log loss of the planted probabilities: no model can be expected below it.
    pub log_loss: f64,
    /// Of the base rate, the best constant.
    pub constant: f64,
}

/// One model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// `best-1` and so on, or the name of the one model or of a baseline.
    pub name: String,
    /// Of the space; baselines have none.
    pub architecture: Option<Architecture>,
    /// With the supernet's weights, on the validation part; not of what was not found by a search.
    pub in_supernet: Option<Figures>,
    /// Trained from scratch on the training part, on the validation part; the mean where that judged more than one training.
    pub validation: Figures,
    /// With how many seeds it was trained, those included that other rows judged ([`Report::folds`]).
    #[serde(default = "once", skip_serializing_if = "is_once")]
    pub trainings: usize,
    /// What is expected of its log loss on the validation part, when the luck of its trainings, and of the rows that judged them, is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Expected>,
    /// By what it was trained where that is not what the recipe says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<Setting>,
    /// Trained from scratch on both, on the test part: of the winner and of the baselines.
    pub test: Option<Figures>,
    /// The same on other labels than the first, where the model predicts several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<OfHead>,
    /// The same in the mean of several trainings, of which that is the first, where there were some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeated: Option<Repeated>,
    /// How large it is; trees have no such figures.
    #[serde(flatten)]
    pub size: Option<Size>,
}

/// What several trainings of a model come to on the test part, in the mean.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Repeated {
    /// How many.
    pub trainings: usize,
    /// Mean of their log losses, in nats.
    pub log_loss: Option<f64>,
    /// Mean of their AUCs.
    pub auc: Option<f64>,
}

/// A number of the recipe that was tuned for a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    /// As it is called in `tune`.
    pub name: String,
    /// As a recipe has it.
    pub value: String,
}

impl From<(Knob, f64)> for Setting {
    fn from((knob, value): (Knob, f64)) -> Self {
        Self { name: knob.name().to_owned(), value: knob.shown(value) }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.value)
    }
}

/// How large a network is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// Multiply-accumulates a sample.
    pub macs: u64,
    /// Parameters but for the embedding tables.
    pub dense_params: u64,
    /// Values of the embedding tables.
    pub embedding_params: u64,
}

impl Size {
    /// Of what a plan computes.
    pub fn of(plan: &Plan) -> Self {
        Self { macs: plan.macs(), dense_params: plan.dense_params(), embedding_params: plan.embedding_params() }
    }
}

impl Row {
    /// Whether it has no finite log loss on a part that it was told on.
    pub fn failed(&self) -> bool {
        self.validation.log_loss.is_none() || self.test.is_some_and(|test| test.log_loss.is_none())
    }
}
