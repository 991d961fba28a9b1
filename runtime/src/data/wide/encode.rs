//! From the text of one line to its row.

use std::sync::Arc;

use super::columns::{Group, Run};
use crate::data::table::{Cells, Dictionary, Reading, Wrong};
use crate::data::text::{Line, Places};

/// Encodes lines.
pub(in crate::data) struct Encoder<'a> {
    cells: &'a Cells,
    groups: Vec<Group>,
    /// Cells that are in no group.
    rest: Vec<usize>,
}

/// Where the columns of an encoder are in the lines of a file.
pub(in crate::data) struct Placed {
    places: Arc<Places>,
    groups: Vec<Run>,
    /// Of the cells that are in no group.
    rest: Vec<usize>,
}

/// What values are read with, one by one.
pub(in crate::data) struct Read<'r> {
    pub reading: &'r mut Reading,
    pub dictionaries: &'r mut [Dictionary],
}

impl<'a> Encoder<'a> {
    pub fn new(cells: &'a Cells) -> Self {
        let (groups, rest) = Group::of(cells);
        Self { cells, groups, rest }
    }

    /// One that reads all values one by one.
    #[cfg(test)]
    pub fn one_by_one(cells: &'a Cells) -> Self {
        Self { cells, groups: Vec::new(), rest: (0..cells.each().len()).collect() }
    }

    /// Finds its columns in the lines of a file.
    pub fn place(&self, places: &Arc<Places>) -> Placed {
        let place = |cell: usize| places.of[self.cells.each()[cell].column];
        let run = |group: &Group| Run::new((group.first..group.first + group.count).map(place).collect());
        Placed {
            places: Arc::clone(places),
            groups: self.groups.iter().map(run).collect(),
            rest: self.rest.iter().map(|&cell| place(cell)).collect(),
        }
    }

    /// Writes the row of a line that has as many values as its file's lines have.
    ///
    /// # Errors
    /// The first value, in the order of the schema, that cannot be read.
    ///
    /// # Panics
    /// When `row` is not of [`stride`](Cells::stride) bytes, or the line has fewer values.
    #[inline(always)]
    pub fn encode(&self, line: Line, placed: &Placed, read: &mut Read, row: &mut [u8]) -> Result<(), Wrong> {
        match self.quickly(line, placed, read, row) {
            Ok(()) => Ok(()),
            // What was found is not what comes first.
            Err(_) => self.slowly(line, placed, read, row),
        }
    }

    #[inline(always)]
    fn quickly(&self, line: Line, placed: &Placed, read: &mut Read, row: &mut [u8]) -> Result<(), &'static str> {
        assert_eq!(row.len(), self.cells.stride(), "a row has its length");
        match self.cells.label_column() {
            Some(label) => self.cells.write_label(line.value(placed.places.of[label]), row)?,
            None => self.cells.write_no_label(row),
        }
        let Read { reading, dictionaries } = read;
        for (group, run) in self.groups.iter().zip(&placed.groups) {
            let words = &mut row.as_chunks_mut().0[group.word..][..group.count];
            let mut others = group.encode(&line, run, words);
            while others != 0 {
                let index = others.trailing_zeros() as usize;
                self.cells.write_cell(group.first + index, reading, line.value(run.of[index]), dictionaries, row)?;
                others &= others - 1;
            }
        }
        for (&cell, &place) in self.rest.iter().zip(&placed.rest) {
            self.cells.write_cell(cell, reading, line.value(place), dictionaries, row)?;
        }
        Ok(())
    }

    /// The same, value by value.
    #[cold]
    fn slowly(&self, line: Line, placed: &Placed, read: &mut Read, row: &mut [u8]) -> Result<(), Wrong> {
        let value = |column: usize| line.value(placed.places.of[column]);
        self.cells.write(read.reading, value, read.dictionaries, row)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::data::dataset::testing::schema;
    use crate::data::text::{Heading, Values};
    use crate::elementary::log1p;

    type Encoded = Result<(Vec<f32>, Vec<u32>, u8), (usize, &'static str)>;

    /// A line that others follow, and the same at the end of the text, where there is less to read ahead; and as a line of
    /// any table.
    fn encode(line: &str) -> Encoded {
        let schema = schema();
        let cells = Cells::new(&schema).expect("a sound schema");
        let encoder = Encoder::new(&cells);
        assert!(encoder.rest.is_empty(), "all columns are in groups");
        let (layout, places) =
            (cells.layout(), Heading::new(&schema).places("a.tsv", b"", b"").expect("in their order"));
        let placed = encoder.place(&Arc::new(places));
        let read = |text: &[u8], slowly: bool| {
            let (mut values, mut record) = (Values::default(), vec![9; cells.stride()]);
            values.find(text, b'\t');
            let line = values.lines(text).next().expect("a line");
            let read = &mut Read { reading: &mut cells.reading(), dictionaries: &mut [] };
            let encode = if slowly { Encoder::slowly } else { Encoder::encode };
            let encoded = encode(&encoder, line, &placed, read, &mut record);
            encoded.map(|()| record).map_err(|wrong| (wrong.column, wrong.expected))
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
            prop_assert_eq!(numeric[0], if is_there(0) { log1p(number.max(0.0)) as f32 } else { 0.0 });
            prop_assert_eq!(numeric[1], if is_there(1) { number.min(5.0) as f32 } else { 0.0 });
            prop_assert_eq!(ids[0], if is_there(2) { (hex % 10 + 1) as u32 } else { 0 });
            prop_assert_eq!(ids[1], if is_there(3) { (int.cast_unsigned() % 6 + 1) as u32 } else { 0 });
        }
    }
}
