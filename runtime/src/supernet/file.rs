//! Tensors in a safetensors file, written and read a part at a time: a file may be as large as a store, and the memory
//! for both at once may not be there. The library gives the header; what follows it is the tensors, end to end.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memmap2::Mmap;
use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};
use serde::{Deserialize, Serialize};

use crate::{Error, Result, WeightsError, files};

/// Bytes that are written or read at a time.
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

    fn bytes(&self) -> usize {
        self.shape.iter().product::<usize>() * self.dtype.bitsize() / 8
    }
}

/// What a file of ours says of itself.
#[derive(Serialize, Deserialize)]
pub(super) struct About<T> {
    /// BLAKE3 of the whole file, zeros in the place of this. The first member, so that its place is found.
    checksum: String,
    #[serde(flatten)]
    pub rest: T,
}

/// The key of the header under which a file tells of itself. The only one: a header with several is written in an order
/// that differs from run to run.
const ABOUT: &str = "nasrecc";
/// How that text begins, quoted once more inside of the header.
const BEGIN: &str = r#"{\"checksum\":\""#;
/// Digits of a checksum.
const DIGITS: usize = 2 * blake3::OUT_LEN;

/// Writes tensors, and what the file says of itself, in the place of `path`; gives the file's checksum.
pub(super) fn write(path: &Path, mut columns: Vec<(String, Column)>, about: impl Serialize) -> Result<String> {
    // As the library orders them: wide numbers first, so that all are aligned; of narrow ones first those that fill whole words, so that what
    // follows them begins with one.
    let ends_within = |column: &Column| !column.bytes().is_multiple_of(4);
    columns.sort_by(|(a, left), (b, right)| {
        right.dtype.cmp(&left.dtype).then(ends_within(left).cmp(&ends_within(right))).then(a.cmp(b))
    });
    let (mut infos, mut end) = (Vec::new(), 0);
    for (name, column) in &columns {
        let start = end;
        end += column.bytes();
        let info = TensorInfo { dtype: column.dtype, shape: column.shape.clone(), data_offsets: (start, end) };
        infos.push((name.clone(), info));
    }
    let about = serde_json::to_string(&About { checksum: "0".repeat(DIGITS), rest: about })?;
    let about = HashMap::from([(ABOUT.to_owned(), about)]);
    let mut header = serde_json::to_vec(&Metadata::new(Some(about), infos)?)?;
    header.resize(header.len().next_multiple_of(8), b' ');
    let Some(place) = memchr::memmem::find(&header, BEGIN.as_bytes()) else {
        return Err(damaged(path, "its header has no place for a checksum"));
    };
    let place = (8 + place + BEGIN.len()) as u64;

    let mut checksum = String::new();
    files::replace(path, |file| {
        let mut out = BufWriter::with_capacity(BUFFER, Hashing { file: &mut *file, hasher: blake3::Hasher::new() });
        out.write_all(&(header.len() as u64).to_le_bytes())?;
        out.write_all(&header)?;
        columns.iter().try_for_each(|(_, column)| (column.fill)(&mut out))?;
        out.flush()?;
        checksum = out.get_ref().hasher.finalize().to_hex().to_string();
        drop(out);
        file.seek(SeekFrom::Start(place))?;
        file.write_all(checksum.as_bytes())
    })?;
    Ok(checksum)
}

/// Hashes what is written.
struct Hashing<'a> {
    file: &'a mut File,
    hasher: blake3::Hasher,
}

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// An open file, its header read and found sound.
pub(super) struct Tensors {
    path: PathBuf,
    file: File,
    /// Where the tensors begin.
    start: u64,
    header: Metadata,
    /// The header as it stands in the file, its length before it.
    text: Vec<u8>,
    /// The whole file, once a tensor of it was mapped.
    map: Option<Arc<Mmap>>,
}

impl Tensors {
    pub fn open(path: &Path) -> Result<Self> {
        let mut file = files::open(path)?;
        let length = file.metadata().map_err(Error::io("read", path))?.len();
        if length < 8 {
            return Err(damaged(path, "it is too short to be a file of tensors"));
        }
        let mut text = vec![0; 8];
        file.read_exact(&mut text).map_err(Error::io("read", path))?;
        let size = u64::from_le_bytes(std::array::from_fn(|at| text[at]));
        if size > LONGEST_HEADER.min(length - 8) {
            return Err(damaged(path, "it is cut off, or no file of tensors: its header would be longer than it is"));
        }
        text.resize(8 + size as usize, 0);
        file.read_exact(&mut text[8..]).map_err(Error::io("read", path))?;
        let header: Metadata = serde_json::from_slice(&text[8..])
            .map_err(|cause| damaged(path, &format!("its header is not one of tensors: {cause}")))?;
        let start = 8 + size;
        if start + header.data_len() as u64 != length {
            return Err(damaged(path, "it is cut off, or something was added to it"));
        }
        Ok(Self { path: path.to_owned(), file, start, header, text, map: None })
    }

    /// What a file of ours says of itself, where it is as it was written; and its checksum.
    pub fn about<T: for<'de> Deserialize<'de>>(&self) -> Result<(T, String)> {
        let about = self.header.metadata().as_ref().and_then(|about| about.get(ABOUT));
        let about = about.and_then(|about| serde_json::from_str::<About<T>>(about).ok());
        let Some(About { checksum, rest }) = about else {
            return Err(damaged(&self.path, "this version of nasrecc did not write it"));
        };
        let mut text = self.text.clone();
        let place = memchr::memmem::find(&text, format!("{BEGIN}{checksum}").as_bytes());
        let Some(place) = place.filter(|_| checksum.len() == DIGITS) else {
            return Err(damaged(&self.path, "its header is damaged"));
        };
        text[place + BEGIN.len()..][..DIGITS].fill(b'0');
        let mut hasher = blake3::Hasher::new();
        hasher.update(&text);
        let (mut file, mut buffer) = (&self.file, vec![0; BUFFER]);
        let mut read = || {
            file.seek(SeekFrom::Start(self.start))?;
            loop {
                match file.read(&mut buffer) {
                    Ok(0) => return Ok(()),
                    Ok(bytes) => hasher.update(&buffer[..bytes]),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => return Err(error),
                };
            }
        };
        read().map_err(Error::io("read", &self.path))?;
        if hasher.finalize().to_hex().as_str() != checksum {
            return Err(damaged(&self.path, "it is damaged: its checksum is another"));
        }
        Ok((rest, checksum))
    }

    /// What its tensors are called.
    pub fn names(&self) -> Vec<String> {
        self.header.tensors().into_keys().collect()
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

    /// A tensor where it lies, as numbers of 32 bits. None where it does not begin and end between two of these, or the system does not map
    /// files.
    pub fn map(&mut self, name: &str) -> Option<Mapped> {
        let (from, to) = self.header.info(name)?.data_offsets;
        let start = usize::try_from(self.start).ok()?;
        let bytes = start + from..start + to;
        if self.map.is_none() {
            // SAFETY: a file that somebody writes over, or cuts, while it is mapped changes values that are borrowed. Only who asks for it has
            // files mapped, and is told that they must stay as they are; what replaces a file by renaming, as all of ours does, leaves
            // this one as it is.
            self.map = unsafe { Mmap::map(&self.file) }.ok().map(Arc::new);
        }
        let map = Arc::clone(self.map.as_ref()?);
        let aligned = bytemuck::try_cast_slice::<u8, f32>(map.get(bytes.clone())?).is_ok();
        aligned.then_some(Mapped { map, bytes })
    }

    /// A whole tensor of 32-bit numbers, into memory that has its length.
    pub fn fill(&self, name: &str, values: &mut [f32]) -> Result<()> {
        self.read(name)?.next(bytemuck::cast_slice_mut(values))
    }
}

/// A tensor that is read where it lies in a file.
#[derive(Clone, Debug)]
pub(super) struct Mapped {
    map: Arc<Mmap>,
    bytes: Range<usize>,
}

impl Mapped {
    /// Its numbers.
    #[inline]
    pub fn numbers(&self) -> &[f32] {
        bytemuck::cast_slice(&self.map[self.bytes.clone()])
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

/// A file with the checksum that it should have, where it has a place for one.
#[cfg(fuzzing)]
pub(super) fn resealed(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let place = memchr::memmem::find(&bytes, BEGIN.as_bytes()).map(|at| at + BEGIN.len());
    if let Some(place) = place.filter(|place| bytes.len() >= place + DIGITS) {
        bytes[place..place + DIGITS].fill(b'0');
        let checksum = blake3::hash(&bytes).to_hex();
        bytes[place..place + DIGITS].copy_from_slice(checksum.as_bytes());
    }
    bytes
}
