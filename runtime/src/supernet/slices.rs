//! Walking the active part of a parameter's buffer, stretch by stretch.

use nasrec_compiler::plan::{Layout, Param};
use rayon::prelude::*;

/// Active values above which rows are shared out among threads.
const PARALLEL: usize = 1 << 16;

/// Rows of a one-dimensional parameter are the one row that it is.
fn axes(param: &Param) -> (Option<&Layout>, &Layout, usize) {
    match param.axes.as_slice() {
        [rows, cols] => (Some(rows), cols, param.full[1]),
        [cols] => (None, cols, param.full[0]),
        _ => unreachable!("the plan was checked: a parameter has one or two axes"),
    }
}

/// For each active row: its position in the full parameter, ascending.
fn rows(layout: Option<&Layout>) -> Vec<usize> {
    layout.map_or_else(|| vec![0], |layout| layout.positions().collect())
}

/// Copies the active part of `full` to `active`, which is contiguous.
pub(crate) fn gather(param: &Param, full: &[f32], active: &mut [f32]) {
    if param.is_whole() {
        active.copy_from_slice(full);
        return;
    }
    let (layout, cols, width) = axes(param);
    let active_width = cols.len();
    let rows = rows(layout);
    let copy = |(row, active): (&usize, &mut [f32])| pick(cols, &full[row * width..][..width], active);
    if active.len() < PARALLEL {
        rows.iter().zip(active.chunks_exact_mut(active_width)).for_each(copy);
    } else {
        rows.par_iter().zip(active.par_chunks_exact_mut(active_width)).for_each(copy);
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

/// Calls `f(gradients, values, state)` for every stretch of consecutive active values, in place.
pub(crate) fn update(
    param: &Param,
    gradients: &[f32],
    values: &mut [f32],
    state: &mut [f32],
    f: impl Fn(&[f32], &mut [f32], &mut [f32]) + Sync,
) {
    let (layout, cols, width) = axes(param);
    let active_width = cols.len();
    let one = |gradients: &[f32], values: &mut [f32], state: &mut [f32]| {
        let mut at = 0;
        for run in cols.runs() {
            let range = run.start..run.start + run.len;
            f(&gradients[at..at + run.len], &mut values[range.clone()], &mut state[range]);
            at += run.len;
        }
    };
    let rows = rows(layout);
    if gradients.len() < PARALLEL {
        for (&row, gradients) in rows.iter().zip(gradients.chunks_exact(active_width)) {
            let range = row * width..(row + 1) * width;
            one(gradients, &mut values[range.clone()], &mut state[range]);
        }
        return;
    }
    // A parallel walk needs each full row's place among the active ones.
    let mut places = vec![None; values.len() / width];
    rows.iter().enumerate().for_each(|(place, &row)| places[row] = Some(place));
    let blocks = values.par_chunks_exact_mut(width).zip(state.par_chunks_exact_mut(width)).zip(&places);
    blocks.with_min_len(16).for_each(|((values, state), place)| {
        if let Some(place) = place {
            one(&gradients[place * active_width..][..active_width], values, state);
        }
    });
}
