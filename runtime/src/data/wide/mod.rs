//! Columns of short texts side by side: sixteen of them are read at once, where their values look as they nearly always do.
//!
//! Lives here: which columns of a table are read so, in what groups, and their digits. All others, and values that look
//! otherwise, are read one by one (`text`, `table`).

mod columns;
mod digits;
mod encode;
mod hashes;

pub(super) use digits::{TOGETHER, Texts, integer};
pub(super) use encode::{Encoder, Read};
