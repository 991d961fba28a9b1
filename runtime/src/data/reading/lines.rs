//! Lines, parsed: a block of them becomes rows, or what is wrong with them.

use std::fmt;
use std::sync::Arc;

use nasrec_compiler::schema::{Format, Schema};

use crate::data::malformed::DESCRIBED;
use crate::data::quote::quote;
use crate::data::source::Block;
use crate::data::table::{Cells, Dictionaries, Dictionary, Reading, Wrong};
use crate::data::text::{Record, Records, Torn, format_of, likely_separator, place_of, separator_name};
use crate::data::wide::{Encoder, Read};
use crate::simd::vectorised;

/// What is wrong with a line.
#[derive(Debug, PartialEq)]
pub(super) enum Problem {
    /// The first value, in the order of the schema, that cannot be read; `at`: where it is.
    Value { at: String, found: String, expected: &'static str },
    /// What is no pair in a line of pairs; `item`: which one, the label being 1.
    Pair { item: usize, found: String, expected: &'static str },
    /// `found` values where there should be others; `hint`: what stands there in place of the separator.
    Count { found: usize, expected: usize, separator: u8, hint: Option<(u8, String)> },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value { at, found, expected } => write!(f, "{at}: found {found}, expected {expected}"),
            Self::Pair { item, found, expected } => write!(f, "item {item}: found {found}, expected {expected}"),
            Self::Count { found, expected, separator, hint } => {
                let columns = if *found == 1 { "column" } else { "columns" };
                write!(
                    f,
                    "found {found} {columns}, expected {expected} with a {} between them",
                    separator_name(*separator)
                )?;
                let Some((hint, line)) = hint else { return Ok(()) };
                write!(
                    f,
                    "; there is a {} in {line}, for which a schema says `{}`",
                    separator_name(*hint),
                    format_of(*hint)
                )
            }
        }
    }
}

/// What a thread reads blocks with, again and again.
pub(super) struct Scratch {
    /// Of the block that was parsed last, and the values of columns that something is learnt from.
    pub rows: Vec<u8>,
    pub dictionaries: Dictionaries,
    records: Records,
    reading: Reading,
}

/// What a block holds.
pub(super) struct Parsed {
    pub block: Block,
    /// Bytes of the sound rows.
    pub len: usize,
    pub lines: u64,
    /// All rows, sound or not.
    pub rows: u64,
    /// Rows that were left out, and the first of them with their lines, counted from 1 in the block.
    pub malformed: u64,
    pub first: Vec<(u64, Problem)>,
}

/// How lines become rows.
pub(super) struct Parser<'a> {
    schema: &'a Schema,
    cells: &'a Cells,
    encoder: Encoder<'a>,
    separator: u8,
}

impl<'a> Parser<'a> {
    pub fn new(schema: &'a Schema, cells: &'a Cells) -> Self {
        let separator = match schema.format {
            Format::Lines(lines) => lines.separator,
            Format::Pairs(_) | Format::Parquet => b' ',
        };
        Self { schema, cells, encoder: Encoder::new(cells), separator }
    }

    /// What a thread needs.
    pub fn scratch(&self) -> Scratch {
        Scratch {
            rows: Vec::new(),
            dictionaries: self.cells.dictionaries(),
            records: Records::of(self.schema),
            reading: self.cells.reading(),
        }
    }

    /// Parses the lines of a block, which are at the beginning of `bytes`.
    pub fn parse(&self, block: Block, bytes: &[u8], scratch: &mut Scratch) -> Parsed {
        let text = &bytes[..block.len];
        let mut parsed = Parsed { block, len: 0, lines: 0, rows: 0, malformed: 0, first: Vec::new() };
        scratch.dictionaries.iter_mut().for_each(Dictionary::clear);
        vectorised(
            #[inline(always)]
            || self.each(text, scratch, &mut parsed),
        );
        parsed
    }

    #[inline(always)]
    fn each(&self, text: &[u8], scratch: &mut Scratch, parsed: &mut Parsed) {
        let Scratch { rows, records, reading, dictionaries, .. } = scratch;
        let (stride, places) = (self.cells.stride(), Arc::clone(&parsed.block.places));
        let (placed, read) = (self.encoder.place(&places), &mut Read { reading, dictionaries });
        let keep = |encoded: Option<Result<(), Wrong>>, number: u64, record: Record, parsed: &mut Parsed| {
            parsed.rows += 1;
            match encoded {
                Some(Ok(())) => parsed.len += stride,
                Some(Err(wrong)) => self.malformed(Some(wrong), number, record, parsed),
                None => self.malformed(None, number, record, parsed),
            }
        };
        if parsed.block.plain
            && let Some((count, lines)) = records.lines(text)
        {
            parsed.lines = count;
            for (number, line) in lines {
                let row = room(rows, parsed.len, stride);
                let fits = line.len() == places.count;
                // What goes through a function of another crate is not compiled for the vector unit.
                let encoded = if fits { Some(self.encoder.encode(line, &placed, read, row)) } else { None };
                keep(encoded, number, Record::Plain(line), parsed);
            }
        } else {
            records.each(text, |number, record| {
                let row = room(rows, parsed.len, stride);
                let value = |column: usize| record.value(places.of[column]);
                let fits = record.len() == places.count;
                let encoded = fits.then(|| self.cells.write(read.reading, value, read.dictionaries, row));
                keep(encoded, number, record, parsed);
            });
            let feeds = memchr::memchr_iter(b'\n', text).count() as u64;
            parsed.lines = feeds + u64::from(!text.is_empty() && !text.ends_with(b"\n"));
        }
    }

    /// Takes note of a row that is left out: for a value, or for how many it has.
    #[cold]
    fn malformed(&self, wrong: Option<Wrong>, line: u64, record: Record, parsed: &mut Parsed) {
        parsed.malformed += 1;
        if parsed.first.len() >= DESCRIBED {
            return;
        }
        let places = &parsed.block.places;
        let problem = match (wrong, record) {
            (Some(Wrong { column, expected }), _) => {
                let place = places.of[column];
                let at = place_of(self.schema, column, place);
                Problem::Value { at, found: quote(record.value(place)), expected }
            }
            (None, Record::Torn(Torn { item, found, expected })) => {
                Problem::Pair { item: *item, found: quote(found), expected }
            }
            (None, _) => {
                let line = (record.len() == 1).then(|| record.value(0));
                let hint = line.and_then(|line| Some((likely_separator(line, self.separator)?, quote(line))));
                Problem::Count { found: record.len(), expected: places.count, separator: self.separator, hint }
            }
        };
        parsed.first.push((line, problem));
    }
}

/// Room for a row behind `len` bytes.
#[inline(always)]
fn room(rows: &mut Vec<u8>, len: usize, stride: usize) -> &mut [u8] {
    let next = len + stride;
    if rows.len() < next {
        rows.resize(2 * next, 0);
    }
    &mut rows[len..next]
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::data::dataset::testing::schema;
    use crate::data::text::Heading;

    /// Records, and how many lines there are, and what is wrong with which of them.
    fn parse_text(text: &str) -> (Vec<u8>, u64, Vec<(u64, String)>) {
        let schema = schema();
        let cells = Cells::new(&schema).expect("a sound schema");
        let places = Arc::new(Heading::new(&schema).places("a.tsv", b"").expect("in their order"));
        let bytes = [text.as_bytes(), b"\n0\t1\t2\ta\t3\n"].concat();
        let parse = |parser: Parser| {
            let block = Block { file: 0, places: Arc::clone(&places), len: text.len(), plain: true, done: 0 };
            let mut scratch = parser.scratch();
            scratch.rows = b"anything".to_vec();
            let parsed = parser.parse(block, &bytes, &mut scratch);
            scratch.rows.truncate(parsed.len);
            let first: Vec<_> = parsed.first.into_iter().map(|(line, problem)| (line, problem.to_string())).collect();
            assert_eq!((parsed.malformed as usize, parsed.rows), (first.len(), parsed.lines));
            (scratch.rows, parsed.lines, first)
        };
        let parser = Parser::new(&schema, &cells);
        let any = Parser { encoder: Encoder::one_by_one(&cells), ..Parser::new(&schema, &cells) };
        let parsed = parse(parser);
        assert_eq!(parse(any), parsed, "read as any other table");
        parsed
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
        let text = "click\tI1\tI2\tC1\tC2\n0\t1\t2\ta\t3\n\n0\t1\t2\tz\t3\n0,1,2,a,3\n";
        let (records, lines, malformed) = parse_text(text);
        assert_eq!((records, lines), (sound, 5));
        let expected = [
            (1, "column 1 (click): found \"click\", expected 0 or 1"),
            (3, "found 1 column, expected 5 with a tab between them"),
            (4, "column 4 (C1): found \"z\", expected at most 16 hexadecimal digits or nothing"),
            (
                5,
                "found 1 column, expected 5 with a tab between them; there is a comma in \"0,1,2,a,3\", for which a schema says `format csv`",
            ),
        ];
        assert_eq!(malformed, expected.map(|(line, problem)| (line, problem.to_owned())));
    }
}
