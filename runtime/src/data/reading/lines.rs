//! Lines, parsed: a block of them becomes rows, or what is wrong with them.

use std::fmt;
use std::sync::Arc;

use nasrec_compiler::schema::{Format, Schema};

use super::{Onward, Unreadable};
use crate::data::fit::Completion;
use crate::data::kept::Kept;
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
pub(super) struct Scratch<'a> {
    /// Of the block that was parsed last, and the values of columns that something is learnt from.
    pub rows: Vec<u8>,
    pub dictionaries: Dictionaries,
    /// Of rows that go on, the texts that go with them.
    pub kept: Kept,
    completion: Option<Completion<'a>>,
    /// Records that what was learnt is in.
    completed: Vec<u8>,
    records: Records,
    reading: Reading,
}

impl Scratch<'_> {
    /// What the sound rows of a block have become.
    pub fn sound(&self, parsed: &Parsed) -> &[u8] {
        if self.completion.is_some() { &self.completed } else { &self.rows[..parsed.len] }
    }

    /// Whether the codes of rows are those of the block's own dictionaries.
    pub fn is_coded(&self) -> bool {
        self.completion.is_none() && self.dictionaries.iter().any(|own| own.len() > 0)
    }
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
    /// Which of all rows that go on are malformed.
    pub wrong: Vec<u32>,
}

/// How lines become rows.
pub(super) struct Parser<'a> {
    schema: &'a Schema,
    cells: &'a Cells,
    encoder: Encoder<'a>,
    separator: u8,
    onward: Option<&'a Onward<'a>>,
}

impl<'a> Parser<'a> {
    /// `onward`: how rows go on, where nothing is to be learnt from them.
    pub fn new(schema: &'a Schema, cells: &'a Cells, onward: Option<&'a Onward<'a>>) -> Self {
        let separator = match schema.format {
            Format::Lines(lines) => lines.separator,
            Format::Pairs(_) | Format::Parquet => b' ',
        };
        Self { schema, cells, encoder: Encoder::new(cells), separator, onward }
    }

    /// What a thread needs.
    pub fn scratch(&self) -> Scratch<'a> {
        let records = Records::of(self.schema);
        let learnt = self.onward.and_then(|onward| onward.encoder);
        Scratch {
            rows: Vec::new(),
            dictionaries: self.cells.dictionaries(),
            kept: Kept::new(self.onward.map_or(0, |onward| onward.keep.len())),
            completion: learnt.map(|encoder| Completion::new(self.schema, self.cells, encoder)),
            completed: Vec::new(),
            records: if self.cells.label_column().is_some() { records } else { records.unlabelled() },
            reading: self.cells.reading(),
        }
    }

    /// Parses the lines of a block, which are at the beginning of `bytes`.
    pub fn parse(&self, block: Block, bytes: &[u8], scratch: &mut Scratch) -> Parsed {
        let text = &bytes[..block.len];
        let (first, wrong) = (Vec::new(), Vec::new());
        let mut parsed = Parsed { block, len: 0, lines: 0, rows: 0, malformed: 0, first, wrong };
        scratch.dictionaries.iter_mut().for_each(Dictionary::clear);
        scratch.kept.clear();
        vectorised(
            #[inline(always)]
            || self.each(text, scratch, &mut parsed),
        );
        self.complete(scratch, &parsed);
        parsed
    }

    /// Brings what was learnt of other rows to those of a block.
    fn complete(&self, scratch: &mut Scratch, parsed: &Parsed) {
        let Scratch { rows, dictionaries, completion, completed, .. } = scratch;
        let Some(completion) = completion else { return };
        completion.forget();
        completion.learn(dictionaries.iter().enumerate());
        let (stride, record) = (self.cells.stride(), self.cells.layout().stride());
        completed.clear();
        for (row, index) in rows[..parsed.len].chunks_exact(stride).zip(0..) {
            let start = completed.len();
            completed.extend_from_slice(&row[..record]);
            if !(self.keeps_blank() && parsed.wrong.binary_search(&index).is_ok()) {
                completion.complete((row, None), &mut completed[start..]);
            }
        }
    }

    fn keeps_blank(&self) -> bool {
        self.onward.is_some_and(|onward| onward.unreadable == Unreadable::Blank)
    }

    #[inline(always)]
    fn each(&self, text: &[u8], scratch: &mut Scratch, parsed: &mut Parsed) {
        let Scratch { rows, records, reading, dictionaries, kept, .. } = scratch;
        let (stride, places) = (self.cells.stride(), Arc::clone(&parsed.block.places));
        let (placed, read) = (self.encoder.place(&places), &mut Read { reading, dictionaries });
        let mut keep =
            |encoded: Option<Result<(), Wrong>>, number: u64, record: Record, row: &mut [u8], parsed: &mut Parsed| {
                parsed.rows += 1;
                let sound = match encoded {
                    Some(Ok(())) => true,
                    Some(Err(wrong)) => self.malformed(Some(wrong), number, record, parsed),
                    None => self.malformed(None, number, record, parsed),
                };
                if sound {
                    parsed.len += stride;
                }
                if let Some(onward) = self.onward {
                    self.goes_on(onward, sound, record, (row, &mut *kept), parsed);
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
                keep(encoded, number, Record::Plain(line), row, parsed);
            }
        } else {
            records.each(text, |number, record| {
                let row = room(rows, parsed.len, stride);
                let value = |column: usize| record.value(places.of[column]);
                let fits = record.len() == places.count;
                let encoded = fits.then(|| self.cells.write(read.reading, value, read.dictionaries, row));
                keep(encoded, number, record, row, parsed);
            });
            let feeds = memchr::memchr_iter(b'\n', text).count() as u64;
            parsed.lines = feeds + u64::from(!text.is_empty() && !text.ends_with(b"\n"));
        }
    }

    /// Keeps beside a row what goes with it, and makes one blank that is to keep its place.
    fn goes_on(
        &self,
        onward: &Onward,
        sound: bool,
        record: Record,
        (row, kept): (&mut [u8], &mut Kept),
        parsed: &mut Parsed,
    ) {
        if !sound {
            parsed.wrong.push(parsed.rows as u32 - 1);
            if !self.keeps_blank() {
                return;
            }
            row.fill(0);
            parsed.len += row.len();
        }
        for &column in &onward.keep {
            let place = parsed.block.places.of[column];
            kept.push(if place < record.len() { record.value(place) } else { &[] });
        }
    }

    /// Takes note of a row that cannot be read: for a value, or for how many it has. False: it is not sound.
    #[cold]
    fn malformed(&self, wrong: Option<Wrong>, line: u64, record: Record, parsed: &mut Parsed) -> bool {
        parsed.malformed += 1;
        if parsed.first.len() >= DESCRIBED {
            return false;
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
        false
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
        let places = Arc::new(Heading::new(&schema).places("a.tsv", b"", b"").expect("in their order"));
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
        let parser = Parser::new(&schema, &cells, None);
        let any = Parser { encoder: Encoder::one_by_one(&cells), ..Parser::new(&schema, &cells, None) };
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
