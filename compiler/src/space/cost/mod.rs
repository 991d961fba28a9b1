//! What architectures cost, without their plans.
//!
//! Lives here: the cost of one (`meter`), the least and the most of all (`extremes/`, and `coordinates` for a cheap
//! guess), and counts under constraints on costs (`costed`). Never: time, which is measured and not counted.

mod coordinates;
mod costed;
mod extremes;
mod meter;

pub use extremes::{Effort, End, Extreme, Witness};
pub use meter::Meter;
