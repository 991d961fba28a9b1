//! Tables of tab-separated lines without a header whose columns are all numbers: the label, then the dense and then the sparse
//! columns, as Criteo's. Where values look as they nearly always do, a row of them is read at once.
//!
//! Never here: what any other table needs (`text`, `table`).

mod columns;
mod digits;
mod encode;

pub(super) use digits::{TOGETHER, Texts, integer};
pub(super) use encode::{Encoder, fits};
