//! What the columns of a Parquet file look like: their values, as text.

use super::look::{Column, Look, MOST_COLUMNS, MOST_ROWS};
use crate::Result;
use crate::data::columnar::{Kind, Run, Table, soundly};
use crate::data::source::Located;
use crate::data::table::{Instant, Scalar, Shows};
use crate::error::DataError;

/// Columns of structures, maps and lists of lists are left out: no schema can name them.
pub(super) fn look(located: &Located) -> Result<Look> {
    let (table, path) = (Table::open(located)?, &located.path);
    let names = table.names();
    if names.len() > MOST_COLUMNS {
        return Err(DataError::TooManyColumns { path: path.clone(), found: names.len(), most: MOST_COLUMNS }.into());
    }
    let flat = (0..names.len()).filter_map(|place| table.column(place).ok());
    let mut columns = Vec::new();
    for column in flat {
        let mut look = Column::new(names[column.place].clone());
        let mut left = MOST_ROWS;
        for (group, rows) in table.groups().enumerate() {
            let rows = rows.min(left);
            left -= rows;
            if rows > 0 {
                soundly(path, || {
                    let mut chunk = table.chunk(group, column)?;
                    chunk.read(rows as usize, |run| add(&mut look, column.kind, &run))
                })?;
            }
        }
        columns.push(look);
    }
    let rows = table.rows();
    if rows == 0 {
        return Err(DataError::Empty { path: path.clone() }.into());
    }
    let all = rows <= MOST_ROWS;
    let format = nasrec_compiler::schema::Format::Parquet;
    let mut look = Look { format, columns, rows: rows.min(MOST_ROWS), all, marks: Vec::new() };
    look.take_marks();
    Ok(look)
}

fn add(column: &mut Column, kind: Kind, run: &Run) {
    let mut text = Vec::new();
    let mut add = |bytes: Option<&[u8]>| {
        text.clear();
        let scalar = bytes.map_or(Scalar::Missing, |bytes| kind.scalar(bytes));
        plain(scalar).write(&mut text);
        column.add(&text);
    };
    match run {
        Run::Dictionary(_) => {}
        Run::Coded(codes, entries) => codes.iter().for_each(|&code| add(entries.get(code as usize))),
        Run::Plain(levels, values) => {
            let mut values = values.iter();
            levels.iter().for_each(|&level| add(if level == 1 { values.next() } else { None }));
        }
    }
}

/// A time by one pattern, whatever it shows: it is read without one.
fn plain(scalar: Scalar) -> Scalar {
    match scalar {
        Scalar::Instant(Instant { seconds, shows: Shows::Stamp | Shows::Zoned, .. }) => {
            Scalar::Instant(Instant { seconds, nanos: 0, shows: Shows::Stamp })
        }
        other => other,
    }
}
