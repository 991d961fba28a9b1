//! Whether a batch is what a task reads, so that nothing is out of range later.

use nasrec_compiler::plan::{ParamKind, Plan};
use nasrec_compiler::primitives::Primitive;

use super::Task;
use crate::data::Batch;
use crate::{ProgramError, Result};

/// Fails unless the batch has the columns that the task reads, rows of its tables, and as many labels as rows where they
/// are wanted.
pub(crate) fn check(task: &Task, batch: &Batch, labelled: bool) -> Result<()> {
    let Batch { rows, numeric, ids, labels, weights, .. } = batch;
    let rows = *rows;
    let mismatch = |mismatch: String| Err(ProgramError::Batch { mismatch }.into());
    if rows == 0 {
        return mismatch("it has no rows".into());
    }
    if labelled && labels.len() != rows {
        return mismatch(format!("{} labels for {rows} rows", labels.len()));
    }
    if labelled && !weights.is_empty() && weights.len() != rows {
        return mismatch(format!("{} weights for {rows} rows", weights.len()));
    }
    for node in &task.plan().nodes {
        match node.primitive {
            Primitive::Numeric(_) if numeric.len() != node.shape[0] * rows => {
                return mismatch(format!("{} numeric values for {rows} rows of {}", numeric.len(), node.shape[0]));
            }
            Primitive::Embed(_) => {
                for &param in &node.params {
                    let table = &task.plan().params[param];
                    let ParamKind::Table { field } = table.kind else { continue };
                    let Some(ids) = ids.get(field.saturating_mul(rows)..(field + 1).saturating_mul(rows)) else {
                        return mismatch(format!("it has no column for {}", table.name));
                    };
                    if let Some(id) = ids.iter().find(|&&id| id as usize >= table.full[0]) {
                        return mismatch(format!(
                            "row {id} of {}, which has {} rows; was the data encoded for this space?",
                            table.name, table.full[0]
                        ));
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// The column of row indices that a table of the plan is looked up with.
pub(crate) fn ids<'a>(plan: &Plan, batch: &'a Batch, param: usize) -> &'a [u32] {
    match plan.params[param].kind {
        ParamKind::Table { field } => &batch.ids[field * batch.rows..][..batch.rows],
        ParamKind::Dense | ParamKind::Statistic => &[],
    }
}
