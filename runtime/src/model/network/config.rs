//! What a network is told beside its weights, and how rows become what it takes.

use std::path::Path;

use candle_core::{Device, Tensor};
use nasrec_compiler::plan::{PLAN_VERSION, Plan};
use nasrec_compiler::schema::Schema;
use serde::{Deserialize, Serialize};

use super::super::directory::{self, ENCODER, Header, LONGEST};
use super::super::{Model, ModelError};
use crate::data::{Arriving, Batch, EMPTY, Encoder, Given};
use crate::train::Scaling;
use crate::{Result, files};

/// Its file, beside `encoder.safetensors` where the schema learns something.
pub(crate) const CONFIG: &str = "config.json";
/// Version of `config.json`.
const VERSION: u32 = 1;
/// No table has rows for which more rows are looked up: what a stranger's schema claims is not made room for.
const MOST_LOOKED_UP: usize = 1 << 20;

/// `config.json`
#[derive(Serialize, Deserialize)]
struct Record {
    version: u32,
    /// Version of nasrecc that wrote it.
    nasrecc: String,
    name: String,
    schema: Schema,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scaling: Option<Scaling>,
    /// BLAKE3 of `encoder.safetensors`, where the schema learns something.
    encoder: Option<String>,
    plan: Plan,
}

/// A model without its weights: what a [`Network`](super::Network) computes, and how a row of the table is encoded for it.
#[derive(Clone, Debug)]
pub struct Config {
    /// What the model is called.
    pub name: String,
    schema: Schema,
    encoder: Option<Encoder>,
    plan: Plan,
    scaling: Option<Scaling>,
    arriving: Arriving,
}

impl Config {
    /// That of a model.
    ///
    /// # Errors
    /// A table of its schema cannot be addressed.
    pub fn of(model: &Model) -> Result<Self> {
        let (schema, encoder) = (model.schema().clone(), model.encoder().cloned());
        Self::new(model.name.clone(), (schema, encoder), model.plan().clone(), model.scaling())
    }

    /// Reads it from a folder that `nasrecc export --format candle` wrote, or from the directory of a model or of its run.
    ///
    /// # Errors
    /// There is none, another version wrote it, or something in it is not what was written.
    pub fn load(folder: &Path) -> Result<Self> {
        let path = folder.join(CONFIG);
        let bytes = match files::read(&path, LONGEST) {
            Err(error) if files::is_missing(&error) => {
                return match directory::described(&Model::directory(folder)) {
                    Err(crate::Error::Model(ModelError::None { .. })) => {
                        Err(ModelError::None { path: folder.to_owned(), record: CONFIG }.into())
                    }
                    described => {
                        described.and_then(|(name, columns, plan, scaling)| Self::new(name, columns, plan, scaling))
                    }
                };
            }
            read => read?,
        };
        let other = |there: String, what: &str, [found, read]: [u32; 2]| {
            let here = env!("CARGO_PKG_VERSION").to_owned();
            let form = format!(", whose {what} have form {found}, where this one's have form {read}");
            Err(ModelError::OtherVersion { path: folder.to_owned(), there, here, form }.into())
        };
        if let Ok(Header { version, nasrecc }) = serde_json::from_slice(&bytes)
            && !(VERSION..=VERSION + 1).contains(&version)
        {
            return other(nasrecc, "models", [version, VERSION]);
        }
        let (record, _) = files::unseal::<Record>(&bytes).map_err(|what| directory::changed(&path, what))?;
        let Record { name, schema, scaling, encoder, plan, nasrecc, .. } = record;
        if plan.version != PLAN_VERSION {
            return other(nasrecc, "plans", [plan.version, PLAN_VERSION]);
        }
        directory::sound(&path, &plan, &schema, scaling)?;
        let encoder = directory::encoder(folder, (&path, &schema), encoder)?;
        Self::new(name, (schema, encoder), plan, scaling)
    }

    /// Writes it, and what the schema learnt, into a folder.
    pub(crate) fn save(&self, folder: &Path) -> Result<()> {
        let encoder = directory::save_encoder(folder, &self.schema, self.encoder.as_ref())?;
        let record = files::seal(&Record {
            version: directory::form(VERSION, &self.schema, &self.plan),
            nasrecc: env!("CARGO_PKG_VERSION").to_owned(),
            name: self.name.clone(),
            schema: self.schema.clone(),
            scaling: self.scaling,
            encoder,
            plan: self.plan.clone(),
        })?;
        files::replace(&folder.join(CONFIG), |file| std::io::Write::write_all(file, &record))
    }

    /// The files that [`Config::save`] may write.
    pub(crate) const FILES: [&str; 2] = [CONFIG, ENCODER];

    fn new(
        name: String,
        (schema, encoder): (Schema, Option<Encoder>),
        plan: Plan,
        scaling: Option<Scaling>,
    ) -> Result<Self> {
        bounded(&schema)?;
        let arriving = Arriving::new(&schema)?;
        Ok(Self { name, schema, encoder, plan, scaling, arriving })
    }

    /// The columns of the table, and how each is encoded.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// What the schema learnt of the training rows, where it learns something.
    pub fn encoder(&self) -> Option<&Encoder> {
        self.encoder.as_ref()
    }

    /// What is computed.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What is done to logits before they are probabilities, where the model is calibrated.
    pub fn scaling(&self) -> Option<Scaling> {
        self.scaling
    }

    /// How many of the columns that a network takes are numbers, which come first; the others are rows of tables.
    pub fn numbers(&self) -> usize {
        self.schema.numeric_width()
    }

    /// What each column holds that a network takes: first the dense columns of the schema in their order, and where it has none one of
    /// zeros; then for each sparse column the row of its table, of a bag as many as it may hold, `tags[0]`, `tags[1]` and so on.
    pub fn columns(&self) -> Vec<String> {
        let none = self.schema.dense.is_empty().then(|| "0".to_owned());
        let numbers = self.schema.dense.iter().map(|column| column.name.clone()).chain(none);
        let rows = self.schema.sparse.iter().flat_map(|column| {
            (0..column.slots()).map(move |slot| match column.list {
                None => column.name.clone(),
                Some(_) => format!("{}[{slot}]", column.name),
            })
        });
        numbers.chain(rows).collect()
    }

    /// Rows as a file of the schema would have them, encoded as those of training were: `[rows, columns]` of 64 bits, as
    /// [`Network`](super::Network) takes them. A row has a text for each column that the schema names, in their order; an empty one is
    /// missing, and what stands in the label's column, or another that only training reads, is not looked at.
    ///
    /// What learnt columns know is made ready anew each time: many rows at once are quicker than one after the other.
    ///
    /// # Errors
    /// A row has another number of texts, or a text that cannot be read.
    pub fn encode<T: AsRef<[u8]>>(&self, rows: &[impl AsRef<[T]>], device: &Device) -> Result<Tensor> {
        let names = &self.schema.columns;
        if let Some(row) = rows.iter().position(|row| row.as_ref().len() != names.len()) {
            let (found, expected) = (rows[row].as_ref().len(), names.len());
            return Err(ModelError::Texts { row, found, expected }.into());
        }
        let column = |name: &String| names.iter().position(|other| other == name);
        let places: Vec<usize> = self.arriving.columns().iter().filter_map(column).collect();
        let mut intake = self.arriving.intake(self.encoder.as_ref());
        intake.add(rows.len(), |column, row| Given::Text(rows[row].as_ref()[places[column]].as_ref())).map_err(
            |wrong| ModelError::Value {
                row: wrong.row,
                column: self.arriving.columns()[wrong.column].clone(),
                found: wrong.found,
                expected: wrong.expected,
            },
        )?;
        self.tensor(&intake.batch(), device)
    }

    /// A batch of encoded rows as [`Network`](super::Network) takes it: `[rows, columns]` of 64 bits.
    ///
    /// # Errors
    /// The batch is of another schema; the device has no memory for it.
    pub fn tensor(&self, batch: &Batch, device: &Device) -> Result<Tensor> {
        let (numbers, looked_up) = self.fits(batch)?;
        let width = numbers + looked_up;
        let mut values = vec![0f64; width * batch.rows];
        for (row, values) in values.chunks_exact_mut(width).enumerate() {
            let at = |column: usize| column * batch.rows + row;
            let (of_numbers, of_rows) = values.split_at_mut(numbers);
            of_numbers.iter_mut().enumerate().for_each(|(column, to)| *to = f64::from(batch.numeric[at(column)]));
            of_rows.iter_mut().enumerate().for_each(|(column, to)| *to = whole(batch.ids[at(column)]) as f64);
        }
        Ok(Tensor::from_vec(values, (batch.rows, width), device)?)
    }

    /// The same as two tensors, which devices take too that have no numbers of 64 bits: numbers `[rows, numbers]` in `f32`, and rows of
    /// tables `[rows, looked up]` in `i64`.
    ///
    /// # Errors
    /// Those of [`Config::tensor`].
    pub fn tensors(&self, batch: &Batch, device: &Device) -> Result<(Tensor, Tensor)> {
        let (width, looked_up) = self.fits(batch)?;
        let rows = 0..batch.rows;
        let numbers =
            rows.clone().flat_map(|row| (0..width).map(move |column| batch.numeric[column * batch.rows + row]));
        let ids = rows.flat_map(|row| (0..looked_up).map(move |column| whole(batch.ids[column * batch.rows + row])));
        let numbers = Tensor::from_vec(numbers.collect(), (batch.rows, width), device)?;
        Ok((numbers, Tensor::from_vec(ids.collect(), (batch.rows, looked_up), device)?))
    }

    /// How many columns of numbers and of rows a batch has, which are those of the schema.
    fn fits(&self, batch: &Batch) -> Result<(usize, usize)> {
        let expected = (self.numbers(), self.schema.looked_up());
        let of_rows = |len: usize| len / batch.rows.max(1);
        let found = (of_rows(batch.numeric.len()), of_rows(batch.ids.len()));
        if batch.rows > 0 && found != expected {
            let mismatch = format!(
                "{} numbers and {} rows of tables for each of its rows; schema {} has {} and {}",
                found.0, found.1, self.schema.name, expected.0, expected.1
            );
            return Err(crate::ProgramError::Batch { mismatch }.into());
        }
        Ok(expected)
    }
}

/// Fails where a row of a table would take too much room.
fn bounded(schema: &Schema) -> Result<()> {
    let looked_up = schema.sparse.iter().try_fold(0usize, |sum, column| sum.checked_add(column.slots()));
    if looked_up.is_none_or(|count| count > MOST_LOOKED_UP) {
        let what = format!("a row of schema {} looks up more than {MOST_LOOKED_UP} rows of tables", schema.name);
        return Err(ModelError::Unfit { what }.into());
    }
    Ok(())
}

/// The number of a row; -1 where a bag holds fewer.
fn whole(id: u32) -> i64 {
    if id == EMPTY { -1 } else { i64::from(id) }
}

#[cfg(test)]
mod tests {
    use nasrec_compiler::schema::{List, Pool, SparseColumn, Table, Type};

    use super::*;

    #[test]
    fn bags_without_an_end_take_no_room() {
        let column = |most: usize| SparseColumn {
            list: Some(List { separator: "|".to_owned(), most, last: false, pool: Pool::Sum }),
            ..SparseColumn::new("C", Type::Text, Table::Hash { seed: 1 }, 30)
        };
        let schema =
            |each: &[usize]| Schema::tsv("t", "click", Vec::new(), each.iter().map(|&most| column(most)).collect());
        assert!(bounded(&schema(&[1000, 1000])).is_ok());
        for each in [&[MOST_LOOKED_UP + 1][..], &[MOST_LOOKED_UP, 1], &[usize::MAX, 2]] {
            let error = bounded(&schema(each)).expect_err("too many").to_string();
            assert!(error.contains("a row of schema t looks up more than 1048576 rows of tables"), "{error}");
        }
    }
}
