//! Whether a batch is what a task reads, so that nothing is out of range later.

use nasrec_compiler::primitives::Primitive;

use super::Task;
use crate::data::{Batch, EMPTY};
use crate::{ProgramError, Result};

/// Fails unless the batch has the columns that the task reads, rows of its tables, and as many labels as rows where they
/// are wanted.
pub(crate) fn check(task: &Task, batch: &Batch, labelled: bool) -> Result<()> {
    let Batch { rows, numeric, labels, weights, .. } = batch;
    let rows = *rows;
    let mismatch = |mismatch: String| Err(ProgramError::Batch { mismatch }.into());
    if rows == 0 {
        return mismatch("it has no rows".into());
    }
    let wanted = task.heads().iter().map(|head| head.label + 1).max().unwrap_or(1);
    if labelled && (labels.len() % rows != 0 || labels.len() / rows < wanted) {
        let each = if wanted == 1 { String::new() } else { format!(" of {wanted} labels") };
        return mismatch(format!("{} labels for {rows} rows{each}", labels.len()));
    }
    if labelled && !weights.is_empty() && weights.len() != rows {
        return mismatch(format!("{} weights for {rows} rows", weights.len()));
    }
    for node in &task.plan().nodes {
        match node.primitive {
            Primitive::Numeric(_) if node.columns.is_empty() && numeric.len() != node.shape[0] * rows => {
                return mismatch(format!("{} numeric values for {rows} rows of {}", numeric.len(), node.shape[0]));
            }
            Primitive::Numeric(_) => {
                if let Some(column) = node.columns.iter().find(|&&column| column >= numeric.len() / rows) {
                    return mismatch(format!("it has no numeric column {column}"));
                }
            }
            Primitive::Embed(_) => {
                for (index, &param) in node.params.iter().enumerate() {
                    let table = &task.plan().params[param];
                    let Some(lookup) = node.lookup(&task.plan().params, index) else { continue };
                    let ids = batch.looked_up(lookup).filter(|ids| lookup.pool.is_some() || ids.len() == rows);
                    let Some(ids) = ids else {
                        return mismatch(format!("it has no column for {}", table.name));
                    };
                    let bag = lookup.pool.is_some();
                    let beyond = |&&id: &&u32| id as usize >= table.full[0] && !(bag && id == EMPTY);
                    if let Some(id) = ids.iter().find(beyond) {
                        return mismatch(format!(
                            "row {id} of {}, which has {} rows; was the data encoded for this space?",
                            table.name, table.full[0]
                        ));
                    }
                }
            }
            Primitive::Mask(_) if node.lookups.iter().any(|lookup| batch.looked_up(*lookup).is_none()) => {
                return mismatch(format!("it has no column for every place of {}", node.path));
            }
            _ => {}
        }
    }
    Ok(())
}
