//! Triton Inference Server: a model repository, around the graph of ONNX.
//!
//! Lives here: what the server is told of a model, and a client for it. Never: the graph (`onnx`).

use std::fs;
use std::path::Path;

use super::example::{EXPECTED, Example, ROWS};
use super::onnx::{INPUTS, Input, Lowered, OUTPUT, PREDICT, PROGRAM, TENSORS, Takes, WEIGHTS, table, tensors_of};
use super::python::{self, COLUMNS, ENCODER};
use super::{Exported, Exporter, Verified, folder, patterns};
use crate::Result;
use crate::model::Model;

const REPOSITORY: &str = "model_repository";
const CONFIG: &str = "config.pbtxt";
const CLIENT: &str = "client.py";
const README: &str = "README.md";
/// Both the folder of a graph that has data beside it, and the file of the graph in it.
const GRAPH: &str = "model.onnx";
/// Rows that the server computes together at most.
const TOGETHER: usize = 1024;
/// How long it waits for others to compute with, in microseconds.
const WAIT: usize = 500;

/// A repository of one model.
pub(super) const EXPORTER: Exporter = Exporter {
    name: "triton",
    writes: "a model repository for Triton Inference Server, around the graph of ONNX",
    export,
    verify,
};

fn export(model: &Model, folder: &Path) -> Result<Exported> {
    let known = [REPOSITORY, INPUTS, COLUMNS, ENCODER, PREDICT, CLIENT, README, ROWS, EXPECTED, TENSORS];
    folder::is_free(folder, &known)?;
    patterns::check(model.schema(), "the encoder in Python")?;
    let name = name(&model.name);
    let repository = folder.join(REPOSITORY);
    folder::is_free(&repository, &[&name])?;
    let of_model = repository.join(&name);
    folder::is_free(&of_model, &[CONFIG, "1"])?;
    let graph = Lowered::of(model)?;
    let inside = of_model.join("1").join(GRAPH);
    fs::create_dir_all(&inside).map_err(crate::Error::io("create", &inside))?;
    graph.write(model, (&inside.join(GRAPH), &inside.join(WEIGHTS)), WEIGHTS)?;
    let at = |name: &str| folder.join(name);
    let example = Example::of(model, &at(ROWS))?;
    let graph_here = format!("{REPOSITORY}/{name}/1/{GRAPH}/{GRAPH}");
    let program = PROGRAM.replace("model=\"model.onnx\"", &format!("model=\"{graph_here}\""));
    let texts = [
        (format!("{REPOSITORY}/{name}/{CONFIG}"), config(&name, &graph.inputs)),
        (INPUTS.to_owned(), serde_json::to_string_pretty(&graph.inputs)? + "\n"),
        (COLUMNS.to_owned(), python::columns(model)?),
        (ENCODER.to_owned(), python::SOURCE.to_owned()),
        (PREDICT.to_owned(), program + python::ENDING),
        (CLIENT.to_owned(), include_str!("parts/client.py").replace("@NAME@", &name)),
        (README.to_owned(), readme(model, &name, &graph.inputs)),
        (TENSORS.to_owned(), tensors_of(model, &graph.inputs, &example)?),
        (EXPECTED.to_owned(), example.expected()),
        (ROWS.to_owned(), example.lines),
    ];
    folder::write(folder, &texts)?;
    let mut files = vec![inside.join(GRAPH), inside.join(WEIGHTS)];
    files.extend(texts.iter().map(|(name, _)| at(name)));
    Ok(Exported { files, example: example.probabilities.len() })
}

/// ONNX Runtime is what Triton computes with, too; the server itself is not asked.
fn verify(folder: &Path) -> Result<Verified> {
    python::verify(folder, PREDICT, "onnxruntime")
}

/// What a folder, a server and an address can have as a name.
fn name(of: &str) -> String {
    let mut name = String::new();
    for character in of.chars() {
        match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' => name.push(character),
            _ if name.ends_with('_') => {}
            _ => name.push('_'),
        }
    }
    let name = name.trim_matches('_');
    if name.is_empty() { "model".to_owned() } else { name.to_owned() }
}

/// What the server is told, as protobuf in text.
fn config(name: &str, inputs: &[Input]) -> String {
    let input = |input: &Input| {
        let kind = match input.takes {
            Takes::Numbers => "TYPE_FP64",
            Takes::Keys | Takes::Rows => "TYPE_INT64",
            Takes::Texts => "TYPE_STRING",
        };
        let width = input.width().map_or(-1, |width| width as i64);
        format!("  {{\n    name: {}\n    data_type: {kind}\n    dims: [ {width} ]\n  }}", quoted(&input.name))
    };
    let inputs: Vec<String> = inputs.iter().map(input).collect();
    format!(
        "name: {}\nbackend: \"onnxruntime\"\nmax_batch_size: {TOGETHER}\ninput [\n{}\n]\noutput [\n  {{\n    name: \"{OUTPUT}\"\n    \
         data_type: TYPE_FP32\n    dims: [ 1 ]\n  }}\n]\ndynamic_batching {{\n  max_queue_delay_microseconds: {WAIT}\n}}\n",
        quoted(name),
        inputs.join(",\n"),
    )
}

/// A text of protobuf.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend(['\\', char::from(byte)]),
            b' '..=b'~' => out.push(char::from(byte)),
            other => out.push_str(&format!("\\{other:03o}")),
        }
    }
    out.push('"');
    out
}

fn readme(model: &Model, name: &str, inputs: &[Input]) -> String {
    include_str!("parts/README.md")
        .replace("@MODEL@", &model.name)
        .replace("@NAME@", name)
        .replace("@VERSION@", env!("CARGO_PKG_VERSION"))
        .replace("@INPUTS@", table(model, inputs).trim_end())
        .replace("@COLUMNS@", &model.schema().columns.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_texts_are_what_the_server_takes() {
        assert_eq!(["dlrm(dim: 8)", "best-1", "()", "a b"].map(name), ["dlrm_dim_8", "best-1", "model", "a_b"]);
        assert_eq!(quoted("a\"b\\c\té"), "\"a\\\"b\\\\c\\011\\303\\251\"");
    }
}
