//! What comes from other implementations.
//!
//! Lives here: foreign weights read for a plan, and compared with what was recorded beside them. Never: training, search,
//! or the foreign names themselves (`nasrec_compiler::import`).

mod error;
mod foreign;

pub use error::ForeignError;
pub use foreign::{Foreign, Report, Tolerance};
