//! What differs between two spaces, or between two architectures.
//!
//! Lives here: choices and architectures compared by their names, and parameters by their shapes. Never: how that is
//! shown, or how weights are moved.

mod archs;
mod choices;
mod overlap;
mod weights;

pub use archs::{Common, Difference, architectures, parameters};
pub use choices::{Change, Moved, Values, choices, moved};
pub use overlap::{Overlap, overlap};
pub use weights::{Carried, Fit, weights};
