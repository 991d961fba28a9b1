//! What a model must be better than: the best prediction that looks at nothing.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::data::{Batches, Dataset, Part};
use crate::{Result, Stop};

/// Log losses of the constant that is best on the training part, its click rate.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Constant {
    /// On the validation part.
    pub validation: f64,
    /// On the test part.
    pub test: f64,
}

impl Constant {
    /// Of a table that was split. It reads the smaller parts, so many rows at a time: what clicks they do not have, the
    /// training part has.
    ///
    /// # Errors
    /// The rows can no longer be read; [`crate::Error::Stopped`].
    pub fn of(data: &Arc<Dataset>, batch: usize, stop: &Stop) -> Result<Self> {
        let counted = |part: Part| -> Result<(f64, f64)> {
            let batches = Batches::listed(Arc::clone(data), data.part(part).clone(), batch)?;
            let (mut clicks, mut rows) = (0.0, 0.0);
            for index in 0..batches.per_epoch() {
                stop.check()?;
                let batch = batches.batch(0, index)?;
                clicks += batch.labels_of(0).iter().map(|&label| f64::from(label)).sum::<f64>();
                rows += batch.rows as f64;
            }
            Ok((clicks, rows))
        };
        let (validation, test) = (counted(Part::Validation)?, counted(Part::Test)?);
        let all = data.rows() as f64;
        let clicks = (data.click_rate() * all).round();
        let rate = (clicks - validation.0 - test.0) / (all - validation.1 - test.1);
        Ok(Self { validation: log_loss(rate, validation), test: log_loss(rate, test) })
    }
}

/// Of a constant probability on rows of which so many are clicks; infinite where it excludes what happened.
fn log_loss(rate: f64, (clicks, rows): (f64, f64)) -> f64 {
    let part = |count: f64, probability: f64| if count == 0.0 { 0.0 } else { -count * probability.ln() };
    (part(clicks, rate) + part(rows - clicks, 1.0 - rate)) / rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_scores_what_its_logit_does() {
        let (rate, labels) = (0.3f64, [1.0f32, 0.0, 0.0, 1.0, 0.0]);
        let logit = (rate / (1.0 - rate)).ln() as f32;
        let expected = super::super::log_loss(&[logit; 5], &labels);
        assert!((log_loss(rate, (2.0, 5.0)) - expected).abs() < 1e-7);
        assert_eq!(log_loss(0.0, (0.0, 5.0)), 0.0);
        assert_eq!(log_loss(0.0, (1.0, 5.0)), f64::INFINITY);
    }
}
