//! Tables, read by many threads and written in the order of their files.
//!
//! Lives here: who reads, parses and writes what when, one file each for blocks of lines and for columns; in `lines` what
//! a line becomes; and in `onward` what of columns goes on to who learns nothing from them. Never: what a value means.

mod blocks;
mod columns;
mod lines;
mod onward;

use nasrec_compiler::schema::{Format, Schema};

use super::cache::Writer;
use super::fit;
use super::kept::Kept;
use super::malformed::Malformed;
use super::source::{Located, SourceFile, total_size};
use super::table::{Cells, Dictionaries, Dictionary, RawWriter};
use crate::error::DataError;
use crate::machine::available_memory;
use crate::{Observer, Result, Stage, Stop};

/// Names of columns that a message lists.
const LISTED: usize = 12;

/// What becomes of a row that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// The first one ends the reading, with what is wrong with it.
    Refused,
    /// It is left out.
    LeftOut,
    /// It keeps its place among the others, with nothing in it.
    Blank,
}

/// How rows go on to who is not to learn from them.
pub(super) struct Onward<'a> {
    /// What was learnt, of other rows.
    pub encoder: Option<&'a fit::Encoder>,
    /// Columns of the schema whose texts go with each row.
    pub keep: Vec<usize>,
    /// Whether these are values as Parquet stores them, where they come from there.
    pub stored: bool,
    pub unreadable: Unreadable,
}

/// Rows that were read together.
#[derive(Clone, Copy)]
pub(super) struct Rows<'r> {
    pub bytes: &'r [u8],
    /// Of rows that go on, the texts that go with them.
    pub kept: &'r Kept,
    /// And which of them are blank, or were left out.
    pub wrong: &'r [u32],
}

/// Where rows go.
pub(super) enum Sink<'a> {
    /// Records, of which nothing is to be learnt.
    Records(&'a mut Writer),
    /// Rows, and the values of their columns.
    Rows(&'a mut RawWriter, &'a mut Dictionaries),
    /// Records that what was learnt of other rows is in, to whoever takes them; and the values of the columns that are being read.
    Onward(&'a Onward<'a>, &'a mut Take<'a>, Dictionaries),
}

/// Takes records in the order of the files.
pub(super) type Take<'a> = dyn FnMut(Rows) -> Result<()> + Send + 'a;

impl Sink<'_> {
    fn append(&mut self, rows: Rows) -> Result<()> {
        match self {
            Self::Records(writer) => writer.append(rows.bytes),
            Self::Rows(writer, _) => writer.append(rows.bytes),
            Self::Onward(_, take, _) => take(rows),
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
pub(super) fn read<'a>(
    schema: &'a Schema,
    cells: &'a Cells,
    located: &'a [Located],
    limit: f64,
    sink: Sink<'a>,
    observer: &'a dyn Observer,
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

impl<'a> Output<'a> {
    /// Tells which columns of the first file are not read.
    fn leave(&self, unread: &[String]) {
        // Of rows that go on, what is not asked for is left.
        if !unread.is_empty() && self.onward().is_none() {
            self.observer.say(&format!("not read, as the schema does not name them: {}", listed(unread)));
        }
    }

    /// The values of columns that something is learnt from.
    fn dictionaries(&mut self) -> &mut [Dictionary] {
        match &mut self.sink {
            Sink::Records(_) => &mut [],
            Sink::Rows(_, all) => all,
            Sink::Onward(_, _, all) => all,
        }
    }

    /// How rows go on, where nothing is to be learnt from them.
    fn onward(&self) -> Option<&'a Onward<'a>> {
        match &self.sink {
            Sink::Records(_) | Sink::Rows(..) => None,
            Sink::Onward(onward, ..) => Some(*onward),
        }
    }

    /// Writes sound rows of a file. `found`: what there was beside them; `done`: bytes read so far, over all files.
    fn write(&mut self, file: usize, rows: Rows, found: Malformed, done: u64) -> Result<()> {
        if self.onward().is_some_and(|onward| onward.unreadable == Unreadable::Refused)
            && let Some(row) = found.first.first()
        {
            return Err(DataError::Row { row: row.clone() }.into());
        }
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
