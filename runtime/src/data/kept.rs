//! The values of some columns of a table, as they are in its file: as texts, or as they are stored there.

use std::ops::Range;

/// Values, so many a row, row after row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    columns: usize,
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
    /// Which of them are missing, of values that are kept as they are stored; a text that is missing is an empty one.
    missing: Vec<usize>,
}

impl Kept {
    /// Of so many columns, without a row.
    pub(super) fn new(columns: usize) -> Self {
        Self { columns, ..Self::default() }
    }

    /// How many texts a row has.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The texts of a row.
    ///
    /// # Panics
    /// When there are not that many rows.
    pub fn row(&self, row: usize) -> impl Iterator<Item = &[u8]> {
        let first = row * self.columns;
        let start = |text: usize| if text == 0 { 0 } else { self.ends[text - 1] };
        (first..first + self.columns).map(move |text| &self.bytes[start(text)..self.ends[text]])
    }

    /// The values of a column, of one row after the other; of those that are missing nothing.
    pub(super) fn column(&self, column: usize) -> impl Iterator<Item = Option<&[u8]>> {
        let mut missing = self.missing.iter().copied().filter(move |value| value % self.columns == column).peekable();
        let start = |value: usize| if value == 0 { 0 } else { self.ends[value - 1] };
        (column..self.ends.len()).step_by(self.columns.max(1)).map(move |value| {
            let there = missing.next_if_eq(&value).is_none();
            there.then(|| &self.bytes[start(value)..self.ends[value]])
        })
    }

    /// Bytes of all values.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether the value of a column of a row is missing.
    pub(super) fn is_missing(&self, value: usize) -> bool {
        self.missing.binary_search(&value).is_ok()
    }

    /// Adds the next value of a row, which is missing.
    #[inline]
    pub(super) fn push_missing(&mut self) {
        self.missing.push(self.ends.len());
        self.ends.push(self.bytes.len());
    }

    /// Adds the next text of a row.
    #[inline]
    pub(super) fn push(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len());
    }

    /// Adds rows of another that has as many columns.
    pub(super) fn append(&mut self, other: &Self, rows: Range<usize>) {
        let texts = rows.start * self.columns..rows.end * self.columns;
        let start = if texts.start == 0 { 0 } else { other.ends[texts.start - 1] };
        let end = if texts.end == 0 { 0 } else { other.ends[texts.end - 1] };
        let begun = self.bytes.len();
        self.bytes.extend_from_slice(&other.bytes[start..end]);
        let missing = &other.missing[other.missing.partition_point(|&value| value < texts.start)..];
        let missing = missing.iter().take_while(|&&value| value < texts.end);
        let first = self.ends.len();
        self.missing.extend(missing.map(|value| value - texts.start + first));
        self.ends.extend(other.ends[texts].iter().map(|end| end - start + begun));
    }

    /// Forgets all rows, but not the memory for them.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.missing.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_several_are_joined() {
        let kept = |texts: &[&str]| {
            let mut kept = Kept::new(2);
            texts.iter().for_each(|text| kept.push(text.as_bytes()));
            kept
        };
        let (mut all, other) = (kept(&["a", "b"]), kept(&["c", "", "d", "e", "", "f"]));
        all.append(&other, 0..2);
        all.append(&other, 3..3);
        all.append(&other, 2..3);
        assert_eq!(all, kept(&["a", "b", "c", "", "d", "e", "", "f"]));
        assert_eq!(all.row(2).collect::<Vec<_>>(), [b"d", b"e"]);
        let mut none = Kept::new(0);
        none.append(&Kept::new(0), 0..7);
        assert_eq!(none.row(5).count(), 0);
    }

    #[test]
    fn what_is_missing_stays_so() {
        let mut other = Kept::new(2);
        for row in 0..6 {
            other.push(format!("{row}").as_bytes());
            if row % 2 == 0 { other.push_missing() } else { other.push(b"") }
        }
        let mut all = Kept::new(2);
        all.push_missing();
        all.push(b"x");
        all.append(&other, 1..4);
        all.append(&other, 4..5);
        let column = |column| all.column(column).map(|value| value.map(<[u8]>::to_vec)).collect::<Vec<_>>();
        let texts = |texts: [Option<&str>; 5]| texts.map(|text| text.map(|text| text.as_bytes().to_vec()));
        assert_eq!(column(0), texts([None, Some("1"), Some("2"), Some("3"), Some("4")]));
        assert_eq!(column(1), texts([Some("x"), Some(""), None, Some(""), None]));
        assert!(all.is_missing(0) && !all.is_missing(1));
    }
}
