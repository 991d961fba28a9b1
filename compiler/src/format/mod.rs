//! From values back to source, formatted.
//!
//! Lives here: how things are written in the language. Never: terminal colours or tables.

mod arch;

pub use arch::{ArchSource, format_arch};
