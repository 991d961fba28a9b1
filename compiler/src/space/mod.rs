//! A checked space bound to a schema: the first of the two values that pass to the runtime.
//!
//! Lives here: architectures, counting, sampling, mutation, and the selection of one architecture's live graph as a
//! [`Plan`](crate::plan::Plan). Never: source text, tensors, or how good an architecture is.

mod alike;
mod architecture;
mod bind;
mod census;
mod conflict;
mod coordinates;
mod costed;
mod count;
mod distinct;
mod exhaust;
mod extremes;
mod meter;
mod rank;
mod reveal;
mod sample;
mod select;
mod uniform;
mod valid;

pub use architecture::Architecture;
pub use bind::{BindError, Space};
pub use census::{Census, Estimate, Tally};
pub use conflict::{Conflict, Verdict};
pub use distinct::Distinct;
pub use extremes::{End, Extreme, Witness};
pub use meter::Meter;
pub use sample::Sampling;
pub use select::{Live, PlanError};
pub use valid::{Diagram, Intractable};
