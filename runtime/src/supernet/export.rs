//! Weights as other programs read them: one tensor a parameter, under its name, tables whole, all in f32.

use std::collections::HashSet;
use std::io::{self, Write};
use std::path::Path;

use rayon::prelude::*;
use safetensors::Dtype;
use serde::Serialize;

use super::file::{Column, Tensors, damaged, write};
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
        let own: Vec<(String, Vec<usize>)> =
            self.defs.iter().map(|def| (def.name.to_string(), def.full.to_vec())).collect();
        self.export_as(path, &own)
    }

    /// The same under other names, in other shapes of as many values.
    ///
    /// # Errors
    /// The disk takes no more.
    pub(crate) fn export_as(&self, path: &Path, tensors: &[(String, Vec<usize>)]) -> Result<()> {
        let columns = tensors.iter().zip(&self.params).map(|((name, shape), stored)| {
            let column = match stored {
                Stored::Dense(dense) => Column::of(&dense.values, shape),
                Stored::Table(table) => Column::by(Dtype::F32, shape, |to| write_rows(table, to)),
            };
            (name.clone(), column)
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
        let own: Vec<(String, Vec<usize>)> =
            self.defs.iter().map(|def| (def.name.to_string(), def.full.to_vec())).collect();
        let file = Tensors::open(path)?;
        own.iter().try_for_each(|(name, shape)| file.expect(name, Dtype::F32, shape))?;
        self.take(&file, &own, |_, _| Ok(()))
    }

    /// The same from a file of another program, under other names and in other shapes of as many values; what is `beside` them is not
    /// read. Rows of tables that are as they are drawn take no room.
    ///
    /// # Errors
    /// [`WeightsError::File`]: a tensor is missing, is one too many, of another type or shape, or has a number that is not finite.
    /// Of the last the store may have taken a part.
    pub(crate) fn import_as(&mut self, path: &Path, tensors: &[(String, Vec<usize>)], beside: &[String]) -> Result<()> {
        let file = Tensors::open(path)?;
        tensors.iter().try_for_each(|(name, shape)| file.expect(name, Dtype::F32, shape))?;
        let known: HashSet<&str> =
            tensors.iter().map(|(name, _)| name.as_str()).chain(beside.iter().map(String::as_str)).collect();
        let mut more: Vec<String> = file.names().into_iter().filter(|name| !known.contains(name.as_str())).collect();
        more.sort_unstable();
        if let Some(name) = more.first() {
            let others = if more.len() > 1 { format!(", and {} others", more.len() - 1) } else { String::new() };
            return Err(damaged(path, &format!("tensor {name} is none of this model's{others}")));
        }
        self.take(&file, tensors, |name, values| match values.iter().position(|value| !value.is_finite()) {
            Some(at) => Err(damaged(path, &format!("tensor {name} has {}, which is not finite", values[at]))),
            None => Ok(()),
        })
    }

    /// Takes values of tensors that are there. `sound` is asked of each stretch of them.
    fn take(
        &mut self,
        file: &Tensors,
        tensors: &[(String, Vec<usize>)],
        sound: impl Fn(&str, &[f32]) -> Result<()>,
    ) -> Result<()> {
        for ((name, _), stored) in tensors.iter().zip(&mut self.params) {
            match stored {
                Stored::Dense(dense) => {
                    dense.renew();
                    file.fill(name, &mut dense.values)?;
                    sound(name, &dense.values)?;
                }
                Stored::Table(table) => {
                    table.forget_all();
                    let mut reading = file.read(name)?;
                    let mut values = vec![0f32; table.dim * BLOCK.min(table.rows)];
                    for start in (0..table.rows).step_by(BLOCK) {
                        let block = &mut values[..table.dim * BLOCK.min(table.rows - start)];
                        reading.next(bytemuck::cast_slice_mut(block))?;
                        sound(name, block)?;
                        let rows = block.chunks_exact(table.dim).zip(start..);
                        for (values, row) in rows {
                            // A row that was never touched is drawn as it was before.
                            if *table.row(row) != *values {
                                table.put(row, values);
                            }
                        }
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
