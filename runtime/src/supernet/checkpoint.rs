//! A store in one safetensors file: dense parameters and their state, and of tables the touched rows.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::path::Path;

use safetensors::{Dtype, SafeTensors, View};

use super::store::{Store, Stored};
use crate::{Error, Result};

/// Version of the layout of the file.
const VERSION: &str = "1";

/// The key of the header under which a checkpoint tells of itself.
const ABOUT: &str = "nasrecc";

/// A tensor on its way to a file.
pub(crate) struct Column<'a> {
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    pub bytes: Cow<'a, [u8]>,
}

impl<'a> Column<'a> {
    pub(crate) fn of(values: &'a [f32], shape: &[usize]) -> Self {
        Self { dtype: Dtype::F32, shape: shape.to_vec(), bytes: Cow::Borrowed(bytemuck::cast_slice(values)) }
    }

    fn owned(values: Vec<f32>, shape: &[usize]) -> Self {
        let bytes = bytemuck::cast_slice(&values).to_vec();
        Self { dtype: Dtype::F32, shape: shape.to_vec(), bytes: Cow::Owned(bytes) }
    }
}

impl View for Column<'_> {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

/// Writes tensors beside `path` and renames, so that the file is either the old one or the whole new one.
pub(crate) fn write(path: &Path, columns: Vec<(String, Column)>, about: HashMap<String, String>) -> Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    let beside = Path::new(&name);
    // The library makes files that only their owner can read; these are as readable as any other file made here.
    let made = File::create(beside).and_then(|file| file.metadata());
    let permissions = made.map_err(Error::io("create", beside))?.permissions();
    safetensors::serialize_to_file(columns, Some(about), beside)?;
    let synced = fs::set_permissions(beside, permissions).and_then(|()| File::open(beside)?.sync_all());
    synced.map_err(Error::io("write", beside))?;
    fs::rename(beside, path).map_err(Error::io("write", path))?;
    sync_folder(path)
}

/// Makes a rename last: the journal must not outlive the file that it speaks of.
pub(crate) fn sync_folder(path: &Path) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::io("write", folder))
}

/// The values of a tensor of this shape.
pub(crate) fn read(file: &SafeTensors, path: &Path, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
    let tensor = file.tensor(name).map_err(|_| damaged(path, &format!("it has no tensor {name}")))?;
    if tensor.dtype() != Dtype::F32 || tensor.shape() != shape {
        let found = (tensor.dtype(), tensor.shape());
        return Err(damaged(path, &format!("tensor {name} is {found:?}, expected F32 {shape:?}")));
    }
    Ok(tensor.data().as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect())
}

pub(crate) fn damaged(path: &Path, what: &str) -> Error {
    Error::Invalid(format!("{} does not hold the weights of this space: {what}", path.display()))
}

impl Store {
    /// Writes everything that is not a pure function of the seed. Replaces `path` in one go.
    pub fn save(&self, path: &Path) -> Result<()> {
        let mut columns = Vec::new();
        let mut about = BTreeMap::from([("version".to_owned(), VERSION.to_owned())]);
        for (def, stored) in self.defs.iter().zip(&self.params) {
            let name = &def.name;
            match stored {
                Stored::Dense(dense) => {
                    columns.push((format!("values/{name}"), Column::of(&dense.values, &def.full)));
                    columns.push((format!("state/{name}"), Column::of(&dense.state, &def.full)));
                }
                Stored::Table(table) => {
                    about.insert(format!("origin/{name}"), table.fingerprint());
                    let rows: Vec<usize> = table.touched().collect();
                    let shape = [rows.len(), table.dim];
                    let stored = || rows.iter().map(|&row| table.stored(row));
                    let values = stored().flat_map(|(values, _)| values).copied().collect();
                    let state = stored().flat_map(|(_, state)| state).copied().collect();
                    let ids: Vec<u8> = rows.iter().flat_map(|&row| (row as u32).to_le_bytes()).collect();
                    let ids = Column { dtype: Dtype::U32, shape: vec![rows.len()], bytes: Cow::Owned(ids) };
                    columns.push((format!("rows/{name}"), ids));
                    columns.push((format!("values/{name}"), Column::owned(values, &shape)));
                    columns.push((format!("state/{name}"), Column::owned(state, &shape)));
                }
            }
        }
        // One key: a header with several is written in an order that differs from run to run.
        let about = serde_json::to_string(&about)?;
        write(path, columns, HashMap::from([(ABOUT.to_owned(), about)]))
    }

    /// Replaces everything by what [`Store::save`] wrote for a store of the same parameters and seed. On an error the
    /// store is as it was.
    pub fn load(&mut self, path: &Path) -> Result<()> {
        let bytes = fs::read(path).map_err(Error::io("read", path))?;
        let file = SafeTensors::deserialize(&bytes)?;
        let (_, header) = SafeTensors::read_metadata(&bytes)?;
        let about = header.metadata().as_ref().and_then(|about| about.get(ABOUT));
        let about: BTreeMap<String, String> = match about {
            Some(text) => serde_json::from_str(text)?,
            None => return Err(damaged(path, "it is not a checkpoint")),
        };
        if about.get("version").map(String::as_str) != Some(VERSION) {
            return Err(damaged(path, "it is not a checkpoint of this version"));
        }
        let mut loaded = Vec::with_capacity(self.params.len());
        for (def, stored) in self.defs.iter().zip(&self.params) {
            let name = &def.name;
            let rows: Vec<usize> = match stored {
                Stored::Dense(_) => Vec::new(),
                Stored::Table(table) => {
                    if about.get(&format!("origin/{name}")) != Some(&table.fingerprint()) {
                        return Err(damaged(path, &format!("{name} was drawn with another seed or shape")));
                    }
                    let ids = file.tensor(&format!("rows/{name}"))?;
                    let ids = ids.data().as_chunks::<4>().0.iter().map(|&bytes| u32::from_le_bytes(bytes) as usize);
                    let ids: Vec<usize> = ids.collect();
                    if ids.iter().any(|&row| row >= table.rows) {
                        return Err(damaged(path, &format!("{name} has rows that are out of range")));
                    }
                    ids
                }
            };
            let shape = match stored {
                Stored::Dense(_) => def.full.to_vec(),
                Stored::Table(table) => vec![rows.len(), table.dim],
            };
            let values = read(&file, path, &format!("values/{name}"), &shape)?;
            let state = read(&file, path, &format!("state/{name}"), &shape)?;
            loaded.push((rows, values, state));
        }
        for (stored, (rows, values, state)) in self.params.iter_mut().zip(loaded) {
            match stored {
                Stored::Dense(dense) => (dense.values, dense.state) = (values, state),
                Stored::Table(table) => {
                    table.forget_all();
                    let dim = table.dim;
                    let parts = values.chunks_exact(dim).zip(state.chunks_exact(dim));
                    rows.iter().zip(parts).for_each(|(&row, (values, state))| table.put(row, values, state));
                }
            }
        }
        Ok(())
    }
}
