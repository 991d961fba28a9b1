//! Reading a table into its cache, and finding the one that is there.

use std::path::Path;

use nasrec_compiler::recipe::{self, By, Source};
use nasrec_compiler::schema::Schema;

use super::cache::{About, Cache, Description, Found, Origin, Writer};
use super::dataset::{Dataset, fold_path};
use super::fit;
use super::keys::Keys;
use super::malformed::Malformed;
use super::reading::{self, Read, Sink};
use super::record::Layout;
use super::rows::Rows;
use super::table::{Cells, Dictionaries, Raw, RawWriter};
use super::{folds, glance, source, split, synthetic};
use crate::error::DataError;
use crate::{Observer, Result, Stage, Stop};

/// What is asked of a table.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// What its columns say.
    pub schema: &'a Schema,
    /// Where its rows come from, and what each is for.
    pub recipe: &'a recipe::Data,
    /// What names of files are relative to.
    pub base: &'a Path,
    /// Where its encoded rows are kept, and beside them those of its folds.
    pub cache_path: &'a Path,
    /// Who is told.
    pub observer: &'a dyn Observer,
    /// What ends it before.
    pub stop: &'a Stop,
    /// Whether the folds of the recipe are wanted, too: blocks of the training part that take the place of the validation part in turn, each
    /// encoded by what is learnt of the rows that are left to learn from. There are none where a shuffle, a group or a time does
    /// not tell the parts, or where the validation part has 100,000 rows and more.
    pub folded: bool,
    /// The fingerprint that the dataset had, where no other will do: the rows are from the cache, whatever has become of the sources; where the
    /// cache is no longer sound, from the sources, if they still give the same rows. Otherwise what lies there is left alone.
    pub known: Option<&'a str>,
}

impl Wanted<'_> {
    /// The table, read or drawn and encoded where its cache is not of it, and split.
    ///
    /// # Errors
    /// Those of [`Dataset::prepare`]; [`DataError::OtherRows`] where neither cache nor sources give the rows that are known.
    pub fn dataset(&self) -> Result<Dataset> {
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
        let folds = self.folds(&keys, &parts);
        let fingerprint = cache.description.fingerprint();
        let data = Dataset::of(schema, cache, parts, folds, fingerprint);
        if tell {
            let told = [glance::scales(schema, &data)?, looked_at].concat();
            told.iter().for_each(|line| observer.say(line));
        }
        Ok(data)
    }

    /// The parts of each fold that is wanted.
    fn folds(&self, keys: &Keys, parts: &[Rows; 3]) -> Vec<[Rows; 2]> {
        if self.folded { folds::folds(keys, parts, self.recipe) } else { Vec::new() }
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
            Found::Cache(cache) if !self.has_folds(&cache)? => Ok((None, Some("its folds are not there"))),
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
        if self.known.is_some_and(|known| known != description.fingerprint()) {
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

    /// Whether the folds that are wanted are there, where something is learnt of the rows of each.
    fn has_folds(&self, cache: &Cache) -> Result<bool> {
        let description = &cache.description;
        if !self.folded || description.learnt.is_none() {
            return Ok(true);
        }
        let parts = split::split(&cache.keys, description.bounds, self.recipe)?;
        if self.folds(&cache.keys, &parts).len() != description.folds.len() {
            return Ok(false);
        }
        for (known, fold) in description.folds.iter().zip(1..) {
            let unfit = |found: &Description| (found.fingerprint() != *known).then_some("it is of another table");
            let found = Cache::open(&fold_path(self.cache_path, fold), By::Chance, unfit, self.stop)?;
            if !matches!(found, Found::Cache(_)) {
                return Ok(false);
            }
        }
        Ok(true)
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

    /// Which rows are learnt from, but in a fold.
    fn learnt_of(&self) -> String {
        let recipe::Data { split: [train, validation, test], by, stratified, seed, .. } = self.recipe;
        let by = if *by == By::Chance { String::new() } else { format!(" by {by:?}") };
        format!("split {train}:{validation}:{test}{by}, stratified {stratified}, seed {seed}")
    }

    fn build(&self) -> Result<Cache> {
        let Self { schema, recipe, base, cache_path, observer, stop, known, .. } = *self;
        let is_synthetic = matches!(recipe.source, Source::Synthetic(_));
        let hash = schema_hash(schema)?;
        let mut writer = Writer::create(cache_path, Layout::of(schema, is_synthetic), recipe.by)?;
        let (mut encoder, mut folds) = (None, Vec::new());
        // What came through a pipe comes once.
        let mut lasting = false;
        let about = match &recipe.source {
            Source::Files(names) => {
                source::fetch(recipe.files().into_iter().flatten(), observer, stop)?;
                let lists = source::locate_all(base, recipe)?;
                lasting = !lists.iter().flatten().all(source::Located::is_regular);
                let (limit, cells, located) = (recipe.max_malformed, Cells::new(schema)?, lists.concat());
                let about = |Read { files, rows, malformed }| {
                    let mut rows = rows.into_iter();
                    let bounds = lists.each_ref().map(|list| rows.by_ref().take(list.len()).sum());
                    let origin = Origin::Files { named: names.clone(), given: recipe.given.clone(), files };
                    About { schema: hash.clone(), origin, malformed, bounds, folds: Vec::new() }
                };
                if cells.is_record() {
                    let sink = Sink::Records(&mut writer);
                    about(reading::read(schema, &cells, &located, limit, sink, observer, stop)?)
                } else {
                    let mut rows = RawWriter::create(cache_path, &cells, recipe.by)?;
                    let mut dictionaries = cells.dictionaries();
                    let sink = Sink::Rows(&mut rows, &mut dictionaries);
                    let about = about(reading::read(schema, &cells, &located, limit, sink, observer, stop)?);
                    self.both_labels(rows.counts())?;
                    let mut rows = rows.finish();
                    let parts = split::split(rows.keys(), about.bounds, recipe)?;
                    let mut encoding =
                        Encoding { wanted: self, cells: &cells, dictionaries: &dictionaries, rows: &mut rows };
                    encoder = Some(encoding.encoded(&parts[0], "encode data", &mut writer)?);
                    for (fold, [train, _]) in (1..).zip(self.folds(encoding.rows.keys(), &parts)) {
                        let place = fold_path(cache_path, fold);
                        let mut writer = Writer::create(&place, Layout::of(schema, false), recipe.by)?;
                        let encoder = encoding.encoded(&train, &format!("encode fold {fold}"), &mut writer)?;
                        let learnt = Some((format!("{}, fold {fold}", self.learnt_of()), &*encoder));
                        let cache = writer.finish(lasting, about.clone(), learnt, |_| Ok(()))?;
                        folds.push(cache.description.fingerprint());
                    }
                    about
                }
            }
            Source::Synthetic(parameters) => {
                synthetic::write(schema, parameters, &mut writer, observer, stop)?;
                let (origin, malformed) = (synthetic::origin(parameters)?, Malformed::default());
                let bounds = [writer.counts().0, 0, 0, 0];
                About { schema: hash, origin, malformed, bounds, folds: Vec::new() }
            }
        };
        self.both_labels(writer.counts())?;
        let learnt = encoder.as_ref().map(|encoder| (self.learnt_of(), encoder.as_slice()));
        let rows = writer.counts().0;
        writer.finish(lasting, About { folds, ..about }, learnt, |description| match known {
            Some(known) if known != description.fingerprint() => {
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

/// Rows whose encoding is learnt, as often as there are training parts.
struct Encoding<'a> {
    wanted: &'a Wanted<'a>,
    cells: &'a Cells,
    dictionaries: &'a Dictionaries,
    rows: &'a mut Raw,
}

impl Encoding<'_> {
    /// Learns from these rows and writes all of them encoded; the encoder.
    fn encoded(&mut self, train: &Rows, title: &str, writer: &mut Writer) -> Result<Vec<u8>> {
        let Self { wanted, cells, dictionaries, rows } = self;
        let Wanted { schema, recipe, observer, stop, .. } = **wanted;
        let training = fit::Training::new(schema, train, rows.keys().len(), recipe.seed);
        let total = Some(rows.keys().len() as u64);
        observer.begin(Stage { name: title.to_owned(), total, unit: "rows" });
        let learnt = fit::learn(schema, cells, dictionaries, rows, training, observer, stop);
        let encoded = learnt.and_then(|learnt| {
            fit::encode(schema, cells, &learnt, dictionaries, rows, writer, |done| {
                observer.progress(done, "");
                stop.check()
            })?;
            learnt.encoder.to_bytes(schema)
        });
        observer.end();
        encoded
    }
}

fn schema_hash(schema: &Schema) -> Result<String> {
    Ok(blake3::hash(&serde_json::to_vec(schema)?).to_hex().to_string())
}
