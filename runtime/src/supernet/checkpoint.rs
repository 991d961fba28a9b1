//! A store in one safetensors file: dense parameters and what the optimiser remembers of them, and of tables the touched
//! rows.

use std::collections::BTreeMap;
use std::path::Path;

use nasrec_compiler::plan::{ParamKind, Plan};
use nasrec_compiler::recipe::Storage;
use safetensors::Dtype;
use serde::{Deserialize, Serialize};

use super::file::{Column, Tensors, damaged, write};
use super::optimiser::Memory;
use super::rows;
use super::store::{Keep, Store, Stored};
use super::table::Table;
use crate::Result;
use crate::machine::{Bytes, available_memory};

/// Version of the layout of the file.
const VERSION: u32 = 3;

/// Whose weights a file holds: written into it, and asked of it when it is read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// What they are of, and of which run.
    pub of: String,
    /// Steps that they were trained for.
    pub step: u64,
}

/// What a file of weights was when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// BLAKE3 of the file; no other has it.
    pub checksum: String,
    /// What was written down beside the weights.
    pub notes: String,
}

/// What a file says of itself.
#[derive(Serialize, Deserialize)]
struct About {
    version: u32,
    #[serde(flatten)]
    label: Label,
    optimiser_keeps: String,
    /// By table: how its rows are drawn that nothing touched.
    origins: BTreeMap<String, String>,
    notes: String,
}

/// What the optimiser's memories of a dense parameter are called; a table has the first for all that is kept beside the
/// values of a row.
const MEMORIES: [&str; 2] = ["state", "state2"];
/// And the means of its moving average.
const AVERAGE: &str = "average";

/// Rows that are read at a time.
const BLOCK: usize = 4096;

/// What is kept beside values, in words.
fn remembers(keep: Keep) -> String {
    let average = if keep.average { ", and averages" } else { "" };
    format!("{}{average}", keep.memory.name())
}

/// What a file has of the values of `count` rows.
fn stored(table: &Table, count: usize) -> (Dtype, [usize; 2]) {
    match table.keep.storage {
        Storage::F32 => (Dtype::F32, [count, table.dim]),
        Storage::Bf16 => (Dtype::BF16, [count, table.dim]),
        // The four bytes of the scale before the numbers.
        Storage::Int8 => (Dtype::U8, [count, row_bytes(table)]),
    }
}

/// Bytes that a row's values take in a file.
fn row_bytes(table: &Table) -> usize {
    rows::bytes(table.keep.storage, table.dim)
}

impl Store {
    /// Writes everything that is not a pure function of the seed, in the place of `path` in one go; `notes` beside it.
    /// Gives the checksum of the file.
    ///
    /// # Errors
    /// The disk takes no more.
    pub fn save(&self, path: &Path, label: &Label, notes: &str) -> Result<String> {
        self.write(path, label, notes, self.keep)
    }

    /// The same without what is kept beside values: for a store that is kept with [`Memory::Nothing`].
    ///
    /// # Errors
    /// The disk takes no more.
    pub fn save_values(&self, path: &Path, label: &Label) -> Result<String> {
        self.write(path, label, "", self.keep.values())
    }

    fn write(&self, path: &Path, label: &Label, notes: &str, keep: Keep) -> Result<String> {
        let mut columns = Vec::new();
        let mut origins = BTreeMap::new();
        for (def, param) in self.defs.iter().zip(&self.params) {
            let name = &def.name;
            match param {
                Stored::Dense(dense) => {
                    columns.push((format!("values/{name}"), Column::of(&dense.values, &def.full)));
                    let kept = MEMORIES.iter().zip(&dense.memory).filter(|(_, kept)| !kept.is_empty());
                    let kept = kept.filter(|_| keep.memory != Memory::Nothing);
                    columns.extend(kept.map(|(key, memory)| (format!("{key}/{name}"), Column::of(memory, &def.full))));
                    if keep.average {
                        columns.push((format!("{AVERAGE}/{name}"), Column::of(&dense.average, &def.full)));
                    }
                }
                Stored::Table(table) => {
                    origins.insert(name.to_string(), table.fingerprint());
                    let rows = table.records().count();
                    let remembered = keep.beside_row(table.dim);
                    let ids = Column::by(Dtype::U32, &[rows], |to| {
                        table.records().try_for_each(|(row, ..)| to.write_all(&(row as u32).to_le_bytes()))
                    });
                    let bytes = row_bytes(table);
                    let (dtype, shape) = stored(table, rows);
                    let values = Column::by(dtype, &shape, move |to| {
                        let mut all = table.records();
                        all.try_for_each(|(_, values, _)| to.write_all(&bytemuck::cast_slice(values)[..bytes]))
                    });
                    columns.push((format!("rows/{name}"), ids));
                    columns.push((format!("values/{name}"), values));
                    if remembered > 0 {
                        let memory = Column::by(Dtype::F32, &[rows, remembered], |to| {
                            table.records().try_for_each(|(.., memory)| to.write_all(bytemuck::cast_slice(memory)))
                        });
                        columns.push((format!("{}/{name}", MEMORIES[0]), memory));
                    }
                }
            }
        }
        let about = About {
            version: VERSION,
            label: label.clone(),
            optimiser_keeps: remembers(keep),
            origins,
            notes: notes.to_owned(),
        };
        write(path, columns, about)
    }

    /// Replaces everything by what [`Store::save`] wrote for a store of the same parameters, seed and optimiser, under
    /// this label. Where the file is not that, to the last bit, the store is as it was.
    ///
    /// # Errors
    /// The file cannot be read, was damaged, or belongs to something else.
    pub fn load(&mut self, path: &Path, label: &Label) -> Result<Kept> {
        self.take_from(path, label, false)
    }

    /// The same, but for the rows of tables, which stay where they lie in the file, as long as nothing changes them. The file must stay as it is
    /// meanwhile; it may be replaced by another of its name. Values alone can be read so, and what takes no whole words a row is read as ever.
    ///
    /// # Errors
    /// Those of [`Store::load`].
    pub(crate) fn load_mapped(&mut self, path: &Path, label: &Label) -> Result<Kept> {
        self.take_from(path, label, self.keep == self.keep.values())
    }

    fn take_from(&mut self, path: &Path, label: &Label, mapped: bool) -> Result<Kept> {
        let mut file = Tensors::open(path)?;
        let (about, checksum): (About, String) = file.about()?;
        if about.version != VERSION {
            return Err(damaged(path, "another version of nasrecc wrote it"));
        }
        if about.label != *label {
            let (found, Label { of, step }) = (about.label, label);
            let what = format!(
                "it belongs to {} after {} steps, and what is asked for is {of} after {step} steps",
                found.of, found.step
            );
            return Err(damaged(path, &what));
        }
        if about.optimiser_keeps != remembers(self.keep) {
            return Err(damaged(path, "it was written for another optimiser, or with another average"));
        }
        let mut rows = Vec::with_capacity(self.params.len());
        for (def, stored) in self.defs.iter().zip(&self.params) {
            rows.push(self.fitting(&file, path, &about.origins, &def.name, &def.full, stored)?);
        }
        for ((def, stored), rows) in self.defs.iter().zip(&mut self.params).zip(rows) {
            let name = &def.name;
            match stored {
                Stored::Dense(dense) => {
                    file.fill(&format!("values/{name}"), &mut dense.values)?;
                    for (key, memory) in MEMORIES.iter().zip(&mut dense.memory).filter(|(_, to)| !to.is_empty()) {
                        file.fill(&format!("{key}/{name}"), memory)?;
                    }
                    if self.keep.average {
                        file.fill(&format!("{AVERAGE}/{name}"), &mut dense.average)?;
                    }
                }
                Stored::Table(table) => {
                    let lies = if mapped { file.map(&format!("values/{name}")) } else { None };
                    if !lies.is_some_and(|lies| table.map_rows(&rows, lies)) {
                        read_rows(&file, name, table, &rows)?;
                    }
                }
            }
        }
        Ok(Kept { checksum, notes: about.notes })
    }

    /// Fails unless a file has every dense value of a plan on its own, so that making room for the plan takes no more memory
    /// than the file is long; and addresses no more rows than there are ids, nor than there is memory to find them in.
    pub(crate) fn check_file(path: &Path, plan: &Plan) -> Result<()> {
        let file = Tensors::open(path)?;
        let keep = Keep { memory: Memory::Nothing, ..Keep::default() };
        let mut indices = 0u64;
        for param in &plan.params {
            match param.kind {
                ParamKind::Dense | ParamKind::Statistic => {
                    file.expect(&format!("values/{}", param.name), Dtype::F32, &param.full)?;
                }
                ParamKind::Table { .. } if param.full[0] > u32::MAX as usize => {
                    return Err(damaged(path, &format!("{} would have {} rows", param.name, param.full[0])));
                }
                // Whatever the file holds of a table, each of its rows has a place where it is looked up.
                ParamKind::Table { .. } => {
                    indices = indices.saturating_add(Store::bytes(&param.into(), keep, 0));
                }
            }
        }
        match available_memory() {
            Some(free) if free.0 < indices => Err(damaged(
                path,
                &format!("the rows of its tables alone take {} of memory, and {free} is available", Bytes(indices)),
            )),
            _ => Ok(()),
        }
    }

    /// A file with the checksum that it should have.
    #[cfg(fuzzing)]
    pub(crate) fn resealed(bytes: &[u8]) -> Vec<u8> {
        super::file::resealed(bytes)
    }

    /// The checksum of a file that is what was written, whatever it holds.
    pub(crate) fn checksum_of(path: &Path) -> Result<String> {
        Ok(Tensors::open(path)?.about::<serde::de::IgnoredAny>()?.1)
    }

    /// Whether a file has what this parameter needs; of a table, the rows that it holds.
    fn fitting(
        &self,
        file: &Tensors,
        path: &Path,
        origins: &BTreeMap<String, String>,
        name: &str,
        full: &[usize],
        stored: &Stored,
    ) -> Result<Vec<u32>> {
        let table = match stored {
            Stored::Dense(dense) => {
                file.expect(&format!("values/{name}"), Dtype::F32, full)?;
                for (key, _) in MEMORIES.iter().zip(&dense.memory).filter(|(_, memory)| !memory.is_empty()) {
                    file.expect(&format!("{key}/{name}"), Dtype::F32, full)?;
                }
                if self.keep.average {
                    file.expect(&format!("{AVERAGE}/{name}"), Dtype::F32, full)?;
                }
                return Ok(Vec::new());
            }
            Stored::Table(table) => table,
        };
        if origins.get(name) != Some(&table.fingerprint()) {
            return Err(damaged(path, &format!("{name} was drawn with another seed or shape")));
        }
        let key = format!("rows/{name}");
        let count = file.shape(&key).and_then(|shape| shape.first().copied()).unwrap_or(0);
        file.expect(&key, Dtype::U32, &[count])?;
        let (dtype, shape) = self::stored(table, count);
        file.expect(&format!("values/{name}"), dtype, &shape)?;
        let remembered = table.keep.beside_row(table.dim);
        if remembered > 0 {
            file.expect(&format!("{}/{name}", MEMORIES[0]), Dtype::F32, &[count, remembered])?;
        }
        let mut rows = vec![0u32; count];
        file.read(&key)?.next(bytemuck::cast_slice_mut(&mut rows))?;
        if rows.iter().any(|&row| row as usize >= table.rows) || !rows.is_sorted_by(|a, b| a < b) {
            return Err(damaged(path, &format!("{name} has rows that are out of range or out of order")));
        }
        Ok(rows)
    }
}

/// Fills a table with rows of a file that was found to fit.
fn read_rows(file: &Tensors, name: &str, table: &mut Table, rows: &[u32]) -> Result<()> {
    table.forget_all();
    let (bytes, remembered) = (row_bytes(table), table.keep.beside_row(table.dim));
    let mut values_from = file.read(&format!("values/{name}"))?;
    let mut memory_from = file.read(&format!("{}/{name}", MEMORIES[0]))?;
    let mut values = vec![0u8; bytes * BLOCK.min(rows.len())];
    let mut memory = vec![0f32; remembered * BLOCK.min(rows.len())];
    // A record is whole words.
    let mut record = vec![0f32; bytes.div_ceil(4)];
    for rows in rows.chunks(BLOCK) {
        values_from.next(&mut values[..bytes * rows.len()])?;
        memory_from.next(bytemuck::cast_slice_mut(&mut memory[..remembered * rows.len()]))?;
        for (place, &row) in rows.iter().enumerate() {
            bytemuck::cast_slice_mut::<f32, u8>(&mut record)[..bytes]
                .copy_from_slice(&values[place * bytes..][..bytes]);
            table.put_record(row as usize, &record, &memory[place * remembered..][..remembered]);
        }
    }
    Ok(())
}
