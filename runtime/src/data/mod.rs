//! From tables to batches.

mod batch;

pub use batch::Batch;
