//! Weights as other programs read them: one tensor a parameter, under its name, tables whole, all in f32.

use std::io::{self, Write};
use std::path::Path;

use rayon::prelude::*;
use safetensors::Dtype;
use serde::Serialize;

use super::file::{Column, Tensors, write};
use super::store::{Store, Stored};
use super::table::Table;
use crate::{Result, WeightsError};

/// Rows that are drawn, written or read at a time; each thread takes some of them.
const BLOCK: usize = 1 << 14;
const PIECE: usize = 256;

/// What an exported file says of itself besides its checksum.
#[derive(Serialize)]
struct Exported {
    values: &'static str,
}

impl Store {
    /// Writes every parameter's values, without what the optimiser remembers, as `name -> tensor`.
    pub fn export(&self, path: &Path) -> Result<()> {
        let columns = self.defs.iter().zip(&self.params).map(|(def, stored)| {
            let column = match stored {
                Stored::Dense(dense) => Column::of(&dense.values, &def.full),
                Stored::Table(table) => Column::by(Dtype::F32, &def.full, |to| write_rows(table, to)),
            };
            (def.name.to_string(), column)
        });
        write(path, columns.collect(), Exported { values: "f32" })?;
        Ok(())
    }

    /// How many rows of its tables training touched.
    pub fn touched_rows(&self) -> usize {
        let tables = self.params.iter().filter_map(|stored| match stored {
            Stored::Dense(_) => None,
            Stored::Table(table) => Some(table.records().count()),
        });
        tables.sum()
    }

    /// Writes the values of parameter `index` alone, row-major, in f32 of this machine's order: of a table all rows.
    ///
    /// # Errors
    /// Those of `to`.
    ///
    /// # Panics
    /// When there are not that many.
    pub fn write_values(&self, index: usize, to: &mut dyn Write) -> io::Result<()> {
        match &self.params[index] {
            Stored::Dense(dense) => to.write_all(bytemuck::cast_slice(&dense.values)),
            Stored::Table(table) => write_rows(table, to),
        }
    }

    /// Takes every parameter's values from a file that [`Store::export`] wrote, and has the optimiser start afresh.
    /// Where the file lacks a parameter or has another shape, the store is as it was.
    pub fn import(&mut self, path: &Path) -> Result<()> {
        let file = Tensors::open(path)?;
        for def in &self.defs {
            file.expect(&def.name, Dtype::F32, &def.full)?;
        }
        for (def, stored) in self.defs.iter().zip(&mut self.params) {
            match stored {
                Stored::Dense(dense) => {
                    dense.renew();
                    file.fill(&def.name, &mut dense.values)?;
                }
                Stored::Table(table) => {
                    table.forget_all();
                    let mut reading = file.read(&def.name)?;
                    let mut values = vec![0f32; table.dim * BLOCK.min(table.rows)];
                    for start in (0..table.rows).step_by(BLOCK) {
                        let block = &mut values[..table.dim * BLOCK.min(table.rows - start)];
                        reading.next(bytemuck::cast_slice_mut(block))?;
                        let rows = block.chunks_exact(table.dim).zip(start..);
                        rows.for_each(|(values, row)| table.put(row, values));
                    }
                }
            }
        }
        Ok(())
    }

    /// Takes every parameter's values, row-major at its full shape, and has the optimiser start afresh. Fails, the store
    /// as it was, where one has another length.
    pub fn set(&mut self, found: &[Vec<f32>]) -> Result<()> {
        for (def, values) in self.defs.iter().zip(found) {
            let wanted = def.full.iter().product::<usize>();
            if values.len() != wanted {
                let (parameter, found) = (def.name.to_string(), values.len());
                return Err(WeightsError::Length { parameter, expected: wanted, found }.into());
            }
        }
        for (stored, values) in self.params.iter_mut().zip(found) {
            match stored {
                Stored::Dense(dense) => {
                    dense.renew();
                    dense.values.copy_from_slice(values);
                }
                Stored::Table(table) => {
                    table.forget_all();
                    let rows = values.chunks_exact(table.dim).enumerate();
                    rows.for_each(|(row, values)| table.put(row, values));
                }
            }
        }
        Ok(())
    }
}

/// All rows, those drawn that nothing touched.
fn write_rows(table: &Table, to: &mut dyn Write) -> io::Result<()> {
    let mut values = vec![0f32; table.dim * BLOCK.min(table.rows)];
    for start in (0..table.rows).step_by(BLOCK) {
        let block = &mut values[..table.dim * BLOCK.min(table.rows - start)];
        block.par_chunks_mut(table.dim * PIECE).enumerate().for_each(|(piece, values)| {
            let rows = values.chunks_exact_mut(table.dim).zip(start + piece * PIECE..);
            rows.for_each(|(values, row)| values.copy_from_slice(&table.row(row)));
        });
        to.write_all(bytemuck::cast_slice(block))?;
    }
    Ok(())
}
