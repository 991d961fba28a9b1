//! What architectures cost, without their plans.
//!
//! Lives here: the cost of one (`meter`), the least and the most of all (`extremes/`, and `coordinates` for a cheap
//! guess), whether constraints leave anything (`standing`), and counts under them (`costed`). Never: time, which is measured and not counted.

mod coordinates;
mod costed;
mod extremes;
mod meter;
mod standing;

pub use extremes::{Effort, End, Extreme, Witness};
pub use meter::Meter;
pub use standing::{Bound, Proof, Standing, Tried};
