//! From tables to batches: everything between a data recipe and the numbers a step reads.
//!
//! In the order data flows: `source` finds files and reads them into blocks of whole lines, `text` finds the values of these
//! and what they say, and `reading` has many threads do so in turn. What a row becomes is said in `table`; `wide` does
//! it for sixteen columns of short numbers or texts at once. Where something is learnt from the training rows, `fit` learns it and encodes the rows.
//! `infer` describes a table that nobody has described, and `survey` says what there is to know of one that somebody has;
//! `glance` tells the worst of that where a table is read for a training.
//! `columnar` finds the values of Parquet files in place of `text`.
//! Or `synthetic` draws rows of a planted click model. All fill a `cache` of fixed-width `record`s. A `dataset` is such a cache
//! with its `split` and, for who chooses among many, its `folds`; `prepare` makes it or finds it. `batches` cuts row lists into batches and `prefetch` builds those ahead of their use.
//! Rows that nothing is to be learnt from need no cache: they go on as a `stream` of batches, in constant memory; or they are no table at
//! all, and are encoded as they are `arriving`.
//!
//! Never here: tensors, models, or random generators whose state would have to be saved. A batch is a pure function of
//! the cache, the named stream, the epoch and its index.

mod arriving;
mod batch;
mod batches;
mod cache;
mod columnar;
mod dataset;
mod fit;
mod folds;
mod glance;
mod infer;
mod kept;
mod keys;
mod lines;
mod malformed;
mod prefetch;
mod prepare;
mod quote;
mod reading;
mod record;
mod rows;
mod source;
mod split;
mod stream;
pub mod survey;
mod synthetic;
mod table;
mod text;
mod wide;

pub use crate::error::DataError;
pub use arriving::{Arriving, Given, Intake, Wrong};
pub use batch::{Batch, EMPTY};
pub use batches::Batches;
#[cfg(fuzzing)]
pub(crate) use cache::resealed;
pub use columnar::{Kinds, Written};
pub use dataset::{Dataset, Part};
pub(crate) use dataset::{held_in_memory, on_disk};
pub use fit::Encoder;
pub(crate) use fit::{Draw, Folds, Seen, Tally};
pub(crate) use folds::most_folds;
pub use infer::{Inferred, infer};
pub use kept::Kept;
pub use lines::Lines;
pub use malformed::Malformed;
pub use prefetch::Prefetch;
pub use prepare::Wanted;
pub use reading::Unreadable;
pub use rows::Rows;
pub use source::{Located, STANDARD_INPUT, expected_rows, fetch, is_address, locate, locate_all};
pub use stream::{Asked, Portion, stream};
pub(crate) use table::{Said, said};
