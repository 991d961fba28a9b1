//! A model in the form of something else: what other programs and other languages take.
//!
//! Lives here: a folder or a file for each format, each with one line in the registry; what all formats are held against
//! (`scalar`), rows to show it by (`example`), the encoder in Python that several have beside them (`python`), and the way back of weights
//! that were trained further elsewhere (`retrained`). Never: what a model computes (`ops`), or how its own directory is written (`model`).

mod c;
mod candle;
mod example;
mod folder;
mod logarithms;
mod onnx;
mod patterns;
mod python;
mod retrained;
mod scalar;
mod sections;
mod torch;
mod triton;

use std::path::{Path, PathBuf};

pub use crate::error::ExportError;
pub use example::{reference, rows};
pub use retrained::{Elsewhere, retrained};

use crate::Result;
use crate::model::{Model, ModelError};

/// A format that models are exported to.
pub struct Exporter {
    /// As it is called on a command line.
    pub name: &'static str,
    /// What is written.
    pub writes: &'static str,
    export: fn(&Model, &Path) -> Result<Exported>,
    verify: fn(&Path) -> Result<Verified>,
}

/// Every format.
pub const EXPORTERS: &[Exporter] = &[c::EXPORTER, candle::EXPORTER, onnx::EXPORTER, torch::EXPORTER, triton::EXPORTER];

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The files.
    pub files: Vec<PathBuf>,
    /// Rows of the example that says what is expected.
    pub example: usize,
}

/// What an export said of its example.
#[derive(Clone, Debug, PartialEq)]
pub struct Verified {
    /// How it was run.
    pub by: String,
    /// Rows whose probabilities came out as expected.
    pub rows: usize,
    /// How far from what is expected they may be; none: equal to the last bit.
    pub within: Option<f32>,
}

impl Exporter {
    /// The one of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        EXPORTERS.iter().find(|exporter| exporter.name == name)
    }

    /// Writes a model of one label into a folder, which is new, empty, or holds an export of this format; of several labels
    /// [`Model::of_label`] makes one.
    ///
    /// # Errors
    /// [`ExportError`]: the format cannot say what the model does, or the folder holds something else; the disk takes no more.
    pub fn export(&self, model: &Model, folder: &Path) -> Result<Exported> {
        if model.heads().len() > 1 {
            let labels = model.heads().iter().map(|head| head.called(model.schema()).to_owned()).collect();
            return Err(ModelError::Labels { labels }.into());
        }
        (self.export)(model, folder)
    }

    /// Runs what was written into a folder on its example.
    ///
    /// # Errors
    /// [`ExportError`]: what runs it is not there, or something else came out.
    pub fn verify(&self, folder: &Path) -> Result<Verified> {
        (self.verify)(folder)
    }
}
