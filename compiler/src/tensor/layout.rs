//! Which positions of an axis' largest form are active (language rule 3, "Slices").

use serde::{Deserialize, Serialize};
use smallvec::{SmallVec, smallvec};

/// A run of consecutive positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Run {
    /// The first position, from 0.
    pub start: usize,
    /// How many positions; never 0 in a [`Layout`].
    pub len: usize,
}

/// An increasing map from the active positions of an axis to positions in its largest form, kept as
/// ascending runs that neither touch nor overlap and are never empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Layout {
    runs: SmallVec<[Run; 2]>,
}

impl Layout {
    /// The layout of a size: the first `len` positions.
    pub fn prefix(len: usize) -> Self {
        if len == 0 { Self::default() } else { Self { runs: smallvec![Run { start: 0, len }] } }
    }

    /// A layout from positions in ascending order.
    pub fn from_positions(positions: impl IntoIterator<Item = usize>) -> Self {
        let mut layout = Self::default();
        for position in positions {
            layout.push(Run { start: position, len: 1 });
        }
        layout
    }

    /// Ascending; none touches the next.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// Number of active positions.
    pub fn len(&self) -> usize {
        self.runs.iter().map(|r| r.len).sum()
    }

    /// Whether no position is active.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Whether the first positions are active and no others.
    pub fn is_prefix(&self) -> bool {
        self.runs.is_empty() || (self.runs.len() == 1 && self.runs[0].start == 0)
    }

    /// The active positions, ascending.
    pub fn positions(&self) -> impl Iterator<Item = usize> + '_ {
        self.runs.iter().flat_map(|r| r.start..r.start + r.len)
    }

    /// Appends a run that starts at or after the end of the last one, merging where they touch.
    pub(crate) fn push(&mut self, run: Run) {
        if run.len == 0 {
            return;
        }
        if let Some(last) = self.runs.last_mut() {
            debug_assert!(last.start + last.len <= run.start, "layout runs must ascend");
            if last.start + last.len == run.start {
                last.len += run.len;
                return;
            }
        }
        self.runs.push(run);
    }

    /// Appends `other`, moved up by `offset`.
    pub(crate) fn append_shifted(&mut self, other: &Layout, offset: usize) {
        for run in &other.runs {
            self.push(Run { start: run.start + offset, len: run.len });
        }
    }

    /// The layout of the flattened pair of axes (row-major): position `i * inner_full + j`.
    pub(crate) fn flattened(outer: &Layout, inner: &Layout, inner_full: usize) -> Layout {
        let mut layout = Layout::default();
        for i in outer.positions() {
            layout.append_shifted(inner, i * inner_full);
        }
        layout
    }

    /// The layout of the strictly lower triangle, row by row, of a square whose axes both have this
    /// layout: position `i (i - 1) / 2 + j` for `j < i`.
    pub(crate) fn lower_triangle(&self) -> Layout {
        if self.is_prefix() {
            let n = self.len();
            return Layout::prefix(n * n.saturating_sub(1) / 2);
        }
        let positions: Vec<usize> = self.positions().collect();
        let mut layout = Layout::default();
        for (row, &i) in positions.iter().enumerate() {
            for &j in &positions[..row] {
                layout.push(Run { start: i * (i - 1) / 2 + j, len: 1 });
            }
        }
        layout
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_merge_and_map() {
        let layout = Layout::from_positions([0, 1, 4, 5, 6, 9]);
        assert_eq!(layout.runs().len(), 3);
        assert_eq!(layout.len(), 6);
        assert_eq!(layout.positions().collect::<Vec<_>>(), [0, 1, 4, 5, 6, 9]);
        let flat = Layout::flattened(&Layout::from_positions([0, 2]), &Layout::prefix(3), 3);
        assert_eq!(flat, Layout::from_positions([0, 1, 2, 6, 7, 8]));
    }

    #[test]
    fn triangle_keeps_what_meets() {
        // Rows 0, 2, 3 of a 4-row square: pairs (2,0) (3,0) (3,2) sit at 1, 3, 5 of the full triangle.
        assert_eq!(Layout::from_positions([0, 2, 3]).lower_triangle(), Layout::from_positions([1, 3, 5]));
        assert_eq!(Layout::prefix(4).lower_triangle(), Layout::prefix(6));
    }
}
