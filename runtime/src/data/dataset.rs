//! A table, encoded and split.

use std::path::Path;

use nasrec_compiler::recipe::{self, By, Source};
use nasrec_compiler::schema::Schema;

use super::batch::{Batch, Columns, EMPTY};
use super::cache::{Cache, Description, Found, HELD, Origin, Writer};
use super::fit::{self, Encoder};
use super::malformed::Malformed;
use super::reading::{self, Read, Sink};
use super::record::Layout;
use super::rows::Rows;
use super::table::{Cells, RawWriter};
use super::{glance, source, split, synthetic};
use crate::error::{DataError, FileError};
use crate::{Observer, Result, Stage, Stop};

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
    cache: Cache,
    layout: Columns,
    /// Rows of the table that each column of ids leads into, and whether that may be none.
    table_rows: Vec<(usize, bool)>,
    parts: [Rows; 3],
    fingerprint: String,
}

impl Dataset {
    /// Opens the cache at `cache_path` if it was made from this schema and these sources as they are now; otherwise
    /// reads or draws the rows and writes the cache, replacing what lies there. Names of files are relative to `base`.
    /// Then splits the rows by the recipe.
    ///
    /// # Errors
    /// [`DataError`] and [`crate::Error::Io`] with sentences for a person: sources that cannot be read, more malformed
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
        Wanted { schema, recipe, base, cache_path, observer, stop, known: None }.dataset()
    }

    /// The rows that were read before, when the dataset had this fingerprint: from the cache, whatever has become of the
    /// sources; where the cache is no longer sound, from the sources, if they still give the same rows. Otherwise what lies
    /// at `cache_path` is left alone.
    ///
    /// # Errors
    /// [`DataError::OtherRows`] where neither gives those rows; else those of [`Dataset::prepare`].
    pub fn recover(
        schema: &Schema,
        recipe: &recipe::Data,
        base: &Path,
        cache_path: &Path,
        fingerprint: &str,
        observer: &dyn Observer,
        stop: &Stop,
    ) -> Result<Self> {
        Wanted { schema, recipe, base, cache_path, observer, stop, known: Some(fingerprint) }.dataset()
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

/// What is asked of [`Dataset::prepare`].
struct Wanted<'a> {
    schema: &'a Schema,
    recipe: &'a recipe::Data,
    base: &'a Path,
    cache_path: &'a Path,
    observer: &'a dyn Observer,
    stop: &'a Stop,
    /// The fingerprint of the rows, where no others will do.
    known: Option<&'a str>,
}

impl Wanted<'_> {
    fn dataset(&self) -> Result<Dataset> {
        let Self { schema, recipe, observer, .. } = *self;
        // Whoever goes on has what was read then, whatever has become of the storage.
        if self.known.is_none() {
            source::fetch(recipe.files().into_iter().flatten(), observer, self.stop)?;
        }
        let mut cache = match self.reuse()? {
            Some(cache) => cache,
            None => self.build()?,
        };
        let malformed = &cache.description.malformed;
        malformed.check(recipe.max_malformed, schema)?;
        if let Some(warning) = malformed.warning() {
            warning.lines().for_each(|line| observer.say(line));
        }
        let keys = std::mem::take(&mut cache.keys);
        // Once: who goes on was told.
        let tell = self.known.is_none();
        let (parts, looked_at) = rayon::join(
            || split::split(&keys, cache.description.bounds, recipe),
            || if tell { self.looked_at() } else { Vec::new() },
        );
        let parts = parts?;
        observer.say(&split::told(&parts, &keys, schema, recipe));
        let fingerprint = fingerprint(&cache.description);
        let tables = schema.sparse.iter().map(|column| vec![(column.rows, column.list.is_some()); column.slots()]);
        let data = Dataset {
            layout: Columns::of(schema, cache.description.layout),
            cache,
            table_rows: tables.flatten().collect(),
            parts,
            fingerprint,
        };
        if tell {
            let told = [glance::scales(schema, &data)?, looked_at].concat();
            told.iter().for_each(|line| observer.say(line));
        }
        Ok(data)
    }

    /// Which columns have too many values in the rows of a table, or in its bags.
    fn looked_at(&self) -> Vec<String> {
        match self.recipe.source {
            // A cache outlives what it was made from.
            Source::Files(_) => {
                let located = source::locate_all(self.base, self.recipe).unwrap_or_default().concat();
                [glance::collisions(self.schema, &located), glance::cuts(self.schema, &located)].concat()
            }
            Source::Synthetic(_) => Vec::new(),
        }
    }

    /// The cache that is there, if it is what would be built; or what was known before, whatever would be built now.
    fn reuse(&self) -> Result<Option<Cache>> {
        if self.cache_path.symlink_metadata().is_err() {
            return Ok(None);
        }
        self.observer.begin(Stage { name: "check data cache".to_owned(), total: None, unit: "bytes" });
        let by = self.recipe.by;
        let found = Cache::open(self.cache_path, by, |description| self.unfit(description), self.stop);
        let outcome = found.and_then(|found| match found {
            Found::Nothing => Ok((None, None)),
            Found::Unusable(why) => Ok((None, Some(why))),
            Found::Cache(cache) => match (self.difference(&cache)?, self.known) {
                (None, _) => Ok((Some(*cache), None)),
                (Some(why), None) => Ok((None, Some(why))),
                (Some(why), Some(_)) => {
                    let cache_path = self.cache_path.display();
                    self.observer.say(&format!(
                        "{why} since they were read; going on with the {} rows that {cache_path} holds",
                        cache.description.rows
                    ));
                    Ok((Some(*cache), None))
                }
            },
        });
        self.observer.end();
        let (cache, why) = outcome?;
        if let Some(why) = why {
            self.observer.say(&format!("the data cache {} is made anew: {why}", self.cache_path.display()));
        }
        Ok(cache)
    }

    /// Why a cache cannot be the one that is wanted, whatever its records are.
    fn unfit(&self, description: &Description) -> Option<&'static str> {
        if self.known.is_some_and(|known| known != fingerprint(description)) {
            return Some("it holds other rows");
        }
        let layout = Layout::of(self.schema, description.layout.probability);
        (description.layout != layout).then_some("the schema has changed")
    }

    /// Why a sound cache is not the one that is wanted.
    fn difference(&self, cache: &Cache) -> Result<Option<&'static str>> {
        let description = &cache.description;
        if description.schema != schema_hash(self.schema)? {
            return Ok(Some("the schema has changed"));
        }
        if description.learnt.as_ref().is_some_and(|learnt| learnt.of != self.learnt_of()) {
            return Ok(Some("the split has changed"));
        }
        match (&self.recipe.source, &description.origin) {
            (Source::Synthetic(parameters), origin) if *origin == synthetic::origin(parameters)? => Ok(None),
            (Source::Files(names), Origin::Files { named, given, files })
                if names == named && *given == self.recipe.given =>
            {
                self.sources_differ(files)
            }
            _ => Ok(Some("it was made from another source")),
        }
    }

    /// Whether the files are no longer what was read.
    fn sources_differ(&self, files: &[source::SourceFile]) -> Result<Option<&'static str>> {
        // Whoever goes on does not wait for a storage, and copies nothing from it: the rows are here.
        let is_far = |file: &source::SourceFile| self.known.is_some() && source::is_address(&file.name);
        let now = match files.iter().any(is_far) {
            true => None,
            false => source::locate_all(self.base, self.recipe).ok(),
        };
        if let Some(now) = &now
            && !now.iter().flatten().map(|located| &located.name).eq(files.iter().map(|file| &file.name))
        {
            return Ok(Some("there are other source files"));
        }
        for file in files {
            if file.name == source::STANDARD_INPUT || is_far(file) {
                continue;
            }
            // What was copied lies elsewhere than its name says.
            let copied = now.iter().flatten().flatten().find(|located| located.name == file.name);
            let path = copied.map_or_else(|| self.base.join(&file.name), |located| located.path.clone());
            if !path.exists() {
                let (path, cache) = (path.display(), self.cache_path.display());
                self.observer.say(&format!("{path} is not there any more; going on with what {cache} holds of it"));
            } else if !source::is_unchanged(&path, file)? {
                return Ok(Some("its source files have changed"));
            }
        }
        Ok(None)
    }

    /// Which rows are learnt from.
    fn learnt_of(&self) -> String {
        let recipe::Data { split: [train, validation, test], by, stratified, seed, .. } = self.recipe;
        let by = if *by == By::Chance { String::new() } else { format!(" by {by:?}") };
        format!("split {train}:{validation}:{test}{by}, stratified {stratified}, seed {seed}")
    }

    fn build(&self) -> Result<Cache> {
        let Self { schema, recipe, base, cache_path, observer, stop, known } = *self;
        let is_synthetic = matches!(recipe.source, Source::Synthetic(_));
        let mut writer = Writer::create(cache_path, Layout::of(schema, is_synthetic), recipe.by)?;
        let mut encoder = None;
        // What came through a pipe comes once.
        let mut lasting = false;
        let (origin, malformed, bounds) = match &recipe.source {
            Source::Files(names) => {
                source::fetch(recipe.files().into_iter().flatten(), observer, stop)?;
                let lists = source::locate_all(base, recipe)?;
                lasting = !lists.iter().flatten().all(source::Located::is_regular);
                let (limit, cells, located) = (recipe.max_malformed, Cells::new(schema)?, lists.concat());
                let bounds = |rows: &[u64]| {
                    let mut rows = rows.iter();
                    lists.each_ref().map(|list| rows.by_ref().take(list.len()).sum())
                };
                let Read { files, rows, malformed } = if cells.is_record() {
                    let sink = Sink::Records(&mut writer);
                    reading::read(schema, &cells, &located, limit, sink, observer, stop)?
                } else {
                    let mut rows = RawWriter::create(cache_path, &cells, recipe.by)?;
                    let mut dictionaries = cells.dictionaries();
                    let sink = Sink::Rows(&mut rows, &mut dictionaries);
                    let read = reading::read(schema, &cells, &located, limit, sink, observer, stop)?;
                    self.both_labels(rows.counts())?;
                    let mut rows = rows.finish();
                    let [train, ..] = split::split(rows.keys(), bounds(&read.rows), recipe)?;
                    let training = fit::Training::new(schema, &train, rows.keys().len(), recipe.seed);
                    let total = Some(rows.keys().len() as u64);
                    observer.begin(Stage { name: "encode data".to_owned(), total, unit: "rows" });
                    let learnt = fit::learn(schema, &cells, &dictionaries, &mut rows, training, observer, stop);
                    let encoded = learnt.and_then(|learnt| {
                        fit::encode(schema, &cells, &learnt, &dictionaries, &mut rows, &mut writer, |done| {
                            observer.progress(done, "");
                            stop.check()
                        })?;
                        learnt.encoder.to_bytes(schema)
                    });
                    observer.end();
                    encoder = Some(encoded?);
                    read
                };
                let given = recipe.given.clone();
                (Origin::Files { named: names.clone(), given, files }, malformed, bounds(&rows))
            }
            Source::Synthetic(parameters) => {
                synthetic::write(schema, parameters, &mut writer, observer, stop)?;
                (synthetic::origin(parameters)?, Malformed::default(), [writer.counts().0, 0, 0, 0])
            }
        };
        self.both_labels(writer.counts())?;
        let learnt = encoder.as_ref().map(|encoder| (self.learnt_of(), encoder.as_slice()));
        let rows = writer.counts().0;
        writer.finish(lasting, schema_hash(schema)?, origin, (malformed, bounds), learnt, |description| match known {
            Some(known) if known != fingerprint(description) => {
                Err(DataError::OtherRows { cache: cache_path.to_owned(), rows }.into())
            }
            _ => Ok(()),
        })
    }

    /// Fails where all rows have one label.
    fn both_labels(&self, (rows, clicks): (u64, u64)) -> Result<()> {
        if clicks == 0 || clicks == rows {
            return Err(DataError::OneLabel { rows, clicks, label: self.schema.label.column.clone() }.into());
        }
        Ok(())
    }
}

/// A hash of the schema and every encoded row.
fn fingerprint(description: &Description) -> String {
    let learnt = description.learnt.as_ref().map_or("", |learnt| &learnt.blake3);
    let all = [&description.schema, &description.records, learnt].concat();
    blake3::hash(all.as_bytes()).to_hex().to_string()
}

/// Bytes of a table of so many rows that are held in memory while batches are read from it.
pub(crate) fn held_in_memory(schema: &Schema, rows: u64) -> u64 {
    let bytes = rows.saturating_mul(Layout::of(schema, true).stride() as u64);
    if bytes <= HELD { bytes } else { 0 }
}

/// Bytes of a table of so many rows on disk, and beside it of the rows that something is learnt from.
pub(crate) fn on_disk(schema: &Schema, rows: u64) -> Result<u64> {
    let cells = Cells::new(schema)?;
    let learnt = if cells.is_record() { 0 } else { cells.stride() };
    Ok(rows.saturating_mul((cells.layout().stride() + 4 + learnt) as u64))
}

fn schema_hash(schema: &Schema) -> Result<String> {
    Ok(blake3::hash(&serde_json::to_vec(schema)?).to_hex().to_string())
}

#[cfg(test)]
pub(super) mod testing {
    //! A small table that the tests of this folder share.

    use std::sync::Arc;

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
