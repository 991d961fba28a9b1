//! The texts of some columns of a table, as they are in its file.

use std::ops::Range;

/// Texts, so many a row, row after row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    columns: usize,
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
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
        self.ends.extend(other.ends[texts].iter().map(|end| end - start + begun));
    }

    /// Forgets all rows, but not the memory for them.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
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
}
