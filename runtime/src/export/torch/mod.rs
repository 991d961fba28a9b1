//! PyTorch: one module that a person could have written, weights as safetensors, and the encoder in Python.
//!
//! Lives here: what nodes and parameters are called there (`names`), and the module (`module`).

mod module;
pub(super) mod names;

use std::path::Path;

use super::example::{EXPECTED, Example, ROWS};
use super::python::{self, COLUMNS, ENCODER};
use super::{Exported, Exporter, Verified, folder, patterns};
use crate::model::Model;
use crate::{Result, files};
use names::Names;

const MODEL: &str = "model.py";
const WEIGHTS: &str = "weights.safetensors";
const PREDICT: &str = "predict.py";
const README: &str = "README.md";

/// One module, one file of weights.
pub(super) const EXPORTER: Exporter = Exporter {
    name: "torch",
    writes: "a module of PyTorch with its weights as safetensors, and the encoder in Python",
    export,
    verify,
};

fn export(model: &Model, folder: &Path) -> Result<Exported> {
    let known = [MODEL, WEIGHTS, COLUMNS, ENCODER, PREDICT, README, ROWS, EXPECTED];
    folder::is_free(folder, &known)?;
    patterns::check(model.schema(), "the encoder in Python")?;
    let names = Names::of(model.plan())?;
    files::create_folder(folder)?;
    let at = |name: &str| folder.join(name);
    model.store().export_as(&at(WEIGHTS), &names.tensors)?;
    let example = Example::of(model, &at(ROWS))?;
    let texts = [
        (MODEL, module::write(model, &names)),
        (COLUMNS, python::columns(model)?),
        (ENCODER, python::SOURCE.to_owned()),
        (PREDICT, include_str!("parts/predict.py").to_owned() + python::ENDING),
        (README, readme(model)),
        (EXPECTED, example.expected()),
        (ROWS, example.lines),
    ];
    folder::write(folder, &texts)?;
    Ok(Exported { files: known.map(at).to_vec(), example: example.probabilities.len() })
}

fn verify(folder: &Path) -> Result<Verified> {
    python::verify(folder, PREDICT, "torch")
}

fn readme(model: &Model) -> String {
    include_str!("parts/README.md")
        .replace("@NAME@", &model.name)
        .replace("@VERSION@", env!("CARGO_PKG_VERSION"))
        .replace("@COLUMNS@", &model.schema().columns.join(", "))
}
