//! From values back to source, and from source to the same source laid out well.
//!
//! Lives here: how things are written in the language. Never: terminal colours or tables.

mod arch;
mod groups;
mod printer;
mod reading;
mod source;
pub(crate) mod tokens;

pub use arch::{ArchSource, format_arch, format_archs, named, value};
pub use source::{Refusal, comments, format_source};
