//! What a training or evaluation step reads.

/// What stands for a row in the ids of a bag that holds fewer.
pub const EMPTY: u32 = u32::MAX;

/// Encoded samples, the batch as the last axis, row-major.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Number of samples, `B`.
    pub rows: usize,
    /// `[numeric width, B]`
    pub numeric: Vec<f32>,
    /// `[fields, B]`: row indices into each field's table; a bag has several columns, one behind the other.
    pub ids: Vec<u32>,
    /// Of each field the number of the column of ids that its own end at; nothing, where each field has one.
    pub ends: Vec<usize>,
    /// `[B]`: 0 or 1.
    pub labels: Vec<f32>,
    /// `[B]`: how many times each counts where it is learnt from; nothing, where each counts once.
    pub weights: Vec<f32>,
    /// `[B]`: alike for rows of one group; nothing, where rows have none.
    pub groups: Vec<u64>,
}

impl Batch {
    /// The rows that are looked up for a field, `[slots, B]`; none, where the batch has no such field.
    pub fn ids_of(&self, field: usize) -> Option<&[u32]> {
        let (start, end) = match self.ends.get(field) {
            Some(&end) => (field.checked_sub(1).map_or(0, |before| self.ends[before]), end),
            None if self.ends.is_empty() => (field, field.checked_add(1)?),
            None => return None,
        };
        self.ids.get(start.checked_mul(self.rows)?..end.checked_mul(self.rows)?)
    }
}
