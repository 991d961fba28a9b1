//! How a table is written whose columns have names: what the schema says or, of a file of the same columns that is written in another
//! way, what its first bytes say.

use std::io::Read;

use nasrec_compiler::schema::{Format, Lines, Schema};

use super::{Kind, LOOKED_AT, Located, Unpacked, open};
use crate::data::text::{first_record, likely_separator};
use crate::{Error, Result};

/// Bytes in which the end of a header is looked for.
const LONGEST_HEADER: u64 = 1 << 20;

/// How a file is to be read. Where columns have no names, a file says nothing of them; where values hold several, what is between these
/// depends on how it is written; and what comes through a pipe comes once: there it is as the schema says.
///
/// # Errors
/// The file cannot be read.
pub(in crate::data) fn format_of_file(schema: &Schema, located: &Located) -> Result<Format> {
    let named =
        matches!(schema.format, Format::Parquet) || matches!(schema.format, Format::Lines(lines) if lines.header);
    let single = schema.dense.iter().all(|column| column.element.is_none())
        && schema.sparse.iter().all(|column| column.list.is_none());
    if !(named && single && located.is_regular()) {
        return Ok(schema.format);
    }
    let (mut file, _) = open(&located.path)?;
    let mut first = Vec::new();
    file.by_ref().take(LOOKED_AT as u64).read_to_end(&mut first).map_err(Error::io("read", &located.path))?;
    let kind = Kind::of(&first);
    if kind == Kind::Parquet {
        return Ok(Format::Parquet);
    }
    if !matches!(kind, Kind::Plain | Kind::Gzip | Kind::Zstd) || first.is_empty() {
        return Ok(schema.format);
    }
    let lines = match schema.format {
        Format::Lines(lines) => lines,
        Format::Pairs(_) | Format::Parquet => Lines::CSV,
    };
    let (file, _) = open(&located.path)?;
    let (mut unpacked, mut start) = (Unpacked::new(file, &located.path)?, Vec::new());
    let action = unpacked.action();
    unpacked.by_ref().take(LONGEST_HEADER).read_to_end(&mut start).map_err(Error::io(action, &located.path))?;
    let header = &start[..first_record(&start, lines).unwrap_or(start.len())];
    let separator = likely_separator(header, lines.separator).unwrap_or(lines.separator);
    Ok(Format::Lines(Lines { separator, ..lines }))
}
