//! The rows of Parquet files, for the pass over a table: read column by column, some rows at a time.

use std::collections::BTreeSet;

use nasrec_compiler::schema::Schema;

use super::pass::{Stands, Walk};
use super::trouble::{self, Trouble};
use crate::data::columnar::{Chunk, Kind, Run, Table, soundly};
use crate::data::source::Located;
use crate::data::table::Scalar;
use crate::{Observer, Result, Stop};

/// Rows that are read at a time.
const SLAB: u64 = 1 << 12;

/// What is wrong with the names of columns; those of the schema that some file lacks, or has twice.
pub(super) fn names(schema: &Schema, located: &[Located], found: &mut Vec<Trouble>) -> Result<BTreeSet<String>> {
    let mut lacking = BTreeSet::new();
    for one in located {
        let names = Table::open(one)?.names();
        lacking.extend(trouble::of_header(schema, &one.name, &names, found));
    }
    Ok(lacking)
}

/// Walks over the rows of files.
pub(super) fn walk(walk: &mut Walk, located: &[Located], observer: &dyn Observer, stop: &Stop) -> Result<()> {
    let mut before = 0;
    for one in located {
        let table = Table::open(one)?;
        let (places, _) = table.places(&walk.schema.columns)?;
        let columns = places.into_iter().map(|place| table.column(place)).collect::<Result<Vec<_>>>()?;
        let mut slabs: Vec<Slab> = columns.iter().map(|column| Slab::new(column.kind)).collect();
        let size = one.path.metadata().map_or(0, |metadata| metadata.len());
        let (mut done, all) = (0, table.rows().max(1));
        for (group, rows) in table.groups().enumerate() {
            let open = || columns.iter().map(|&column| table.chunk(group, column)).collect();
            let mut chunks: Vec<Chunk> = soundly(table.path(), open)?;
            let mut left = rows;
            while left > 0 {
                stop.check()?;
                let count = left.min(SLAB);
                for (chunk, slab) in chunks.iter_mut().zip(&mut slabs) {
                    slab.clear();
                    soundly(table.path(), || chunk.read(count as usize, |run| slab.add(&run)))?;
                }
                for row in 0..count as usize {
                    walk.row(|column| slabs[column].stands(row), &|| {
                        format!("{}, row {}", one.name, done + row as u64 + 1)
                    });
                }
                (done, left) = (done + count, left - count);
                observer.progress(before + (u128::from(size) * u128::from(done) / u128::from(all)) as u64, "");
            }
        }
        before += size;
    }
    Ok(())
}

/// Some values of a column, as texts.
struct Slab {
    kind: Kind,
    text: Vec<u8>,
    /// Where each ends, and the time that it is.
    values: Vec<(usize, Option<f64>)>,
}

impl Slab {
    fn new(kind: Kind) -> Self {
        Self { kind, text: Vec::new(), values: Vec::new() }
    }

    fn clear(&mut self) {
        self.text.clear();
        self.values.clear();
    }

    fn add(&mut self, run: &Run) {
        match run {
            Run::Dictionary(_) => {}
            Run::Coded(codes, entries) => codes.iter().for_each(|&code| self.put(entries.get(code as usize))),
            Run::Plain(levels, values) => {
                let mut values = values.iter();
                levels.iter().for_each(|&level| self.put(if level == 1 { values.next() } else { None }));
            }
        }
    }

    fn put(&mut self, bytes: Option<&[u8]>) {
        let scalar = bytes.map_or(Scalar::Missing, |bytes| self.kind.scalar(bytes));
        scalar.write(&mut self.text);
        let seconds = match scalar {
            Scalar::Instant(instant) => Some(instant.seconds()),
            _ => None,
        };
        self.values.push((self.text.len(), seconds));
    }

    fn stands(&self, row: usize) -> Stands<'_> {
        let start = if row == 0 { 0 } else { self.values[row - 1].0 };
        let (end, seconds) = self.values[row];
        Stands { text: &self.text[start..end], seconds }
    }
}
