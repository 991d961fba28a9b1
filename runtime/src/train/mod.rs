//! Training and evaluating one plan.
//!
//! Lives here: the learning rate's schedule, what epochs decide, logits and metrics over batches, and what these can be at best. Never: which
//! plan is trained next (that is `search`), how a step is taken (`backend`) or where weights are kept (`supernet`).

mod attainable;
mod blocks;
mod bootstrap;
mod calibration;
mod constant;
mod evaluate;
mod figures;
mod metrics;
mod scaling;
mod schedule;
mod watch;

#[cfg(test)]
mod tests;

pub use attainable::Attainable;
pub use blocks::{Blocks, Interval, Luck};
pub use bootstrap::{Resampled, Resamples};
pub use calibration::{Bin, Calibration};
pub use constant::Constant;
pub use evaluate::{Scores, evaluate_each, scores};
pub use figures::{Calibrated, Figures, OfHead, Reliability, Tested};
pub use metrics::{Metrics, accuracy, auc, log_loss};
pub use scaling::Scaling;
pub use schedule::Cosine;
pub use watch::Watch;
