//! The way back: weights that were trained further where a model was exported to.

use std::path::Path;

use nasrec_compiler::plan::Plan;
use nasrec_compiler::recipe::Storage;

use super::torch::names::Names;
use crate::Result;
use crate::model::{Evidence, Model};

/// Where an exported model can be trained further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Elsewhere {
    /// In PyTorch: the tensors of the module's `state_dict()`.
    Torch,
    /// In candle: the variables of a [`Network`](crate::model::Network), as `VarMap::save` writes them.
    Candle,
}

/// What a file of weights has.
struct Tensors {
    /// Of each parameter what it is called, and its shape.
    params: Vec<(String, Vec<usize>)>,
    /// What is no parameter, and may be there.
    beside: Vec<String>,
}

impl Elsewhere {
    fn tensors(self, plan: &Plan) -> Result<Tensors> {
        match self {
            Self::Torch => Names::of(plan).map(|names| Tensors { params: names.tensors, beside: names.counters }),
            Self::Candle => {
                let own = plan.params.iter().map(|param| (param.name.to_string(), param.shape().to_vec()));
                Ok(Tensors { params: own.collect(), beside: Vec::new() })
            }
        }
    }
}

/// The model with weights that were trained further elsewhere: a file of safetensors. What is known of how good it is was found out with
/// other weights, and is left out.
///
/// # Errors
/// A tensor is missing, is one too many, has another type or shape, or a number that is not finite; the form cannot say what the model is.
pub fn retrained(model: Model, from: Elsewhere, weights: &Path) -> Result<Model> {
    let Tensors { params, beside } = from.tensors(model.plan())?;
    // In as many bits as they were trained in.
    let mut store = model.store().stored_as(Storage::F32);
    store.import_as(weights, &params, &beside)?;
    let Evidence { search, run, data, .. } = model.evidence.clone();
    let evidence = Evidence { search, run, data, ..Evidence::default() };
    model.with_weights(store, evidence)
}
