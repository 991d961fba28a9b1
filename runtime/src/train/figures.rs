//! Metrics as they are written down.

use serde::{Deserialize, Serialize};

use super::metrics::Metrics;

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
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_false(value: &bool) -> bool {
    !value
}

impl Figures {
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
        }
    }
}
