//! A table, encoded and split.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use nasrec_compiler::recipe::{self, By};
use nasrec_compiler::schema::Schema;

use super::batch::{Batch, Columns, EMPTY};
use super::cache::{Cache, Description, Found, HELD};
use super::fit::Encoder;
use super::malformed::Malformed;
use super::prepare::Wanted;
use super::record::Layout;
use super::rows::Rows;
use super::table::Cells;
use crate::error::FileError;
use crate::{Observer, Result, Stop};

/// A part of the split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// What models learn from.
    Train,
    /// What candidates and models are compared on.
    Validation,
    /// What the winner and the baselines are told on, once.
    Test,
}

/// The encoded rows of a table and their split. Rows are read from the cache as they are needed; only the row lists of
/// the parts are in memory (4 bytes a row).
#[derive(Debug)]
pub struct Dataset {
    cache: Arc<Cache>,
    layout: Columns,
    /// Rows of the table that each column of ids leads into, and whether that may be none.
    table_rows: Vec<(usize, bool)>,
    parts: [Rows; 3],
    /// The training and the validation part of each fold.
    folds: Vec<[Rows; 2]>,
    /// Whether this is one.
    is_fold: bool,
    fingerprint: String,
}

impl Dataset {
    /// Opens the cache at `cache_path` if it was made from this schema and these sources as they are now; otherwise
    /// reads or draws the rows and writes the cache, replacing what lies there. Names of files are relative to `base`.
    /// Then splits the rows by the recipe.
    ///
    /// # Errors
    /// [`crate::data::DataError`] and [`crate::Error::Io`] with sentences for a person: sources that cannot be read, more malformed
    /// lines than the recipe tolerates (with the first of them), only one kind of label, too few rows to split,
    /// parameters of a synthetic table that make no sense; [`crate::Error::Stopped`]. What lay at `cache_path` is then
    /// unharmed.
    pub fn prepare(
        schema: &Schema,
        recipe: &recipe::Data,
        base: &Path,
        cache_path: &Path,
        observer: &dyn Observer,
        stop: &Stop,
    ) -> Result<Self> {
        Wanted { schema, recipe, base, cache_path, observer, stop, folded: false, known: None }.dataset()
    }

    /// Of what a cache holds.
    pub(super) fn of(
        schema: &Schema,
        cache: impl Into<Arc<Cache>>,
        parts: [Rows; 3],
        folds: Vec<[Rows; 2]>,
        fingerprint: String,
    ) -> Self {
        let cache = cache.into();
        let tables = schema.sparse.iter().map(|column| vec![(column.rows, column.list.is_some()); column.slots()]);
        let (layout, table_rows) = (Columns::of(schema, cache.description.layout), tables.flatten().collect());
        Self { cache, layout, table_rows, parts, folds, is_fold: false, fingerprint }
    }

    /// How many folds there are ([`Wanted::folded`]).
    pub fn folds(&self) -> usize {
        self.folds.len()
    }

    /// Whether this is a fold of a table.
    pub fn is_fold(&self) -> bool {
        self.is_fold
    }

    /// The parts of a fold, counted from 1, for the table of this schema: encoded by what was learnt of its own training part. There is
    /// nothing in its test part.
    ///
    /// # Errors
    /// Its cache is no longer what was written.
    ///
    /// # Panics
    /// Where there are not so many folds.
    pub fn fold(&self, fold: usize, schema: &Schema, stop: &Stop) -> Result<Self> {
        let [train, validation] = self.folds[fold - 1].clone();
        let parts = [train, validation, Rows::from(Vec::new())];
        let of = |cache: Arc<Cache>, fingerprint: &str| {
            let data = Self::of(schema, cache, parts, Vec::new(), fingerprint.to_owned());
            Ok(Self { is_fold: true, ..data })
        };
        let Some(known) = self.cache.description.folds.get(fold - 1) else {
            return of(Arc::clone(&self.cache), &self.fingerprint);
        };
        let path = fold_path(self.cache.path(), fold);
        let unfit = |found: &Description| (found.fingerprint() != *known).then_some("it is of another table");
        match Cache::open(&path, By::Chance, unfit, stop)? {
            Found::Cache(cache) => of(Arc::new(*cache), known),
            _ => Err(FileError::Changed {
                path,
                what: "it is not what was written there".to_owned(),
                remedy: "go on with the run, and it is made anew from its source".to_owned(),
            }
            .into()),
        }
    }

    /// Number of rows, all parts together.
    pub fn rows(&self) -> usize {
        self.cache.description.rows as usize
    }

    /// Share of the rows whose label is 1; between 0 and 1, both excluded.
    pub fn click_rate(&self) -> f64 {
        self.cache.description.clicks as f64 / self.cache.description.rows as f64
    }

    /// The rows of a part, in an order shuffled by the recipe's data seed.
    pub fn part(&self, part: Part) -> &Rows {
        &self.parts[part as usize]
    }

    /// The lines that were left out.
    pub fn malformed(&self) -> &Malformed {
        &self.cache.description.malformed
    }

    /// What was learnt of the training rows; nothing, where the schema learns nothing.
    ///
    /// # Errors
    /// It can no longer be read.
    pub fn encoder(&self, schema: &Schema) -> Result<Option<Encoder>> {
        self.cache.encoder()?.map(|bytes| Encoder::from_bytes(&bytes, schema)).transpose()
    }

    /// A hash of the schema and every encoded row: two datasets that have it in common give the same batches.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// These rows as one batch, in this order.
    ///
    /// # Errors
    /// They can no longer be read.
    ///
    /// # Panics
    /// When a row is not below [`rows`](Self::rows).
    pub fn batch(&self, rows: &[u32]) -> Result<Batch> {
        self.batch_of(rows, &self.cache.records(rows)?)
    }

    /// The same, for who looks at a few rows only: the table is not brought into memory for it.
    ///
    /// # Errors
    /// They can no longer be read.
    ///
    /// # Panics
    /// When a row is not below [`rows`](Self::rows).
    pub(super) fn look(&self, rows: &[u32]) -> Result<Batch> {
        self.batch_of(rows, &self.cache.records_read(rows)?)
    }

    fn batch_of(&self, rows: &[u32], records: &[u8]) -> Result<Batch> {
        let batch = self.layout.batch(records);
        // Who wrote the cache may have written its checksums: no category leads out of its table.
        let columns = batch.ids.chunks_exact(rows.len().max(1)).zip(&self.table_rows);
        let beyond = |id: u32, &(rows, bag): &(usize, bool)| id as usize >= rows && !(bag && id == EMPTY);
        if columns.into_iter().any(|(ids, table)| ids.iter().any(|&id| beyond(id, table))) {
            return Err(FileError::Changed {
                path: self.cache.path().to_owned(),
                what: "it has a category that is beyond its column's table".to_owned(),
                remedy: "remove it, and it is made anew from its source".to_owned(),
            }
            .into());
        }
        Ok(batch)
    }

    /// The click probability that was planted in each row, and whether a click was drawn; of synthetic data only.
    ///
    /// # Errors
    /// The rows can no longer be read.
    pub fn planted(&self, rows: &Rows) -> Result<Option<Vec<(f64, bool)>>> {
        let layout = self.cache.description.layout;
        let mut pairs = Vec::with_capacity(rows.len());
        for rows in rows.chunks(1 << 14) {
            for record in self.cache.records(rows)?.chunks_exact(layout.stride()) {
                let Some(probability) = layout.probability(record) else { return Ok(None) };
                pairs.push((f64::from(probability), layout.label(record) == 1));
            }
        }
        Ok(Some(pairs))
    }
}

/// Bytes of a table of so many rows that are held in memory while batches are read from it.
pub(crate) fn held_in_memory(schema: &Schema, rows: u64) -> u64 {
    let bytes = rows.saturating_mul(Layout::of(schema, true).stride() as u64);
    if bytes <= HELD { bytes } else { 0 }
}

/// Bytes of a table of so many rows on disk, and beside it of the rows that something is learnt from, and of so many folds.
pub(crate) fn on_disk(schema: &Schema, rows: u64, folds: u64) -> Result<u64> {
    let cells = Cells::new(schema)?;
    let (learnt, tables) = if cells.is_record() { (0, 1) } else { (cells.stride() as u64, 1 + folds) };
    let each = (cells.layout().stride() + 4) as u64;
    Ok(rows.saturating_mul(each * tables + learnt))
}

/// Where a fold of a table is that lies in this cache.
pub(super) fn fold_path(cache_path: &Path, fold: usize) -> PathBuf {
    cache_path.with_extension("folds").join(format!("{fold}.cache"))
}

#[cfg(test)]
pub(super) mod testing {
    //! A small table that the tests of this folder share.

    use std::sync::Arc;

    use nasrec_compiler::recipe::{By, Source};
    use nasrec_compiler::schema::{DenseColumn, SparseColumn, Table, Transform, Type};
    use tempfile::TempDir;

    use super::*;
    use crate::Silent;

    /// `click`, I1 (max 0, log1p), I2 (min 5), C1 (hexadecimal, 11 rows), C2 (integer, 7 rows).
    pub fn schema() -> Schema {
        Schema::tsv(
            "t",
            "click",
            vec![
                DenseColumn::new("I1", vec![Transform::Max(0.0), Transform::Log1p]),
                DenseColumn::new("I2", vec![Transform::Min(5.0)]),
            ],
            schema_without_numbers().sparse,
        )
    }

    pub fn schema_without_numbers() -> Schema {
        let sparse = |name, kind, rows| SparseColumn::new(name, kind, Table::Modulo, rows);
        Schema::tsv("t", "click", Vec::new(), vec![sparse("C1", Type::Hex, 11), sparse("C2", Type::Int, 7)])
    }

    /// Line `n` of the table says `n` in every column but I2, and is a click if 3 divides `n`.
    pub fn table(rows: u32) -> String {
        (0..rows).map(|row| format!("{}\t{row}\t2\t{row:x}\t{row}\n", u8::from(row.is_multiple_of(3)))).collect()
    }

    pub fn recipe(source: Source) -> recipe::Data {
        recipe::Data {
            source,
            given: recipe::Given::default(),
            split: [8, 1, 1],
            by: By::Chance,
            stratified: true,
            folds: 0,
            seed: 7,
            max_malformed: 0.001,
        }
    }

    /// The dataset of [`table`], and the folder that it lies in.
    pub fn dataset(rows: u32) -> (TempDir, Arc<Dataset>) {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("t.tsv"), table(rows)).expect("written");
        let recipe = recipe(Source::Files(vec!["t.tsv".to_owned()]));
        let cache = folder.path().join("cache");
        let dataset = Dataset::prepare(&schema(), &recipe, folder.path(), &cache, &Silent, &Stop::new());
        (folder, Arc::new(dataset.expect("a sound table")))
    }
}
