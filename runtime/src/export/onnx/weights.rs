//! The parameters: small ones in the model's file, large ones and tables in a file beside it.

use std::io::{self, Write};

use super::graph::entry;
use super::proto::{Kind, Tensor};
use crate::model::Model;

/// Where tensors of the second file begin, so that it can be mapped to memory on every system.
const ALIGNED: u64 = 64 << 10;
/// Bytes from which on a tensor is in the second file.
const LARGE: u64 = 64 << 10;

/// Writes the second file, `named` so beside the model; the parameters as the model's file has them.
pub(super) fn write(model: &Model, named: &str, to: &mut impl Write) -> io::Result<Vec<Tensor>> {
    let mut length = 0u64;
    let mut tensors = Vec::new();
    for (index, param) in model.plan().params.iter().enumerate() {
        let mut tensor = Tensor {
            dims: param.shape().iter().map(|&size| size as i64).collect(),
            kind: Kind::Float as i32,
            name: param.name.to_string(),
            ..Tensor::default()
        };
        let size = 4 * param.len() as u64;
        if param.kind.is_table() || size >= LARGE {
            let start = length.next_multiple_of(ALIGNED);
            io::copy(&mut io::Read::take(io::repeat(0), start - length), to)?;
            model.store().write_values(index, to)?;
            length = start + size;
            tensor.external =
                vec![entry("location", named), entry("offset", start.to_string()), entry("length", size.to_string())];
            tensor.location = 1;
        } else {
            let mut raw = Vec::new();
            model.store().write_values(index, &mut raw)?;
            tensor.raw = Some(raw);
        }
        tensors.push(tensor);
    }
    to.flush()?;
    Ok(tensors)
}
