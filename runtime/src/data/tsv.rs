//! Tables of tab-separated lines: parsed in parallel, written in file order.

use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use nasrec_compiler::schema::Schema;

use super::cache::Writer;
use super::encode::{Encoder, Problem};
use super::lines::{self, Block, Reader, SourceFile};
use super::malformed::{DESCRIBED, Malformed};
use super::values::Values;
use crate::simd::vectorised;
use crate::{Observer, Result, Stage, Stop};

/// Where the files of a recipe lie: names are relative to `base`.
pub(super) fn resolve(base: &Path, names: &[String]) -> Vec<PathBuf> {
    names.iter().map(|name| base.join(name)).collect()
}

/// Reads the files `names` under `base` into `writer`, and returns what they were and which lines they lost.
///
/// # Errors
/// A file that cannot be read; more malformed lines than the share `limit`; a stop.
pub(super) fn read(
    schema: &Schema,
    base: &Path,
    names: &[String],
    limit: f64,
    writer: &mut Writer,
    observer: &dyn Observer,
    stop: &Stop,
) -> Result<(Vec<SourceFile>, Malformed)> {
    let encoder = Encoder::new(schema)?;
    let paths = resolve(base, names);
    observer.begin(Stage { name: "read data".to_owned(), total: Some(lines::total_size(&paths)?), unit: "bytes" });
    let input = Input { reader: Reader::new(&paths, names), blocks: 0, failed: false };
    let report = Malformed::default();
    let output =
        Output { writer, observer, schema, names, limit, report, blocks: 0, file: 0, lines: 0, given_up: false };
    let (input, output, turn) = (Mutex::new(input), Mutex::new(output), Condvar::new());
    let reading = Reading { encoder: &encoder, stop, input, output, turn };
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
    let Reading { input, output, .. } = reading;
    let report = output.into_inner().unwrap_or_else(PoisonError::into_inner).report;
    report.check(limit, schema)?;
    Ok((input.into_inner().unwrap_or_else(PoisonError::into_inner).reader.files(), report))
}

/// What the threads share that read a table. Each reads a block, parses it and writes it, one after the other; reading
/// and writing are for one at a time, writing in the order of reading. So as many threads as there are processors keep
/// all of these busy, and nothing is handed from one to another.
struct Reading<'a> {
    encoder: &'a Encoder<'a>,
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
    writer: &'a mut Writer,
    observer: &'a dyn Observer,
    schema: &'a Schema,
    names: &'a [String],
    limit: f64,
    report: Malformed,
    /// How many were written, the file of the last, and lines of that file.
    blocks: usize,
    file: usize,
    lines: u64,
    given_up: bool,
}

impl<'a> Reading<'a> {
    /// Reads, parses and writes blocks as long as there are any.
    fn work(&self) -> Result<()> {
        let mut end = End { of: self, sound: false };
        let (mut bytes, mut values, mut records) = (Vec::new(), Values::default(), Vec::new());
        loop {
            self.stop.check()?;
            let (turn, block) = self.input().next(&mut bytes);
            let parsed = match block {
                Ok(Some(block)) => Ok(parse(self.encoder, &block, &bytes, &mut values, &mut records)),
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
            output.write(&parsed?, &records)?;
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
    of: &'r Reading<'a>,
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
    fn write(&mut self, parsed: &Parsed, records: &[u8]) -> Result<()> {
        if parsed.file != self.file {
            (self.file, self.lines) = (parsed.file, 0);
        }
        self.writer.append(&records[..parsed.len])?;
        let name = &self.names[self.file];
        let told = |(line, problem): &(u64, Problem)| format!("{name}, line {}, {problem}", self.lines + line);
        let first = parsed.first.iter().map(told).collect();
        self.report.extend(Malformed { lines: parsed.lines, malformed: parsed.malformed, first });
        self.report.check_early(self.limit, self.schema)?;
        self.observer.progress(parsed.done, "");
        self.lines += parsed.lines;
        self.blocks += 1;
        Ok(())
    }
}

/// What a block holds.
struct Parsed {
    /// Bytes of the records of the sound lines.
    len: usize,
    lines: u64,
    /// Lines that were left out, and the first of them with their numbers, counted from 1 in the block.
    malformed: u64,
    first: Vec<(u64, Problem)>,
    /// See [`Block`].
    file: usize,
    done: u64,
}

/// Parses the lines of a block, which are at the beginning of `bytes`, into `records`.
fn parse(encoder: &Encoder, block: &Block, bytes: &[u8], values: &mut Values, records: &mut Vec<u8>) -> Parsed {
    let mut parsed = Parsed { len: 0, lines: 0, malformed: 0, first: Vec::new(), file: block.file, done: block.done };
    let text = &bytes[..block.len];
    vectorised(
        #[inline(always)]
        || {
            values.find(text);
            for line in values.lines(text) {
                parsed.lines += 1;
                let next = parsed.len + encoder.stride();
                if records.len() < next {
                    records.resize(2 * next, 0);
                }
                match encoder.encode(line, &mut records[parsed.len..next]) {
                    Ok(()) => parsed.len = next,
                    Err(problem) => {
                        parsed.malformed += 1;
                        if parsed.first.len() < DESCRIBED {
                            parsed.first.push((parsed.lines, problem));
                        }
                    }
                }
            }
        },
    );
    parsed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::dataset::testing::schema;

    /// Records, and how many lines there are, and what is wrong with which of them.
    fn parse_text(text: &str) -> (Vec<u8>, u64, Vec<(u64, String)>) {
        let schema = schema();
        let encoder = Encoder::new(&schema).expect("a sound schema");
        let block = Block { file: 0, len: text.len(), done: 0 };
        let bytes = [text.as_bytes(), b"\n0\t1\t2\ta\t3\n"].concat();
        let mut records = b"anything".to_vec();
        let parsed = parse(&encoder, &block, &bytes, &mut Values::default(), &mut records);
        records.truncate(parsed.len);
        let first: Vec<_> = parsed.first.into_iter().map(|(line, problem)| (line, problem.to_string())).collect();
        assert_eq!(parsed.malformed as usize, first.len());
        (records, parsed.lines, first)
    }

    #[test]
    fn line_ends_of_either_kind_and_a_missing_last_one_are_fine() {
        let (records, lines, malformed) = parse_text("0\t1\t2\ta\t3\n1\t4\t5\tb\t6\n");
        assert_eq!((lines, &malformed), (2, &Vec::new()));
        for text in ["0\t1\t2\ta\t3\r\n1\t4\t5\tb\t6\r\n", "0\t1\t2\ta\t3\n1\t4\t5\tb\t6"] {
            assert_eq!(parse_text(text), (records.clone(), 2, Vec::new()));
        }
    }

    #[test]
    fn malformed_lines_are_left_out_and_told() {
        let (sound, ..) = parse_text("0\t1\t2\ta\t3\n");
        let (records, lines, malformed) = parse_text("click\tI1\n0\t1\t2\ta\t3\n\n0\t1\t2\tz\t3");
        assert_eq!((records, lines), (sound, 4));
        let expected = [
            (1, "column 1 (click): found \"click\", expected 0 or 1"),
            (3, "column 1 (click): found nothing, expected 0 or 1"),
            (4, "column 4 (C1): found \"z\", expected at most 16 hexadecimal digits or nothing"),
        ];
        assert_eq!(malformed, expected.map(|(line, problem)| (line, problem.to_owned())));
    }
}
