//! Rows on their way through a model: read as training reads them, in blocks, and given on as batches. Nothing is learnt from them,
//! and nothing of them is kept; so memory does not depend on how many there are.
//!
//! Batches are cut by the numbers of rows alone. So what is computed of a row does not depend on how its table is packed, or on who
//! reads which block when.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use nasrec_compiler::diagnostics::nearest;
use nasrec_compiler::schema::{Format, Schema};

use super::batch::{Batch, Columns};
use super::fit::Encoder;
use super::kept::Kept;
use super::malformed::Malformed;
use super::quote::quote;
use super::reading::{self, Onward, Read, Rows, Sink, Unreadable};
use super::source::{Located, format_of_file};
use super::table::Cells;
use crate::error::{DataError, MachineError};
use crate::{Error, Observer, Result, Stop};

/// Portions that wait for who takes them: while one is computed the next is there.
const WAITING: usize = 2;

/// Which rows are wanted, and what of them.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// How they are read and encoded.
    pub schema: &'a Schema,
    /// What the schema learnt of other rows, where it learns something.
    pub encoder: Option<&'a Encoder>,
    /// Where they are.
    pub located: &'a [Located],
    /// Columns of the file, or of the schema where files have no names of columns, whose texts are wanted beside the rows.
    pub keep: &'a [String],
    /// Whether labels are wanted, and groups where the schema has them. Otherwise files may lack them.
    pub labelled: bool,
    /// What becomes of a row that cannot be read.
    pub unreadable: Unreadable,
    /// Rows of a batch, of which only the last one has fewer.
    pub rows: usize,
}

/// Rows that follow each other.
#[derive(Clone, Debug)]
pub struct Portion {
    /// What a model reads of them.
    pub batch: Batch,
    /// The texts that were asked for.
    pub kept: Kept,
    /// Which of them are blank, as they could not be read.
    pub blank: Vec<u32>,
}

/// Gives all rows to `each`, in their order, while the next ones are read. How many there were, and which of them could not be read.
///
/// # Errors
/// A file that cannot be read, or has no such columns; a row that cannot be read, where that is refused; what `each` fails with; a
/// stop.
pub fn stream(
    asked: &Asked,
    observer: &dyn Observer,
    stop: &Stop,
    mut each: impl FnMut(Portion) -> Result<()>,
) -> Result<Malformed> {
    let schema = wanted(asked)?;
    let keep = asked.keep.iter().filter_map(|name| schema.columns.iter().position(|column| column == name)).collect();
    let cells = Cells::new(&schema)?;
    let cells = if asked.labelled { cells } else { cells.unlabelled() };
    let onward = Onward { encoder: asked.encoder, keep, unreadable: asked.unreadable };
    let columns = Columns::of(&schema, cells.layout());
    let (sender, portions) = sync_channel(WAITING);
    let blank = asked.unreadable == Unreadable::Blank;
    let mut cut = Cut { columns, rows: asked.rows.max(1), blank, next: Pending::new(asked.keep.len()), sender };
    thread::scope(|scope| {
        let reader = thread::Builder::new().name("read".to_owned()).spawn_scoped(scope, || {
            let mut take = |rows: Rows| cut.take(rows);
            let sink = Sink::Onward(&onward, &mut take, cells.dictionaries());
            let read = reading::read(&schema, &cells, asked.located, 1.0, sink, observer, stop);
            // The last ones. Whoever waits for more learns of the end by this going out of scope.
            let last = if read.is_ok() { cut.give() } else { Ok(()) };
            drop(cut);
            read.and_then(|read| last.map(|()| read))
        });
        let reader = reader.map_err(|cause| MachineError::Thread { purpose: "read rows", cause })?;
        // Where one fails, whoever reads finds nobody to give to.
        let taken = portions.into_iter().try_for_each(&mut each);
        let read = reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        match (taken, read) {
            (Err(error), _) => Err(error),
            (Ok(()), read) => read.map(|Read { malformed, .. }| malformed),
        }
    })
}

/// The schema of what is wanted: without the columns that only training asks for, where files are not told by how many they have.
fn wanted(asked: &Asked) -> Result<Schema> {
    let mut schema = Schema { weight: None, time: None, part: None, ..asked.schema.clone() };
    if !asked.labelled {
        schema.group = None;
    }
    if let Some(first) = asked.located.first() {
        schema.format = format_of_file(&schema, first)?;
    }
    let made = schema.dense.iter().map(|column| &column.from).chain(schema.sparse.iter().map(|column| &column.from));
    // A line of pairs has its label where no pair is looked for.
    let labelled = asked.labelled || matches!(schema.format, Format::Pairs(_));
    let said = labelled.then_some(&schema.label.column).into_iter().chain(&schema.group);
    let read: Vec<String> = made.chain(said).chain(asked.keep).cloned().collect();
    let listed = schema.columns.clone();
    if schema.format.names_columns() {
        schema.columns.retain(|column| read.contains(column));
    }
    // What a header names, a file tells when it is opened; pairs are found by what the schema says.
    let by_header = schema.format.names_columns() && !matches!(schema.format, Format::Pairs(_));
    for name in asked.keep {
        if schema.columns.contains(name) {
            continue;
        }
        if !by_header {
            let near = nearest(name, listed.iter().map(String::as_str));
            let near = near.map(|near| format!(" (did you mean {}?)", quote(near.as_bytes()))).unwrap_or_default();
            return Err(DataError::NoKept { column: name.clone(), near, columns: listed.join(", ") }.into());
        }
        schema.columns.push(name.clone());
    }
    Ok(schema)
}

/// Rows of a portion that is not whole.
struct Pending {
    records: Vec<u8>,
    kept: Kept,
    blank: Vec<u32>,
}

impl Pending {
    fn new(columns: usize) -> Self {
        Self { records: Vec::new(), kept: Kept::new(columns), blank: Vec::new() }
    }
}

/// Cuts rows into portions.
struct Cut {
    columns: Columns,
    /// Of a portion.
    rows: usize,
    /// Whether rows that could not be read are among them.
    blank: bool,
    next: Pending,
    sender: SyncSender<Portion>,
}

impl Cut {
    fn take(&mut self, Rows { bytes, kept, wrong }: Rows) -> Result<()> {
        let stride = self.columns.stride();
        let (count, mut taken) = (bytes.len() / stride, 0);
        // Of those that were left out the numbers say nothing of these rows.
        let wrong = if self.blank { wrong } else { &[] };
        let mut blank = wrong.iter().map(|&row| row as usize).peekable();
        while taken < count {
            let begun = self.next.records.len() / stride;
            let end = count.min(taken + self.rows - begun);
            self.next.records.extend_from_slice(&bytes[taken * stride..end * stride]);
            self.next.kept.append(kept, taken..end);
            while let Some(row) = blank.next_if(|&row| row < end) {
                self.next.blank.push((begun + row - taken) as u32);
            }
            taken = end;
            if self.next.records.len() == self.rows * stride {
                self.give()?;
            }
        }
        Ok(())
    }

    /// Gives on what there is.
    fn give(&mut self) -> Result<()> {
        if self.next.records.is_empty() {
            return Ok(());
        }
        let next = Pending::new(self.next.kept.columns());
        let Pending { records, kept, blank } = std::mem::replace(&mut self.next, next);
        let portion = Portion { batch: self.columns.batch(&records), kept, blank };
        // Nobody takes any more what somebody failed to take: that error is told.
        self.sender.send(portion).map_err(|_| Error::Stopped)
    }
}
