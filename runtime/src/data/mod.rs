//! From tables to batches: everything between a data recipe and the numbers a step reads.
//!
//! In the order data flows: `lines` reads files into blocks of whole lines and `tsv` parses them through `encode` and `values`, or
//! `synthetic` draws rows of a planted click model; both fill a `cache` of fixed-width `record`s. A `dataset` is such a
//! cache with its `split`; `batches` cuts row lists into batches and `prefetch` builds those ahead of their use.
//!
//! Never here: tensors, models, or random generators whose state would have to be saved. A batch is a pure function of
//! the cache, the named stream, the epoch and its index.

mod attainable;
mod batch;
mod batches;
mod cache;
mod dataset;
mod encode;
mod lines;
mod malformed;
mod prefetch;
mod record;
mod rows;
mod spare;
mod split;
mod synthetic;
mod tsv;
mod values;

pub use attainable::Attainable;
pub use batch::Batch;
pub use batches::Batches;
pub use dataset::{Dataset, Part};
pub use malformed::Malformed;
pub use prefetch::Prefetch;
pub use rows::Rows;
