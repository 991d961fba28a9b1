//! Metrics as they are written down.

use serde::{Deserialize, Serialize};

use super::metrics::Metrics;

/// Figures of a model on a part of the data.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Mean cross-entropy, in nats; absent where it is not finite.
    pub log_loss: Option<f64>,
    /// Area under the ROC curve; absent where it is not finite.
    pub auc: Option<f64>,
    /// Share of samples whose logit has the sign of their label.
    pub accuracy: f64,
    /// Samples of the part.
    pub samples: usize,
}

impl Figures {
    /// For ordering: what is not finite comes last.
    pub fn rank(&self) -> f64 {
        self.log_loss.unwrap_or(f64::INFINITY)
    }
}

impl From<Metrics> for Figures {
    fn from(metrics: Metrics) -> Self {
        Self {
            log_loss: Some(metrics.log_loss).filter(|x| x.is_finite()),
            auc: Some(metrics.auc).filter(|x| x.is_finite()),
            accuracy: metrics.accuracy,
            samples: metrics.samples,
        }
    }
}
