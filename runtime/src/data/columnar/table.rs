//! A Parquet file: what it says of itself at its end, and its columns.

use std::any::Any;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use parquet::basic::{Compression, Repetition};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use parquet::file::serialized_reader::SerializedPageReader;
use parquet::schema::types::ColumnDescPtr;

use super::chunk::Chunk;
use super::kind::Kind;
use super::lists::Elements;
use super::pages::{Pages, Shared};
use crate::data::source::{self, LOOKED_AT, Located, STANDARD_INPUT};
use crate::data::text::named;
use crate::error::DataError;
use crate::machine::available_memory;
use crate::{Error, Result};

/// What such a file begins and ends with.
const MAGIC: &[u8; 4] = b"PAR1";
/// Bytes at the end that say how long what is before them is.
const TAIL: u64 = 8;
/// Bytes of what a file says of itself: of each row group and column of it a hundred.
const MOST_FOOTER: u64 = 64 << 20;
/// Bytes that a page may have at most, and at least where there is little memory; writers make them of 1 MiB.
const PAGE: std::ops::RangeInclusive<u64> = (16 << 20)..=(512 << 20);

/// What is wrong with a file that says it is a Parquet file.
#[derive(Debug)]
pub(in crate::data) struct Broken(String);

/// What a sound file gives.
pub(in crate::data) type Sound<T> = std::result::Result<T, Broken>;

impl Broken {
    pub fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<ParquetError> for Broken {
    fn from(error: ParquetError) -> Self {
        Self(error.to_string())
    }
}

/// What `read` reads of the file at `path`; a panic in there says that it is not sound.
pub(in crate::data) fn soundly<T>(path: &Path, read: impl FnOnce() -> Sound<T>) -> Result<T> {
    let read = catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|panic| Err(Broken(said(panic.as_ref()))));
    read.map_err(|Broken(what)| DataError::Unsound { path: path.to_owned(), what }.into())
}

/// What a panic said.
fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it cannot be read").to_owned()
}

/// How many rows the file at `path` says that it has; none where it is no Parquet file.
pub(in crate::data) fn rows(path: &Path) -> Option<u64> {
    let (mut file, metadata) = source::open(path).ok()?;
    let mut first = [0; 4];
    file.read_exact(&mut first).ok()?;
    (first == *MAGIC).then(|| Table::read(path, file, metadata.len()).ok()).flatten().map(|table| table.rows())
}

/// A Parquet file whose pages are to be read.
pub(in crate::data) struct Table {
    path: PathBuf,
    name: String,
    shared: Shared,
    metadata: ParquetMetaData,
}

/// A column of a file.
#[derive(Clone, Copy, Debug)]
pub(in crate::data) struct Column {
    /// Among the columns of the file, from 0.
    pub place: usize,
    pub kind: Kind,
    /// Among all that the file has pages of.
    leaf: usize,
    /// What its lists are made of, where a row has one.
    elements: Option<Elements>,
}

impl Column {
    /// Whether a row has a list of values.
    pub fn is_list(&self) -> bool {
        self.elements.is_some()
    }
}

impl Table {
    /// # Errors
    /// It cannot be read, is something else, or is not sound.
    pub fn open(Located { name, path }: &Located) -> Result<Self> {
        // Whoever opens a pipe waits for who writes to it.
        if name == STANDARD_INPUT || path.metadata().is_ok_and(|found| !found.is_file() && !found.is_dir()) {
            return Err(DataError::NotSeekable { name: name.clone() }.into());
        }
        let (mut file, metadata) = source::open(path)?;
        let mut first = Vec::new();
        file.by_ref().take(LOOKED_AT as u64).read_to_end(&mut first).map_err(Error::io("read", path))?;
        if first.is_empty() {
            return Err(DataError::Empty { path: path.clone() }.into());
        }
        let other = |is, remedy| Err(DataError::NotParquet { path: path.clone(), is, remedy }.into());
        match source::Kind::of(&first) {
            source::Kind::Parquet => {}
            source::Kind::Plain if first.starts_with(b"PARE") => {
                return other("an encrypted Parquet file", "decrypt it");
            }
            source::Kind::Plain if first.starts_with(MAGIC) => {}
            source::Kind::Plain => return other("text", "say `format csv` or `format tsv` in the schema"),
            source::Kind::Gzip => return other("packed with gzip", "unpack it: gunzip FILE"),
            source::Kind::Zstd => return other("packed with zstd", "unpack it: unzstd FILE"),
            source::Kind::Other { is, remedy } => return other(is, remedy),
        }
        Ok(Self { name: name.clone(), ..Self::read(path, file, metadata.len())? })
    }

    fn read(path: &Path, file: File, size: u64) -> Result<Self> {
        let shared = Shared::new(file, size);
        let metadata = soundly(path, || {
            let torn = || Broken::new("its end is missing; was it written to its end?");
            let tail = shared.bytes(size.checked_sub(TAIL).ok_or_else(torn)?, TAIL as usize);
            let tail = tail.map_err(|error| Broken(error.to_string()))?;
            let (length, magic) = tail.split_at(4);
            if magic != MAGIC {
                let encrypted = magic == b"PARE";
                return Err(if encrypted { Broken::new("it is encrypted; decrypt it") } else { torn() });
            }
            let length = length.iter().rev().fold(0, |length, &byte| length << 8 | u64::from(byte));
            if length > MOST_FOOTER || length + TAIL + MAGIC.len() as u64 > size {
                return Err(Broken(format!("its last part, of {length} bytes, is longer than it may be")));
            }
            let footer = shared.bytes(size - TAIL - length, length as usize);
            let footer = footer.map_err(|error| Broken(error.to_string()))?;
            let metadata = ParquetMetaDataReader::decode_metadata(&footer)?;
            if metadata.row_groups().iter().any(|group| group.num_rows() < 0) {
                return Err(Broken::new("a row group of fewer than no rows"));
            }
            Ok(metadata)
        })?;
        Ok(Self { path: path.to_owned(), name: path.display().to_string(), shared, metadata })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The names of its columns.
    pub fn names(&self) -> Vec<String> {
        let fields = self.metadata.file_metadata().schema().get_fields();
        fields.iter().map(|field| field.name().to_owned()).collect()
    }

    /// Rows of each row group.
    pub fn groups(&self) -> impl Iterator<Item = u64> + '_ {
        self.metadata.row_groups().iter().map(|group| group.num_rows().cast_unsigned())
    }

    pub fn rows(&self) -> u64 {
        self.groups().fold(0, u64::saturating_add)
    }

    /// Where its columns of these names are, and the names of the others.
    ///
    /// # Errors
    /// It has not one column of each name.
    pub fn places(&self, names: &[String]) -> Result<(Vec<usize>, Vec<String>)> {
        named(&self.name, names, &self.names())
    }

    /// # Errors
    /// It holds other than a value or a list of values a row.
    pub fn column(&self, place: usize) -> Result<Column> {
        let schema = self.metadata.file_metadata().schema_descr();
        let root = &schema.root_schema().get_fields()[place];
        let refused = |is| {
            let (file, column) = (self.name.clone(), root.name().to_owned());
            DataError::ColumnKind { file, column, is }
        };
        let mut leaves = (0..schema.num_columns()).filter(|&leaf| schema.get_column_root_idx(leaf) == place);
        let leaf = leaves.next().ok_or_else(|| refused("a structure of nothing"))?;
        let column = schema.column(leaf);
        if leaves.next().is_some() {
            return Err(refused("a map or a structure").into());
        }
        let kind = Kind::of(&column).ok_or_else(|| refused("decimal numbers of more than 128 bits"))?;
        match column.max_rep_level() {
            0 if root.is_group() => Err(refused("a structure").into()),
            0 => Ok(Column { place, kind, leaf, elements: None }),
            1 => {
                let value = column.max_def_level();
                let optional = column.self_type().get_basic_info().repetition() == Repetition::OPTIONAL;
                let elements = Some(Elements { kind, from: value - i16::from(optional), value });
                Ok(Column { place, kind: Kind::Text, leaf, elements })
            }
            _ => Err(refused("a list of lists").into()),
        }
    }

    /// What it says of a column.
    pub fn descriptor(&self, column: Column) -> ColumnDescPtr {
        self.metadata.file_metadata().schema_descr().column(column.leaf)
    }

    /// The values that a row group has in a column. Nothing is read yet.
    pub fn chunk(&self, group: usize, column: Column) -> Sound<Chunk> {
        let group = self.metadata.row_group(group);
        let chunk = group.columns().get(column.leaf).ok_or_else(|| Broken::new("a row group that lacks a column"))?;
        let (start, length) = chunk.byte_range();
        if start.checked_add(length).is_none_or(|end| end > self.shared.size) || chunk.file_path().is_some() {
            return Err(Broken::new("a column that lies beyond its end, or in another file"));
        }
        let gzip = match chunk.compression() {
            Compression::GZIP(_) => true,
            Compression::UNCOMPRESSED | Compression::SNAPPY | Compression::ZSTD(_) | Compression::LZ4_RAW => false,
            other => {
                return Err(Broken(format!("its pages are packed with {other}; write it with snappy or zstd")));
            }
        };
        let room = available_memory().map_or(*PAGE.end(), |free| free.0 / 4 / group.columns().len().max(1) as u64);
        let pages = Pages::new(self.shared.clone(), room.clamp(*PAGE.start(), *PAGE.end()), gzip);
        let pages = SerializedPageReader::new(pages.into(), chunk, group.num_rows() as usize, None)?;
        Chunk::new(chunk, Box::new(pages), column.elements)
    }
}
