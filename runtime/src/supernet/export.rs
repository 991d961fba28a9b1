//! Weights as other programs read them: one tensor a parameter, under its name, tables whole.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs;
use std::path::Path;

use safetensors::{Dtype, SafeTensors};

use super::checkpoint::{Column, read, write};
use super::store::{Store, Stored};
use crate::{Error, Result};

impl Store {
    /// Writes every parameter's values, without optimiser state, as `name -> tensor`.
    pub fn export(&self, path: &Path) -> Result<()> {
        let columns = self.defs.iter().zip(&self.params).map(|(def, stored)| {
            let column = match stored {
                Stored::Dense(dense) => Column::of(&dense.values, &def.full),
                Stored::Table(table) => {
                    let mut bytes = Vec::with_capacity(table.rows * table.dim * 4);
                    for row in 0..table.rows {
                        bytes.extend_from_slice(bytemuck::cast_slice(&table.row(row)));
                    }
                    Column { dtype: Dtype::F32, shape: vec![table.rows, table.dim], bytes: Cow::Owned(bytes) }
                }
            };
            (def.name.to_string(), column)
        });
        write(path, columns.collect(), HashMap::new())
    }

    /// Takes every parameter's values from a file that [`Store::export`] wrote, and starts with a fresh optimiser
    /// state. Fails, the store as it was, where a parameter is missing or has another shape.
    pub fn import(&mut self, path: &Path) -> Result<()> {
        let bytes = fs::read(path).map_err(Error::io("read", path))?;
        let file = SafeTensors::deserialize(&bytes)?;
        let found = self.defs.iter().map(|def| read(&file, path, &def.name, &def.full)).collect::<Result<Vec<_>>>()?;
        self.set(&found)
    }

    /// Takes every parameter's values, row-major at its full shape, and starts with a fresh optimiser state. Fails,
    /// the store as it was, where one has another length.
    pub fn set(&mut self, found: &[Vec<f32>]) -> Result<()> {
        for (def, values) in self.defs.iter().zip(found) {
            let wanted = def.full.iter().product::<usize>();
            if values.len() != wanted {
                return Err(Error::Invalid(format!("{} has {wanted} values, not {}", def.name, values.len())));
            }
        }
        for (stored, values) in self.params.iter_mut().zip(found) {
            match stored {
                Stored::Dense(dense) => {
                    dense.state.fill(0.0);
                    dense.values.copy_from_slice(values);
                }
                Stored::Table(table) => {
                    let zeros = vec![0f32; table.dim];
                    let dim = table.dim;
                    table.forget_all();
                    values.chunks_exact(dim).enumerate().for_each(|(row, values)| table.put(row, values, &zeros));
                }
            }
        }
        Ok(())
    }
}
