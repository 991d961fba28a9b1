//! The parameter store: every parameter of a space at its largest shape, of which architectures use slices.
//!
//! Lives here: initial values, gathering slices, gradients, update rules, updating in place, embedding tables, checkpoints. Never: how a
//! plan is executed (`backend`), or when and with which learning rate something is trained (`train`).

mod average;
mod buffer;
mod checkpoint;
mod dense;
mod direct;
mod export;
mod file;
mod gradients;
mod index;
mod optimiser;
mod rows;
mod slab;
mod slices;
mod snapshot;
mod store;
mod table;
mod weights;

#[cfg(test)]
mod optimiser_tests;
#[cfg(test)]
mod tests;

pub use average::Average;
pub(crate) use buffer::{lengthen, side_by_side};
pub use checkpoint::{Kept, Label};
pub(crate) use dense::Dense;
pub use gradients::{Gradients, TableGradient};
pub(crate) use optimiser::{Kernel, Prepared};
pub use optimiser::{Memory, Rule};
pub use snapshot::Snapshot;
pub(crate) use store::Stored;
pub use store::{Keep, ParamDef, Slices, Store};
pub(crate) use table::Table;
pub use weights::Weights;
