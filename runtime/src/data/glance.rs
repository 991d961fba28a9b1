//! What is told of a table that is read for a training: what `survey` finds in all of its rows that ruins a model without a
//! word, looked for in so few of them that it costs nothing.
//!
//! Numbers are those of training rows, as a model reads them. Which values share a row of a table no record says any more, so
//! these are read once more, from the beginning of the first file.

use nasrec_compiler::schema::{Format, Schema, SparseColumn, Table};
use rayon::prelude::*;

use super::columnar::{self, Run, soundly};
use super::dataset::{Dataset, Part};
use super::source::{Located, Reader};
use super::survey::{Collisions, crowded, cut, scale};
use super::table::{Cells, Dictionaries, Scalar, Several, Value, row_of};
use super::text::{Heading, Places, Record, Records};
use crate::{Result, Stop};

/// Rows that are looked at, or a few more.
const ROWS: usize = 1 << 14;
/// Blocks of lines that are looked at, at most.
const BLOCKS: usize = 16;
/// Rows whose numbers are held at a time.
const TOGETHER: usize = 1 << 10;

/// A line for each dense column whose numbers are so large, after all steps, that no model learns beside them.
///
/// # Errors
/// The rows can no longer be read.
pub(super) fn scales(schema: &Schema, data: &Dataset) -> Result<Vec<String>> {
    if schema.dense.is_empty() {
        return Ok(Vec::new());
    }
    let train = data.part(Part::Train);
    let mut train = train[..train.len().min(ROWS)].to_vec();
    train.sort_unstable();
    let looked = train.par_chunks(TOGETHER).map(|rows| {
        let numeric = data.look(rows)?.numeric;
        let columns = numeric.chunks_exact(rows.len()).map(|numbers| {
            let numbers = numbers.iter().map(|&number| f64::from(number));
            let range = numbers.clone().fold([f64::INFINITY, f64::NEG_INFINITY], |[least, greatest], number| {
                [least.min(number), greatest.max(number)]
            });
            (range, numbers.sum::<f64>())
        });
        Ok(columns.collect::<Vec<_>>())
    });
    let looked = looked.collect::<Result<Vec<_>>>()?;
    let mut found = vec![([f64::INFINITY, f64::NEG_INFINITY], 0.0); schema.dense.len()];
    for columns in looked {
        for (([least, greatest], sum), (range, more)) in found.iter_mut().zip(columns) {
            (*least, *greatest) = (least.min(range[0]), greatest.max(range[1]));
            *sum += more;
        }
    }
    let told = schema.dense.iter().zip(found).filter_map(|(column, (range, sum))| {
        let (what, help) = scale(range, sum / train.len() as f64, &column.transforms)?;
        Some(format!("warning: column {}: {what}: {help}", column.name))
    });
    Ok(told.collect())
}

/// A line for each column of which too many values share the rows of a table, for a table that does not learn which has which.
pub(super) fn collisions(schema: &Schema, located: &[Located]) -> Vec<String> {
    let shares = |column: &&SparseColumn| matches!(column.table, Table::Modulo | Table::Hash { .. });
    let shared: Vec<&SparseColumn> = schema.sparse.iter().filter(shares).collect();
    // What can be read once only is left to who reads all of it.
    let Some(first) = located.first().filter(|file| !shared.is_empty() && file.is_regular()) else {
        return Vec::new();
    };
    // As vocabularies their values are numbered, and kept.
    let table = Table::Vocabulary { min_count: 1 };
    let numbered = shared.iter().map(|&column| SparseColumn { table: table.clone(), ..column.clone() });
    let looked = Schema {
        dense: Vec::new(),
        sparse: numbered.collect(),
        weight: None,
        group: None,
        time: None,
        part: None,
        ..schema.clone()
    };
    // What is wrong with the file is told by who reads all of it.
    let Ok((cells, values)) = values(&looked, first) else { return Vec::new() };
    let told = shared.iter().enumerate().filter_map(|(at, column)| {
        let values = &values[cells.dictionary_of(at)?];
        let size = u32::try_from(column.rows).ok()?;
        let row = |code: u32| row_of(&column.table, size, Value::of(&column.kind, values.value(code)));
        let rows = (0..values.len() as u32).map(row).collect();
        let (what, help) = crowded(&Collisions::of(rows, u64::from(size)))?;
        Some(format!("warning: column {}: in the first rows, {what}: {help}", column.name))
    });
    told.collect()
}

/// The values of the first rows of a file, by the dictionaries of a schema that learns all of them.
fn values(schema: &Schema, file: &Located) -> Result<(Cells, Dictionaries)> {
    let cells = Cells::new(schema)?;
    let mut values = cells.dictionaries();
    match schema.format {
        Format::Lines(_) | Format::Pairs(_) => of_lines(schema, file, &cells, &mut values)?,
        Format::Parquet => of_columns(schema, file, &cells, &mut values)?,
    }
    Ok((cells, values))
}

fn of_lines(schema: &Schema, file: &Located, cells: &Cells, values: &mut Dictionaries) -> Result<()> {
    let (mut reading, mut row) = (cells.reading(), vec![0; cells.stride()]);
    lines(schema, file, |record, places| {
        let value = |column: usize| record.value(places.of[column]);
        // Of a row that is left out the values before what is wrong are counted: few, or they are too many.
        cells.write(&mut reading, value, values, &mut row).is_ok()
    })
}

fn of_columns(schema: &Schema, file: &Located, cells: &Cells, values: &mut Dictionaries) -> Result<()> {
    let table = columnar::Table::open(file)?;
    let (places, _) = table.places(&schema.columns)?;
    for mut maker in cells.makers() {
        let Some(values) = maker.dictionary.and_then(|index| values.get_mut(index)) else { continue };
        let column = table.column(places[maker.column])?;
        let mut row = Vec::new();
        column_of(&table, column, |scalar| {
            // What cannot be read is told by who reads all of it.
            let _made = maker.make_behind(scalar, Some(values), &mut row);
            row.clear();
        })?;
    }
    Ok(())
}

/// A line for each column of bags of which some hold more categories than are read.
pub(super) fn cuts(schema: &Schema, located: &[Located]) -> Vec<String> {
    let bags: Vec<Bag> = schema.sparse.iter().filter_map(|column| Bag::of(schema, column)).collect();
    let Some(first) = located.first().filter(|file| !bags.is_empty() && file.is_regular()) else {
        return Vec::new();
    };
    // What is wrong with the file is told by who reads all of it.
    let Ok(bags) = filled(schema, first, bags) else { return Vec::new() };
    let told = bags.iter().filter_map(|bag| {
        let (what, help) = cut(bag.rows, (bag.parts.slots(), bag.parts.is_last()), bag.longest)?;
        Some(format!("warning: column {}: in the first rows, {what}: {help}", bag.name))
    });
    told.collect()
}

/// A column of bags.
struct Bag<'s> {
    name: &'s str,
    /// Index among the columns of the schema.
    column: usize,
    parts: Several,
    /// Rows that hold more than are read, and the most that one holds.
    rows: u64,
    longest: usize,
}

impl<'s> Bag<'s> {
    fn of(schema: &Schema, column: &'s SparseColumn) -> Option<Self> {
        let parts = Several::bag(column.list.as_ref()?);
        let index = schema.columns.iter().position(|name| *name == column.from)?;
        Some(Self { name: &column.name, column: index, parts, rows: 0, longest: 0 })
    }

    fn add(&mut self, text: &[u8], missing: &[String]) {
        let is_missing = |text: &[u8]| text.is_empty() || missing.iter().any(|mark| mark.as_bytes() == text);
        let text = if is_missing(text) { &[] } else { text };
        let count = self.parts.parts(text).filter(|part| !is_missing(part)).count();
        if count > self.parts.slots() {
            self.rows += 1;
            self.longest = self.longest.max(count);
        }
    }
}

/// Bags, filled with the first rows of a file.
fn filled<'s>(schema: &Schema, file: &Located, mut bags: Vec<Bag<'s>>) -> Result<Vec<Bag<'s>>> {
    match schema.format {
        Format::Lines(_) | Format::Pairs(_) => lines(schema, file, |record, places| {
            bags.iter_mut().for_each(|bag| bag.add(record.value(places.of[bag.column]), &schema.missing));
            true
        })?,
        Format::Parquet => {
            let table = columnar::Table::open(file)?;
            let (places, _) = table.places(&schema.columns)?;
            let mut text = Vec::new();
            for bag in &mut bags {
                column_of(&table, table.column(places[bag.column])?, |scalar| {
                    text.clear();
                    scalar.write(&mut text);
                    bag.add(&text, &schema.missing);
                })?;
            }
        }
    }
    Ok(bags)
}

/// Gives `each` the first rows of a file of lines; it says whether one counts.
fn lines(schema: &Schema, file: &Located, mut each: impl FnMut(&Record, &Places) -> bool) -> Result<()> {
    let (heading, stop) = (Heading::new(schema), Stop::new());
    let mut reader = Reader::new(std::slice::from_ref(file), &heading, &stop);
    let (mut bytes, mut records, mut rows) = (Vec::new(), Records::of(schema), 0);
    for _ in 0..BLOCKS {
        let Some(block) = reader.next(&mut bytes)? else { break };
        let places = &block.places;
        records.each(&bytes[..block.len], |_, record| {
            rows += usize::from(record.len() == places.count && each(&record, places));
        });
        if rows >= ROWS {
            break;
        }
    }
    Ok(())
}

/// Gives `each` the first values of a column of a Parquet file.
fn column_of(table: &columnar::Table, column: columnar::Column, mut each: impl FnMut(Scalar)) -> Result<()> {
    let mut add = |bytes: Option<&[u8]>| each(bytes.map_or(Scalar::Missing, |bytes| column.kind.scalar(bytes)));
    let mut left = ROWS as u64;
    for (group, rows) in table.groups().enumerate() {
        let rows = rows.min(left);
        left -= rows;
        if rows == 0 {
            break;
        }
        soundly(table.path(), || {
            table.chunk(group, column)?.read(rows as usize, |run| match run {
                Run::Dictionary(_) => {}
                Run::Coded(codes, entries) => codes.iter().for_each(|&code| add(entries.get(code as usize))),
                Run::Plain(levels, entries) => {
                    let mut entries = entries.iter();
                    levels.iter().for_each(|&level| add(if level == 1 { entries.next() } else { None }));
                }
            })
        })?;
    }
    Ok(())
}
