//! What the columns of a file of pairs look like: which there are, and what they hold.

use std::collections::BTreeMap;
use std::path::Path;

use nasrec_compiler::schema::{Format, Pairs};

use super::look::{BLOCK, Column, Look, MOST_COLUMNS, MOST_ROWS};
use crate::Result;
use crate::data::text::undescribed_pairs;
use crate::error::DataError;

/// `bytes`: the first of the file; `read_on` appends more, and says whether there are none.
pub(super) fn look(
    written: Pairs,
    mut bytes: Vec<u8>,
    mut read_on: impl FnMut(&mut Vec<u8>) -> Result<bool>,
    path: &Path,
) -> Result<Look> {
    let mut columns: BTreeMap<Place, (Column, u64)> = BTreeMap::new();
    let (mut rows, mut ended) = (0, false);
    let all = loop {
        let whole = if ended { bytes.len() } else { memchr::memrchr(b'\n', &bytes).map_or(0, |at| at + 1) };
        for line in bytes[..whole].split(|&byte| byte == b'\n') {
            if rows >= MOST_ROWS || columns.len() > MOST_COLUMNS {
                break;
            }
            let is_row = undescribed_pairs(written, line, |name, value| {
                let Some(place) = Place::of(name) else { return };
                let column = || (Column::new(place.name(written)), 0);
                let (column, there) = columns.entry(place).or_insert_with(column);
                // One of a row, as there is one in a row of a table.
                if *there <= rows {
                    *there = rows + 1;
                    column.add(value);
                }
            });
            rows += u64::from(is_row);
        }
        if columns.len() > MOST_COLUMNS {
            let (path, found) = (path.to_owned(), columns.len());
            return Err(DataError::TooManyColumns { path, found, most: MOST_COLUMNS }.into());
        }
        bytes.drain(..whole);
        if ended || rows >= MOST_ROWS {
            break ended;
        }
        if bytes.len() > BLOCK {
            return Err(DataError::LongLine { path: path.to_owned(), most: BLOCK }.into());
        }
        ended = read_on(&mut bytes)?;
    };
    let mut columns: Vec<Column> = columns.into_values().map(|(column, _)| column).collect();
    for column in &mut columns {
        let absent = rows - (column.count + column.missing).min(rows);
        match written {
            Pairs::Libsvm if column.name != Pairs::QUERY => column.add_alike(b"0", absent),
            _ => column.missing += absent,
        }
    }
    let mut look = Look { format: Format::Pairs(written), columns, rows, all, marks: Vec::new() };
    look.take_marks();
    Ok(look)
}

/// What a column is, in the order in which a schema lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Label,
    Query,
    /// By its number, and whether its value is meant.
    Number(u32, bool),
}

impl Place {
    /// None of what is no column.
    fn of(name: &[u8]) -> Option<Self> {
        let name = std::str::from_utf8(name).ok()?;
        if name == "label" {
            return Some(Self::Label);
        }
        if name == Pairs::QUERY {
            return Some(Self::Query);
        }
        let number = name.strip_prefix('f').unwrap_or(name);
        let (number, value) = number.strip_suffix(Pairs::VALUE).map_or((number, false), |number| (number, true));
        number.parse().ok().map(|number| Self::Number(number, value))
    }

    /// As a schema calls it.
    fn name(self, written: Pairs) -> String {
        match self {
            Self::Label => "label".to_owned(),
            Self::Query => Pairs::QUERY.to_owned(),
            Self::Number(number, _) if written == Pairs::Libfm => format!("f{number}"),
            Self::Number(number, value) => format!("{number}{}", if value { Pairs::VALUE } else { "" }),
        }
    }
}
