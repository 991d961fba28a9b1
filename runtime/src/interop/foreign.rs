//! Weights, inputs and gradients recorded by another implementation: read for a plan, run, compared.

use std::collections::HashMap;
use std::path::Path;

use nasrec_compiler::plan::{ParamKind, Plan};
use nasrec_compiler::schema::Schema;
use safetensors::{Dtype, SafeTensors};

use crate::backend::{Backend, Task, Trainable};
use crate::data::Batch;
use crate::error::ForeignError;
use crate::machine::available_memory;
use crate::model::{Evidence, Model};
use crate::supernet::Store;
use crate::{Result, files};

/// A model with another implementation's weights.
#[derive(Debug)]
pub struct Foreign {
    model: Model,
    recorded: Option<Recorded>,
}

/// One recorded execution.
#[derive(Debug)]
struct Recorded {
    batch: Batch,
    logits: Vec<f32>,
    loss: f64,
    /// Gradients by index of the plan's parameter, row-major.
    gradients: Vec<Vec<f32>>,
}

/// How far two implementations may differ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// Of each logit, absolute.
    pub logits: f64,
    /// Of each gradient: the norm of the difference over the norm of the recorded one.
    pub gradients: f64,
}

impl Default for Tolerance {
    fn default() -> Self {
        Self { logits: 1e-4, gradients: 1e-3 }
    }
}

/// How far they did differ.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// How many inputs were recorded.
    pub samples: usize,
    /// Largest absolute difference of a logit.
    pub logits: f64,
    /// Absolute difference of the mean log loss.
    pub loss: f64,
    /// By parameter: the norm of the difference over the norm of the recorded one.
    pub gradients: Vec<(String, f64)>,
}

impl Report {
    /// The largest relative difference of all parameters.
    pub fn worst_gradient(&self) -> f64 {
        largest(self.gradients.iter().map(|(_, difference)| *difference))
    }

    /// Not so where any difference is not a number.
    pub fn within(&self, tolerance: &Tolerance) -> bool {
        self.logits <= tolerance.logits
            && self.loss <= tolerance.logits
            && self.gradients.iter().all(|(_, difference)| *difference <= tolerance.gradients)
    }
}

/// Below this norm a recorded gradient is rounding noise, and differences are taken as they are.
const NOISE: f64 = 1e-6;

impl Foreign {
    /// Reads `param.NAME` for each of the plan's parameters, where `names` gives the foreign name of ours; and what was
    /// recorded, where the file has it.
    ///
    /// # Errors
    /// A parameter without a foreign name or tensor, or of another shape; a file that is no regular one, or larger than the
    /// memory that is left.
    pub fn read(
        path: &Path,
        name: &str,
        schema: &Schema,
        plan: &Plan,
        names: &HashMap<String, String>,
    ) -> Result<Self> {
        let most = available_memory().map_or(u64::MAX - 1, |bytes| bytes.0 / 2);
        let bytes = files::read_given(path, most)?;
        let file = SafeTensors::deserialize(&bytes)?;
        let plan = plan.standalone();
        let mut store = Store::standalone(&plan, 0)?;
        let mut values = Vec::new();
        for param in &plan.params {
            let Some(name) = names.get(&*param.name) else {
                return Err(ForeignError::Unnamed { parameter: param.name.to_string() }.into());
            };
            values.push(floats(&file, &format!("param.{name}"), Some(&param.full))?);
        }
        store.set(&values)?;
        let recorded = if file.tensor("logit").is_ok() { Some(recorded(&file, &plan, names)?) } else { None };
        let model = Model::new(name, (schema.clone(), None), plan, store, 0, Evidence::default())?;
        Ok(Self { model, recorded })
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Writes the weights under our names.
    pub fn export(&self, path: &Path) -> Result<()> {
        self.model.store().export(path)
    }

    /// Executes the recorded inputs and compares.
    ///
    /// # Errors
    /// Nothing was recorded.
    pub fn verify(&self, backend: &impl Backend) -> Result<Report> {
        let Some(recorded) = &self.recorded else {
            return Err(ForeignError::NothingRecorded.into());
        };
        let plan = self.model.plan();
        let program = backend.compile(Task::training(plan.clone(), &Trainable::all(plan))?)?;
        let params = backend.load(self.model.store().clone())?;
        let copies = backend.copies(&program, &params)?;
        let logits = backend.logits(&program, &copies, &params, &recorded.batch)?.swap_remove(0);
        let (losses, gradients) = backend.gradients(&program, &params, &recorded.batch)?;
        let difference = |a: f32, b: f32| f64::from((a - b).abs());
        let differences = logits.iter().zip(&recorded.logits).map(|(&a, &b)| difference(a, b));
        let mut compared = Vec::new();
        for (index, (param, theirs)) in plan.params.iter().zip(&recorded.gradients).enumerate() {
            let ours = match param.kind {
                ParamKind::Dense | ParamKind::Statistic => gradients.dense(index).to_vec(),
                ParamKind::Table { .. } => {
                    let mut whole = vec![0f32; theirs.len()];
                    for table in gradients.tables().iter().filter(|table| table.param == index) {
                        let dim = param.full[1];
                        for (&row, values) in table.rows.iter().zip(table.values.chunks_exact(dim)) {
                            whole[row as usize * dim..][..dim].copy_from_slice(values);
                        }
                    }
                    whole
                }
            };
            let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|x| x * x).sum::<f64>().sqrt();
            let off = norm(&mut ours.iter().zip(theirs).map(|(&a, &b)| f64::from(a) - f64::from(b)));
            let size = norm(&mut theirs.iter().map(|&b| f64::from(b)));
            let relative = if ours.len() == theirs.len() { off / size.max(NOISE) } else { f64::INFINITY };
            compared.push((param.name.to_string(), relative));
        }
        Ok(Report {
            samples: logits.len(),
            logits: largest(differences),
            loss: (losses[0] - recorded.loss).abs(),
            gradients: compared,
        })
    }
}

/// The largest of some differences, or NaN where one is: `f64::max` would pass over it.
fn largest(differences: impl Iterator<Item = f64>) -> f64 {
    differences.fold(0.0, |largest: f64, x| if largest.is_nan() || x <= largest { largest } else { x })
}

fn recorded(file: &SafeTensors, plan: &Plan, names: &HashMap<String, String>) -> Result<Recorded> {
    let numeric = floats(file, "input.dense", None)?;
    let labels = floats(file, "label", None)?;
    let rows = labels.len();
    let ids = file.tensor("input.sparse")?;
    if ids.dtype() != Dtype::I64 || rows == 0 {
        return Err(ForeignError::Ids.into());
    }
    let ids: Vec<u32> = ids.data().as_chunks::<8>().0.iter().map(|&b| i64::from_le_bytes(b) as u32).collect();
    let gradients = plan.params.iter().map(|param| {
        let name = names.get(&*param.name).map_or("", String::as_str);
        floats(file, &format!("grad.{name}"), Some(&param.full))
    });
    let logits = floats(file, "logit", None)?;
    if logits.len() != rows {
        return Err(ForeignError::Logits { logits: logits.len(), rows }.into());
    }
    Ok(Recorded {
        batch: Batch {
            rows,
            numeric: samples_last(&numeric, rows),
            ids: samples_last(&ids, rows),
            labels,
            ..Batch::default()
        },
        logits,
        loss: f64::from(floats(file, "loss", None)?.first().copied().unwrap_or(f32::NAN)),
        gradients: gradients.collect::<Result<_>>()?,
    })
}

/// `[rows, columns]` to `[columns, rows]`.
fn samples_last<T: Copy>(values: &[T], rows: usize) -> Vec<T> {
    let columns = values.len() / rows;
    (0..columns).flat_map(|column| (0..rows).map(move |row| values[row * columns + column])).collect()
}

fn floats(file: &SafeTensors, name: &str, shape: Option<&[usize]>) -> Result<Vec<f32>> {
    let tensor = file.tensor(name).map_err(|_| ForeignError::NoTensor { name: name.to_owned() })?;
    if tensor.dtype() != Dtype::F32 || shape.is_some_and(|shape| tensor.shape() != shape) {
        return Err(ForeignError::Tensor {
            name: name.to_owned(),
            dtype: tensor.dtype(),
            found: tensor.shape().to_vec(),
            expected: shape.map(<[usize]>::to_vec),
        }
        .into());
    }
    Ok(tensor.data().as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_number_never_agrees() {
        assert_eq!(largest([0.1, 0.3, 0.2].into_iter()), 0.3);
        assert!(largest([0.1, f64::NAN].into_iter()).is_nan());
        let report = Report { samples: 1, logits: f64::NAN, loss: 0.0, gradients: Vec::new() };
        assert!(!report.within(&Tolerance::default()));
    }
}
