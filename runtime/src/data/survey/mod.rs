//! What there is to know of a table with a schema before anything is trained on it: one pass over its rows, read as training
//! reads them.
//!
//! Lives here: the pass (`pass`, and `columns` for Parquet), what it keeps of each column (`tally`, with `distinct` for how many values there are), the
//! figures that this gives (`figures`), and what is wrong with them (`trouble`). Never: anything that is fitted for a model, or
//! printed.
//!
//! Memory is bounded whatever the table holds: see [`KEPT_VALUES`], [`KEPT_BYTES`] and [`SAMPLED`].

mod auc;
mod columns;
mod distinct;
mod figures;
mod pass;
mod tally;
mod trouble;

pub use figures::{Collisions, ColumnFigures, Drift, Group, Head, Range};
pub use pass::survey;
pub use trouble::{Example, Gravity, Trouble};
pub(super) use trouble::{crowded, cut, scale};

use serde::Serialize;

/// Different values of a column that are counted one by one; what comes after them is counted together.
pub const KEPT_VALUES: usize = 200_000;
/// Bytes that those values may take, of one column.
pub const KEPT_BYTES: usize = 16 << 20;
/// Most rows, evenly spaced, whose numbers are kept for quantiles.
pub const SAMPLED: usize = 1 << 16;

/// What a pass over a table found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Survey {
    /// The schema that it was read with.
    pub schema: String,
    /// Rows, malformed ones included.
    pub rows: u64,
    /// Rows that training would leave out.
    pub malformed: u64,
    /// Rows whose label is 1.
    pub clicks: u64,
    /// Share of clicks in the first and in the last part of the file, each a tenth of it or rather less.
    pub click_rate: Drift,
    /// Of each dense and then of each sparse column of the schema.
    pub columns: Vec<ColumnFigures>,
    /// What is wrong, what would stop training first.
    pub trouble: Vec<Trouble>,
}

impl Survey {
    /// Whether training would not begin.
    pub fn stops(&self) -> bool {
        self.trouble.iter().any(|trouble| trouble.gravity == Gravity::Stops)
    }
}
