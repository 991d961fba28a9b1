//! What was learnt from the training rows: with it any row is encoded as those were.

use nasrec_compiler::schema::{Fill, Schema, Table, Transform};
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};

use super::categories::{self, Categories};
use super::sources::Source;
use super::tally::{Draw, Seen};
use crate::Result;
use crate::data::batch::EMPTY;
use crate::data::table::{Cells, Dictionary, MISSING, NOTHING};
use crate::elementary::log1p;
use crate::error::DataError;

/// What the fitted steps of a schema have learnt.
#[derive(Clone, Debug, Default)]
pub struct Encoder {
    /// Of each dense column two numbers for each of its steps: what fills, or a shift and a scale.
    pub(super) numbers: Vec<Vec<[f64; 2]>>,
    /// Of the columns that [`categories::kept`] names, in their order.
    pub(super) categories: Vec<Categories>,
    /// Of each sparse column.
    pub(super) tables: Vec<Learnt>,
}

/// Numbers of categories.
pub(crate) struct Numbers<'a> {
    /// Of each value that training rows have.
    pub known: Vec<(&'a [u8], f64)>,
    /// Of a missing one, and of any other.
    pub missing: f64,
    pub unknown: f64,
}

/// What the values of a table's rows are looked up in.
pub(super) struct Columns<'a> {
    pub cells: &'a Cells,
    /// Of each dense column that something is learnt of.
    pub sources: Vec<Option<Source<'a>>>,
    /// Of each sparse column the rows of its codes, where it has a vocabulary of its own.
    pub rows: Vec<Vec<u32>>,
    /// Of each sparse column the one whose table it has: see [`Schema::owner`].
    pub owners: Vec<usize>,
}

/// What the table of a sparse column has learnt.
#[derive(Clone, Debug)]
pub(super) enum Learnt {
    Nothing,
    /// Numbers from an edge on are in the next row.
    Quantiles(Vec<f64>),
    /// The values of rows 2, 3, …
    Vocabulary(Dictionary),
}

impl Encoder {
    /// A number after the first `steps` steps of a column; none where it is missing then.
    pub(super) fn number(
        &self,
        transforms: &[Transform],
        column: usize,
        steps: usize,
        number: Option<f64>,
    ) -> Option<f64> {
        let learnt = transforms.iter().zip(&self.numbers[column]).take(steps);
        learnt.fold(number, |value, (transform, &[a, b])| match *transform {
            Transform::Max(bound) => value.map(|value| value.max(bound)),
            Transform::Min(bound) => value.map(|value| value.min(bound)),
            Transform::Log1p => value.map(log1p),
            Transform::Missing(Fill::Constant(fill)) => value.or(Some(fill)),
            Transform::Missing(Fill::Mean | Fill::Median) => value.or(Some(a)),
            Transform::Standardise => value.map(|value| (value - a) * b),
            Transform::MinMax => value.map(|value| ((value - a) * b).clamp(0.0, 1.0)),
        })
    }

    /// The categories that a dense column is made of.
    pub(super) fn categories_of(&self, schema: &Schema, column: usize) -> Option<&Categories> {
        let first = categories::kept_for(schema, &schema.dense[column])?;
        let place = categories::kept(schema).position(|(index, _)| index == first)?;
        self.categories.get(place)
    }

    /// Extends what is known of the codes of a dictionary, which is that of a sparse column: the row of the embedding table of
    /// each.
    pub(super) fn extend_rows(&self, column: usize, dictionary: &Dictionary, rows: &mut Vec<u32>) {
        let Some(Learnt::Vocabulary(vocabulary)) = self.tables.get(column) else { return };
        let known = |code: u32| vocabulary.find(dictionary.value(code)).map_or(1, |row| row + 2);
        rows.extend((rows.len() as u32..dictionary.len() as u32).map(known));
    }

    /// Fills in of a record what was learnt from its row. `draw`: of a row that was learnt from, what says which fold it is in.
    pub(super) fn complete(
        &self,
        schema: &Schema,
        of: &Columns,
        (row, draw): (&[u8], Option<Draw>),
        record: &mut [u8],
    ) {
        let Columns { cells, sources, rows, owners } = of;
        for (column, (dense, source)) in schema.dense.iter().zip(sources).enumerate() {
            let Some(source) = source else { continue };
            let number = self.number(&dense.transforms, column, dense.transforms.len(), source.number(row, draw));
            // A number that is none is as a missing one: it must not turn the whole model into NaN.
            let number = number.map_or(0.0, |number| number as f32);
            let number = if number.is_finite() { number } else { 0.0 };
            record[4 * column..][..4].copy_from_slice(&number.to_le_bytes());
        }
        let mut slot = schema.dense.len();
        for (column, sparse) in schema.sparse.iter().enumerate() {
            let (first, slots) = (slot, sparse.slots());
            slot += slots;
            let (Some(at), owner) = (cells.source_of_sparse(column), owners[column]) else { continue };
            let (places, _) = record[4 * first..4 * slot].as_chunks_mut::<4>();
            match &self.tables[owner] {
                Learnt::Nothing => {}
                Learnt::Quantiles(edges) => {
                    let id = number_at(row, at).map_or(0, |number| quantile(edges, number));
                    places.iter_mut().for_each(|place| *place = id.to_le_bytes());
                }
                Learnt::Vocabulary(_) => places.iter_mut().enumerate().for_each(|(slot, place)| {
                    let id = match word_at(row, at + 4 * slot) {
                        Some(NOTHING) => EMPTY,
                        Some(MISSING) | None => 0,
                        Some(code) => rows[owner][code as usize],
                    };
                    *place = id.to_le_bytes();
                }),
            }
        }
    }

    /// Rows of the table of a sparse column that some value has, the missing one among them.
    pub fn rows(&self, column: usize) -> Option<usize> {
        match self.tables.get(column)? {
            Learnt::Nothing => None,
            Learnt::Quantiles(edges) => Some(edges.len() + 2),
            Learnt::Vocabulary(vocabulary) => Some(vocabulary.len() + 2),
        }
    }

    /// What the steps of a dense column have learnt: two numbers each.
    pub(crate) fn steps(&self, column: usize) -> &[[f64; 2]] {
        self.numbers.get(column).map_or(&[], Vec::as_slice)
    }

    /// The edges of the quantiles of a sparse column.
    pub(crate) fn edges(&self, column: usize) -> Option<&[f64]> {
        match self.tables.get(column)? {
            Learnt::Quantiles(edges) => Some(edges),
            _ => None,
        }
    }

    /// The values of rows 2, 3, … of the table of a sparse column that has a vocabulary, its own or another one's.
    pub(crate) fn known(&self, schema: &Schema, column: usize) -> Option<Vec<&[u8]>> {
        match self.tables.get(schema.owner(column))? {
            Learnt::Vocabulary(vocabulary) => {
                Some((0..vocabulary.len() as u32).map(|code| vocabulary.value(code)).collect())
            }
            _ => None,
        }
    }

    /// The numbers that the categories of a dense column become before its steps.
    pub(crate) fn numbers_of(&self, schema: &Schema, column: usize) -> Option<Numbers<'_>> {
        let (encoding, categories) = (schema.dense.get(column)?.encoding?, self.categories_of(schema, column)?);
        let rate = categories.all().rate();
        let of = |seen: Seen| encoding.of(seen.rows, seen.clicks, rate);
        let known = categories.values().map(|value| (value, of(categories.seen(Some(value))))).collect();
        Some(Numbers { known, missing: of(categories.seen(None)), unknown: of(Seen::default()) })
    }

    /// As a file of tensors (safetensors): `numbers.COLUMN` (f64), `quantiles.COLUMN` (f64), and of a vocabulary
    /// `vocabulary.COLUMN.bytes` (u8) and `vocabulary.COLUMN.ends` (u32), the values of rows 2, 3, … one after the other. Of
    /// categories that become numbers `categories.COLUMN.bytes` and `.ends` likewise, and `categories.COLUMN.seen` (u32): how
    /// many training rows have each and how many of these are clicks, and last of what is missing. Columns that are made of
    /// the same have this once, under the name of the first.
    ///
    /// # Errors
    /// None that a user could cause.
    pub fn to_bytes(&self, schema: &Schema) -> Result<Vec<u8>> {
        let mut parts: Vec<(String, Dtype, Vec<u8>)> = Vec::new();
        let floats = |all: &[f64]| all.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>();
        for (column, numbers) in schema.dense.iter().zip(&self.numbers) {
            if column.transforms.iter().any(|transform| transform.is_fitted()) {
                parts.push((format!("numbers.{}", column.name), Dtype::F64, floats(numbers.as_flattened())));
            }
        }
        let words = |all: &[u32]| all.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
        for ((_, column), categories) in categories::kept(schema).zip(&self.categories) {
            let (bytes, ends, seen) = categories.parts();
            parts.push((format!("categories.{}.bytes", column.name), Dtype::U8, bytes.to_vec()));
            parts.push((format!("categories.{}.ends", column.name), Dtype::U32, words(ends)));
            parts.push((format!("categories.{}.seen", column.name), Dtype::U32, words(seen.as_flattened())));
        }
        for (column, learnt) in schema.sparse.iter().zip(&self.tables) {
            match learnt {
                Learnt::Nothing => {}
                Learnt::Quantiles(edges) => {
                    parts.push((format!("quantiles.{}", column.name), Dtype::F64, floats(edges)));
                }
                Learnt::Vocabulary(vocabulary) => {
                    let (bytes, ends) = vocabulary.parts();
                    parts.push((format!("vocabulary.{}.bytes", column.name), Dtype::U8, bytes.to_vec()));
                    parts.push((format!("vocabulary.{}.ends", column.name), Dtype::U32, words(ends)));
                }
            }
        }
        let width = |dtype| match dtype {
            Dtype::F64 => 8,
            Dtype::U32 => 4,
            _ => 1,
        };
        let views = parts.iter().map(|(name, dtype, bytes)| {
            Ok((name.as_str(), TensorView::new(*dtype, vec![bytes.len() / width(*dtype)], bytes)?))
        });
        let views: Vec<_> = views.collect::<Result<_, safetensors::SafeTensorError>>()?;
        Ok(serialize(views, None)?)
    }

    /// What [`Encoder::to_bytes`] wrote for this schema.
    ///
    /// # Errors
    /// [`DataError::Encoder`]: it is of another schema, or damaged.
    pub fn from_bytes(bytes: &[u8], schema: &Schema) -> Result<Self> {
        let damaged = |what: &str| DataError::Encoder { what: what.to_owned() };
        let file = SafeTensors::deserialize(bytes).map_err(|error| damaged(&error.to_string()))?;
        let part = |name: String, dtype: Dtype| {
            let view = file.tensor(&name).map_err(|_| damaged(&format!("it has no {name}")))?;
            if view.dtype() == dtype { Ok(view.data()) } else { Err(damaged(&format!("{name} is of another type"))) }
        };
        let floats = |bytes: &[u8]| -> Vec<f64> {
            bytes.as_chunks::<8>().0.iter().map(|&bytes| f64::from_le_bytes(bytes)).collect()
        };
        let words = |bytes: &[u8]| -> Vec<u32> {
            bytes.as_chunks::<4>().0.iter().map(|&bytes| u32::from_le_bytes(bytes)).collect()
        };
        let mut encoder = Self::default();
        for (_, column) in categories::kept(schema) {
            let bytes = part(format!("categories.{}.bytes", column.name), Dtype::U8)?;
            let ends = words(part(format!("categories.{}.ends", column.name), Dtype::U32)?);
            let seen = words(part(format!("categories.{}.seen", column.name), Dtype::U32)?);
            let categories = Categories::of(bytes, &ends, seen.as_chunks::<2>().0.to_vec());
            encoder
                .categories
                .push(categories.ok_or_else(|| damaged("categories of a column do not fit their counts"))?);
        }
        for column in &schema.dense {
            let mut numbers = vec![[0.0; 2]; column.transforms.len()];
            if column.transforms.iter().any(|transform| transform.is_fitted()) {
                let found = floats(part(format!("numbers.{}", column.name), Dtype::F64)?);
                if found.len() != 2 * numbers.len() || found.iter().any(|number| !number.is_finite()) {
                    return Err(damaged("numbers of a column are not what its steps need").into());
                }
                numbers.as_flattened_mut().copy_from_slice(&found);
            }
            encoder.numbers.push(numbers);
        }
        for column in &schema.sparse {
            let learnt = match column.table {
                Table::Quantiles => {
                    let edges = floats(part(format!("quantiles.{}", column.name), Dtype::F64)?);
                    if edges.len() + 2 > column.rows || !edges.is_sorted() || edges.iter().any(|edge| !edge.is_finite())
                    {
                        return Err(damaged("quantiles of a column do not fit its table").into());
                    }
                    Learnt::Quantiles(edges)
                }
                Table::Vocabulary { .. } if column.same.is_none() => {
                    let bytes = part(format!("vocabulary.{}.bytes", column.name), Dtype::U8)?;
                    let ends = words(part(format!("vocabulary.{}.ends", column.name), Dtype::U32)?);
                    let vocabulary = Dictionary::of(bytes, &ends).filter(|known| known.len() + 2 <= column.rows);
                    Learnt::Vocabulary(vocabulary.ok_or_else(|| damaged("a vocabulary does not fit its table"))?)
                }
                _ => Learnt::Nothing,
            };
            encoder.tables.push(learnt);
        }
        Ok(encoder)
    }
}

/// The number that lies at a byte of a row; none where it is missing.
pub(super) fn number_at(row: &[u8], at: usize) -> Option<f64> {
    let number = f64::from_le_bytes(*row[at..].first_chunk()?);
    (!number.is_nan()).then_some(number)
}

/// The code that lies at a byte of a row; none where the value is missing, or a bag holds fewer.
pub(super) fn code_at(row: &[u8], at: usize) -> Option<u32> {
    word_at(row, at).filter(|&code| code != MISSING && code != NOTHING)
}

fn word_at(row: &[u8], at: usize) -> Option<u32> {
    row[at..].first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

fn quantile(edges: &[f64], number: f64) -> u32 {
    edges.partition_point(|&edge| edge <= number) as u32 + 1
}
