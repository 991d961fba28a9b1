//! What fuzz targets call: what reads requests, given bytes. Only there when it is built to be fuzzed.

use std::sync::LazyLock;

use bytes::Bytes;
use nasrec_compiler::schema::{
    DenseColumn, Element, Label, List, Pool, Schema, SparseColumn, Table, TimeFormat, Transform, Type,
};
use nasrec_runtime::data::Arriving;

use crate::inputs::Inputs;
use crate::refusal::Refusal;
use crate::request::{Request, objects, tensors};

/// Rows that a request may have.
const MOST: usize = 64;

/// A column of each kind of values.
static ARRIVING: LazyLock<Arriving> = LazyLock::new(|| Arriving::new(&schema()).expect("a schema"));
/// What the model's outputs are called.
static OUTPUTS: LazyLock<Vec<String>> = LazyLock::new(|| vec!["probability".to_owned()]);
static INPUTS: LazyLock<Inputs> = LazyLock::new(|| Inputs::new(&schema(), ARRIVING.columns()));

/// Reads bytes as a request in each of its forms, and encodes what is sound. The first byte says how long the JSON is that bytes of
/// tensors follow: in sixty-fourths of the body, and where it is 255 to the first zero byte.
///
/// # Panics
/// A law is broken: what is refused is told, and what is read can be encoded or is refused by a column that there is.
pub fn request(input: &[u8]) {
    let Some((&cut, body)) = input.split_first() else { return };
    let body = Bytes::copy_from_slice(body);
    let to_zero = body.iter().position(|&byte| byte == 0);
    let header = match cut {
        255 => to_zero.unwrap_or(body.len()),
        cut => body.len() * usize::from(cut) / 64,
    };
    let bytes = match (cut, to_zero) {
        (255, Some(zero)) => [&body[..zero], &body[zero + 1..]].concat().into(),
        _ => body.clone(),
    };
    for read in [
        objects(&body, &INPUTS, MOST),
        tensors(&body, None, (&INPUTS, &OUTPUTS), MOST),
        tensors(&bytes, Some(header), (&INPUTS, &OUTPUTS), MOST),
    ] {
        match read {
            Ok(request) => encoded(&request),
            Err(Refusal { status, message, again }) => {
                assert!([400, 413].contains(&status) && again.is_none(), "{status}");
                assert!((10..2000).contains(&message.len()), "{message}");
            }
        }
    }
}

fn encoded(request: &Request) {
    assert!((1..=MOST).contains(&request.rows) && request.columns.len() == INPUTS.all.len());
    let mut rows = ARRIVING.intake(None);
    match rows.add(request.rows, |column, row| request.columns[column].given(row)) {
        Ok(()) => {
            let batch = rows.batch();
            assert_eq!(batch.rows, request.rows);
            assert!(batch.numeric.iter().all(|number| number.is_finite()));
        }
        Err(wrong) => {
            assert!(wrong.column < INPUTS.all.len() && wrong.row < request.rows && !wrong.expected.is_empty());
            assert!(rows.is_empty(), "all rows are taken in, or none");
        }
    }
}

fn schema() -> Schema {
    let dense = |name: &str, from: &str, kind, element, transforms: &[Transform]| DenseColumn {
        name: name.to_owned(),
        from: from.to_owned(),
        kind,
        encoding: None,
        element,
        transforms: transforms.to_vec(),
    };
    let sparse = |name: &str, kind, table, list| SparseColumn {
        name: name.to_owned(),
        from: name.to_owned(),
        kind,
        table,
        rows: 25,
        missing: 0,
        list,
        same: None,
    };
    let element = |index| Some(Element { separator: " ".to_owned(), index, of: 2 });
    let numbers = vec![
        dense("price", "price", Type::Number, None, &[Transform::Log1p]),
        dense("count", "count", Type::Int, None, &[Transform::Max(-5.0)]),
        dense("v1", "vector", Type::Number, element(0), &[]),
        dense("v2", "vector", Type::Number, element(1), &[]),
    ];
    let hash = || Table::Hash { seed: 0 };
    let list = List { separator: "|".to_owned(), most: 3, last: false, pool: Pool::Mean };
    let categories = vec![
        sparse("city", Type::Text, hash(), None),
        sparse("site", Type::Hex, Table::Modulo, None),
        sparse("item", Type::Int, Table::Modulo, None),
        sparse("tags", Type::Text, hash(), Some(list)),
        SparseColumn {
            table: Table::Enumerated(nasrec_compiler::schema::Part::Hour),
            ..sparse("time", Type::Time(TimeFormat::Pattern("%Y-%m-%d %H".to_owned())), hash(), None)
        },
        SparseColumn {
            table: Table::Enumerated(nasrec_compiler::schema::Part::Truth),
            ..sparse("member", Type::Bool, hash(), None)
        },
    ];
    let names = ["click", "price", "count", "vector", "city", "site", "item", "tags", "time", "member"];
    Schema {
        columns: names.iter().map(|name| (*name).to_owned()).collect(),
        missing: vec!["NA".to_owned()],
        label: Label { called: None, column: "click".to_owned(), condition: None },
        other_labels: Vec::new(),
        ..Schema::tsv("fuzz", "click", numbers, categories)
    }
}

/// Requests to begin with, by their names.
pub fn sample_requests() -> Vec<(&'static str, Vec<u8>)> {
    let row = r#"{"price":2.5,"count":7,"vector":[1,-0.5],"city":"a","site":"ff","item":-3,"tags":["a","b"],"time":"2024-03-01 07","member":true}"#;
    let missing = r#"{"price":null,"count":null,"vector":null,"city":null,"site":null,"item":null,"tags":null,"time":null,"member":null}"#;
    let tensors = r#"{"id":"7","inputs":[{"name":"price","shape":[1],"datatype":"FP64","data":[2.5]},{"name":"count","shape":[1,1],"datatype":"INT32","data":[[7]]},{"name":"vector","shape":[1,2],"datatype":"FP32","data":[1,2]},{"name":"city","shape":[1],"datatype":"BYTES","data":["a"]},{"name":"site","shape":[1],"datatype":"BYTES","data":["ff"]},{"name":"item","shape":[1],"datatype":"UINT64","data":[9]},{"name":"tags","shape":[1],"datatype":"BYTES","data":["a|b"]},{"name":"time","shape":[1],"datatype":"BYTES","data":["2024-03-01 07"]},{"name":"member","shape":[1],"datatype":"BOOL","data":[true]}],"outputs":[{"name":"probability","parameters":{"binary_data":true}}]}"#;
    let size = |name: &str, datatype: &str, shape: &str, size: usize| {
        format!(
            r#"{{"name":"{name}","shape":{shape},"datatype":"{datatype}","parameters":{{"binary_data_size":{size}}}}}"#
        )
    };
    let inputs = [
        size("price", "FP32", "[2]", 8),
        size("count", "INT16", "[2]", 4),
        size("vector", "FP64", "[2,2]", 32),
        size("city", "BYTES", "[2]", 10),
        size("site", "BYTES", "[2]", 10),
        size("item", "INT8", "[2]", 2),
        size("tags", "BYTES", "[2]", 12),
        size("time", "BYTES", "[2]", 8),
        size("member", "UINT8", "[2]", 2),
    ];
    let json = format!(r#"{{"inputs":[{}],"parameters":{{"binary_data_output":true}}}}"#, inputs.join(","));
    let text = |texts: [&str; 2]| {
        let of = |text: &str| [&(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat();
        texts.map(of).concat()
    };
    let bytes = [
        [1.5f32, f32::NAN].map(f32::to_le_bytes).concat(),
        vec![1, 0, 2, 0],
        [0.5f64; 4].map(f64::to_le_bytes).concat(),
        text(["a", "b"]),
        text(["f", "0"]),
        vec![1, 255],
        text(["a|b", "x"]),
        text(["", ""]),
        vec![0, 1],
    ];
    let behind = |cut: u8, parts: &[&[u8]]| [&[cut], parts.concat().as_slice()].concat();
    vec![
        ("row", behind(0, &[row.as_bytes()])),
        ("rows", behind(0, &[b"[", row.as_bytes(), b",", missing.as_bytes(), b"]"])),
        ("tensors", behind(64, &[tensors.as_bytes()])),
        ("bytes", behind(255, &[json.as_bytes(), b"\0", &bytes.concat()])),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_sound() {
        for (name, sample) in sample_requests() {
            request(&sample);
            let body = Bytes::copy_from_slice(&sample[1..]);
            let read = match name {
                "row" | "rows" => objects(&body, &INPUTS, MOST),
                "tensors" => tensors(&body, None, (&INPUTS, &OUTPUTS), MOST),
                _ => {
                    let zero = body.iter().position(|&byte| byte == 0).expect("a zero");
                    let whole = [&body[..zero], &body[zero + 1..]].concat();
                    tensors(&whole.into(), Some(zero), (&INPUTS, &OUTPUTS), MOST)
                }
            };
            encoded(&read.unwrap_or_else(|refusal| panic!("{name}: {refusal}")));
        }
    }
}
