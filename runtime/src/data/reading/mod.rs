//! Tables of lines: parsed in parallel, written in file order.
//!
//! Lives here: which thread reads, parses and writes which block when; and in `lines` what a block becomes. Never: what a
//! value means.

mod lines;

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use nasrec_compiler::schema::Schema;

use self::lines::{Parsed, Parser, Problem, Scratch};
use super::cache::Writer;
use super::malformed::Malformed;
use super::source::{Block, Located, Reader, SourceFile, total_size};
use super::table::{Cells, Dictionaries, Dictionary, MISSING, RawWriter};
use super::text::Heading;
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
    let parser = Parser::new(schema, cells);
    let heading = Heading::new(schema);
    observer.begin(Stage { name: "read data".to_owned(), total: Some(total_size(located)), unit: "bytes" });
    let input = Input { reader: Reader::new(located, &heading), blocks: 0, failed: false };
    let room = available_memory().map_or(u64::MAX, |free| free.0 / 2);
    let output = Output {
        cells,
        sink,
        observer,
        schema,
        located,
        limit,
        room,
        report: Malformed::default(),
        rows: vec![0; located.len()],
        blocks: 0,
        file: usize::MAX,
        lines: 0,
        given_up: false,
        patched: Vec::new(),
    };
    let (input, output, turn) = (Mutex::new(input), Mutex::new(output), Condvar::new());
    let reading = Shared { parser: &parser, cells, stop, input, output, turn };
    let outcome = thread::scope(|scope| {
        let start = |_| {
            let thread = thread::Builder::new().name("read data".to_owned());
            // Where no more threads are to be had, fewer read as well.
            thread.spawn_scoped(scope, || reading.work()).ok()
        };
        let others: Vec<_> = (1..rayon::current_num_threads()).filter_map(start).collect();
        let own = reading.work();
        others.into_iter().fold(own, |outcome, other| {
            outcome.and(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        })
    });
    observer.end();
    outcome?;
    let Shared { input, output, .. } = reading;
    let Output { report: malformed, rows, .. } = output.into_inner().unwrap_or_else(PoisonError::into_inner);
    malformed.check(limit, schema)?;
    let files = input.into_inner().unwrap_or_else(PoisonError::into_inner).reader.files();
    Ok(Read { files, rows, malformed })
}

/// What the threads share that read a table. Each reads a block, parses it and writes it, one after the other; reading
/// and writing are for one at a time, writing in the order of reading. So as many threads as there are processors keep
/// all of these busy, and nothing is handed from one to another.
struct Shared<'a> {
    parser: &'a Parser<'a>,
    cells: &'a Cells,
    stop: &'a Stop,
    input: Mutex<Input<'a>>,
    output: Mutex<Output<'a>>,
    /// Told when the next block may be written, or none any more.
    turn: Condvar,
}

struct Input<'a> {
    reader: Reader<'a>,
    /// How many were read.
    blocks: usize,
    failed: bool,
}

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
    /// How many were written, the file of the last, and lines of that file.
    blocks: usize,
    file: usize,
    lines: u64,
    given_up: bool,
    /// Rows whose codes are those of the table. Kept, for its memory.
    patched: Vec<u8>,
}

impl<'a> Shared<'a> {
    /// Reads, parses and writes blocks as long as there are any.
    fn work(&self) -> Result<()> {
        let mut end = End { of: self, sound: false };
        let (mut bytes, mut scratch) = (Vec::new(), Scratch::new(self.cells));
        loop {
            self.stop.check()?;
            let (turn, block) = self.input().next(&mut bytes);
            let parsed = match block {
                Ok(Some(block)) => Ok(self.parser.parse(block, &bytes, &mut scratch)),
                Ok(None) => break,
                // Told in its turn: what is wrong before it comes first.
                Err(error) => Err(error),
            };
            let mut output = self.output();
            while output.blocks < turn && !output.given_up {
                output = self.turn.wait(output).unwrap_or_else(PoisonError::into_inner);
            }
            if output.given_up {
                break;
            }
            output.write(&parsed?, &mut scratch)?;
            self.turn.notify_all();
        }
        end.sound = true;
        Ok(())
    }

    fn input(&self) -> MutexGuard<'_, Input<'a>> {
        self.input.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn output(&self) -> MutexGuard<'_, Output<'a>> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The end of a thread's work. One that failed must not leave the others waiting for its turn.
struct End<'r, 'a> {
    of: &'r Shared<'a>,
    sound: bool,
}

impl Drop for End<'_, '_> {
    fn drop(&mut self) {
        if !self.sound {
            self.of.output().given_up = true;
            self.of.turn.notify_all();
        }
    }
}

impl Input<'_> {
    /// Reads the next block into `bytes`: how many there were before, and the block; none after the last, or a failure.
    fn next(&mut self, bytes: &mut Vec<u8>) -> (usize, Result<Option<Block>>) {
        let block = if self.failed { Ok(None) } else { self.reader.next(bytes) };
        self.failed |= block.is_err();
        self.blocks += 1;
        (self.blocks - 1, block)
    }
}

impl Output<'_> {
    fn write(&mut self, parsed: &Parsed, scratch: &mut Scratch) -> Result<()> {
        let places = &parsed.block.places;
        let Located { name, .. } = &self.located[parsed.block.file];
        if parsed.block.file != self.file {
            (self.file, self.lines) = (parsed.block.file, places.before);
            if parsed.block.file == 0 && !places.unread.is_empty() {
                self.observer.say(&format!("not read, as the schema does not name them: {}", listed(&places.unread)));
            }
        }
        let rows = &scratch.rows[..parsed.len];
        match &mut self.sink {
            Sink::Rows(writer, all) if scratch.dictionaries.iter().any(|own| own.len() > 0) => {
                let rows = recoded(self.cells, self.schema, rows, &mut self.patched, &scratch.dictionaries, all)?;
                writer.append(rows)?;
                let taken: u64 = all.iter().map(|dictionary| dictionary.memory() as u64).sum();
                if taken > self.room {
                    let largest = (0..all.len()).max_by_key(|&index| all[index].memory()).unwrap_or_default();
                    return Err(too_many(self.cells, self.schema, largest, &all[largest]).into());
                }
            }
            sink => sink.append(rows)?,
        }
        let told = |(line, problem): &(u64, Problem)| format!("{name}, line {}, {problem}", self.lines + line);
        let first = parsed.first.iter().map(told).collect();
        self.report.extend(Malformed { lines: parsed.rows, malformed: parsed.malformed, first });
        self.report.check_early(self.limit, self.schema)?;
        self.rows[parsed.block.file] += parsed.rows - parsed.malformed;
        self.observer.progress(parsed.block.done, "");
        self.lines += parsed.lines;
        self.blocks += 1;
        Ok(())
    }
}

/// Rows with the codes that their values have in the whole table, in place of those of their block.
fn recoded<'r>(
    cells: &Cells,
    schema: &Schema,
    rows: &[u8],
    patched: &'r mut Vec<u8>,
    own: &[Dictionary],
    all: &mut [Dictionary],
) -> Result<&'r [u8]> {
    patched.clear();
    patched.extend_from_slice(rows);
    for (index, at) in cells.codes() {
        let (own, all) = (&own[index], &mut all[index]);
        let mut codes = Vec::with_capacity(own.len());
        for code in 0..own.len() as u32 {
            let Some(code) = all.code(own.value(code)) else { return Err(too_many(cells, schema, index, all).into()) };
            codes.push(code);
        }
        for row in patched.chunks_exact_mut(cells.stride()) {
            let Some(bytes) = row[at..].first_chunk_mut::<4>() else { continue };
            let code = u32::from_le_bytes(*bytes);
            if code != MISSING {
                *bytes = codes[code as usize].to_le_bytes();
            }
        }
    }
    Ok(patched)
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
