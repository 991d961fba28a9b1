//! Rows on their way through a model: read as training reads them, in blocks, and given on as batches. Nothing is learnt from them,
//! and nothing of them is kept; so memory does not depend on how many there are.
//!
//! Batches are cut by the numbers of rows alone. So what is computed of a row does not depend on how its table is packed, or on who
//! reads which block when. Several threads make of batches what is wanted, and it comes out in the order of the rows.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};
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

/// Portions that wait for who makes something of them, and as many of what was made: while one is computed the next is there.
const WAITING: usize = 2;

/// Most threads that make something of portions: each holds one.
const MOST_MAKERS: usize = 8;

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
    /// Whether values of Parquet go beside the rows as they are stored there, and not as texts.
    pub stored: bool,
    /// Whether labels are wanted, and groups where the schema has them. Otherwise files may lack them.
    pub labelled: bool,
    /// What becomes of a row that cannot be read.
    pub unreadable: Unreadable,
    /// Rows of a batch, of which only the last one has fewer.
    pub rows: usize,
}

/// Rows that follow each other.
#[derive(Clone, Debug, Default)]
pub struct Portion {
    /// What a model reads of them.
    pub batch: Batch,
    /// The texts that were asked for, or the values as they are stored.
    pub kept: Kept,
    /// Which of them are blank, as they could not be read.
    pub blank: Vec<u32>,
}

/// Has `make` work on all rows, of which it takes what it needs, on so many threads at a time as `makers` says, while the next ones are read; and gives what was made to
/// `each`, on the thread that calls, in the order of the rows. How many there were, and which of them could not be read.
///
/// # Errors
/// A file that cannot be read, or has no such columns; a row that cannot be read, where that is refused; what `make` or `each` fails with;
/// a stop.
pub fn stream<T: Send>(
    asked: &Asked,
    observer: &dyn Observer,
    stop: &Stop,
    (makers, make): (usize, impl Fn(&mut Portion) -> Result<T> + Sync),
    mut each: impl FnMut(T) -> Result<()>,
) -> Result<Malformed> {
    let schema = wanted(asked)?;
    let keep = asked.keep.iter().filter_map(|name| schema.columns.iter().position(|column| column == name)).collect();
    let cells = Cells::new(&schema)?;
    let cells = if asked.labelled { cells } else { cells.unlabelled() };
    let onward = Onward { encoder: asked.encoder, keep, stored: asked.stored, unreadable: asked.unreadable };
    let columns = Columns::of(&schema, cells.layout());
    let (sender, portions) = bounded(WAITING);
    let (made, to_take) = bounded(WAITING);
    // Batches that were used, whose memory others are made in.
    let (used, spare) = bounded(2 * WAITING);
    let blank = asked.unreadable == Unreadable::Blank;
    let mut cut =
        Cut { columns, rows: asked.rows.max(1), blank, next: Pending::new(asked.keep.len()), given: 0, sender, spare };
    let order = Order { state: Mutex::new((0, false)), turn: Condvar::new() };
    let (order, make) = (&order, &make);
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
        let start = |_| {
            let (portions, made, used) = (portions.clone(), made.clone(), used.clone());
            thread::Builder::new()
                .name("make".to_owned())
                .spawn_scoped(scope, move || order.work(&portions, make, &made, &used))
        };
        let makers: std::io::Result<Vec<_>> = (0..makers.clamp(1, MOST_MAKERS)).map(start).collect();
        // From here on only who makes holds these. Where all of them have ended, whoever reads finds nobody to give to.
        drop((portions, made));
        let makers = makers.map_err(|cause| MachineError::Thread { purpose: "predict", cause })?;
        let taken = to_take.iter().try_for_each(|made| each(made?));
        drop(to_take);
        let join = |panic| std::panic::resume_unwind(panic);
        makers.into_iter().for_each(|maker| maker.join().unwrap_or_else(join));
        let read = reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        match (taken, read) {
            (Err(error), _) => Err(error),
            (Ok(()), read) => read.map(|Read { malformed, .. }| malformed),
        }
    })
}

/// Who gives on what was made, as portions follow each other.
struct Order {
    /// Whose turn it is, and whether nobody takes any more.
    state: Mutex<(usize, bool)>,
    turn: Condvar,
}

impl Order {
    /// Makes something of portions as long as there are any, and gives it on in their order.
    fn work<T>(
        &self,
        portions: &Receiver<(usize, Portion)>,
        make: impl Fn(&mut Portion) -> Result<T>,
        made: &Sender<Result<T>>,
        used: &Sender<Batch>,
    ) {
        let mut end = End { of: self, sound: false };
        for (index, mut portion) in portions {
            let one = make(&mut portion);
            // Where there are enough of them it is dropped.
            let _kept = used.try_send(portion.batch);
            let mut state = self.state();
            while state.0 < index && !state.1 {
                state = self.turn.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            // While this waits for room nobody else has a turn.
            if state.1 || made.send(one).is_err() {
                return;
            }
            state.0 += 1;
            drop(state);
            self.turn.notify_all();
        }
        end.sound = true;
    }

    fn state(&self) -> MutexGuard<'_, (usize, bool)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The end of a thread's work. One that failed must not leave the others waiting for its turn.
struct End<'a> {
    of: &'a Order,
    sound: bool,
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        if !self.sound {
            self.of.state().1 = true;
            self.of.turn.notify_all();
        }
    }
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
    let sparse = schema.sparse.iter().filter(|column| !column.is_crossed());
    let made = schema.dense.iter().map(|column| &column.from).chain(sparse.map(|column| &column.from));
    // A line of pairs has its label where no pair is looked for.
    let labelled = asked.labelled || matches!(schema.format, Format::Pairs(_));
    let labels = schema.labels().filter(|_| labelled).map(|label| &label.column);
    let said = labels.chain(&schema.group);
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
    /// How many portions there were.
    given: usize,
    sender: Sender<(usize, Portion)>,
    spare: Receiver<Batch>,
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
        let mut batch = self.spare.try_recv().unwrap_or_default();
        self.columns.fill(&mut batch, &self.next.records);
        self.next.records.clear();
        let kept = Kept::new(self.next.kept.columns());
        let kept = std::mem::replace(&mut self.next.kept, kept);
        let portion = Portion { batch, kept, blank: std::mem::take(&mut self.next.blank) };
        // Nobody takes any more what somebody failed to take: that error is told.
        self.sender.send((self.given, portion)).map_err(|_| Error::Stopped)?;
        self.given += 1;
        Ok(())
    }
}
