//! Tables by columns: Parquet, read a column chunk after the other, page by page.
//!
//! Lives here: which columns a file has, whether its sizes are sound, and what the bytes of its pages say; rows written as such a file. Never: what becomes
//! of a value for a model. What a stranger wrote may make the crate that reads it panic; nothing of that leaves this folder.

mod chunk;
mod hybrid;
mod kind;
mod lists;
mod pages;
mod table;
mod written;

pub(super) use chunk::{Chunk, Entries, Run};
pub(super) use kind::Kind;
pub(super) use table::{Broken, Column, Table, rows, soundly};
pub use written::{Kinds, Written};
