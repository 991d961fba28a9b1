//! The encoder in plain Python, which formats have beside them that do not read texts themselves; and their check, which Python runs.
//!
//! Lives here: the encoder (`encoder.py`), what it is told of a model's columns, and how the programs of all these forms end (`ending.py`).

use std::path::Path;
use std::process::Command;

use nasrec_compiler::schema::{DenseColumn, Fill, Part, SparseColumn, Table, Transform, Type};
use serde_json::{Value, json};

use super::Verified;
use super::example::WITHIN;
use super::onnx::kind_of;
use crate::Result;
use crate::data::Encoder;
use crate::error::ExportError;
use crate::model::Model;

pub(super) const ENCODER: &str = "encoder.py";
pub(super) const COLUMNS: &str = "columns.json";
pub(super) const SOURCE: &str = include_str!("encoder.py");
/// How a program of a form ends that has a `Model`: reading rows, holding the example against what is expected, and the command line.
pub(super) const ENDING: &str = include_str!("ending.py");

/// How `--check` ends where a module is not there.
const NO_MODULE: i32 = 3;
/// What the encoder is told of a model.
pub(super) fn columns(model: &Model) -> Result<String> {
    let (schema, encoder) = (model.schema(), model.encoder());
    let dense: Vec<Value> = (0..schema.dense.len()).map(|at| dense(model, encoder, at)).collect();
    let sparse: Vec<Value> = (0..schema.sparse.len()).map(|at| sparse(model, encoder, at)).collect();
    let said = json!({
        "schema": schema.name,
        "columns": schema.columns,
        "missing": schema.missing,
        "dense": dense,
        "sparse": sparse,
    });
    Ok(serde_json::to_string(&said)? + "\n")
}

fn dense(model: &Model, encoder: Option<&Encoder>, at: usize) -> Value {
    let schema = model.schema();
    let column: &DenseColumn = &schema.dense[at];
    let (kind, pattern) = kind_of(&column.kind);
    let numbers = encoder.filter(|_| column.encoding.is_some()).and_then(|encoder| encoder.numbers_of(schema, at));
    let learnt = encoder.map(|encoder| encoder.steps(at)).unwrap_or_default();
    let steps: Vec<Value> = column
        .transforms
        .iter()
        .enumerate()
        .map(|(step, transform)| {
            let [a, b] = learnt.get(step).copied().unwrap_or_default();
            match *transform {
                Transform::Max(bound) => json!(["max", bound, 0.0]),
                Transform::Min(bound) => json!(["min", bound, 0.0]),
                Transform::Log1p => json!(["log1p", 0.0, 0.0]),
                Transform::Missing(Fill::Constant(fill)) => json!(["fill", fill, 0.0]),
                Transform::Missing(_) => json!(["fill", a, 0.0]),
                Transform::Standardise => json!(["standardise", a, b]),
                Transform::MinMax => json!(["min_max", a, b]),
            }
        })
        .collect();
    let (missing, unknown) = numbers.as_ref().map_or((0.0, 0.0), |numbers| (numbers.missing, numbers.unknown));
    let known = numbers.map(|numbers| numbers.known).unwrap_or_default();
    let known: Vec<Value> = known.iter().map(|(value, number)| json!([written(&column.kind, value), number])).collect();
    let list = column.element.as_ref();
    json!({
        "name": column.name,
        "from": column.from,
        "kind": kind,
        "pattern": pattern,
        "list": list.map(|list| json!({ "separator": list.separator, "index": list.index, "of": list.of })),
        "encoded": column.encoding.is_some(),
        "known": known,
        "missing": missing,
        "unknown": unknown,
        "steps": steps,
        "fitted": column.is_fitted(),
    })
}

fn sparse(model: &Model, encoder: Option<&Encoder>, at: usize) -> Value {
    let schema = model.schema();
    let column: &SparseColumn = &schema.sparse[at];
    let (kind, pattern) = kind_of(&column.kind);
    let owner = schema.owner(at);
    let known = encoder.filter(|_| owner == at).and_then(|encoder| encoder.known(schema, at)).unwrap_or_default();
    let known: Vec<Value> =
        known.iter().zip(2u32..).map(|(value, row)| json!([written(&column.kind, value), row])).collect();
    let (seed, base) = match column.table {
        Table::Hash { seed } => (Some(seed), None),
        Table::LogBuckets { base } => (None, Some(base)),
        _ => (None, None),
    };
    let table = match &column.table {
        Table::Cross { .. } => "cross",
        Table::Modulo => "modulo",
        Table::Hash { .. } => "hash",
        Table::Vocabulary { .. } => "vocabulary",
        Table::Quantiles => "quantiles",
        Table::LogSquare => "log_square",
        Table::LogBuckets { .. } => "log_buckets",
        Table::Enumerated(part) => match part {
            Part::Truth => "truth",
            Part::Hour => "hour",
            Part::Weekday => "weekday",
            Part::Weekend => "weekend",
            Part::Day => "day",
            Part::Month => "month",
        },
    };
    let list = column.list.as_ref();
    json!({
        "name": column.name,
        "from": column.from,
        "kind": kind,
        "pattern": pattern,
        "list": list.map(|list| json!({ "separator": list.separator, "most": list.most, "last": list.last })),
        "table": table,
        "rows": column.rows,
        "seed": seed,
        "base": base,
        "edges": encoder.and_then(|encoder| encoder.edges(at)),
        "same": (owner != at).then_some(owner),
        "of": column.is_crossed().then(|| schema.crossed(at)),
        "known": known,
    })
}

/// A value of a dictionary: a number, a text, or the bytes of one that is no UTF-8.
fn written(kind: &Type, value: &[u8]) -> Value {
    match (kind, value.first_chunk()) {
        (Type::Int | Type::Hex, Some(bytes)) => json!(u64::from_le_bytes(*bytes)),
        _ => std::str::from_utf8(value).map_or_else(|_| json!(value), |text| json!(text)),
    }
}

/// Has the Python of this machine hold the example of a folder against what is expected.
pub(super) fn verify(folder: &Path, program: &str, module: &str) -> Result<Verified> {
    let python = std::env::var("PYTHON").ok().filter(|name| !name.is_empty()).unwrap_or_else(|| "python3".to_owned());
    let command = Command::new(&python).arg("-B").arg(program).arg("--check").current_dir(folder).output();
    let output = command.map_err(|cause| ExportError::NoTool { tool: python.clone(), cause })?;
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    let last = |otherwise: String| errors.trim().lines().last().map_or(otherwise, str::to_owned);
    if output.status.code() == Some(NO_MODULE) {
        return Err(ExportError::NoModule { python, what: last(format!("{module} is not installed")) }.into());
    }
    let rows = said.lines().next().and_then(|line| line.split(' ').next()).and_then(|rows| rows.parse().ok());
    match rows {
        Some(rows) if output.status.success() => {
            Ok(Verified { by: format!("{python} {program} --check"), rows, within: Some(WITHIN) })
        }
        _ => {
            let what = last("it ends without a word".to_owned());
            Err(ExportError::Differs { path: folder.join(program), what }.into())
        }
    }
}
