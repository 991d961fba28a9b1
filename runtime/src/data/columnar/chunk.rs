//! The values of one column in one row group, some at a time.

use bytes::Bytes;
use parquet::basic::{Encoding, Type as Physical};
use parquet::column::page::{Page, PageReader};
use parquet::column::reader::{ColumnReader, get_column_reader};
use parquet::data_type::AsBytes;
use parquet::file::metadata::ColumnChunkMetaData;

use super::hybrid::Hybrid;
use super::lists::Elements;
use super::table::{Broken, Sound};

/// Some values that follow each other.
pub(in crate::data) enum Run<'p> {
    /// The entries that are meant from here on.
    Dictionary(&'p Entries),
    /// The number of an entry for each row; how many there are where the value is missing.
    Coded(&'p [u32], &'p Entries),
    /// Whether each row has a value, 1, or not, 0; and the values.
    Plain(&'p [u32], &'p Entries),
}

/// Values one after the other.
#[derive(Default)]
pub(in crate::data) struct Entries {
    bytes: Bytes,
    /// Where each begins and ends.
    spans: Vec<(u32, u32)>,
}

impl Entries {
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.spans.iter().map(|&(start, end)| &self.bytes[start as usize..end as usize])
    }

    /// Of these bytes, so many each.
    pub(super) fn of(&mut self, bytes: Vec<u8>, lengths: &[usize]) -> Sound<()> {
        if u32::try_from(bytes.len()).is_err() {
            return Err(Broken::new("lists of more bytes than there is room for"));
        }
        let mut end = 0;
        self.spans.clear();
        self.spans.extend(lengths.iter().map(|length| {
            let start = end;
            end += *length as u32;
            (start, end)
        }));
        self.bytes = bytes.into();
        Ok(())
    }

    pub fn get(&self, index: usize) -> Option<&[u8]> {
        self.spans.get(index).map(|&(start, end)| &self.bytes[start as usize..end as usize])
    }

    /// Finds `count` values from `start` on; where they end.
    pub(super) fn find(&mut self, bytes: Bytes, start: usize, count: usize, length: Option<usize>) -> Sound<usize> {
        let early = || Broken::new("a page that ends before its values do");
        self.bytes = bytes;
        self.spans.clear();
        let mut at = start;
        for _ in 0..count {
            let length = match length {
                Some(length) => length,
                None => {
                    let said = self.bytes.get(at..).and_then(|rest| rest.first_chunk()).ok_or_else(early)?;
                    at += said.len();
                    u32::from_le_bytes(*said) as usize
                }
            };
            let end = at.checked_add(length).filter(|&end| end <= self.bytes.len()).ok_or_else(early)?;
            self.spans.push((at as u32, end as u32));
            at = end;
        }
        Ok(at)
    }
}

/// Values of a column, read from the first to the last.
pub(in crate::data) struct Chunk {
    source: Source,
    /// Bytes of a value, where all have as many.
    length: Option<usize>,
    is_truth: bool,
    /// Whether values may be missing.
    optional: bool,
    dictionary: Option<Entries>,
    /// What is left of the page that is being read.
    data: Option<Data>,
    /// Kept, for their memory.
    levels: Vec<u32>,
    codes: Vec<u32>,
    values: Entries,
}

/// Where pages come from.
enum Source {
    Pages(Box<dyn PageReader>),
    /// Values in encodings that are rare, which the crate decodes; of lists, with what is in them.
    Decoded(Box<ColumnReader>, Option<Elements>),
}

struct Data {
    left: usize,
    levels: Option<Hybrid>,
    values: Values,
}

enum Values {
    Coded(Hybrid),
    /// From here on.
    Plain(Bytes, usize),
}

impl Chunk {
    /// `elements`: what a list is made of, where a row has one.
    pub fn new(metadata: &ColumnChunkMetaData, pages: Box<dyn PageReader>, elements: Option<Elements>) -> Sound<Self> {
        let column = metadata.column_descr();
        let length = match column.physical_type() {
            Physical::BOOLEAN => Some(1),
            Physical::INT32 | Physical::FLOAT => Some(4),
            Physical::INT64 | Physical::DOUBLE => Some(8),
            Physical::INT96 => Some(12),
            Physical::BYTE_ARRAY => None,
            Physical::FIXED_LEN_BYTE_ARRAY => Some(
                usize::try_from(column.type_length())
                    .ok()
                    .filter(|&length| length > 0)
                    .ok_or_else(|| Broken::new("values of no bytes"))?,
            ),
        };
        let rare = |encoding| {
            matches!(
                encoding,
                Encoding::DELTA_BINARY_PACKED
                    | Encoding::DELTA_LENGTH_BYTE_ARRAY
                    | Encoding::DELTA_BYTE_ARRAY
                    | Encoding::BYTE_STREAM_SPLIT
            )
        };
        let source = if elements.is_some() || metadata.encodings().any(rare) {
            Source::Decoded(Box::new(get_column_reader(metadata.column_descr_ptr(), pages)), elements)
        } else {
            Source::Pages(pages)
        };
        Ok(Self {
            source,
            length,
            is_truth: column.physical_type() == Physical::BOOLEAN,
            optional: column.max_def_level() > 0,
            dictionary: None,
            data: None,
            levels: Vec::new(),
            codes: Vec::new(),
            values: Entries::default(),
        })
    }

    /// Gives the next values to `each`, run by run.
    pub fn read(&mut self, rows: usize, mut each: impl FnMut(Run)) -> Sound<()> {
        let mut left = rows;
        while left > 0 {
            if let Source::Decoded(reader, elements) = &mut self.source {
                self.levels.clear();
                let read =
                    decoded(reader, left, (self.optional, *elements), &mut self.levels, self.length, &mut self.values)?;
                each(Run::Plain(&self.levels, &self.values));
                left -= read;
                continue;
            }
            match &mut self.data {
                Some(data) if data.left > 0 => {
                    let count = left.min(data.left);
                    left -= count;
                    data.left -= count;
                    self.run(count, &mut each)?;
                }
                _ => self.turn(&mut each)?,
            }
        }
        Ok(())
    }

    /// The next `count` values of the page.
    fn run(&mut self, count: usize, each: &mut impl FnMut(Run)) -> Sound<()> {
        let Self { data, levels, codes, values, length, dictionary, .. } = self;
        let Some(data) = data else { return Ok(()) };
        levels.clear();
        levels.resize(count, 1);
        if let Some(hybrid) = &mut data.levels {
            hybrid.read(levels)?;
        }
        let there = levels.iter().map(|&level| level as usize).sum::<usize>();
        if there > count || levels.iter().any(|&level| level > 1) {
            return Err(Broken::new("levels that there are not"));
        }
        match &mut data.values {
            Values::Coded(hybrid) => {
                codes.clear();
                codes.resize(count, 0);
                hybrid.read(&mut codes[..there])?;
                let dictionary =
                    dictionary.as_ref().ok_or_else(|| Broken::new("no dictionary, but numbers of entries"))?;
                let entries = dictionary.len() as u32;
                if codes[..there].iter().any(|&code| code >= entries) {
                    return Err(Broken::new("a number of an entry that there is not"));
                }
                if there < count {
                    let mut from = there;
                    for at in (0..count).rev() {
                        codes[at] = if levels[at] == 1 {
                            from -= 1;
                            codes[from]
                        } else {
                            entries
                        };
                    }
                }
                each(Run::Coded(codes, dictionary));
            }
            Values::Plain(bytes, at) => {
                *at = values.find(bytes.clone(), *at, there, *length)?;
                each(Run::Plain(levels, values));
            }
        }
        Ok(())
    }

    /// Goes on to the next page.
    fn turn(&mut self, each: &mut impl FnMut(Run)) -> Sound<()> {
        let Source::Pages(pages) = &mut self.source else { return Ok(()) };
        let page = pages.get_next_page()?.ok_or_else(|| Broken::new("a column that ends before its rows do"))?;
        if self.is_truth && self.dictionary.is_none() {
            let mut entries = Entries::default();
            entries.find(Bytes::from_static(&[0, 1]), 0, 2, Some(1))?;
            each(Run::Dictionary(self.dictionary.insert(entries)));
        }
        let bytes = page.buffer().clone();
        let slice = |from: usize, to: usize| {
            if from <= to && to <= bytes.len() {
                Ok(bytes.slice(from..to))
            } else {
                Err(Broken::new("a page that is shorter than it says"))
            }
        };
        // A length, and so many bytes.
        let prefixed = |at: usize| {
            let said =
                bytes.get(at..).and_then(|rest| rest.first_chunk()).map_or(u32::MAX, |said| u32::from_le_bytes(*said));
            let end = (at + 4).saturating_add(said as usize);
            Ok::<_, Broken>((slice(at + 4, end)?, end))
        };
        let (count, encoding, levels, start) = match page {
            Page::DictionaryPage { num_values, encoding, .. } => {
                if self.dictionary.is_some() || !matches!(encoding, Encoding::PLAIN | Encoding::PLAIN_DICTIONARY) {
                    return Err(Broken::new("a dictionary where there can be none"));
                }
                let mut entries = Entries::default();
                entries.find(bytes, 0, num_values as usize, self.length)?;
                each(Run::Dictionary(self.dictionary.insert(entries)));
                return Ok(());
            }
            Page::DataPage { num_values, encoding, def_level_encoding, .. } => {
                if !self.optional {
                    (num_values, encoding, None, 0)
                } else if def_level_encoding == Encoding::RLE {
                    let (levels, start) = prefixed(0)?;
                    (num_values, encoding, Some(Hybrid::new(levels, 1)?), start)
                } else {
                    return Err(Broken::new(format!(
                        "levels written as {def_level_encoding}, which nobody does any more"
                    )));
                }
            }
            Page::DataPageV2 { num_values, encoding, def_levels_byte_len, rep_levels_byte_len, .. } => {
                let first = rep_levels_byte_len as usize;
                let start = first.saturating_add(def_levels_byte_len as usize);
                let levels = slice(first, start)?;
                let levels = if self.optional { Some(Hybrid::new(levels, 1)?) } else { None };
                (num_values, encoding, levels, start)
            }
        };
        let values = match encoding {
            Encoding::PLAIN if self.is_truth => Values::Coded(Hybrid::bits(slice(start, bytes.len())?)),
            Encoding::RLE if self.is_truth => Values::Coded(Hybrid::new(prefixed(start)?.0, 1)?),
            Encoding::PLAIN => {
                slice(start, bytes.len())?;
                Values::Plain(bytes, start)
            }
            Encoding::RLE_DICTIONARY | Encoding::PLAIN_DICTIONARY => {
                // Where no row has a value, there may be nothing.
                let width = bytes.get(start).copied().unwrap_or(0);
                Values::Coded(Hybrid::new(slice((start + 1).min(bytes.len()), bytes.len())?, width)?)
            }
            other => return Err(Broken::new(format!("values written as {other}, which its last part does not tell"))),
        };
        self.data = Some(Data { left: count as usize, levels, values });
        Ok(())
    }
}

/// Reads values that the crate decodes, at most `most`, and how many there were.
fn decoded(
    reader: &mut ColumnReader,
    most: usize,
    (optional, elements): (bool, Option<Elements>),
    there: &mut Vec<u32>,
    length: Option<usize>,
    values: &mut Entries,
) -> Sound<usize> {
    let (mut levels, mut repeated, mut bytes) = (Vec::new(), Vec::new(), Vec::new());
    macro_rules! read {
        ($reader:expr) => {{
            let mut found = Vec::new();
            let (read, count, _) = $reader.read_records(most, Some(&mut levels), Some(&mut repeated), &mut found)?;
            for value in &found {
                let value = value.as_bytes();
                if length.is_none() {
                    bytes.extend_from_slice(&(value.len() as u32).to_le_bytes());
                }
                bytes.extend_from_slice(value);
            }
            (read, count)
        }};
    }
    let (read, count) = match reader {
        ColumnReader::BoolColumnReader(reader) => read!(reader),
        ColumnReader::Int32ColumnReader(reader) => read!(reader),
        ColumnReader::Int64ColumnReader(reader) => read!(reader),
        ColumnReader::Int96ColumnReader(reader) => read!(reader),
        ColumnReader::FloatColumnReader(reader) => read!(reader),
        ColumnReader::DoubleColumnReader(reader) => read!(reader),
        ColumnReader::ByteArrayColumnReader(reader) => read!(reader),
        ColumnReader::FixedLenByteArrayColumnReader(reader) => read!(reader),
    };
    if read == 0 {
        return Err(Broken::new("a column that ends before its rows do"));
    }
    if let Some(elements) = elements {
        let mut found = Entries::default();
        found.find(bytes.into(), 0, count, length)?;
        elements.join(&levels, &repeated, &found, there, values)?;
        return Ok(read);
    }
    if optional {
        there.extend(levels.iter().map(|&level| u32::from(level > 0)));
    } else {
        there.resize(read, 1);
    }
    values.find(bytes.into(), 0, count, length)?;
    Ok(read)
}
