//! ONNX, as ONNX Runtime and others take it: from raw values to a probability in one graph, its tables in a file beside it.
//!
//! Lives here: the messages of a model's file (`proto`), a graph while it is written (`graph`), what comes in (`inputs`), what is
//! said of columns (`columns`, `numbers`, `times`) and of the plan (`program`), where weights lie (`weights`), and the example as tensors
//! (`tensors`).

mod columns;
mod graph;
mod inputs;
mod numbers;
mod program;
mod proto;
mod tensors;
mod times;
mod weights;

use std::io::{BufWriter, Write as _};
use std::path::Path;

use prost::Message;

pub(super) use inputs::{Input, Takes, kind_of};
pub(super) use tensors::example as tensors_of;

use super::example::{EXPECTED, Example, ROWS};
use super::python::{self, COLUMNS, ENCODER};
use super::{Exported, Exporter, Verified, folder, patterns};
use crate::error::ExportError;
use crate::model::Model;
use crate::{Result, files};
use columns::Columns;
use graph::{LEARNING, Writing, entry};
use proto::{Kind, Opset};

const MODEL: &str = "model.onnx";
pub(super) const WEIGHTS: &str = "model.weights";
pub(super) const INPUTS: &str = "inputs.json";
pub(super) const TENSORS: &str = "example.json";
pub(super) const PREDICT: &str = "predict.py";
/// The program of that name, but for its ending.
pub(super) const PROGRAM: &str = include_str!("parts/predict.py");
const README: &str = "README.md";
/// What the output is called.
pub(super) const OUTPUT: &str = "probability";
/// Of the operators that are used.
const OPSET: i64 = 17;
/// Of the file: what came with that version of the operators.
const IR: i64 = 8;
/// What a message may have in bytes.
const MOST: usize = i32::MAX as usize;

/// One graph, and the tables beside it.
pub(super) const EXPORTER: Exporter = Exporter {
    name: "onnx",
    writes: "an ONNX graph from raw values to a probability, its tables in a file beside it",
    export,
    verify,
};

fn export(model: &Model, folder: &Path) -> Result<Exported> {
    let known = [MODEL, WEIGHTS, INPUTS, COLUMNS, ENCODER, PREDICT, README, ROWS, EXPECTED, TENSORS];
    folder::is_free(folder, &known)?;
    patterns::check(model.schema(), "the encoder in Python")?;
    let graph = Lowered::of(model)?;
    files::create_folder(folder)?;
    let at = |name: &str| folder.join(name);
    graph.write(model, (&at(MODEL), &at(WEIGHTS)), WEIGHTS)?;
    let example = Example::of(model, &at(ROWS))?;
    let inputs = serde_json::to_string_pretty(&graph.inputs)? + "\n";
    let texts = [
        (INPUTS, inputs),
        (COLUMNS, python::columns(model)?),
        (ENCODER, python::SOURCE.to_owned()),
        (PREDICT, PROGRAM.to_owned() + python::ENDING),
        (README, readme(model, &graph.inputs)),
        (TENSORS, tensors_of(model, &graph.inputs, &example)?),
        (EXPECTED, example.expected()),
        (ROWS, example.lines),
    ];
    folder::write(folder, &texts)?;
    Ok(Exported { files: known.map(at).to_vec(), example: example.probabilities.len() })
}

fn verify(folder: &Path) -> Result<Verified> {
    python::verify(folder, PREDICT, "onnxruntime")
}

/// A graph without its parameters.
pub(super) struct Lowered {
    writing: Writing,
    logit: String,
    refused: Vec<String>,
    pub inputs: Vec<Input>,
}

impl Lowered {
    pub fn of(model: &Model) -> Result<Self> {
        let mut writing = Writing::default();
        writing.name(OUTPUT);
        for param in &model.plan().params {
            writing.name(&param.name);
        }
        let mut columns = Columns::new(model);
        let logit = program::write(model, &mut columns, &mut writing)?;
        let Columns { inputs, refused, .. } = columns;
        Ok(Self { writing, logit, refused, inputs })
    }

    /// Writes the graph, and its tables, which are `named` so beside it.
    pub fn write(&self, model: &Model, (path, weights): (&Path, &Path), named: &str) -> Result<()> {
        let mut tensors = Vec::new();
        files::replace(weights, |file| {
            tensors = weights::write(model, named, &mut BufWriter::with_capacity(1 << 20, file))?;
            Ok(())
        })?;
        let message = self.message(model, tensors);
        let length = message.encoded_len();
        if length > MOST {
            let what = format!("it has vocabularies and small weights of {length} bytes in the file of the graph");
            let remedy = "a file may have 2 GiB; let `vocabulary` have fewer rows, or export it as C";
            return Err(ExportError::Beyond { format: "ONNX", what, remedy }.into());
        }
        let bytes = message.encode_to_vec();
        files::replace(path, |file| file.write_all(&bytes))
    }

    fn message(&self, model: &Model, tensors: Vec<proto::Tensor>) -> proto::Model {
        let mut to = self.writing.clone();
        tensors.into_iter().for_each(|tensor| to.tensor(tensor));
        let probability = self.probability(model, &mut to);
        let (schema, hash) = (model.schema(), model.plan().hash());
        let inputs = serde_json::to_string(&self.inputs).unwrap_or_default();
        let doc = format!(
            "The click probability of a row of schema {}. The batch may have any number of rows. Where nasrecc would not read a row, as a \
             number of it is not finite after the column's transforms, it is NaN.",
            schema.name
        );
        let graph = to.finish(
            &model.name,
            (OUTPUT, &probability),
            "The click probability; NaN of a row that nasrecc would not read.",
        );
        let opset = |domain: &str, version| Opset { domain: domain.to_owned(), version };
        proto::Model {
            ir_version: IR,
            producer_name: "nasrecc".to_owned(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            doc,
            graph: Some(graph),
            opsets: vec![opset("", OPSET), opset(LEARNING, 3)],
            metadata: vec![
                entry("nasrec.plan", hash),
                entry("nasrec.model", model.name.clone()),
                entry("nasrec.schema", schema.name.clone()),
                entry("nasrec.inputs", inputs),
                entry("nasrec.run", model.evidence.run.clone().unwrap_or_default()),
            ],
        }
    }

    /// From the logit to the probability.
    fn probability(&self, model: &Model, to: &mut Writing) -> String {
        let mut logit = to.cast(&self.logit, Kind::Double);
        if let Some(scaling) = model.scaling() {
            let (scale, offset) = (to.double(scaling.scale), to.double(scaling.offset));
            logit = to.op("Mul", &[&logit, &scale]);
            logit = to.op("Add", &[&logit, &offset]);
            // Calibrated as nasrecc does it, a number of 32 bits.
            logit = to.cast(&logit, Kind::Float);
            logit = to.cast(&logit, Kind::Double);
        }
        let one = to.double(1.0);
        let negated = to.op("Neg", &[&logit]);
        let odds = to.op("Exp", &[&negated]);
        let sum = to.op("Add", &[&odds, &one]);
        let probability = to.op("Div", &[&one, &sum]);
        let mut probability = to.cast(&probability, Kind::Float);
        let nan = to.float(f32::NAN);
        for refused in &self.refused {
            probability = to.either(refused, &nan, &probability);
        }
        probability
    }
}

fn readme(model: &Model, inputs: &[Input]) -> String {
    let schema = model.schema();
    let table = table(model, inputs);
    let hashed = inputs.iter().any(|input| input.takes == Takes::Rows);
    let hashes = if hashed { include_str!("parts/hashes.md") } else { "" };
    include_str!("parts/README.md")
        .replace("@NAME@", &model.name)
        .replace("@VERSION@", env!("CARGO_PKG_VERSION"))
        .replace("@PLAN@", &model.plan().hash())
        .replace("@INPUTS@", table.trim_end())
        .replace("@COLUMNS@", &schema.columns.join(", "))
        .replace("@HASHES@\n", hashes)
}

/// The inputs, a line each.
pub(super) fn table(model: &Model, inputs: &[Input]) -> String {
    let line = |input: &Input| {
        let width = input.width().map_or("values".to_owned(), |width| width.to_string());
        let kind = match input.tensor() {
            Kind::Double => "double",
            Kind::String => "string",
            _ => "int64",
        };
        let cell = |text: &str| text.replace('|', "\\|");
        format!("| `{}` | {kind} | batch, {width} | {} |\n", cell(&input.name), cell(&input.says(model.schema())))
    };
    inputs.iter().map(line).collect()
}
