//! What leaves the runtime for people, and what comes to it from elsewhere.
//!
//! Lives here: foreign weights read and compared with what was recorded beside them. Never: training or search.

mod foreign;

pub use foreign::{Foreign, Report, Tolerance};
