//! Walking the active part of a parameter's buffer, stretch by stretch.

use nasrec_compiler::plan::{Layout, Param, Run};
use rayon::prelude::*;

/// Active values above which rows are shared out among threads.
const PARALLEL: usize = 1 << 16;

/// A one-dimensional parameter is one row.
const ONE: [Run; 1] = [Run { start: 0, len: 1 }];

/// The runs of active rows, the layout of each row, and how long a row is.
fn axes(param: &Param) -> (&[Run], &Layout, usize) {
    match param.axes.as_slice() {
        [rows, cols] => (rows.runs(), cols, param.full[1]),
        [cols] => (&ONE, cols, param.full[0]),
        _ => unreachable!("the plan was checked: a parameter has one or two axes"),
    }
}

/// Copies the active part of `full` to `active`, which is contiguous.
pub(crate) fn gather(param: &Param, full: &[f32], active: &mut [f32]) {
    if param.is_whole() {
        active.copy_from_slice(full);
        return;
    }
    let (rows, cols, width) = axes(param);
    let active_width = cols.len();
    let parallel = active.len() >= PARALLEL;
    let mut rest = active;
    for run in rows {
        let (active, later) = rest.split_at_mut(run.len * active_width);
        let full = &full[run.start * width..][..run.len * width];
        if parallel {
            let rows = active.par_chunks_exact_mut(active_width).zip(full.par_chunks_exact(width));
            rows.with_min_len(16).for_each(|(active, row)| pick(cols, row, active));
        } else {
            let rows = active.chunks_exact_mut(active_width).zip(full.chunks_exact(width));
            rows.for_each(|(active, row)| pick(cols, row, active));
        }
        rest = later;
    }
}

/// The active positions of one row.
pub(crate) fn pick(cols: &Layout, row: &[f32], active: &mut [f32]) {
    let mut at = 0;
    for run in cols.runs() {
        active[at..at + run.len].copy_from_slice(&row[run.start..][..run.len]);
        at += run.len;
    }
}

/// Stretches that lie alike: gradients of active values, and the values with the optimiser's two memories, of which it
/// may lack one or both.
pub(crate) struct Stretch<'a> {
    pub gradients: &'a [f32],
    pub values: &'a mut [f32],
    pub first: &'a mut [f32],
    pub second: &'a mut [f32],
}

impl<'a> Stretch<'a> {
    /// The first `gradients` of the gradients and `values` of everything else, and the rest.
    fn split(self, gradients: usize, values: usize) -> (Self, Self) {
        let (near, far) = self.gradients.split_at(gradients);
        let cut = |memory: &'a mut [f32]| memory.split_at_mut(values.min(memory.len()));
        let ((values, other_values), (first, other_first)) = (cut(self.values), cut(self.first));
        let (second, other_second) = cut(self.second);
        let left = Stretch { gradients: near, values, first, second };
        (left, Stretch { gradients: far, values: other_values, first: other_first, second: other_second })
    }

    /// Calls `f` for parts of it, on several threads where it is long.
    pub fn shared_out(self, f: &(impl Fn(Stretch) + Sync)) {
        let half = self.values.len() / 2;
        if self.values.len() < PARALLEL {
            return f(self);
        }
        let (left, right) = self.split(half, half);
        rayon::join(|| left.shared_out(f), || right.shared_out(f));
    }
}

/// Calls `f` for every stretch of consecutive active values, in place.
pub(crate) fn update(param: &Param, all: Stretch, f: &(impl Fn(Stretch) + Sync)) {
    if param.is_whole() {
        return all.shared_out(f);
    }
    let (rows, cols, width) = axes(param);
    let (mut rest, mut at) = (all, 0);
    for run in rows {
        let (_, ahead) = rest.split(0, (run.start - at) * width);
        let (here, later) = ahead.split(run.len * cols.len(), run.len * width);
        each_row(here, run.len, cols, width, f);
        (rest, at) = (later, run.start + run.len);
    }
}

/// The active stretches of consecutive rows.
fn each_row(block: Stretch, rows: usize, cols: &Layout, width: usize, f: &(impl Fn(Stretch) + Sync)) {
    let active = cols.len();
    if rows > 1 && rows * active >= PARALLEL {
        let (upper, lower) = block.split(rows / 2 * active, rows / 2 * width);
        rayon::join(|| each_row(upper, rows / 2, cols, width, f), || each_row(lower, rows - rows / 2, cols, width, f));
        return;
    }
    let mut rest = block;
    for _ in 0..rows {
        let (row, later) = rest.split(active, width);
        let (mut row, mut at) = (row, 0);
        for run in cols.runs() {
            let (_, ahead) = row.split(0, run.start - at);
            let (here, beyond) = ahead.split(run.len, run.len);
            f(here);
            (row, at) = (beyond, run.start + run.len);
        }
        rest = later;
    }
}
