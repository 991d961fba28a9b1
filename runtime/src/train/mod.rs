//! Training and evaluating one plan.
//!
//! Lives here: the learning rate's schedule, one training step, fine-tuning, metrics and what
//! they can be at best. Never: which plan is trained
//! next (that is `search`), how it is executed (`ops`) or where weights are kept (`supernet`).

mod attainable;
mod evaluate;
mod metrics;
mod schedule;
mod step;

#[cfg(test)]
mod tests;

pub use attainable::Attainable;
pub use evaluate::{evaluate, evaluate_each, logits};
pub use metrics::{Metrics, accuracy, auc, log_loss};
pub use schedule::Cosine;
pub use step::{Stepped, Trainer, Update};
