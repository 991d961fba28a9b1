//! Tables, read by many threads and written in the order of their files.
//!
//! Lives here: who reads, parses and writes what when, one file each for blocks of lines and for columns; and in `lines` what
//! a line becomes. Never: what a value means.

mod blocks;
mod columns;
mod lines;

use nasrec_compiler::schema::{Format, Schema};

use super::cache::Writer;
use super::malformed::Malformed;
use super::source::{Located, SourceFile, total_size};
use super::table::{Cells, Dictionaries, Dictionary, RawWriter};
use crate::error::DataError;
use crate::machine::available_memory;
use crate::{Observer, Result, Stage, Stop};

/// Names of columns that a message lists.
const LISTED: usize = 12;

/// Where rows go.
pub(super) enum Sink<'a> {
    /// Records, of which nothing is to be learnt.
    Records(&'a mut Writer),
    /// Rows, and the values of their columns.
    Rows(&'a mut RawWriter, &'a mut Dictionaries),
}

impl Sink<'_> {
    fn append(&mut self, rows: &[u8]) -> Result<()> {
        match self {
            Self::Records(writer) => writer.append(rows),
            Self::Rows(writer, _) => writer.append(rows),
        }
    }
}

/// What was read.
pub(super) struct Read {
    pub files: Vec<SourceFile>,
    /// Sound rows of each.
    pub rows: Vec<u64>,
    pub malformed: Malformed,
}

/// Reads the files into a sink, and returns what they were and which lines they lost.
///
/// # Errors
/// A file that cannot be read; more malformed lines than the share `limit`; more different values than there is memory for; a
/// stop.
pub(super) fn read(
    schema: &Schema,
    cells: &Cells,
    located: &[Located],
    limit: f64,
    sink: Sink,
    observer: &dyn Observer,
    stop: &Stop,
) -> Result<Read> {
    observer.begin(Stage { name: "read data".to_owned(), total: Some(total_size(located)), unit: "bytes" });
    let room = available_memory().map_or(u64::MAX, |free| free.0 / 2);
    let (report, rows) = (Malformed::default(), vec![0; located.len()]);
    let mut output = Output { cells, sink, observer, schema, located, limit, room, report, rows };
    let files = match schema.format {
        Format::Lines(_) | Format::Pairs(_) => blocks::read(&mut output, stop),
        Format::Parquet => columns::read(&mut output, stop),
    };
    observer.end();
    let (files, Output { report: malformed, rows, .. }) = (files?, output);
    malformed.check(limit, schema)?;
    Ok(Read { files, rows, malformed })
}

/// Where rows go, and what is told of them.
struct Output<'a> {
    cells: &'a Cells,
    sink: Sink<'a>,
    observer: &'a dyn Observer,
    schema: &'a Schema,
    located: &'a [Located],
    limit: f64,
    /// Memory that the values of columns may take, in bytes.
    room: u64,
    report: Malformed,
    /// Sound rows of each file.
    rows: Vec<u64>,
}

impl Output<'_> {
    /// Tells which columns of the first file are not read.
    fn leave(&self, unread: &[String]) {
        if !unread.is_empty() {
            self.observer.say(&format!("not read, as the schema does not name them: {}", listed(unread)));
        }
    }

    /// The values of columns that something is learnt from.
    fn dictionaries(&mut self) -> &mut [Dictionary] {
        match &mut self.sink {
            Sink::Records(_) => &mut [],
            Sink::Rows(_, all) => all,
        }
    }

    /// Writes sound rows of a file. `found`: what there was beside them; `done`: bytes read so far, over all files.
    fn write(&mut self, file: usize, rows: &[u8], found: Malformed, done: u64) -> Result<()> {
        self.sink.append(rows)?;
        self.rows[file] += found.lines - found.malformed;
        self.report.extend(found);
        self.report.check_early(self.limit, self.schema)?;
        self.observer.progress(done, "");
        let (cells, schema, room) = (self.cells, self.schema, self.room);
        let all = self.dictionaries();
        let taken: u64 = all.iter().map(|dictionary| dictionary.memory() as u64).sum();
        if taken > room {
            let largest = (0..all.len()).max_by_key(|&index| all[index].memory()).unwrap_or_default();
            return Err(too_many(cells, schema, largest, &all[largest]).into());
        }
        Ok(())
    }
}

fn too_many(cells: &Cells, schema: &Schema, index: usize, dictionary: &Dictionary) -> DataError {
    let column = cells.column_of(index).and_then(|column| schema.columns.get(column));
    DataError::TooManyValues { column: column.cloned().unwrap_or_default(), values: dictionary.len() }
}

/// The first of many names.
fn listed(names: &[String]) -> String {
    let more = if names.len() > LISTED { format!(" and {} more", names.len() - LISTED) } else { String::new() };
    names.iter().take(LISTED).map(String::as_str).collect::<Vec<_>>().join(", ") + &more
}
