//! Learning, one pass over the rows after the other.

use nasrec_compiler::schema::{Fill, Schema, Table, Transform};
use rayon::prelude::*;

use super::categories::{self, Categories};
use super::encoder::{Encoder, Learnt, code_at, number_at};
use super::numbers::{Numbers, SAMPLED};
use super::sources::{Source, Tallies, extend, sources};
use super::tally::{Draw, Folds};
use crate::data::table::{Cells, Dictionaries, Dictionary, Raw};
use crate::{Observer, Result, Stop};

/// The rows that are learnt from.
#[derive(Clone, Debug)]
pub(in crate::data) struct Training {
    /// Whether each row of the table is one.
    rows: Vec<bool>,
    /// Which fold each is in, where something asks for that.
    folds: Option<Folds>,
}

impl Training {
    /// These, of a table of so many, in folds that are drawn with a seed.
    pub fn new(schema: &Schema, training: &[u32], rows: usize, seed: u64) -> Self {
        let mut all = vec![false; rows];
        training.iter().for_each(|&row| all[row as usize] = true);
        let folded = schema.dense.iter().any(|column| column.encoding.is_some());
        Self { rows: all, folds: folded.then(|| Folds::new(seed)) }
    }

    /// What says which fold a row is in; nothing, where it is not learnt from or nothing asks.
    pub(super) fn draw(&self, row: usize) -> Option<Draw> {
        self.folds.filter(|_| self.rows[row]).map(|folds| folds.draw(row))
    }
}

/// What was learnt, and of which rows: these are encoded as if their own labels had not been known.
pub(in crate::data) struct Fitted {
    pub encoder: Encoder,
    pub(super) training: Training,
    pub(super) tallies: Tallies,
}

/// Learns all that a schema learns. Rows are visited in their order, whatever the threads: the same rows give the same
/// encoder.
///
/// # Errors
/// The rows can no longer be read; a stop.
pub(in crate::data) fn learn(
    schema: &Schema,
    cells: &Cells,
    dictionaries: &Dictionaries,
    rows: &mut Raw,
    training: Training,
    observer: &dyn Observer,
    stop: &Stop,
) -> Result<Fitted> {
    let every = training.rows.iter().filter(|&&training| training).count().div_ceil(SAMPLED).max(1);
    let mut learning = Learning { schema, cells, dictionaries, rows, training: &training, every, stop };
    let numbers = schema.dense.iter().map(|column| vec![[0.0; 2]; column.transforms.len()]).collect();
    let (tallies, categories) = learning.categories()?;
    let mut encoder = Encoder { numbers, categories, tables: Vec::new() };
    learning.numbers(&mut encoder, &tallies)?;
    let quantiles = learning.quantiles()?;
    let vocabularies = learning.vocabularies(observer)?;
    let learnt = quantiles.into_iter().zip(vocabularies).map(|both| match both {
        (Some(edges), _) => Learnt::Quantiles(edges),
        (None, Some(vocabulary)) => Learnt::Vocabulary(vocabulary),
        (None, None) => Learnt::Nothing,
    });
    encoder.tables = learnt.collect();
    Ok(Fitted { encoder, training, tallies })
}

struct Learning<'a> {
    schema: &'a Schema,
    cells: &'a Cells,
    dictionaries: &'a Dictionaries,
    rows: &'a mut Raw,
    training: &'a Training,
    /// Of the training rows, those by which medians and quantiles are worked out.
    every: usize,
    stop: &'a Stop,
}

/// A row that is learnt from, and what says which fold it is in.
type Sample<'r> = (&'r [u8], Option<Draw>);

impl Learning<'_> {
    /// Gives the training rows to `each` of several learners, side by side: their number among the training rows, and the row.
    fn pass<T: Send>(&mut self, learners: &mut [T], each: impl Fn(&mut T, usize, Sample) + Sync) -> Result<()> {
        if learners.is_empty() {
            return Ok(());
        }
        let Self { training, stop, .. } = *self;
        let stride = self.rows.stride();
        let mut seen = 0;
        self.rows.each(|first, bytes| {
            stop.check()?;
            let rows: Vec<Sample> = (bytes.par_chunks_exact(stride).enumerate())
                .filter(|(index, _)| training.rows[first + index])
                .map(|(index, row)| (row, training.draw(first + index)))
                .collect();
            learners.par_iter_mut().for_each(|learner| {
                rows.iter().enumerate().for_each(|(index, &row)| each(learner, seen + index, row));
            });
            seen += rows.len();
            Ok(())
        })
    }

    /// How many training rows have each category that becomes a number.
    fn categories(&mut self) -> Result<(Tallies, Vec<Categories>)> {
        let (schema, cells, dictionaries) = (self.schema, self.cells, self.dictionaries);
        let mut tallies = Tallies::wanted(schema, cells, dictionaries);
        let layout = cells.layout();
        self.pass(&mut tallies.0, |(needed, tally), _, (row, draw)| {
            let category = code_at(row, needed.at).map_or(tally.len() - 1, |code| code as usize);
            if let Some(draw) = draw {
                tally.add(category, draw, layout.label(row) == 1);
            }
        })?;
        let each = categories::kept(schema).filter_map(|(column, _)| {
            let dictionary = cells.dictionary_of_dense(column)?;
            Some(Categories::new(&dictionaries[dictionary], tallies.any_of(dictionary)?))
        });
        let categories = each.collect();
        Ok((tallies, categories))
    }

    /// What the steps of dense columns learn. A step learns from what those before it make of a number, so that each pass
    /// learns one step of every column.
    fn numbers(&mut self, encoder: &mut Encoder, tallies: &Tallies) -> Result<()> {
        let schema = self.schema;
        let mut sources = sources(schema, self.cells, encoder, Some(tallies));
        let of = (schema, self.cells, &*encoder);
        self.dictionaries.iter().enumerate().for_each(|dictionary| extend(&mut sources, of, dictionary));
        let mut known = vec![0; schema.dense.len()];
        loop {
            let next = |column: usize| {
                let transforms = &schema.dense[column].transforms;
                (known[column]..transforms.len()).find(|&step| transforms[step].is_fitted())
            };
            let mut learners: Vec<(usize, usize, &Source, Numbers)> = (0..schema.dense.len())
                .filter_map(|column| Some((column, next(column)?, sources[column].as_ref()?, Numbers::default())))
                .collect();
            if learners.is_empty() {
                return Ok(());
            }
            let (every, of) = (self.every, &*encoder);
            self.pass(&mut learners, |(column, step, source, numbers), index, (row, draw)| {
                let transforms = &schema.dense[*column].transforms;
                let sampled = index.is_multiple_of(every) && transforms[*step] == Transform::Missing(Fill::Median);
                let number = source.number(row, draw);
                if let Some(number) = of.number(transforms, *column, *step, number).filter(|x| x.is_finite()) {
                    numbers.add(number, sampled);
                }
            })?;
            for (column, step, _, mut numbers) in learners {
                let over = |span: f64| if span > 0.0 && span.is_finite() { 1.0 / span } else { 0.0 };
                let (least, greatest) = numbers.range();
                encoder.numbers[column][step] = match schema.dense[column].transforms[step] {
                    Transform::Missing(Fill::Mean) => [numbers.mean(), 0.0],
                    Transform::Missing(Fill::Median) => [numbers.median(), 0.0],
                    Transform::Standardise => [numbers.mean(), over(numbers.deviation())],
                    Transform::MinMax => [least, over(greatest - least)],
                    _ => [0.0; 2],
                };
                known[column] = step + 1;
            }
        }
    }

    /// The edges of each sparse column that has quantiles.
    fn quantiles(&mut self) -> Result<Vec<Option<Vec<f64>>>> {
        let (schema, every) = (self.schema, self.every);
        let columns = schema.sparse.iter().enumerate().filter(|(_, column)| column.table == Table::Quantiles);
        let learner = |(column, _)| Some((column, self.cells.source_of_sparse(column)?, Numbers::default()));
        let mut learners: Vec<(usize, usize, Numbers)> = columns.filter_map(learner).collect();
        self.pass(&mut learners, |(_, at, numbers), index, (row, _)| {
            if index.is_multiple_of(every)
                && let Some(number) = number_at(row, *at)
            {
                numbers.add(number, true);
            }
        })?;
        let mut edges = vec![None; schema.sparse.len()];
        for (column, _, mut numbers) in learners {
            edges[column] = Some(numbers.quantiles(schema.sparse[column].rows - 1));
        }
        Ok(edges)
    }

    /// The vocabulary of each sparse column that has one.
    fn vocabularies(&mut self, observer: &dyn Observer) -> Result<Vec<Option<Dictionary>>> {
        let (schema, dictionaries) = (self.schema, self.dictionaries);
        // Columns that share a table share a dictionary.
        let mut places: Vec<Vec<usize>> = vec![Vec::new(); dictionaries.len()];
        self.cells.codes().for_each(|(dictionary, at)| places[dictionary].push(at));
        let counted = places.into_iter().zip(dictionaries).map(|(places, all)| (places, vec![0u32; all.len()]));
        let mut counts: Vec<(Vec<usize>, Vec<u32>)> = counted.collect();
        self.pass(&mut counts, |(places, counts), _, (row, _)| {
            for &at in &*places {
                if let Some(code) = code_at(row, at) {
                    counts[code as usize] += 1;
                }
            }
        })?;
        let each = schema.sparse.iter().enumerate().map(|(index, column)| {
            let Table::Vocabulary { min_count } = column.table else { return None };
            if column.same.is_some() {
                return None;
            }
            let wanted = self.cells.dictionary_of(index)?;
            let (_, counts) = &counts[wanted];
            let dictionary = &dictionaries[wanted];
            let least = min_count.clamp(1, u64::from(u32::MAX)) as u32;
            let mut codes: Vec<u32> =
                (0..).zip(counts).filter(|&(_, &count)| count >= least).map(|(code, _)| code).collect();
            // Values as frequent are in the order of their bytes, so that the order of rows makes no difference.
            codes.par_sort_unstable_by(|&a, &b| {
                let frequent = counts[b as usize].cmp(&counts[a as usize]);
                frequent.then_with(|| dictionary.value(a).cmp(dictionary.value(b)))
            });
            let room = column.rows - 2;
            if codes.len() > room {
                observer.say(&format!(
                    "column {}: {} of {} values have a row of their own, the others share one (`rows: {}`)",
                    column.name,
                    room,
                    codes.len(),
                    column.rows
                ));
                codes.truncate(room);
            }
            let mut vocabulary = Dictionary::default();
            codes.iter().for_each(|&code| {
                // Fewer than those that were there.
                let _known = vocabulary.code(dictionary.value(code));
            });
            Some(vocabulary)
        });
        Ok(each.collect())
    }
}
