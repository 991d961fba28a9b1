//! The active part of a parameter: a view of it where it lies in one stretch, else copied together on the device.

use candle_core::{Result, Tensor};
use nasrec_compiler::plan::{Layout, Param};

/// The active positions of one axis, in order; contiguous where `full` is.
pub(super) fn along(full: &Tensor, axis: usize, layout: &Layout) -> Result<Tensor> {
    if layout.len() == full.dim(axis)? {
        return Ok(full.clone());
    }
    let part = |start, len| full.narrow(axis, start, len)?.contiguous();
    match layout.runs() {
        [run] => part(run.start, run.len),
        runs => Tensor::cat(&runs.iter().map(|run| part(run.start, run.len)).collect::<Result<Vec<_>>>()?, axis),
    }
}

/// The active part of a parameter that is stored as `full`. It may share its memory.
pub(super) fn active(param: &Param, full: &Tensor) -> Result<Tensor> {
    param.axes.iter().enumerate().try_fold(full.clone(), |full, (axis, layout)| along(&full, axis, layout))
}

/// Overwrites the active positions of one axis.
pub(super) fn set_along(full: &Tensor, axis: usize, layout: &Layout, active: &Tensor) -> Result<()> {
    let mut at = 0;
    for run in layout.runs() {
        full.slice_set(&active.narrow(axis, at, run.len)?.contiguous()?, axis, run.start)?;
        at += run.len;
    }
    Ok(())
}

/// Overwrites the active part of a parameter where it is stored.
pub(super) fn set(param: &Param, full: &Tensor, active: &Tensor) -> Result<()> {
    let rows = &param.axes[0];
    let Some(columns) = param.axes.get(1).filter(|columns| columns.len() < param.full[1]) else {
        return set_along(full, 0, rows, active);
    };
    let mut at = 0;
    for run in rows.runs() {
        let (rows, part) = (full.narrow(0, run.start, run.len)?, active.narrow(0, at, run.len)?);
        set_along(&rows, 1, columns, &part)?;
        at += run.len;
    }
    Ok(())
}
