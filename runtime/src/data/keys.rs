//! What a table is split by.

use nasrec_compiler::recipe::By;

use super::record::Layout;

/// What a split looks at, of all rows in their order: their labels, and what else tells which part a row is in.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys {
    by: By,
    pub labels: Vec<u8>,
    /// Where rows are split by time.
    pub times: Vec<f64>,
    /// Where groups stay together.
    pub groups: Vec<u64>,
    /// Where a column tells the part: 0 for training, 1 for validation, 2 for test.
    pub parts: Vec<u8>,
}

impl Keys {
    pub fn new(by: By) -> Self {
        Self { by, ..Self::default() }
    }

    /// Of rows of so many bytes that begin with a record.
    pub fn extend(&mut self, layout: Layout, rows: &[u8], stride: usize) {
        let rows = rows.chunks_exact(stride);
        self.labels.extend(rows.clone().map(|row| layout.label(row)));
        match self.by {
            By::Chance => {}
            By::Time => self.times.extend(rows.filter_map(|row| layout.time(row))),
            By::Group => self.groups.extend(rows.filter_map(|row| layout.group(row))),
            By::Part => self.parts.extend(rows.filter_map(|row| layout.part(row))),
        }
    }

    /// What another holds, behind this.
    pub fn append(&mut self, mut other: Self) {
        self.labels.append(&mut other.labels);
        self.times.append(&mut other.times);
        self.groups.append(&mut other.groups);
        self.parts.append(&mut other.parts);
    }

    pub fn len(&self) -> usize {
        self.labels.len()
    }

    pub fn clicks(&self) -> u64 {
        self.labels.iter().map(|&label| u64::from(label)).sum()
    }

    /// Whether all of it is what rows may have.
    pub fn is_sound(&self) -> bool {
        self.labels.iter().all(|&label| label <= 1) && self.parts.iter().all(|&part| part <= 2)
    }
}
