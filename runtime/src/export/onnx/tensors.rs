//! The rows of the example as tensors: what a program hands to the graph that does not read texts as nasrecc does.

use nasrec_compiler::schema::{Schema, TimeFormat, Type};
use serde_json::{Value, json};

use super::inputs::{Input, MISSING, Takes};
use crate::Result;
use crate::data::{EMPTY, Said, said};
use crate::export::example::Example;
use crate::model::Model;

/// As JSON: of each input its name, shape, type by the names of the Open Inference Protocol, and values, row after row; and the
/// probability of each row. A number that is missing is null, which stands for NaN.
pub(in crate::export) fn example(model: &Model, inputs: &[Input], example: &Example) -> Result<String> {
    let lines: Vec<Vec<&str>> = example.lines.lines().map(|line| line.split('\t').collect()).collect();
    let tensors: Vec<Value> = inputs.iter().map(|input| tensor(model.schema(), input, &lines, &example.ids)).collect();
    let said = json!({ "inputs": tensors, "probability": example.probabilities });
    Ok(serde_json::to_string(&said)? + "\n")
}

fn tensor(schema: &Schema, input: &Input, lines: &[Vec<&str>], ids: &[Vec<u32>]) -> Value {
    let place = schema.columns.iter().position(|column| *column == input.column).unwrap_or_default();
    let (kind, nothing) = match input.takes {
        Takes::Numbers => ("FP64", Value::Null),
        Takes::Keys => ("INT64", json!(MISSING)),
        Takes::Rows => ("INT64", json!(-1)),
        Takes::Texts => ("BYTES", json!("")),
    };
    let rows = lines.iter().zip(ids).map(|(line, ids)| match (input.takes, input.field) {
        (Takes::Rows, Some(field)) => {
            let slots = schema.slots().nth(field).unwrap_or_default();
            ids[slots].iter().filter(|&&id| id != EMPTY).map(|id| json!(id)).collect()
        }
        _ => values(schema, input, line[place], &nothing),
    });
    let mut rows: Vec<Vec<Value>> = rows.collect();
    let width = rows.iter().map(Vec::len).max().unwrap_or_default().max(1);
    rows.iter_mut().for_each(|row| row.resize(width, nothing.clone()));
    json!({ "name": input.name, "shape": [rows.len(), width], "datatype": kind, "data": rows.concat() })
}

/// What a text is for an input.
fn values(schema: &Schema, input: &Input, text: &str, nothing: &Value) -> Vec<Value> {
    let is_missing = |text: &str| text.is_empty() || schema.missing.iter().any(|mark| mark == text);
    let kind = match (input.kind.as_str(), &input.pattern) {
        ("bool", _) => Type::Bool,
        ("int", _) => Type::Int,
        ("hex", _) => Type::Hex,
        ("text", _) => Type::Text,
        ("time", Some(pattern)) => Type::Time(TimeFormat::Pattern(pattern.clone())),
        _ => Type::Number,
    };
    let value = |text: &str| match said(&kind, input.takes == Takes::Numbers, text.as_bytes()) {
        _ if is_missing(text) => nothing.clone(),
        Some(Said::Number(number)) => json!(number),
        Some(Said::Key(key)) => json!(key.cast_signed()),
        Some(Said::Text) => json!(text),
        None => nothing.clone(),
    };
    match (&input.separator, input.of) {
        (None, _) => vec![value(text)],
        (Some(_), Some(of)) if is_missing(text) => vec![nothing.clone(); of],
        (Some(separator), Some(_)) => text.split(separator.as_str()).map(|part| value(part.trim())).collect(),
        (Some(_), None) if is_missing(text) => Vec::new(),
        (Some(separator), None) => text.split(separator.as_str()).filter(|part| !is_missing(part)).map(value).collect(),
    }
}
