//! Rows made records by what was learnt: those of the table that it was learnt from, and any others.

use nasrec_compiler::schema::Schema;

use super::encoder::{Columns, Encoder};
use super::sources::{Source, Tallies, extend, sources};
use super::tally::Draw;
use crate::data::table::{Cells, Dictionary};

/// Completes records with what an encoder says of their rows. What a code stands for is worked out once.
pub(in crate::data) struct Completion<'a> {
    schema: &'a Schema,
    encoder: &'a Encoder,
    columns: Columns<'a>,
}

impl<'a> Completion<'a> {
    /// Of rows that nothing was learnt from; no code is known yet.
    pub fn new(schema: &'a Schema, cells: &'a Cells, encoder: &'a Encoder) -> Self {
        Self::within(schema, cells, encoder, None)
    }

    /// The same; with the tallies of the rows that it was learnt from, where these are to be completed.
    pub(super) fn within(
        schema: &'a Schema,
        cells: &'a Cells,
        encoder: &'a Encoder,
        tallies: Option<&'a Tallies>,
    ) -> Self {
        let columns = Columns {
            cells,
            sources: sources(schema, cells, encoder, tallies),
            rows: vec![Vec::new(); schema.sparse.len()],
            owners: (0..schema.sparse.len()).map(|field| schema.owner(field)).collect(),
        };
        Self { schema, encoder, columns }
    }

    /// Takes note of codes that dictionaries have since they were looked at last; each with its number among those of the cells.
    pub fn learn<'d>(&mut self, dictionaries: impl IntoIterator<Item = (usize, &'d Dictionary)>) {
        let Self { schema, encoder, columns: Columns { cells, sources, rows, .. } } = self;
        for (index, dictionary) in dictionaries {
            extend(sources, (schema, cells, encoder), (index, dictionary));
            for (column, rows) in rows.iter_mut().enumerate() {
                if cells.dictionary_of(column) == Some(index) {
                    encoder.extend_rows(column, dictionary, rows);
                }
            }
        }
    }

    /// Forgets all codes: dictionaries begin anew.
    pub fn forget(&mut self) {
        self.columns.rows.iter_mut().for_each(Vec::clear);
        for source in self.columns.sources.iter_mut().flatten() {
            if let Source::Category(category) = source {
                category.forget();
            }
        }
    }

    /// Fills in of a record what was learnt from its row. `draw`: of a row that was learnt from, what says which fold it is in.
    pub fn complete(&self, of: (&[u8], Option<Draw>), record: &mut [u8]) {
        self.encoder.complete(self.schema, &self.columns, of, record);
    }
}
