//! Rows whose encoding is still to be learnt, in a file beside the cache that ends with this process.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use nasrec_compiler::recipe::By;

use super::cells::Cells;
use crate::data::keys::Keys;
use crate::data::record::Layout;
use crate::error::DataError;
use crate::{Error, Result, files};

/// Rows that are read at a time.
const TOGETHER: usize = 1 << 14;

/// Rows that are being written.
pub(in crate::data) struct RawWriter {
    layout: Layout,
    stride: usize,
    file: Unfinished,
    keys: Keys,
}

/// Rows that can be read, from the first to the last, as often as one likes.
pub(in crate::data) struct Raw {
    file: Unfinished,
    stride: usize,
    keys: Keys,
}

/// A file that is removed when it is dropped.
struct Unfinished {
    path: PathBuf,
    file: File,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        // What is left is swept away when the run goes on.
        let _removed = files::remove(&self.path);
    }
}

impl RawWriter {
    /// Beside the file that the rows are for. `by`: what they will be split by.
    pub fn create(place: &Path, cells: &Cells, by: By) -> Result<Self> {
        if let Some(folder) = place.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            files::create_folder(folder)?;
        }
        let mut name = place.file_name().unwrap_or_default().to_owned();
        name.push(".rows");
        let path = files::beside(&place.with_file_name(name));
        let file = files::fresh(&path).map_err(Error::io("create", &path))?;
        let (layout, stride) = (cells.layout(), cells.stride());
        Ok(Self { layout, stride, file: Unfinished { path, file }, keys: Keys::new(by) })
    }

    /// Rows so far, and clicks among them.
    pub fn counts(&self) -> (u64, u64) {
        (self.keys.len() as u64, self.keys.clicks())
    }

    /// Appends whole rows.
    ///
    /// # Errors
    /// A failing disk; more rows than a 32-bit index reaches.
    pub fn append(&mut self, rows: &[u8]) -> Result<()> {
        self.keys.extend(self.layout, rows, self.stride);
        if self.keys.len() > u32::MAX as usize {
            return Err(DataError::TooManyRows { most: u32::MAX }.into());
        }
        self.file.file.write_all(rows).map_err(Error::io("write", &self.file.path))
    }

    pub fn finish(self) -> Raw {
        Raw { file: self.file, stride: self.stride, keys: self.keys }
    }
}

impl Raw {
    /// What splitting them takes.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Gives all rows to `each`, some at a time, with the number of the first of them.
    pub fn each(&mut self, mut each: impl FnMut(usize, &[u8]) -> Result<()>) -> Result<()> {
        let Unfinished { path, file } = &mut self.file;
        file.seek(SeekFrom::Start(0)).map_err(Error::io("read", &*path))?;
        let mut bytes = vec![0; TOGETHER * self.stride];
        let mut done = 0;
        while done < self.keys.len() {
            let rows = TOGETHER.min(self.keys.len() - done);
            let bytes = &mut bytes[..rows * self.stride];
            match file.read_exact(bytes) {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    return Err(DataError::Shortened { path: path.clone() }.into());
                }
                read => read.map_err(Error::io("read", &*path))?,
            }
            each(done, bytes)?;
            done += rows;
        }
        Ok(())
    }

    /// Bytes of a row.
    pub fn stride(&self) -> usize {
        self.stride
    }
}
