//! Tensors in a safetensors file, written and read a part at a time: a file may be as large as a store, and the memory
//! for both at once may not be there. The library gives the header; what follows it is the tensors, end to end.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use safetensors::tensor::{Metadata, TensorInfo};
use safetensors::{Dtype, SafeTensorError};

use crate::{Error, Result, WeightsError};

/// Bytes that are written at a time.
const BUFFER: usize = 1 << 20;
/// No header is longer, says the library.
const LONGEST_HEADER: u64 = 100_000_000;

type Fill<'a> = Box<dyn Fn(&mut dyn Write) -> io::Result<()> + 'a>;

/// A tensor on its way to a file: its bytes are asked for when they are due.
pub(super) struct Column<'a> {
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    pub fill: Fill<'a>,
}

impl<'a> Column<'a> {
    pub fn of(values: &'a [f32], shape: &[usize]) -> Self {
        Self::by(Dtype::F32, shape, move |to| to.write_all(bytemuck::cast_slice(values)))
    }

    pub fn by(dtype: Dtype, shape: &[usize], fill: impl Fn(&mut dyn Write) -> io::Result<()> + 'a) -> Self {
        Self { dtype, shape: shape.to_vec(), fill: Box::new(fill) }
    }
}

/// Writes tensors beside `path` and renames, so that the file is either the old one or the whole new one.
pub(super) fn write(path: &Path, mut columns: Vec<(String, Column)>, about: Option<String>) -> Result<()> {
    // As the library orders them: wide numbers first, so that all are aligned.
    columns.sort_by(|(a, left), (b, right)| right.dtype.cmp(&left.dtype).then(a.cmp(b)));
    let (mut infos, mut end) = (Vec::new(), 0);
    for (name, column) in &columns {
        let start = end;
        end += column.shape.iter().product::<usize>() * column.dtype.bitsize() / 8;
        let info = TensorInfo { dtype: column.dtype, shape: column.shape.clone(), data_offsets: (start, end) };
        infos.push((name.clone(), info));
    }
    // One key: a header with several is written in an order that differs from run to run.
    let about = about.map(|about| HashMap::from([(ABOUT.to_owned(), about)]));
    let mut header = serde_json::to_vec(&Metadata::new(about, infos)?)?;
    header.resize(header.len().next_multiple_of(8), b' ');

    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    let beside = Path::new(&name);
    let file = File::create(beside).map_err(Error::io("create", beside))?;
    let mut out = BufWriter::with_capacity(BUFFER, file);
    let mut filled = || {
        out.write_all(&(header.len() as u64).to_le_bytes())?;
        out.write_all(&header)?;
        columns.iter().try_for_each(|(_, column)| (column.fill)(&mut out))?;
        out.flush()?;
        out.get_ref().sync_all()
    };
    filled().map_err(Error::io("write", beside))?;
    fs::rename(beside, path).map_err(Error::io("write", path))?;
    sync_folder(path)
}

/// Makes a rename last: the journal must not outlive the file that it speaks of.
pub(crate) fn sync_folder(path: &Path) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::io("write", folder))
}

/// The key of the header under which a file tells of itself.
const ABOUT: &str = "nasrecc";

/// An open file, its header read and found sound.
pub(super) struct Tensors {
    path: PathBuf,
    file: File,
    /// Where the tensors begin.
    start: u64,
    header: Metadata,
}

impl Tensors {
    pub fn open(path: &Path) -> Result<Self> {
        let mut file = File::open(path).map_err(Error::io("read", path))?;
        let length = file.metadata().map_err(Error::io("read", path))?.len();
        let mut size = [0; 8];
        if length < 8 {
            return Err(SafeTensorError::HeaderTooSmall.into());
        }
        file.read_exact(&mut size).map_err(Error::io("read", path))?;
        let size = u64::from_le_bytes(size);
        if size > LONGEST_HEADER.min(length - 8) {
            return Err(SafeTensorError::InvalidHeaderLength.into());
        }
        let mut text = vec![0; size as usize];
        file.read_exact(&mut text).map_err(Error::io("read", path))?;
        let header: Metadata = serde_json::from_slice(&text)?;
        let start = 8 + size;
        if start + header.data_len() as u64 != length {
            return Err(damaged(path, "it is cut off"));
        }
        Ok(Self { path: path.to_owned(), file, start, header })
    }

    /// What the file says of itself.
    pub fn about(&self) -> Option<&str> {
        self.header.metadata().as_ref()?.get(ABOUT).map(String::as_str)
    }

    /// The shape of a tensor, where there is one of that name.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.header.info(name).map(|info| info.shape.as_slice())
    }

    /// Fails unless there is such a tensor.
    pub fn expect(&self, name: &str, dtype: Dtype, shape: &[usize]) -> Result<()> {
        let Some(info) = self.header.info(name) else {
            return Err(damaged(&self.path, &format!("it has no tensor {name}")));
        };
        if info.dtype != dtype || info.shape != shape {
            let found = (info.dtype, &info.shape);
            return Err(damaged(&self.path, &format!("tensor {name} is {found:?}, expected {dtype:?} {shape:?}")));
        }
        Ok(())
    }

    /// A tensor's numbers from the first on, to be read in order.
    pub fn read(&self, name: &str) -> Result<Reading<'_>> {
        let offset = self.header.info(name).map_or(0, |info| info.data_offsets.0 as u64);
        Ok(Reading { tensors: self, at: self.start + offset })
    }

    /// A whole tensor of 32-bit numbers, into memory that has its length.
    pub fn fill(&self, name: &str, values: &mut [f32]) -> Result<()> {
        self.read(name)?.next(bytemuck::cast_slice_mut(values))
    }
}

/// A place in a tensor.
pub(super) struct Reading<'a> {
    tensors: &'a Tensors,
    at: u64,
}

impl Reading<'_> {
    /// Reads on.
    pub fn next(&mut self, bytes: &mut [u8]) -> Result<()> {
        let mut file = &self.tensors.file;
        let read = file.seek(SeekFrom::Start(self.at)).and_then(|_| file.read_exact(bytes));
        self.at += bytes.len() as u64;
        read.map_err(Error::io("read", &self.tensors.path))
    }
}

pub(super) fn damaged(path: &Path, what: &str) -> Error {
    WeightsError::File { path: path.to_owned(), what: what.to_string() }.into()
}
