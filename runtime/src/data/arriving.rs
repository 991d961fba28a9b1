//! Rows that arrive in memory, a few at a time, with values that have types: encoded as rows of a table are, by the same code.
//!
//! What a value becomes is what its text would become in a file of the schema; a value with a type is read as that of a Parquet file
//! is. Nothing is learnt from these rows, and nothing of them is kept.

use nasrec_compiler::schema::Schema;

use super::batch::{Batch, Columns};
use super::fit::{Completion, Encoder};
use super::quote::quote;
use super::table::{Cells, Dictionaries, Dictionary, Maker, Scalar};
use crate::Result;

/// A value of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Given<'t> {
    /// There is none.
    Missing,
    /// As it would stand in a file, without quotes.
    Text(&'t [u8]),
    /// Of a truth.
    Truth(bool),
    /// A whole number.
    Int(i64),
    /// A whole number that has no sign.
    Unsigned(u64),
    /// A number of 32 bits, which is the decimal number that it is written as. One that is none is a missing value.
    Single(f32),
    /// A number of 64 bits, likewise.
    Real(f64),
}

impl<'t> Given<'t> {
    fn scalar(self) -> Scalar<'t> {
        match self {
            Self::Text(text) => Scalar::Text(text),
            Self::Truth(truth) => Scalar::Truth(truth),
            Self::Int(number) => Scalar::Int(number),
            Self::Unsigned(number) => Scalar::Unsigned(number),
            Self::Single(number) if !number.is_nan() => Scalar::Single(number),
            Self::Real(number) if !number.is_nan() => Scalar::Real(number),
            Self::Missing | Self::Single(_) | Self::Real(_) => Scalar::Missing,
        }
    }
}

/// What is wrong with a value that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Number of the column among [`Arriving::columns`].
    pub column: usize,
    /// Number of the row, of those that were added together.
    pub row: usize,
    /// The value, in quotes and no longer than a message takes.
    pub found: String,
    /// What a value of the column is.
    pub expected: &'static str,
}

/// How rows of a schema arrive: which columns they have to have, and what becomes of each.
#[derive(Clone, Debug)]
pub struct Arriving {
    schema: Schema,
    cells: Cells,
    columns: Columns,
    /// The columns that are read, in the order of the schema.
    names: Vec<String>,
}

impl Arriving {
    /// Rows of a schema, without what only training reads of them.
    ///
    /// # Errors
    /// A table of the schema is too small or too large to be addressed.
    pub fn new(schema: &Schema) -> Result<Self> {
        let schema = Schema { weight: None, time: None, part: None, group: None, ..schema.clone() };
        let cells = Cells::new(&schema)?.unlabelled();
        let columns = Columns::of(&schema, cells.layout());
        let read = |column: &usize| cells.each().iter().any(|cell| cell.column == *column);
        let names = (0..schema.columns.len()).filter(read).map(|column| schema.columns[column].clone()).collect();
        Ok(Self { schema, cells, columns, names })
    }

    /// The columns that are read of each row, by their names in a file.
    pub fn columns(&self) -> &[String] {
        &self.names
    }

    /// What takes rows in. `encoder`: what the schema learnt of other rows, where it learns something.
    pub fn intake<'a>(&'a self, encoder: Option<&'a Encoder>) -> Intake<'a> {
        let place = |column: usize| self.names.iter().position(|name| *name == self.schema.columns[column]);
        let makers = self.cells.makers();
        let makers = makers.into_iter().filter_map(|maker| Some((place(maker.column)?, maker))).collect();
        Intake {
            of: self,
            makers,
            dictionaries: self.cells.dictionaries(),
            completion: encoder.map(|encoder| Completion::new(&self.schema, &self.cells, encoder)),
            rows: Vec::new(),
            records: Vec::new(),
            wide: Vec::new(),
        }
    }
}

/// Takes rows in until a batch is made of them. Its memory is that of the largest batch so far.
pub struct Intake<'a> {
    of: &'a Arriving,
    /// Each with the number of its column among those that are read.
    makers: Vec<(usize, Maker<'a>)>,
    dictionaries: Dictionaries,
    completion: Option<Completion<'a>>,
    rows: Vec<u8>,
    records: Vec<u8>,
    /// The last value that holds several.
    wide: Vec<u8>,
}

impl Intake<'_> {
    /// Whether no row was taken in since the last batch.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Takes in `count` rows; `value` gives what stands in a column of [`Arriving::columns`] of one of them. All are taken in, or none.
    ///
    /// # Errors
    /// The first value that cannot be read, column by column.
    pub fn add<'t>(&mut self, count: usize, value: impl Fn(usize, usize) -> Given<'t>) -> Result<(), Wrong> {
        let (stride, before) = (self.of.cells.stride(), self.rows.len());
        self.rows.resize(before + count * stride, 0);
        let Self { makers, dictionaries, rows, wide, .. } = self;
        let rows = &mut rows[before..];
        for (column, maker) in makers {
            let (at, width) = (maker.at, maker.width);
            let mut dictionary = maker.dictionary.and_then(|index| dictionaries.get_mut(index));
            for (index, row) in rows.chunks_exact_mut(stride).enumerate() {
                let given = value(*column, index);
                wide.clear();
                let made = maker.make_behind(given.scalar(), dictionary.as_deref_mut(), wide);
                match made {
                    Ok(_) if maker.is_several() => row[at..at + width].copy_from_slice(wide),
                    Ok(made) => row[at..at + width].copy_from_slice(&made.to_le_bytes()[..width]),
                    Err(expected) => {
                        let mut found = Vec::new();
                        given.scalar().write(&mut found);
                        let wrong = Wrong { column: *column, row: index, found: quote(&found), expected };
                        self.rows.truncate(before);
                        return Err(wrong);
                    }
                }
            }
        }
        Ok(())
    }

    /// The batch of all rows that were taken in, in their order; none of them is there any more.
    pub fn batch(&mut self) -> Batch {
        let Self { of, dictionaries, completion, rows, records, .. } = self;
        let (stride, record) = (of.cells.stride(), of.cells.layout().stride());
        let batch = match completion {
            None => of.columns.batch(rows),
            Some(completion) => {
                completion.forget();
                completion.learn(dictionaries.iter().enumerate());
                records.clear();
                for row in rows.chunks_exact(stride) {
                    let begun = records.len();
                    records.extend_from_slice(&row[..record]);
                    completion.complete((row, None), &mut records[begun..]);
                }
                of.columns.batch(records)
            }
        };
        rows.clear();
        dictionaries.iter_mut().for_each(Dictionary::clear);
        batch
    }
}
