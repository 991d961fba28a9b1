//! What is learnt from the training rows of a table, and the records that come of it.
//!
//! Lives here: what each fitted step of a schema learns, the encoder that holds it, and encoding by it. Never: rows that are
//! not for training are looked at before all is learnt.

mod categories;
mod completion;
mod encoder;
mod learn;
mod numbers;
mod sources;
mod tally;

pub(super) use completion::Completion;
pub use encoder::Encoder;
pub(super) use learn::{Fitted, Training, learn};
pub(crate) use tally::{Draw, Folds, Seen, Tally};

use nasrec_compiler::schema::Schema;
use rayon::prelude::*;

use super::cache::Writer;
use super::table::{Cells, Dictionaries, Raw};
use crate::Result;

/// Rows that one task encodes.
const TASK: usize = 1 << 10;

/// Writes the record of each row, and tells `each` from time to time how many were written.
///
/// # Errors
/// The rows can no longer be read; those of [`Writer::append`] and of `each`.
pub(super) fn encode(
    schema: &Schema,
    cells: &Cells,
    fitted: &Fitted,
    dictionaries: &Dictionaries,
    rows: &mut Raw,
    writer: &mut Writer,
    mut each: impl FnMut(u64) -> Result<()>,
) -> Result<()> {
    let Fitted { encoder, training, tallies } = fitted;
    let mut completion = Completion::within(schema, cells, encoder, Some(tallies));
    completion.learn(dictionaries.iter().enumerate());
    let (layout, stride) = (cells.layout(), rows.stride());
    rows.each(|first, bytes| {
        let records: Vec<Vec<u8>> = bytes
            .par_chunks(TASK * stride)
            .enumerate()
            .map(|(task, rows)| {
                let mut records = Vec::with_capacity(rows.len() / stride * layout.stride());
                for (row, index) in rows.chunks_exact(stride).zip(first + task * TASK..) {
                    let start = records.len();
                    records.extend_from_slice(&row[..layout.stride()]);
                    let draw = training.draw(index);
                    completion.complete((row, draw), &mut records[start..]);
                }
                records
            })
            .collect();
        records.iter().try_for_each(|records| writer.append(records))?;
        each(writer.counts().0)
    })
}
