//! What of a table's rows is kept while something is still to be learnt from them.
//!
//! Lives here: what a value says and becomes right away (`value`), what becomes of one in a row (`cell`) and of all of a row (`cells`, with `several` and
//! `scalar` for what holds several and what comes with a type), the values of a column that were seen (`dictionary`), and rows on their way to the cache
//! (`store`).
//! Never: how values are written in files (`text`), or what is learnt (`fit`).

mod cell;
mod cells;
mod dictionary;
mod scalar;
mod several;
mod store;
mod value;

pub(super) use cell::{Becomes, Cell, MISSING, NOTHING};
pub(super) use cells::{Cells, Dictionaries, Reading, Wrong};
pub(super) use dictionary::Dictionary;
pub(super) use scalar::{Instant, Maker, Scalar, Shows};
pub(super) use several::Several;
pub(super) use store::{Raw, RawWriter};
pub(crate) use value::{Said, said};
pub(super) use value::{Value, label_of, numeric, part_row, row_of, value_of};
