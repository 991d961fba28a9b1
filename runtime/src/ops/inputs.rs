//! What a plan is executed on: a batch, and parameters wherever they lie.

use nasrec_compiler::plan::ParamKind;

use super::program::{Kernel, Program};
use crate::data::Batch;
use crate::{Error, Result};

/// Reads the parameters of a plan, each under its place in the plan's list.
pub trait Parameters: Sync {
    /// The active values of a dense parameter, row-major.
    fn dense(&self, param: usize) -> &[f32];

    /// Rows `ids` of the table that is the plan's parameter `param`, their active columns, one row beside the other: fills
    /// `out`, `[dim, ids]`.
    fn gather(&self, param: usize, ids: &[u32], out: &mut [f32]);
}

/// The numbers one execution reads.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    pub batch: &'a Batch,
    pub params: &'a dyn Parameters,
}

impl Inputs<'_> {
    /// Checks the batch against what the program reads, so that nothing is out of range later.
    pub(crate) fn check(&self, program: &Program, labelled: bool) -> Result<()> {
        let Batch { rows, numeric, ids, labels } = self.batch;
        let rows = *rows;
        let mismatch = |what: String| Err(Error::Invalid(format!("the batch does not fit the plan: {what}")));
        if rows == 0 {
            return mismatch("it has no rows".into());
        }
        if labelled && labels.len() != rows {
            return mismatch(format!("{} labels for {rows} rows", labels.len()));
        }
        let params = program.plan().params.iter().enumerate();
        for (index, param) in params.filter(|(_, param)| param.kind == ParamKind::Dense) {
            if self.params.dense(index).len() != param.len() {
                return Err(Error::Invalid(format!("{} was gathered for another plan", param.name)));
            }
        }
        for step in &program.steps {
            match step.kernel {
                Kernel::Numeric if numeric.len() != step.len * rows => {
                    return mismatch(format!("{} numeric values for {rows} rows of {}", numeric.len(), step.len));
                }
                Kernel::Embed { .. } => {
                    for &param in &step.params {
                        let table = &program.plan().params[param];
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

    /// The column of row indices that the table `param` is looked up with.
    pub(crate) fn ids(&self, program: &Program, param: usize) -> &[u32] {
        match program.plan().params[param].kind {
            ParamKind::Table { field } => &self.batch.ids[field * self.batch.rows..][..self.batch.rows],
            ParamKind::Dense => &[],
        }
    }
}
