//! Metrics as they are written down.

use nasrec_compiler::plan::{Head, Plan};
use nasrec_compiler::recipe::Calibrate;
use nasrec_compiler::schema::Schema;
use serde::{Deserialize, Serialize};

use super::blocks::Blocks;
use super::evaluate::Scores;
use super::metrics::Metrics;
use super::scaling::Scaling;

/// Figures of a model on a part of the data.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Mean cross-entropy, in nats; absent where it is not finite.
    pub log_loss: Option<f64>,
    /// Area under the ROC curve; absent where it is not finite, as that of one class is.
    pub auc: Option<f64>,
    /// Mean of the AUC within each group, by the samples of each; absent where rows have no groups, or none has both labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_auc: Option<f64>,
    /// Expected calibration error, in 20 bins of about as many samples; see [`Calibration`](super::Calibration) for these three.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration_error: Option<f64>,
    /// The log loss over that of the click rate of the part; absent where all labels are the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalised_entropy: Option<f64>,
    /// The mean prediction over the click rate; absent where there is no click.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<f64>,
    /// Share of samples whose logit has the sign of their label.
    pub accuracy: f64,
    /// Samples of the part.
    pub samples: usize,
    /// Whether the predictions are all alike.
    #[serde(default, skip_serializing_if = "is_false")]
    pub alike: bool,
    /// Where outputs are calibrated, with what, and what that changes. Of the validation part, which it is fitted on, the other
    /// figures are of outputs as they were before; of the test part, of the model as it is handed over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibrated: Option<Calibrated>,
}

/// What calibrating changes on some samples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibrated {
    /// What is done to logits.
    #[serde(flatten)]
    pub scaling: Scaling,
    /// Without it.
    pub before: Reliability,
    /// With it.
    pub after: Reliability,
}

/// How far probabilities are from what came true.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reliability {
    /// As of [`Figures`].
    pub log_loss: Option<f64>,
    /// As of [`Figures`].
    pub calibration_error: Option<f64>,
}

/// How a model does on the test part, and on blocks of it, by which it is compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tested {
    /// On all of it.
    pub figures: Figures,
    /// On each block; nothing from runs of before they were compared so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocks: Option<Blocks>,
    /// On the other labels that it predicts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<OfHead>,
}

/// How a model does on another label than the first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OfHead {
    /// What the logit is called.
    pub name: String,
    /// Of that label.
    #[serde(flatten)]
    pub figures: Figures,
}

impl Tested {
    /// As the model says it that is handed over: with this calibration, where it has one.
    pub fn scaled(scores: Scores, scaling: Option<Scaling>) -> Self {
        let blocks = Blocks::of(&scores.clone().scaled(scaling));
        Self { figures: Figures::scaled(scores, scaling), blocks: Some(blocks), others: Vec::new() }
    }

    /// Of each head that a plan tells: of the first label as of a model that predicts nothing else, and of the others.
    pub fn of_heads(plan: &Plan, schema: &Schema, mut each: Vec<Scores>, scaling: Option<Scaling>) -> Self {
        let main = Head::main(&plan.heads);
        let others = plan.told().iter().zip(&each).enumerate().filter(|&(index, _)| index != main);
        let others = others.map(|(_, (head, scores))| OfHead {
            name: head.called(schema).to_owned(),
            figures: scores.metrics().into(),
        });
        let others = others.collect();
        Self { others, ..Self::scaled(each.swap_remove(main), scaling) }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_false(value: &bool) -> bool {
    !value
}

impl Figures {
    /// Of a part that a calibration is fitted on, where one is asked for.
    pub fn fitted(scores: &Scores, how: Option<Calibrate>) -> Self {
        let figures = Self::from(scores.metrics());
        let scaling = how.and_then(|how| Scaling::fit(how, &scores.logits, &scores.labels));
        let calibrated = scaling.map(|scaling| {
            let after = Self::from(scores.clone().scaled(Some(scaling)).metrics());
            Calibrated { scaling, before: figures.reliability(), after: after.reliability() }
        });
        Self { calibrated, ..figures }
    }

    /// Of a part that nothing was fitted on, as the model says it that is handed over: with this calibration, where it has one.
    pub fn scaled(scores: Scores, scaling: Option<Scaling>) -> Self {
        let Some(scaling) = scaling else { return scores.metrics().into() };
        let before = Self::from(scores.metrics()).reliability();
        let figures = Self::from(scores.scaled(Some(scaling)).metrics());
        Self { calibrated: Some(Calibrated { scaling, before, after: figures.reliability() }), ..figures }
    }

    fn reliability(&self) -> Reliability {
        Reliability { log_loss: self.log_loss, calibration_error: self.calibration_error }
    }

    /// What the outputs are calibrated with.
    pub fn scaling(&self) -> Option<Scaling> {
        self.calibrated.map(|calibrated| calibrated.scaling)
    }

    /// Of a model whose training failed, whatever it has come to: without a loss, so that it is last.
    #[must_use]
    pub fn of_failed(self) -> Self {
        Self {
            log_loss: None,
            auc: None,
            group_auc: None,
            calibration_error: None,
            normalised_entropy: None,
            calibration: None,
            calibrated: None,
            ..self
        }
    }

    /// For ordering: what is not finite comes last.
    pub fn rank(&self) -> f64 {
        self.log_loss.unwrap_or(f64::INFINITY)
    }
}

impl From<Metrics> for Figures {
    fn from(metrics: Metrics) -> Self {
        let finite = |figure: f64| Some(figure).filter(|figure| figure.is_finite());
        Self {
            log_loss: finite(metrics.log_loss),
            auc: finite(metrics.auc),
            group_auc: metrics.group_auc.and_then(finite),
            calibration_error: finite(metrics.calibration.error),
            normalised_entropy: finite(metrics.calibration.normalised_entropy),
            calibration: finite(metrics.calibration.ratio),
            accuracy: metrics.accuracy,
            samples: metrics.samples,
            alike: metrics.alike,
            calibrated: None,
        }
    }
}
