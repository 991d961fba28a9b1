//! From the text of one line to its record.

use nasrec_compiler::schema::{Format, Schema, Table, Type};

use super::columns::Group;
use crate::data::record::Layout;
use crate::data::table::{Cells, Wrong};
use crate::data::text::{Line, Record};

/// Whether a table of this schema can be read so: what is not said by its columns' order is nothing.
pub(in crate::data) fn fits(schema: &Schema) -> bool {
    let dense = schema.dense.iter().map(|column| &column.from);
    let sparse = schema.sparse.iter().map(|column| &column.from);
    let in_order = std::iter::once(&schema.label.column).chain(dense).chain(sparse);
    schema.format == Format::TSV
        && schema.missing.is_empty()
        && schema.label.condition.is_none()
        && in_order.eq(&schema.columns)
        && (&schema.weight, &schema.group, &schema.time, &schema.part) == (&None, &None, &None, &None)
        && schema.dense.iter().all(|column| column.kind == Type::Number && column.element.is_none())
        && schema.sparse.iter().all(|column| column.list.is_none())
        && schema.dense.iter().flat_map(|column| &column.transforms).all(|transform| !transform.is_fitted())
        && schema
            .sparse
            .iter()
            .all(|column| matches!(column.kind, Type::Hex | Type::Int) && column.table == Table::Modulo)
}

/// Encodes such lines.
pub(in crate::data) struct Encoder<'a> {
    cells: &'a Cells,
    stride: usize,
    columns: usize,
    groups: Vec<Group>,
}

impl<'a> Encoder<'a> {
    pub fn new(schema: &Schema, cells: &'a Cells) -> Self {
        let (stride, columns) = (Layout::of(schema, false).stride(), schema.columns.len());
        Self { cells, stride, columns, groups: Group::of(schema) }
    }

    /// Bytes of a record.
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// Writes the record of a line that has a value a column.
    ///
    /// # Errors
    /// The first value, from the left, that cannot be read.
    ///
    /// # Panics
    /// When `record` is not of [`stride`](Self::stride) bytes, or the line has another number of values.
    #[inline(always)]
    pub fn encode(&self, line: Line, record: &mut [u8]) -> Result<(), Wrong> {
        assert_eq!((record.len(), line.len()), (self.stride, self.columns), "a record and a line have their length");
        match line.value(0) {
            b"0" => record[self.stride - 1] = 0,
            b"1" => record[self.stride - 1] = 1,
            _ => return self.slowly(line, record),
        }
        let (words, _) = record.as_chunks_mut::<4>();
        for group in &self.groups {
            let (first, count) = (group.first, group.count);
            let words = &mut words[first - 1..][..count];
            let others = match line.texts(first) {
                Some(texts) => group.encode(&texts, words),
                None => u32::MAX >> (32 - count),
            };
            if others != 0 {
                self.others(line, first, others, words)?;
            }
        }
        Ok(())
    }

    /// Encodes those values of a group whose bits are set.
    #[inline(always)]
    fn others(&self, line: Line, first: usize, mut others: u32, words: &mut [[u8; 4]]) -> Result<(), Wrong> {
        while others != 0 {
            let index = others.trailing_zeros() as usize;
            words[index] = self.cells.word(first + index - 1, line.value(first + index))?;
            others &= others - 1;
        }
        Ok(())
    }

    /// The record of a line, as any other table's.
    #[cold]
    fn slowly(&self, line: Line, record: &mut [u8]) -> Result<(), Wrong> {
        let record_of = Record::Plain(line);
        self.cells.write(&mut self.cells.reading(), |column| record_of.value(column), &mut [], record)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::data::dataset::testing::schema;
    use crate::data::text::Values;

    type Encoded = Result<(Vec<f32>, Vec<u32>, u8), (usize, &'static str)>;

    /// A line that others follow, and the same at the end of the text, where there is less to read ahead; and as a line of
    /// any table.
    fn encode(line: &str) -> Encoded {
        let schema = schema();
        let cells = Cells::new(&schema).expect("a sound schema");
        let encoder = Encoder::new(&schema, &cells);
        let layout = Layout::of(&schema, false);
        let read = |text: &[u8], slowly: bool| {
            let (mut values, mut record) = (Values::default(), vec![9; encoder.stride()]);
            values.find(text, b'\t');
            let line = values.lines(text).next().expect("a line");
            let read = if slowly { encoder.slowly(line, &mut record) } else { encoder.encode(line, &mut record) };
            read.map(|()| record).map_err(|wrong| (wrong.column, wrong.expected))
        };
        let followed = read(&[line.as_bytes(), &b"\n0\t1\t2\t3\t4\t5\n"[..]].concat(), false);
        assert_eq!(read(line.as_bytes(), false), followed, "the end of the text makes a difference");
        assert_eq!(read(line.as_bytes(), true), followed, "how it is read makes a difference");
        let record = followed?;
        let mut words = layout.words(&record);
        let numeric = words.by_ref().take(layout.numeric).map(f32::from_bits).collect();
        Ok((numeric, words.collect(), layout.label(&record)))
    }

    #[test]
    fn transforms_and_rows_follow_the_schema() {
        // I1: max(0), log1p; I2: min(5). C1: hexadecimal, 11 rows; C2: integer, 7 rows.
        let (numeric, ids, label) = encode("1\t3\t9\t1f\t20").expect("well-formed");
        assert_eq!(numeric, [4f32.ln(), 5.0]);
        assert_eq!(ids, [31 % 10 + 1, 20 % 6 + 1]);
        assert_eq!(label, 1);
        let (numeric, ids, label) = encode("0\t-7\t-2.5\tFFFFFFFFFFFFFFFF\t-1").expect("well-formed");
        assert_eq!(numeric, [0.0, -2.5]);
        assert_eq!(ids, [(u64::MAX % 10 + 1) as u32, (u64::MAX % 6 + 1) as u32]);
        assert_eq!(label, 0);
        assert_eq!(encode("0\t\t\t\t").expect("all missing"), (vec![0.0, 0.0], vec![0, 0], 0));
        assert_eq!(encode("true\t1e2\t-0.5\t0\t3.0").expect("well-formed").2, 1);
    }

    #[test]
    fn what_cannot_be_read_is_told_by_its_column() {
        let wrong = |line| encode(line).expect_err("malformed");
        assert_eq!(wrong("2\t1\t1\ta\t1"), (0, "0 or 1"));
        assert_eq!(wrong("0\tx\t1\ta\t1"), (1, "a number or nothing"));
        assert_eq!(wrong("0\t1\tinf\ta\t1"), (2, "a number or nothing"));
        assert_eq!(wrong("0\t1\t1\t0123456789abcdef0\t1"), (3, "at most 16 hexadecimal digits or nothing"));
        assert_eq!(wrong("0\t1\t1\t+f\t3"), (3, "at most 16 hexadecimal digits or nothing"));
        assert_eq!(wrong("0\t1\t1\ta\t3.5"), (4, "a whole number of 64 bits or nothing"));
    }

    #[test]
    fn what_is_read_fast_and_slowly_is_encoded_alike() {
        for integer in [0u64, 7, 4095, 4096, 99_999, 999_999_999_999_999, 1_000_000_000_000_000] {
            let (numeric, ids, _) = encode(&format!("1\t{integer}\t\t{integer:08x}\t{integer}")).expect("sound");
            let (again, same, _) = encode(&format!("1\t+{integer}.0\t\t0{integer:08x}\t{integer}.0")).expect("sound");
            assert_eq!((numeric, &ids), (again, &same));
            assert_eq!(ids[1], (integer % 6 + 1) as u32);
        }
    }

    proptest! {
        #[test]
        fn every_sound_line_round_trips(
            label in 0u8..2, number in -1e6f64..1e6, hex in any::<u64>(), int in any::<i64>(), missing in 0u8..16,
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
            prop_assert_eq!(ids[1], if is_there(3) { (int.cast_unsigned() % 6 + 1) as u32 } else { 0 });
        }
    }
}
