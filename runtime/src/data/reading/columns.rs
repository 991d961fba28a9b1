//! Columns, some rows at a time: each read and encoded by a thread, then brought together as rows.
//!
//! What an entry of a dictionary becomes is worked out once, and not for each row that has it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;

use super::Output;
use super::Rows;
use super::lines::Problem;
use super::onward::{Going, Keeping};
use crate::data::columnar::{Broken, Chunk, Column, Entries, Kind, Run, Table, soundly};
use crate::data::fit::Completion;
use crate::data::kept::Kept;
use crate::data::malformed::{DESCRIBED, Malformed};
use crate::data::quote::quote;
use crate::data::source::{SourceFile, identify, unidentified};
use crate::data::table::{Dictionary, Maker, Scalar};
use crate::data::text::place_of;
use crate::error::DataError;
use crate::{Result, Stop};

/// Rows that are read at a time: few enough that what they become stays in a second cache, or nearly.
const SLAB: usize = 1 << 13;
/// Rows that one task brings together.
const TILE: usize = 1 << 8;

/// Reads Parquet files, and returns what they were.
pub(super) fn read(output: &mut Output, stop: &Stop) -> Result<Vec<SourceFile>> {
    let (schema, located) = (output.schema, output.located);
    let mut readers: Vec<Reader> = Vec::new();
    // Which code a value has may follow from who comes first; what is learnt of the codes does not.
    let dictionaries = output.dictionaries().iter_mut().map(|own| Arc::new(Mutex::new(std::mem::take(own))));
    let dictionaries: Vec<Shared> = dictionaries.collect();
    let onward = output.onward();
    let new = |column| Reader { column, found: None, chunk: None, makings: Vec::new(), keeping: None };
    for maker in output.cells.makers() {
        let (column, dictionary) = (maker.column, maker.dictionary);
        let dictionary = dictionary.and_then(|index| dictionaries.get(index).cloned());
        let place = readers.iter().position(|reader| reader.column == column).unwrap_or(readers.len());
        if place == readers.len() {
            readers.push(new(column));
        }
        readers[place].makings.push(Making::new(maker, dictionary));
    }
    for &column in onward.map_or(&[][..], |onward| &onward.keep) {
        let place = readers.iter().position(|reader| reader.column == column).unwrap_or(readers.len());
        if place == readers.len() {
            readers.push(new(column));
        }
        readers[place].keeping = Some(Keeping::new(onward.is_some_and(|onward| onward.stored)));
    }
    let learnt = onward.and_then(|onward| onward.encoder);
    let completion = learnt.map(|encoder| Completion::new(schema, output.cells, encoder));
    let mut going = Going { onward, completion, dictionaries: &dictionaries };
    let (mut files, mut begun) = (Vec::new(), 0);
    for (index, one) in located.iter().enumerate() {
        let table = Table::open(one)?;
        let (places, unread) = table.places(&schema.columns)?;
        if index == 0 {
            output.leave(&unread);
        }
        for reader in &mut readers {
            let found = table.column(places[reader.column])?;
            if reader.keeping.is_some() && found.is_list() {
                let (file, column) = (one.name.clone(), schema.columns[reader.column].clone());
                return Err(
                    DataError::ColumnKind { file, column, is: "lists, which are no value that could be kept" }.into()
                );
            }
            reader.found = Some(found);
        }
        let file = File { index, begun, size: one.path.metadata().map_or(0, |metadata| metadata.len()), table };
        let (read, identified) = std::thread::scope(|scope| {
            let asked = going.onward.is_none();
            let identified = scope.spawn(move || if asked { identify(one) } else { Ok(unidentified(one)) });
            let read = file.read(&mut readers, &mut going, output, stop);
            (read, identified.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        read?;
        let source = identified?;
        begun += source.size;
        files.push(source);
    }
    for (own, shared) in output.dictionaries().iter_mut().zip(&dictionaries) {
        *own = std::mem::take(&mut locked(shared));
    }
    Ok(files)
}

/// A file that is being read.
struct File {
    index: usize,
    /// Bytes of those before it, and its own.
    begun: u64,
    size: u64,
    table: Table,
}

/// Rows that are still to be written.
struct Slab {
    rows: Vec<u8>,
    kept: Kept,
    wrong: Vec<u32>,
    found: Malformed,
    /// Rows of the file so far.
    done: u64,
}

impl File {
    fn read(&self, readers: &mut [Reader], going: &mut Going, output: &mut Output, stop: &Stop) -> Result<()> {
        let (cells, schema) = (output.cells, output.schema);
        let name = &output.located[self.index].name;
        let (stride, path, all) = (cells.stride(), self.table.path(), self.table.rows().max(1));
        let told = |row: u64, wrong: &Wrong, reader: &Reader| {
            let at = place_of(schema, reader.column, reader.found.map_or(0, |found| found.place));
            let problem = Problem::Value { at, found: wrong.found.clone(), expected: wrong.expected };
            format!("{name}, row {}, {problem}", row + 1)
        };
        let mut done = 0;
        let mut waiting: Option<Slab> = None;
        for (group, rows) in self.table.groups().enumerate() {
            going.begin();
            readers
                .par_iter_mut()
                .map(|reader| soundly(path, || reader.open(&self.table, group)))
                .collect::<Result<()>>()?;
            let mut left = rows;
            while left > 0 {
                stop.check()?;
                let count = left.min(SLAB as u64) as usize;
                // While the rows before are written, the next ones are read.
                let before = waiting.take();
                let (written, read) = rayon::join(
                    || before.map_or(Ok(()), |slab| self.write(&slab, output)),
                    || -> Result<Slab> {
                        let read = readers.par_iter_mut().map(|reader| soundly(path, || reader.read(count)));
                        read.collect::<Result<()>>()?;
                        let mut rows = together(readers, count, stride);
                        let (wrong, first) =
                            malformed(readers, |wrong, reader| told(done + wrong.row as u64, wrong, reader));
                        if going.keeps_blank() {
                            wrong.iter().for_each(|&row| rows[row as usize * stride..][..stride].fill(0));
                        } else {
                            keep_sound(&mut rows, stride, &wrong);
                        }
                        let found = Malformed { lines: count as u64, malformed: wrong.len() as u64, first };
                        let kept = going.kept(readers, count, &wrong);
                        let rows = going.completed(rows, (stride, cells.layout().stride()), &wrong);
                        Ok(Slab { rows, kept, wrong, found, done: done + count as u64 })
                    },
                );
                written?;
                waiting = Some(read?);
                left -= count as u64;
                done += count as u64;
                self.check_room(readers, output)?;
            }
        }
        if done == 0 {
            return Err(DataError::Empty { path: path.to_owned() }.into());
        }
        waiting.map_or(Ok(()), |slab| self.write(&slab, output))?;
        output.observer.progress((self.size as u128 * u128::from(done) / u128::from(all)) as u64 + self.begun, "");
        Ok(())
    }

    fn write(&self, slab: &Slab, output: &mut Output) -> Result<()> {
        let share = u128::from(self.size) * u128::from(slab.done) / u128::from(self.table.rows().max(1));
        let rows = Rows { bytes: &slab.rows, kept: &slab.kept, wrong: &slab.wrong };
        output.write(self.index, rows, slab.found.clone(), self.begun + share as u64)
    }

    /// Fails where the values of columns take more memory than they may.
    fn check_room(&self, readers: &[Reader], output: &Output) -> Result<()> {
        let makings = readers.iter().flat_map(|reader| &reader.makings);
        let all = makings.filter_map(|making| Some((making.maker.dictionary?, making.dictionary.as_ref()?)));
        let all: BTreeMap<usize, &Shared> = all.collect();
        let taken: u64 = all.values().map(|dictionary| locked(dictionary).memory() as u64).sum();
        match all.into_iter().max_by_key(|(_, dictionary)| locked(dictionary).memory()) {
            Some((index, dictionary)) if taken > output.room => {
                Err(super::too_many(output.cells, output.schema, index, &locked(dictionary)).into())
            }
            _ => Ok(()),
        }
    }
}

/// Reads one column.
pub(super) struct Reader<'a> {
    /// Of the schema.
    pub column: usize,
    /// Of the file that is being read.
    found: Option<Column>,
    chunk: Option<Chunk>,
    makings: Vec<Making<'a>>,
    /// Where its texts go with the rows.
    pub keeping: Option<Keeping>,
}

/// The values of a column, or of several that have one table.
pub(super) type Shared = Arc<Mutex<Dictionary>>;

/// Held while a run of values is read.
pub(super) fn locked(dictionary: &Shared) -> MutexGuard<'_, Dictionary> {
    // A value is added whole or not at all.
    dictionary.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What one part of rows is made of a column's values.
struct Making<'a> {
    maker: Maker<'a>,
    dictionary: Option<Shared>,
    /// What each entry of the chunk's dictionary becomes, and behind them what a missing value does.
    entries: Vec<u64>,
    /// What was expected in place of each of these; nothing where all are sound.
    refused: Vec<Option<&'static str>>,
    /// What the rows of a slab became.
    made: Vec<u64>,
    /// The same two of values that hold several: as many bytes each as the maker's width.
    wide: [Vec<u8>; 2],
    /// Those of them that could not be read, and the first of these in full.
    wrong: Vec<u32>,
    first: Vec<Wrong>,
}

/// A value that cannot be read.
struct Wrong {
    row: u32,
    found: String,
    expected: &'static str,
}

impl Reader<'_> {
    fn open(&mut self, table: &Table, group: usize) -> std::result::Result<(), Broken> {
        self.chunk = self.found.map(|column| table.chunk(group, column)).transpose()?;
        Ok(())
    }

    /// Reads the next `count` rows.
    fn read(&mut self, count: usize) -> std::result::Result<(), Broken> {
        let Self { found, chunk, makings, keeping, .. } = self;
        let (Some(Column { kind, .. }), Some(chunk)) = (*found, chunk) else { return Ok(()) };
        makings.iter_mut().for_each(Making::clear);
        keeping.iter_mut().for_each(|keeping| keeping.texts.clear());
        chunk.read(count, |run| {
            keeping.iter_mut().for_each(|keeping| keeping.add(kind, &run));
            for making in &mut *makings {
                match run {
                    Run::Dictionary(entries) => making.learn(kind, entries),
                    Run::Coded(codes, entries) => making.coded(codes, |code| text(kind, entries.get(code))),
                    Run::Plain(levels, values) => making.plain(kind, levels, values),
                }
            }
        })
    }
}

/// A value as messages show it.
fn text(kind: Kind, bytes: Option<&[u8]>) -> String {
    let mut text = Vec::new();
    bytes.map_or(Scalar::Missing, |bytes| kind.scalar(bytes)).write(&mut text);
    quote(&text)
}

impl<'a> Making<'a> {
    fn new(maker: Maker<'a>, dictionary: Option<Shared>) -> Self {
        let (entries, made, wrong) = (Vec::new(), Vec::new(), Vec::new());
        let wide = Default::default();
        Self { maker, dictionary, entries, refused: Vec::new(), made, wide, wrong, first: Vec::new() }
    }

    /// Begins a slab.
    fn clear(&mut self) {
        self.made.clear();
        self.wide[1].clear();
        self.wrong.clear();
        self.first.clear();
    }

    /// Works out what the entries of a chunk's dictionary become.
    fn learn(&mut self, kind: Kind, entries: &Entries) {
        self.entries.clear();
        self.refused.clear();
        self.wide[0].clear();
        let scalars = entries.iter().map(|bytes| kind.scalar(bytes)).chain([Scalar::Missing]);
        let mut dictionary = self.dictionary.as_ref().map(locked);
        for (index, scalar) in scalars.enumerate() {
            let made = self.maker.make_behind(scalar, dictionary.as_deref_mut(), &mut self.wide[0]);
            if let Err(expected) = made {
                self.refused.resize(entries.len() + 1, None);
                self.refused[index] = Some(expected);
            }
            self.entries.push(made.unwrap_or_default());
        }
    }

    fn coded(&mut self, codes: &[u32], text: impl Fn(usize) -> String) {
        let begun = self.made.len();
        self.made.extend(codes.iter().map(|&code| self.entries[code as usize]));
        if self.maker.is_several() {
            let (width, [entries, made]) = (self.maker.width, &mut self.wide);
            codes.iter().for_each(|&code| made.extend_from_slice(&entries[code as usize * width..][..width]));
        }
        if !self.refused.is_empty() {
            for (row, &code) in (begun as u32..).zip(codes) {
                if let Some(expected) = self.refused[code as usize] {
                    self.refuse(row, expected, || text(code as usize));
                }
            }
        }
    }

    fn plain(&mut self, kind: Kind, levels: &[u32], values: &Entries) {
        let dictionary = self.dictionary.clone();
        let mut dictionary = dictionary.as_ref().map(locked);
        let mut values = values.iter();
        for &level in levels {
            let bytes = if level == 1 { values.next() } else { None };
            let scalar = bytes.map_or(Scalar::Missing, |bytes| kind.scalar(bytes));
            let made = self.maker.make_behind(scalar, dictionary.as_deref_mut(), &mut self.wide[1]);
            if let Err(expected) = made {
                self.refuse(self.made.len() as u32, expected, || text(kind, bytes));
            }
            self.made.push(made.unwrap_or_default());
        }
    }

    #[cold]
    fn refuse(&mut self, row: u32, expected: &'static str, text: impl FnOnce() -> String) {
        self.wrong.push(row);
        if self.first.len() < DESCRIBED {
            self.first.push(Wrong { row, found: text(), expected });
        }
    }
}

/// Rows of what was made of each column.
fn together(readers: &[Reader], count: usize, stride: usize) -> Vec<u8> {
    let makings: Vec<&Making> = readers.iter().flat_map(|reader| &reader.makings).collect();
    let mut rows = vec![0; count * stride];
    rows.par_chunks_mut(TILE * stride).enumerate().for_each(|(tile, rows)| {
        for making in &makings {
            let (at, width) = (making.maker.at, making.maker.width);
            if making.maker.is_several() {
                let made = making.wide[1][tile * TILE * width..].chunks_exact(width);
                let rows = rows.chunks_exact_mut(stride).zip(made);
                rows.for_each(|(row, made)| row[at..][..width].copy_from_slice(made));
                continue;
            }
            let made = &making.made[tile * TILE..];
            let parts = rows.chunks_exact_mut(stride).map(|row| &mut row[at..]).zip(made);
            match width {
                4 => parts.for_each(|(row, &made)| row[..4].copy_from_slice(&(made as u32).to_le_bytes())),
                8 => parts.for_each(|(row, made)| row[..8].copy_from_slice(&made.to_le_bytes())),
                _ => parts.for_each(|(row, &made)| row[0] = made as u8),
            }
        }
    });
    rows
}

/// The rows that have a value which cannot be read, and what is said of the first of them: of each the first value, in the
/// order of the schema.
fn malformed(readers: &[Reader], told: impl Fn(&Wrong, &Reader) -> String) -> (Vec<u32>, Vec<String>) {
    let makings = || readers.iter().flat_map(|reader| reader.makings.iter().map(move |making| (making, reader)));
    let mut rows: Vec<u32> = makings().flat_map(|(making, _)| making.wrong.iter().copied()).collect();
    rows.sort_unstable();
    rows.dedup();
    let first = rows.iter().take(DESCRIBED).filter_map(|row| {
        let of_row = makings().filter_map(|(making, reader)| {
            let wrong = making.first.iter().find(|wrong| wrong.row == *row)?;
            Some((making.maker.order, wrong, reader))
        });
        of_row.min_by_key(|(order, ..)| *order).map(|(_, wrong, reader)| told(wrong, reader))
    });
    let first = first.collect();
    (rows, first)
}

/// Takes out the rows of these numbers, which are in their order.
fn keep_sound(rows: &mut Vec<u8>, stride: usize, without: &[u32]) {
    let Some(&first) = without.first() else { return };
    let (mut kept, mut without) = (first as usize, without.iter().peekable());
    for row in first as usize..rows.len() / stride {
        if without.next_if(|&&wrong| wrong as usize == row).is_none() {
            rows.copy_within(row * stride..(row + 1) * stride, kept * stride);
            kept += 1;
        }
    }
    rows.truncate(kept * stride);
}
