//! Tables of tab-separated lines: parsed in parallel, written in file order.

use std::path::{Path, PathBuf};
use std::thread;

use nasrec_compiler::schema::Schema;
use rayon::prelude::*;

use super::cache::Writer;
use super::encode::Encoder;
use super::lines::{self, Block, Piece, SourceFile};
use super::malformed::Malformed;
use super::spare::Spare;
use crate::{Error, Observer, Result, Stage, Stop};

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
    let together = 4 * rayon::current_num_threads();
    let (sender, receiver) = crossbeam_channel::bounded(together);
    let spare = Spare::default();
    let outcome = thread::scope(|scope| {
        let (paths, spare) = (&paths, &spare);
        thread::Builder::new()
            .name("read data".to_owned())
            .spawn_scoped(scope, move || {
                let outcome = lines::read(paths, names, spare, |piece| sender.send(Ok(piece)).is_ok());
                if let Err(error) = outcome {
                    // Nobody listens only when the other side has failed already.
                    let _ = sender.send(Err(error));
                }
            })
            .map_err(Error::io("start a thread to read", &paths[0]))?;
        // Moved in, so that leaving early closes the channel and ends the reading thread.
        let receiver = receiver;
        let (mut files, mut report) = (Vec::new(), Malformed::default());
        let mut write = |parsed: Vec<Parsed>| -> Result<()> {
            for Parsed { records, len, malformed, done } in parsed {
                writer.append(&records[..len])?;
                spare.give_back(records);
                report.extend(malformed);
                report.check_early(limit, schema)?;
                observer.progress(done, "");
            }
            Ok(())
        };
        let mut waiting = Vec::new();
        while let Ok(first) = receiver.recv() {
            stop.check()?;
            let mut blocks = Vec::new();
            for piece in std::iter::once(first).chain(receiver.try_iter().take(together)) {
                match piece? {
                    Piece::Block(block) => blocks.push(block),
                    Piece::File(file) => files.push(file),
                }
            }
            let parse = |block: Block| {
                let parsed = parse(&encoder, &names[block.file], &block, spare.take());
                spare.give_back(block.bytes);
                parsed
            };
            let parse = || blocks.into_par_iter().map(parse).collect();
            // One thread writes what was parsed before while the others parse.
            let (written, parsed) = rayon::join(|| write(waiting), parse);
            written?;
            waiting = parsed;
        }
        write(waiting)?;
        report.check(limit, schema)?;
        Ok((files, report))
    });
    observer.end();
    outcome
}

/// What a block holds.
struct Parsed {
    /// The records of the sound lines are the first `len` of these bytes.
    records: Vec<u8>,
    len: usize,
    /// A report of the others.
    malformed: Malformed,
    /// See [`Block::done`].
    done: u64,
}

/// Parses a block into a buffer.
fn parse(encoder: &Encoder, file: &str, block: &Block, mut records: Vec<u8>) -> Parsed {
    let mut malformed = Malformed::default();
    let mut len = 0;
    let mut rest = &block.bytes[..block.len];
    while !rest.is_empty() {
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let line = &rest[..end];
        rest = rest.get(end + 1..).unwrap_or_default();
        let number = block.first_line + malformed.lines;
        malformed.lines += 1;
        let next = len + encoder.stride();
        if records.len() < next {
            records.resize(2 * next, 0);
        }
        match encoder.encode(line.strip_suffix(b"\r").unwrap_or(line), &mut records[len..next]) {
            Ok(()) => len = next,
            Err(problem) => malformed.count(|| format!("{file}, line {number}, {problem}")),
        }
    }
    Parsed { records, len, malformed, done: block.done }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::dataset::testing::schema;

    fn parse_text(text: &str) -> (Vec<u8>, Malformed) {
        let schema = schema();
        let encoder = Encoder::new(&schema).expect("a sound schema");
        let block = Block { file: 0, first_line: 11, bytes: text.as_bytes().to_vec(), len: text.len(), done: 0 };
        let Parsed { records, len, malformed, .. } = parse(&encoder, "t.tsv", &block, b"anything".to_vec());
        (records[..len].to_vec(), malformed)
    }

    #[test]
    fn line_ends_of_either_kind_and_a_missing_last_one_are_fine() {
        let (records, report) = parse_text("0\t1\t2\ta\t3\n1\t4\t5\tb\t6\n");
        assert_eq!((report.lines, report.malformed), (2, 0));
        for text in ["0\t1\t2\ta\t3\r\n1\t4\t5\tb\t6\r\n", "0\t1\t2\ta\t3\n1\t4\t5\tb\t6"] {
            assert_eq!(parse_text(text), (records.clone(), report.clone()));
        }
    }

    #[test]
    fn malformed_lines_are_left_out_and_named() {
        let (sound, _) = parse_text("0\t1\t2\ta\t3\n");
        let (records, report) = parse_text("click\tI1\n0\t1\t2\ta\t3\n\n0\t1\t2\tz\t3");
        assert_eq!(records, sound);
        assert_eq!((report.lines, report.malformed), (4, 3));
        assert_eq!(
            report.first,
            [
                "t.tsv, line 11, column 1 (click): found \"click\", expected 0 or 1",
                "t.tsv, line 13, column 1 (click): found nothing, expected 0 or 1",
                "t.tsv, line 14, column 4 (C1): found \"z\", expected at most 16 hexadecimal digits or nothing",
            ]
        );
    }
}
