//! What a training or evaluation step reads.

/// Encoded samples, the batch as the last axis, row-major.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Number of samples, `B`.
    pub rows: usize,
    /// `[numeric width, B]`
    pub numeric: Vec<f32>,
    /// `[fields, B]`: row indices into each field's table.
    pub ids: Vec<u32>,
    /// `[B]`: 0 or 1.
    pub labels: Vec<f32>,
    /// `[B]`: how many times each counts where it is learnt from; nothing, where each counts once.
    pub weights: Vec<f32>,
    /// `[B]`: alike for rows of one group; nothing, where rows have none.
    pub groups: Vec<u64>,
}
