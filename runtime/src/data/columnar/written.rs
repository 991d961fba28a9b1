//! Rows written as Parquet: the values that were kept of them, and a number each, or several.
//!
//! Of a Parquet file a value is written as it was stored, with the type that it had there; of any other file as its text.

use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::{Compression, ConvertedType, LogicalType, Repetition, Type as Physical};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::{ByteArray, FixedLenByteArray, Int96};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{Type, TypePtr};

use super::table::{Broken, Table, soundly};
use crate::Result;
use crate::data::kept::Kept;
use crate::data::source::{Located, format_of_file};
use crate::error::DataError;
use nasrec_compiler::schema::{Format, Schema};

/// Rows of a row group, and bytes of kept values after which one ends earlier.
const GROUP: usize = 1 << 17;
const GROUP_BYTES: usize = 64 << 20;

/// What columns are in a file that is written.
#[derive(Clone, Debug, Default)]
pub struct Kinds(Vec<TypePtr>);

impl Kinds {
    /// Of these columns of files that are read by a schema: the types that they have there, or texts.
    ///
    /// # Errors
    /// A file cannot be read, has no such column, has lists in it, or another type of it than the one before.
    pub fn of(schema: &Schema, located: &[Located], keep: &[String]) -> Result<Self> {
        let format = located.first().map(|first| format_of_file(schema, first)).transpose()?;
        if !matches!(format, Some(Format::Parquet)) || keep.is_empty() {
            return Ok(Self(keep.iter().map(|name| Arc::new(text(name))).collect()));
        }
        let mut kinds: Option<Vec<TypePtr>> = None;
        for one in located {
            let found = of_file(one, keep)?;
            let Some(before) = &kinds else {
                kinds = Some(found);
                continue;
            };
            if let Some((_, found)) = before.iter().zip(&found).find(|(before, found)| before != found) {
                let (file, column) = (one.name.clone(), found.name().to_owned());
                return Err(DataError::OtherKind { file, column, first: located[0].name.clone() }.into());
            }
        }
        Ok(Self(kinds.unwrap_or_default()))
    }
}

/// A column of texts.
fn text(name: &str) -> Type {
    let text = Type::primitive_type_builder(name, Physical::BYTE_ARRAY);
    let text = text.with_repetition(Repetition::OPTIONAL).with_logical_type(Some(LogicalType::String));
    text.build().unwrap_or_else(|error| unreachable!("a text is sound: {error}"))
}

/// The types that columns of a Parquet file have, under the same names.
fn of_file(located: &Located, keep: &[String]) -> Result<Vec<TypePtr>> {
    let table = Table::open(located)?;
    let (places, _) = table.places(keep)?;
    let types = places.iter().zip(keep).map(|(&place, name)| {
        let found = table.column(place)?;
        if found.is_list() {
            let (file, column) = (located.name.clone(), name.clone());
            return Err(
                DataError::ColumnKind { file, column, is: "lists, which are no value that could be kept" }.into()
            );
        }
        let column = table.descriptor(found);
        let of = || {
            let kind = Type::primitive_type_builder(name, column.physical_type());
            // What has none of these says so by -1, or by nothing.
            let kind = kind.with_repetition(Repetition::OPTIONAL).with_logical_type(column.logical_type_ref().cloned());
            let kind = if column.logical_type_ref().is_none() || column.converted_type() == ConvertedType::DECIMAL {
                kind.with_converted_type(column.converted_type())
            } else {
                kind
            };
            let kind = kind.with_length(column.type_length());
            let kind = kind.with_precision(column.type_precision()).with_scale(column.type_scale());
            kind.build().map(Arc::new).map_err(Broken::from)
        };
        soundly(table.path(), of)
    });
    types.collect()
}

/// A file that is being written.
pub struct Written<W: Write + Send> {
    file: SerializedFileWriter<W>,
    /// Of the columns that are kept.
    kinds: Vec<TypePtr>,
    /// Rows of the group that is not whole, and how many were written before it.
    kept: Kept,
    /// Of each column of numbers.
    numbers: Vec<Vec<Option<f32>>>,
    before: usize,
}

impl<W: Write + Send> Written<W> {
    /// Begins a file with these columns and, behind them, those of numbers. `by`: what writes it.
    ///
    /// # Errors
    /// The disk takes no more.
    pub fn begin(out: W, kinds: Kinds, numbers: &[String], by: &str) -> io::Result<Self> {
        let Kinds(kinds) = kinds;
        let float = |name: &String| {
            let float = Type::primitive_type_builder(name, Physical::FLOAT).with_repetition(Repetition::OPTIONAL);
            float.build().map(Arc::new).map_err(failed)
        };
        let fields = kinds.iter().cloned().map(Ok).chain(numbers.iter().map(float)).collect::<io::Result<_>>()?;
        let all = Type::group_type_builder("schema").with_fields(fields).build().map_err(failed)?;
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).set_created_by(by.to_owned());
        let file = SerializedFileWriter::new(out, Arc::new(all), Arc::new(properties.build())).map_err(failed)?;
        let kept = Kept::new(kinds.len());
        Ok(Self { file, kinds, kept, numbers: vec![Vec::new(); numbers.len()], before: 0 })
    }

    /// Adds rows: what was kept of them, and their numbers, `[columns, rows]`; the rows that are `blank` have none.
    ///
    /// # Errors
    /// The disk takes no more, or a text is none in UTF-8.
    pub fn add(&mut self, kept: &Kept, numbers: &[f32], blank: &[u32]) -> io::Result<()> {
        let rows = numbers.len() / self.numbers.len().max(1);
        for (column, numbers) in self.numbers.iter_mut().zip(numbers.chunks_exact(rows.max(1))) {
            let before = column.len();
            column.extend(numbers.iter().copied().map(Some));
            blank.iter().for_each(|&row| column[before + row as usize] = None);
        }
        self.kept.append(kept, 0..rows);
        if self.waiting() >= GROUP || self.kept.len() >= GROUP_BYTES { self.group() } else { Ok(()) }
    }

    /// Rows of the group that is not whole.
    fn waiting(&self) -> usize {
        self.numbers.first().map_or(0, Vec::len)
    }

    /// Ends the file, which is one only now.
    ///
    /// # Errors
    /// Those of [`Written::add`].
    pub fn end(mut self) -> io::Result<()> {
        if self.waiting() > 0 {
            self.group()?;
        }
        self.file.close().map(drop).map_err(failed)
    }

    /// Writes the rows that wait.
    fn group(&mut self) -> io::Result<()> {
        let rows = self.waiting();
        let Self { file, kinds, kept, numbers, before } = self;
        let mut group = file.next_row_group().map_err(failed)?;
        for (column, kind) in kinds.iter().enumerate() {
            let values: Vec<Option<&[u8]>> = kept.column(column).collect();
            if is_text(kind) {
                let torn =
                    values.iter().position(|value| value.is_some_and(|value| std::str::from_utf8(value).is_err()));
                if let Some(row) = torn {
                    let (row, name) = (*before + row + 1, kind.name());
                    return Err(io::Error::new(
                        io::ErrorKind::InvalidData,
                        format!(
                            "what row {row} has in column {name} is no text in UTF-8, as texts of Parquet are; write CSV, which keeps bytes \
                             as they are, or leave the column out of --keep"
                        ),
                    ));
                }
            }
            let mut writer = group.next_column().map_err(failed)?.ok_or_else(short)?;
            put(writer.untyped(), &values).map_err(failed)?;
            writer.close().map_err(failed)?;
        }
        for numbers in &mut *numbers {
            let mut writer = group.next_column().map_err(failed)?.ok_or_else(short)?;
            let levels: Vec<i16> = numbers.iter().map(|number| i16::from(number.is_some())).collect();
            let there: Vec<f32> = numbers.iter().copied().flatten().collect();
            if let ColumnWriter::FloatColumnWriter(writer) = writer.untyped() {
                writer.write_batch(&there, Some(&levels), None).map_err(failed)?;
            }
            writer.close().map_err(failed)?;
            numbers.clear();
        }
        group.close().map_err(failed)?;
        *before += rows;
        kept.clear();
        Ok(())
    }
}

fn is_text(kind: &Type) -> bool {
    let info = kind.get_basic_info();
    matches!(info.logical_type_ref(), Some(LogicalType::String)) || info.converted_type() == ConvertedType::UTF8
}

/// Writes the values of a column, each as its bytes are stored.
fn put(writer: &mut ColumnWriter, values: &[Option<&[u8]>]) -> std::result::Result<(), ParquetError> {
    let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    let there = values.iter().copied().flatten();
    /// Values of so many bytes.
    fn each<const N: usize, T>(
        values: impl Iterator<Item = impl AsRef<[u8]>>,
        of: impl Fn([u8; N]) -> T,
    ) -> std::result::Result<Vec<T>, ParquetError> {
        let value = |bytes: &[u8]| {
            bytes.try_into().map(&of).map_err(|_| ParquetError::General("a value of another length".into()))
        };
        values.map(|bytes| value(bytes.as_ref())).collect()
    }
    let levels = Some(&levels[..]);
    match writer {
        ColumnWriter::BoolColumnWriter(writer) => {
            writer.write_batch(&each(there, |[byte]: [u8; 1]| byte != 0)?, levels, None)
        }
        ColumnWriter::Int32ColumnWriter(writer) => writer.write_batch(&each(there, i32::from_le_bytes)?, levels, None),
        ColumnWriter::Int64ColumnWriter(writer) => writer.write_batch(&each(there, i64::from_le_bytes)?, levels, None),
        ColumnWriter::FloatColumnWriter(writer) => writer.write_batch(&each(there, f32::from_le_bytes)?, levels, None),
        ColumnWriter::DoubleColumnWriter(writer) => writer.write_batch(&each(there, f64::from_le_bytes)?, levels, None),
        ColumnWriter::Int96ColumnWriter(writer) => {
            let of = |bytes: [u8; 12]| {
                let word = |at: usize| bytes[at..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
                let mut value = Int96::new();
                value.set_data(word(0), word(4), word(8));
                value
            };
            writer.write_batch(&each(there, of)?, levels, None)
        }
        ColumnWriter::ByteArrayColumnWriter(writer) => {
            let values: Vec<ByteArray> = there.map(|bytes| ByteArray::from(bytes.to_vec())).collect();
            writer.write_batch(&values, levels, None)
        }
        ColumnWriter::FixedLenByteArrayColumnWriter(writer) => {
            let values: Vec<FixedLenByteArray> = there.map(|bytes| bytes.to_vec().into()).collect();
            writer.write_batch(&values, levels, None)
        }
    }
    .map(drop)
}

/// What the disk said, or what the crate that writes did.
fn failed(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(cause) => match cause.downcast::<io::Error>() {
            Ok(cause) => *cause,
            Err(cause) => io::Error::other(cause),
        },
        other => io::Error::other(other),
    }
}

fn short() -> io::Error {
    io::Error::other("a row group of fewer columns than its file")
}
