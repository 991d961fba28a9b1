//! From the text of one line to its record.

use std::fmt;

use nasrec_compiler::schema::{DenseColumn, Encoding, Schema, SparseColumn, Transform};

use super::columns::Group;
use super::digits::integer;
use super::record::Layout;
use super::values::Line;
use crate::Result;
use crate::error::DataError;

/// Longest piece of a value that a message quotes, in characters.
const QUOTED: usize = 24;

/// Encodes lines of tab-separated values by a schema.
pub(super) struct Encoder<'a> {
    schema: &'a Schema,
    stride: usize,
    columns: usize,
    groups: Vec<Group>,
}

/// What is wrong with a line: the first column, from the left, that cannot be read.
#[derive(Debug, PartialEq)]
pub(super) struct Problem {
    /// Counted from 1.
    column: usize,
    /// The schema's name of the column; none beyond the last.
    name: Option<String>,
    found: String,
    expected: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {}", self.column)?;
        if let Some(name) = &self.name {
            write!(f, " ({name})")?;
        }
        write!(f, ": found {}, expected {}", self.found, self.expected)
    }
}

impl<'a> Encoder<'a> {
    /// # Errors
    /// [`DataError::ColumnTable`] where a column's table is too small or too large to be addressed.
    pub fn new(schema: &'a Schema) -> Result<Self> {
        for column in &schema.sparse {
            if !(2..=u32::MAX as usize).contains(&column.rows) || column.missing >= column.rows {
                return Err(DataError::ColumnTable {
                    column: column.name.clone(),
                    schema: schema.name.clone(),
                    rows: column.rows,
                    missing: column.missing,
                }
                .into());
            }
        }
        let groups = Group::of(schema);
        let columns = 1 + schema.dense.len() + schema.sparse.len();
        Ok(Self { schema, stride: Layout::of(schema, false).stride(), columns, groups })
    }

    /// Bytes of a record.
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// Writes the record of a line.
    ///
    /// # Panics
    /// When `record` is not of [`stride`](Self::stride) bytes.
    #[inline(always)]
    pub fn encode(&self, line: Line, record: &mut [u8]) -> Result<(), Problem> {
        assert_eq!(record.len(), self.stride, "a record has its length");
        if line.len() != self.columns {
            return Err(self.uneven(line));
        }
        record[self.stride - 1] = self.value(line, 0)?[0];
        let (words, _) = record.as_chunks_mut::<4>();
        for group in &self.groups {
            let (first, count) = (group.first, group.count);
            let words = &mut words[first - 1..][..count];
            let others = match line.texts(first) {
                Some(texts) => group.encode(&texts, words),
                None => u32::MAX >> (32 - count),
            };
            self.others(line, first, others, words)?;
        }
        Ok(())
    }

    /// Encodes those values of a group whose bits are set.
    #[inline(always)]
    fn others(&self, line: Line, first: usize, mut others: u32, words: &mut [[u8; 4]]) -> Result<(), Problem> {
        while others != 0 {
            let index = others.trailing_zeros() as usize;
            words[index] = self.value(line, first + index)?;
            others &= others - 1;
        }
        Ok(())
    }

    /// What is wrong with a line that has not a value a column.
    #[cold]
    fn uneven(&self, line: Line) -> Problem {
        let problem = (0..self.columns.min(line.len())).find_map(|column| self.value(line, column).err());
        problem.unwrap_or_else(|| {
            let (column, found, expected) = if line.len() < self.columns {
                let expected = format!("{} tab-separated columns", self.columns);
                (line.len(), "the end of the line".to_owned(), expected)
            } else {
                let expected = format!("the end of the line after {} tab-separated columns", self.columns);
                (self.columns, quote(line.value(self.columns)), expected)
            };
            self.problem(column, found, expected)
        })
    }

    /// Any value, encoded; columns are counted from 0, the label's.
    fn value(&self, line: Line, column: usize) -> Result<[u8; 4], Problem> {
        let (text, dense) = (line.value(column), self.schema.dense.len());
        let encoded = match column.checked_sub(1) {
            None => label(text).map(u32::to_le_bytes),
            Some(column) if column < dense => number(&self.schema.dense[column], text).map(f32::to_le_bytes),
            Some(column) => row(&self.schema.sparse[column - dense], text).map(u32::to_le_bytes),
        };
        encoded.map_err(|expected| self.problem(column, quote(text), expected))
    }

    fn problem(&self, column: usize, found: String, expected: impl Into<String>) -> Problem {
        let dense = self.schema.dense.len();
        let name = match column.checked_sub(1) {
            None => Some(&self.schema.label),
            Some(column) if column < dense => Some(&self.schema.dense[column].name),
            Some(column) => self.schema.sparse.get(column - dense).map(|column| &column.name),
        };
        Problem { column: column + 1, name: name.cloned(), found, expected: expected.into() }
    }
}

/// The label, or what was expected instead.
fn label(text: &[u8]) -> Result<u32, &'static str> {
    match text {
        b"0" => Ok(0),
        b"1" => Ok(1),
        _ => Err("0 or 1"),
    }
}

/// The encoded number, or what was expected instead.
fn number(column: &DenseColumn, text: &[u8]) -> Result<f32, &'static str> {
    const NUMBER: &str = "a number or nothing";
    if text.is_empty() {
        return Ok(0.0);
    }
    // Fifteen digits are exact as a number, and read faster than any number is.
    if let Some(value) = integer(text) {
        return encoded(column, value as f64);
    }
    let text = std::str::from_utf8(text).map_err(|_| NUMBER)?;
    let value: f64 = text.parse().map_err(|_| NUMBER)?;
    if !value.is_finite() {
        return Err(NUMBER);
    }
    encoded(column, value)
}

/// A number after the column's transforms, or what was expected instead.
pub(super) fn encoded(column: &DenseColumn, value: f64) -> Result<f32, &'static str> {
    let value = column.transforms.iter().fold(value, |value, transform| match *transform {
        Transform::Max(bound) => value.max(bound),
        Transform::Min(bound) => value.min(bound),
        Transform::Log1p => value.ln_1p(),
    }) as f32;
    // `log1p` alone is undefined from -1 downwards; one such value would turn the whole model into NaN.
    if value.is_finite() { Ok(value) } else { Err("a number that is finite after the column's transforms") }
}

/// The row of the embedding table, or what was expected instead.
fn row(column: &SparseColumn, text: &[u8]) -> Result<u32, &'static str> {
    if text.is_empty() {
        return Ok(column.missing as u32);
    }
    let (radix, expected) = match column.encoding {
        Encoding::Hex => (16, "at most 16 hexadecimal digits or nothing"),
        Encoding::Int => (10, "a decimal integer from 0 to 18446744073709551615 or nothing"),
    };
    // `from_str_radix` would take a leading plus sign, and any number of leading zeros.
    let sound = text[0] != b'+' && (column.encoding == Encoding::Int || text.len() <= 16);
    let value = std::str::from_utf8(text).ok().filter(|_| sound).and_then(|text| u64::from_str_radix(text, radix).ok());
    let value = value.ok_or(expected)?;
    Ok((value % (column.rows as u64 - 1) + 1) as u32)
}

/// A value as a message shows it: escaped and shortened.
fn quote(value: &[u8]) -> String {
    if value.is_empty() {
        return "nothing".to_owned();
    }
    // A hundred bytes hold more than is shown; the rest of a huge value need not be decoded.
    let text = String::from_utf8_lossy(&value[..value.len().min(4 * QUOTED + 4)]);
    let mut shown: String = text.chars().take(QUOTED).collect();
    if text.chars().nth(QUOTED).is_some() {
        shown.push('…');
    }
    format!("{shown:?}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::data::dataset::testing::{schema, schema_without_numbers};
    use crate::data::values::Values;

    fn encode(line: &str) -> Result<(Vec<f32>, Vec<u32>, u8), String> {
        let schema = schema();
        let encoder = Encoder::new(&schema).expect("a sound schema");
        let (mut record, layout) = (vec![9; encoder.stride()], Layout::of(&schema, false));
        encode_with(&encoder, line.as_bytes(), &mut record).map_err(|problem| problem.to_string())?;
        let mut words = layout.words(&record);
        let numeric = words.by_ref().take(layout.numeric).map(f32::from_bits).collect();
        Ok((numeric, words.collect(), layout.label(&record)))
    }

    /// A line that others follow, and the same at the end of the text, where there is less to read ahead.
    fn encode_with(encoder: &Encoder, line: &[u8], record: &mut [u8]) -> Result<(), Problem> {
        let mut values = Values::default();
        let text = [line, &b"\n0\t1\t2\t3\t4\t5\n"[..]].concat();
        values.find(&text);
        let outcome = encoder.encode(values.lines(&text).next().expect("a line"), record);
        if !line.is_empty() {
            let mut again = vec![0; record.len()];
            values.find(line);
            assert_eq!(encoder.encode(values.lines(line).next().expect("a line"), &mut again), outcome);
            assert!(outcome.is_err() || again == record, "the end of the text makes a difference");
        }
        outcome
    }

    #[test]
    fn transforms_and_rows_follow_the_schema() {
        // I1: max(0), log1p; I2: min(5). C1: hexadecimal, 11 rows; C2: integer, 7 rows.
        let (numeric, ids, label) = encode("1\t3\t9\t1f\t20").expect("well-formed");
        assert_eq!(numeric, [4f32.ln(), 5.0]);
        assert_eq!(ids, [31 % 10 + 1, 20 % 6 + 1]);
        assert_eq!(label, 1);
        let (numeric, ids, label) = encode("0\t-7\t-2.5\tFFFFFFFFFFFFFFFF\t0").expect("well-formed");
        assert_eq!(numeric, [0.0, -2.5]);
        assert_eq!(ids, [(u64::MAX % 10 + 1) as u32, 1]);
        assert_eq!(label, 0);
        assert_eq!(encode("0\t\t\t\t").expect("all missing"), (vec![0.0, 0.0], vec![0, 0], 0));
    }

    #[test]
    fn problems_name_the_column_and_what_was_found() {
        let message = |line| encode(line).expect_err("malformed");
        assert_eq!(message(""), "column 1 (click): found nothing, expected 0 or 1");
        assert_eq!(message("2\t1\t1\ta\t1"), "column 1 (click): found \"2\", expected 0 or 1");
        assert_eq!(message("0\tx\t1\ta\t1"), "column 2 (I1): found \"x\", expected a number or nothing");
        assert_eq!(message("0\t1\tinf\ta\t1"), "column 3 (I2): found \"inf\", expected a number or nothing");
        assert_eq!(
            message("0\t1\t1\t0123456789abcdef0\t1"),
            "column 4 (C1): found \"0123456789abcdef0\", expected at most 16 hexadecimal digits or nothing"
        );
        assert_eq!(
            message("0\t1\t1\ta\t-3"),
            "column 5 (C2): found \"-3\", expected a decimal integer from 0 to 18446744073709551615 or nothing"
        );
        assert_eq!(
            message("0\t1\t1\t+f\t3"),
            "column 4 (C1): found \"+f\", expected at most 16 hexadecimal digits or nothing"
        );
        assert_eq!(message("0\t1\t1"), "column 4 (C1): found the end of the line, expected 5 tab-separated columns");
        assert_eq!(
            message("0\t1\t1\ta\t3\tmore"),
            "column 6: found \"more\", expected the end of the line after 5 tab-separated columns"
        );
        assert_eq!(
            message("0,1,1,a,3,and,so,on,and,so,on"),
            "column 1 (click): found \"0,1,1,a,3,and,so,on,and,…\", expected 0 or 1"
        );
    }

    #[test]
    fn a_number_that_a_transform_makes_infinite_is_malformed() {
        let mut schema = schema();
        schema.dense[0].transforms = vec![Transform::Log1p];
        let encoder = Encoder::new(&schema).expect("a sound schema");
        let problem = encode_with(&encoder, b"0\t-1\t1\ta\t1", &mut vec![0; encoder.stride()]).expect_err("ln 0");
        let expected = "column 2 (I1): found \"-1\", expected a number that is finite after the column's transforms";
        assert_eq!(problem.to_string(), expected);
    }

    #[test]
    fn bytes_that_are_not_text_are_quoted_safely() {
        let schema = schema();
        let encoder = Encoder::new(&schema).expect("a sound schema");
        let problem = encode_with(&encoder, b"0\t\xff\xfe\x00\t1\ta\t1", &mut vec![0; encoder.stride()])
            .expect_err("not a number");
        assert_eq!(problem.to_string(), "column 2 (I1): found \"\u{fffd}\u{fffd}\\0\", expected a number or nothing");
    }

    #[test]
    fn a_table_without_room_for_a_value_is_refused() {
        let mut schema = schema_without_numbers();
        schema.sparse[0].rows = 1;
        let error = Encoder::new(&schema).err().expect("one row cannot hold a value").to_string();
        assert!(error.starts_with("column C1 of schema t has a table of 1 rows"), "{error}");
    }

    #[test]
    fn what_is_read_fast_and_slowly_is_encoded_alike() {
        let schema = schema();
        let (dense, sparse) = (&schema.dense[0], &schema.sparse[0]);
        for integer in [0u64, 7, 4095, 4096, 99_999, 999_999_999_999_999, 1_000_000_000_000_000] {
            let (numeric, ids, _) = encode(&format!("1\t{integer}\t\t{integer:08x}\t{integer}")).expect("sound");
            assert_eq!(numeric[0], number(dense, format!("+{integer}.0").as_bytes()).expect("a number"));
            assert_eq!(ids[0], row(sparse, format!("0{integer:08x}").as_bytes()).expect("hexadecimal"));
            assert_eq!(ids[1], (integer % 6 + 1) as u32);
        }
    }

    proptest! {
        #[test]
        fn every_sound_line_round_trips(
            label in 0u8..2, number in -1e6f64..1e6, hex in any::<u64>(), int in any::<u64>(), missing in 0u8..16,
        ) {
            let text = |bit: u8, text: String| if missing & (1 << bit) == 0 { text } else { String::new() };
            let line = [
                label.to_string(),
                text(0, number.to_string()),
                text(1, number.to_string()),
                text(2, format!("{hex:x}")),
                text(3, int.to_string()),
            ]
            .join("\t");
            let (numeric, ids, found) = encode(&line).expect("well-formed");
            let is_there = |bit: u8| missing & (1 << bit) == 0;
            prop_assert_eq!(found, label);
            prop_assert_eq!(numeric[0], if is_there(0) { number.max(0.0).ln_1p() as f32 } else { 0.0 });
            prop_assert_eq!(numeric[1], if is_there(1) { number.min(5.0) as f32 } else { 0.0 });
            prop_assert_eq!(ids[0], if is_there(2) { (hex % 10 + 1) as u32 } else { 0 });
            prop_assert_eq!(ids[1], if is_there(3) { (int % 6 + 1) as u32 } else { 0 });
        }
    }
}
