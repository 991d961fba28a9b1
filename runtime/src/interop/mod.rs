//! What comes from other implementations.
//!
//! Lives here: foreign weights read for a plan, and compared with what was recorded beside them. Never: training, search,
//! or the foreign names themselves (`nasrec_compiler::import`).

mod foreign;

pub use crate::error::ForeignError;
pub use foreign::{Foreign, Report, Tolerance};
