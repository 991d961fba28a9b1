//! The parameter store: every parameter of a space at its largest shape, of which architectures use slices.
//!
//! Lives here: initial values, gathering slices, updating them in place, embedding tables, checkpoints. Never: how a
//! plan is executed (`ops`), or when and with which learning rate something is trained (`train`).

mod adagrad;
mod checkpoint;
mod dense;
mod export;
mod slices;
mod snapshot;
mod store;
mod table;
mod weights;

#[cfg(test)]
mod tests;

pub use adagrad::Adagrad;
pub(crate) use checkpoint::sync_folder;
pub use snapshot::Snapshot;
pub use store::{ParamDef, Store, TableRows};
pub use weights::Weights;
