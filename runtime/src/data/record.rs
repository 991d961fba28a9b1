//! One encoded row as bytes: `numeric` f32, `fields` u32 (one a row that is looked up, but for crossed columns, which follow from these); where there is one the planted click probability (f32), the weight
//! (f32), the group (u64), the time (f64), the part (u8) and the other labels (u8 each); and the label (u8). All little-endian and without padding.

use nasrec_compiler::schema::Schema;
use serde::{Deserialize, Serialize};

/// Where the parts of a record lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Layout {
    pub numeric: usize,
    pub fields: usize,
    /// Whether the planted click probability is kept beside the row.
    pub probability: bool,
    /// Whether it is said how much the row counts.
    #[serde(default, skip_serializing_if = "is_false")]
    pub weight: bool,
    /// Whether it is said which rows belong together.
    #[serde(default, skip_serializing_if = "is_false")]
    pub group: bool,
    /// Whether it is said when the row came about.
    #[serde(default, skip_serializing_if = "is_false")]
    pub time: bool,
    /// Whether it is said which part the row is in.
    #[serde(default, skip_serializing_if = "is_false")]
    pub part: bool,
    /// How many labels there are beside the first.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub other_labels: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(value: &usize) -> bool {
    *value == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_false(value: &bool) -> bool {
    !value
}

impl Layout {
    pub fn of(schema: &Schema, probability: bool) -> Self {
        Self {
            numeric: schema.dense.len(),
            fields: schema.looked_up_in_file(),
            probability,
            weight: schema.weight.is_some(),
            group: schema.group.is_some(),
            time: schema.time.is_some(),
            part: schema.part.is_some(),
            other_labels: schema.other_labels.len(),
        }
    }

    /// Bytes a record takes.
    pub fn stride(&self) -> usize {
        self.other_labels_at() + self.other_labels + 1
    }

    /// The same, of a layout that a stranger wrote down.
    pub fn checked_stride(&self) -> Option<usize> {
        let words = self.numeric.checked_add(self.fields)?.checked_add(6)?;
        words.checked_mul(4)?.checked_add(2)?.checked_add(self.other_labels).map(|_| self.stride())
    }

    /// The numbers, as their bits, and after them the ids.
    pub fn words<'a>(&self, record: &'a [u8]) -> impl Iterator<Item = u32> + 'a {
        let (words, _) = record[..4 * (self.numeric + self.fields)].as_chunks::<4>();
        words.iter().map(|&bytes| u32::from_le_bytes(bytes))
    }

    pub fn probability(&self, record: &[u8]) -> Option<f32> {
        let at = 4 * (self.numeric + self.fields);
        self.probability.then(|| f32::from_le_bytes(bytes(record, at)))
    }

    /// Where the weight is, where there is one.
    pub fn weight_at(&self) -> usize {
        4 * (self.numeric + self.fields + usize::from(self.probability))
    }

    /// Where the group is, where there is one.
    pub fn group_at(&self) -> usize {
        self.weight_at() + 4 * usize::from(self.weight)
    }

    /// Where the time is, where there is one.
    pub fn time_at(&self) -> usize {
        self.group_at() + 8 * usize::from(self.group)
    }

    /// Where the part is, where there is one.
    pub fn part_at(&self) -> usize {
        self.time_at() + 8 * usize::from(self.time)
    }

    /// Where the labels beside the first are.
    pub fn other_labels_at(&self) -> usize {
        self.part_at() + usize::from(self.part)
    }

    /// How many times the row counts.
    pub fn weight(&self, record: &[u8]) -> Option<f32> {
        self.weight.then(|| f32::from_le_bytes(bytes(record, self.weight_at())))
    }

    /// What rows that belong together have in common.
    pub fn group(&self, record: &[u8]) -> Option<u64> {
        self.group.then(|| u64::from_le_bytes(bytes(record, self.group_at())))
    }

    pub fn time(&self, record: &[u8]) -> Option<f64> {
        self.time.then(|| f64::from_le_bytes(bytes(record, self.time_at())))
    }

    /// 0 for training, 1 for validation, 2 for test.
    pub fn part(&self, record: &[u8]) -> Option<u8> {
        self.part.then(|| record[self.part_at()])
    }

    /// The first label.
    pub fn label(&self, record: &[u8]) -> u8 {
        record[self.stride() - 1]
    }

    /// The others.
    pub fn other_labels<'a>(&self, record: &'a [u8]) -> &'a [u8] {
        &record[self.other_labels_at()..][..self.other_labels]
    }
}

fn bytes<const N: usize>(record: &[u8], at: usize) -> [u8; N] {
    std::array::from_fn(|index| record[at + index])
}
