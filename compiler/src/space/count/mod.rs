//! How many architectures a space has: encodings, those that the constraints on choices allow, and those that differ.
//!
//! Lives here: exact counts and the numbering that goes with them, and whether constraints can be met together. Never: a
//! random draw, or what an architecture costs.

mod alike;
mod census;
mod conflict;
mod distinct;
mod exhaust;
mod rank;
mod raw;
mod reveal;
mod valid;

pub use census::{Census, Estimate, Tally};
pub use conflict::Conflict;
pub(crate) use conflict::Verdict;
pub use distinct::Distinct;
pub(super) use distinct::{Counting, State, Steps};
pub(super) use rank::Numbered;
pub(crate) use raw::of_sets;
pub(crate) use valid::Decider;
pub use valid::{Diagram, Intractable};
pub(super) use valid::{Validity, prior};
