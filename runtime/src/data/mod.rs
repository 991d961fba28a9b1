//! From tables to batches: everything between a data recipe and the numbers a step reads.
//!
//! In the order data flows: `lines` reads files into blocks of whole lines, and `tsv` parses these: `values` finds where
//! every value lies, and `encode` makes records of them, many `columns` at once by their `digits`. Or `synthetic` draws rows of a planted click
//! model. Both fill a `cache` of fixed-width `record`s. A `dataset` is such a cache with its `split`; `batches` cuts row
//! lists into batches and `prefetch` builds those ahead of their use.
//!
//! Never here: tensors, models, or random generators whose state would have to be saved. A batch is a pure function of
//! the cache, the named stream, the epoch and its index.

mod batch;
mod batches;
mod cache;
mod columns;
mod dataset;
mod digits;
mod encode;
mod lines;
mod malformed;
mod prefetch;
mod record;
mod rows;
mod split;
mod synthetic;
mod tsv;
mod values;

pub use crate::error::DataError;
pub use batch::Batch;
pub use batches::Batches;
#[cfg(fuzzing)]
pub(crate) use cache::resealed;
pub(crate) use dataset::held_in_memory;
pub use dataset::{Dataset, Part};
pub use malformed::Malformed;
pub use prefetch::Prefetch;
pub use rows::Rows;
