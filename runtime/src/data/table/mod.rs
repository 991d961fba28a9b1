//! What of a table's rows is kept while something is still to be learnt from them.
//!
//! Lives here: which value of a row becomes what, the values of a column that were seen, and rows on their way to the cache.
//! Never: how values are written in files (`text`), or what is learnt (`fit`).

mod cells;
mod dictionary;
mod scalar;
mod several;
mod store;

pub(super) use cells::{
    Becomes, Cell, Cells, Dictionaries, MISSING, NOTHING, Reading, Value, Wrong, label_of, numeric, part_row, row_of,
    value_of,
};
pub(super) use dictionary::Dictionary;
pub(super) use scalar::{Instant, Maker, Scalar, Shows};
pub(super) use several::Several;
pub(super) use store::{Raw, RawWriter};
