//! One encoded row as bytes: `numeric` f32, `fields` u32, the planted click probability (f32) where there is one, and
//! the label (u8), all little-endian and without padding.

use nasrec_compiler::schema::Schema;
use serde::{Deserialize, Serialize};

/// Where the parts of a record lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Layout {
    pub numeric: usize,
    pub fields: usize,
    /// Whether the planted click probability is kept beside the row.
    pub probability: bool,
}

impl Layout {
    pub fn of(schema: &Schema, probability: bool) -> Self {
        Self { numeric: schema.dense.len(), fields: schema.sparse.len(), probability }
    }

    /// Bytes a record takes.
    pub fn stride(&self) -> usize {
        4 * (self.numeric + self.fields + usize::from(self.probability)) + 1
    }

    /// The same, of a layout that a stranger wrote down.
    pub fn checked_stride(&self) -> Option<usize> {
        let words = self.numeric.checked_add(self.fields)?.checked_add(1)?;
        words.checked_mul(4)?.checked_add(1).map(|_| self.stride())
    }

    /// The numbers, as their bits, and after them the ids.
    pub fn words<'a>(&self, record: &'a [u8]) -> impl Iterator<Item = u32> + 'a {
        let (words, _) = record[..4 * (self.numeric + self.fields)].as_chunks::<4>();
        words.iter().map(|&bytes| u32::from_le_bytes(bytes))
    }

    pub fn probability(&self, record: &[u8]) -> Option<f32> {
        let at = 4 * (self.numeric + self.fields);
        self.probability.then(|| f32::from_le_bytes(word(&record[at..at + 4])))
    }

    pub fn label(&self, record: &[u8]) -> u8 {
        record[self.stride() - 1]
    }
}

fn word(bytes: &[u8]) -> [u8; 4] {
    [bytes[0], bytes[1], bytes[2], bytes[3]]
}
