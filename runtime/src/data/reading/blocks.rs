//! Lines, block by block: parsed by many threads, written in the order of the file.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::lines::{Parsed, Parser, Problem, Scratch};
use super::{Output, Rows, too_many};
use crate::data::malformed::Malformed;
use crate::data::source::{Block, Located, Reader, SourceFile};
use crate::data::table::{Dictionary, MISSING, NOTHING};
use crate::data::text::Heading;
use crate::{Result, Stop};

/// Reads files of lines, and returns what they were.
pub(super) fn read(output: &mut Output, stop: &Stop) -> Result<Vec<SourceFile>> {
    let (schema, cells, located) = (output.schema, output.cells, output.located);
    let parser = Parser::new(schema, cells, output.onward());
    let heading = Heading::new(schema);
    let heading = match schema.columns.iter().position(|column| *column == schema.label.column) {
        Some(label) if cells.label_column().is_none() => heading.without(label),
        _ => heading,
    };
    let reader = Reader::new(located, &heading, stop);
    let reader = if output.onward().is_some() { reader.unhashed() } else { reader };
    let input = Input { reader, blocks: 0, failed: false };
    let ordered = Ordered { output, blocks: 0, file: usize::MAX, lines: 0, given_up: false, patched: Vec::new() };
    let (input, output, turn) = (Mutex::new(input), Mutex::new(ordered), Condvar::new());
    let reading = Shared { parser: &parser, stop, input, output, turn };
    thread::scope(|scope| {
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
    })?;
    Ok(reading.input.into_inner().unwrap_or_else(PoisonError::into_inner).reader.files())
}

/// What the threads share that read a table. Each reads a block, parses it and writes it, one after the other; reading
/// and writing are for one at a time, writing in the order of reading. So as many threads as there are processors keep
/// all of these busy, and nothing is handed from one to another.
struct Shared<'r, 'a> {
    parser: &'r Parser<'a>,
    stop: &'r Stop,
    input: Mutex<Input<'r>>,
    output: Mutex<Ordered<'r, 'a>>,
    /// Told when the next block may be written, or none any more.
    turn: Condvar,
}

struct Input<'a> {
    reader: Reader<'a>,
    /// How many were read.
    blocks: usize,
    failed: bool,
}

/// Blocks on their way out, in their order.
struct Ordered<'r, 'a> {
    output: &'r mut Output<'a>,
    /// How many were written, the file of the last, and lines of that file.
    blocks: usize,
    file: usize,
    lines: u64,
    given_up: bool,
    /// Rows whose codes are those of the table. Kept, for its memory.
    patched: Vec<u8>,
}

impl<'r, 'a> Shared<'r, 'a> {
    /// Reads, parses and writes blocks as long as there are any.
    fn work(&self) -> Result<()> {
        let mut end = End { of: self, sound: false };
        let (mut bytes, mut scratch) = (Vec::new(), self.parser.scratch());
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
            output.write(&parsed?, &scratch)?;
            self.turn.notify_all();
        }
        end.sound = true;
        Ok(())
    }

    fn input(&self) -> MutexGuard<'_, Input<'r>> {
        self.input.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn output(&self) -> MutexGuard<'_, Ordered<'r, 'a>> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The end of a thread's work. One that failed must not leave the others waiting for its turn.
struct End<'s, 'r, 'a> {
    of: &'s Shared<'r, 'a>,
    sound: bool,
}

impl Drop for End<'_, '_, '_> {
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

impl Ordered<'_, '_> {
    fn write(&mut self, parsed: &Parsed, scratch: &Scratch) -> Result<()> {
        let (places, file) = (&parsed.block.places, parsed.block.file);
        let Located { name, .. } = &self.output.located[file];
        if file != self.file {
            (self.file, self.lines) = (file, places.before);
            if file == 0 {
                self.output.leave(&places.unread);
            }
        }
        let told = |(line, problem): &(u64, Problem)| format!("{name}, line {}, {problem}", self.lines + line);
        let first = parsed.first.iter().map(told).collect();
        let found = Malformed { lines: parsed.rows, malformed: parsed.malformed, first };
        let mut bytes = scratch.sound(parsed);
        if scratch.is_coded() {
            bytes = recoded(bytes, self.output, &mut self.patched, &scratch.dictionaries)?;
        }
        let rows = Rows { bytes, kept: &scratch.kept, wrong: &parsed.wrong };
        self.output.write(file, rows, found, parsed.block.done)?;
        self.lines += parsed.lines;
        self.blocks += 1;
        Ok(())
    }
}

/// Rows with the codes that their values have in the whole table, in place of those of their block.
fn recoded<'r>(rows: &[u8], output: &mut Output, patched: &'r mut Vec<u8>, own: &[Dictionary]) -> Result<&'r [u8]> {
    let (cells, schema) = (output.cells, output.schema);
    let all = output.dictionaries();
    patched.clear();
    patched.extend_from_slice(rows);
    let mut of_all = Vec::with_capacity(own.len());
    for (index, (own, all)) in own.iter().zip(all).enumerate() {
        let mut codes = Vec::with_capacity(own.len());
        for code in 0..own.len() as u32 {
            let Some(code) = all.code(own.value(code)) else { return Err(too_many(cells, schema, index, all).into()) };
            codes.push(code);
        }
        of_all.push(codes);
    }
    for (index, at) in cells.codes() {
        let codes = &of_all[index];
        for row in patched.chunks_exact_mut(cells.stride()) {
            let Some(bytes) = row[at..].first_chunk_mut::<4>() else { continue };
            let code = u32::from_le_bytes(*bytes);
            if code != MISSING && code != NOTHING {
                *bytes = codes[code as usize].to_le_bytes();
            }
        }
    }
    Ok(patched)
}
