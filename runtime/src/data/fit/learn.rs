//! Learning, one pass over the rows after the other.

use nasrec_compiler::schema::{Fill, Schema, Table, Transform};
use rayon::prelude::*;

use super::encoder::{Encoder, Learnt, code_at, number_at};
use super::numbers::{Numbers, SAMPLED};
use crate::data::table::{Cells, Dictionaries, Dictionary, Raw};
use crate::{Observer, Result, Stop};

/// Learns all that a schema learns, from the rows that `training` names. Rows are visited in their order, whatever the
/// threads: the same rows give the same encoder.
///
/// # Errors
/// The rows can no longer be read; a stop.
pub(in crate::data) fn learn(
    schema: &Schema,
    cells: &Cells,
    dictionaries: &Dictionaries,
    rows: &mut Raw,
    training: &[bool],
    observer: &dyn Observer,
    stop: &Stop,
) -> Result<Encoder> {
    let every = training.iter().filter(|&&training| training).count().div_ceil(SAMPLED).max(1);
    let mut learning = Learning { schema, cells, rows, training, every, stop };
    let numbers = schema.dense.iter().map(|column| vec![[0.0; 2]; column.transforms.len()]).collect();
    let mut encoder = Encoder { numbers, tables: Vec::new() };
    learning.numbers(&mut encoder)?;
    let quantiles = learning.quantiles()?;
    let vocabularies = learning.vocabularies(dictionaries, observer)?;
    let learnt = quantiles.into_iter().zip(vocabularies).map(|both| match both {
        (Some(edges), _) => Learnt::Quantiles(edges),
        (None, Some(vocabulary)) => Learnt::Vocabulary(vocabulary),
        (None, None) => Learnt::Nothing,
    });
    encoder.tables = learnt.collect();
    Ok(encoder)
}

struct Learning<'a> {
    schema: &'a Schema,
    cells: &'a Cells,
    rows: &'a mut Raw,
    training: &'a [bool],
    /// Of the training rows, those by which medians and quantiles are worked out.
    every: usize,
    stop: &'a Stop,
}

impl Learning<'_> {
    /// Gives the training rows to `each` of several learners, side by side: their number among the training rows, and the row.
    fn pass<T: Send>(&mut self, learners: &mut [T], each: impl Fn(&mut T, usize, &[u8]) + Sync) -> Result<()> {
        if learners.is_empty() {
            return Ok(());
        }
        let Self { training, stop, .. } = *self;
        let stride = self.rows.stride();
        let mut seen = 0;
        self.rows.each(|first, bytes| {
            stop.check()?;
            let rows = bytes.chunks_exact(stride).zip(&training[first..]);
            let rows: Vec<&[u8]> = rows.filter(|(_, training)| **training).map(|(row, _)| row).collect();
            learners.par_iter_mut().for_each(|learner| {
                rows.iter().enumerate().for_each(|(index, row)| each(learner, seen + index, row));
            });
            seen += rows.len();
            Ok(())
        })
    }

    /// What the steps of dense columns learn. A step learns from what those before it make of a number, so that each pass
    /// learns one step of every column.
    fn numbers(&mut self, encoder: &mut Encoder) -> Result<()> {
        let mut known = vec![0; self.schema.dense.len()];
        loop {
            let schema = self.schema;
            let next = |column: usize| {
                let transforms = &schema.dense[column].transforms;
                (known[column]..transforms.len()).find(|&step| transforms[step].is_fitted())
            };
            let mut learners: Vec<(usize, usize, usize, Numbers)> = (0..schema.dense.len())
                .filter_map(|column| {
                    Some((column, next(column)?, self.cells.number_of_dense(column)?, Numbers::default()))
                })
                .collect();
            if learners.is_empty() {
                return Ok(());
            }
            let (every, of) = (self.every, &*encoder);
            self.pass(&mut learners, |(column, step, at, numbers), index, row| {
                let transforms = &schema.dense[*column].transforms;
                let sampled = index.is_multiple_of(every) && transforms[*step] == Transform::Missing(Fill::Median);
                if let Some(number) =
                    of.number(transforms, *column, *step, number_at(row, *at)).filter(|x| x.is_finite())
                {
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
        self.pass(&mut learners, |(_, at, numbers), index, row| {
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
    fn vocabularies(
        &mut self,
        dictionaries: &Dictionaries,
        observer: &dyn Observer,
    ) -> Result<Vec<Option<Dictionary>>> {
        let schema = self.schema;
        let counted =
            self.cells.codes().map(|(dictionary, at)| (dictionary, at, vec![0u32; dictionaries[dictionary].len()]));
        let mut counts: Vec<(usize, usize, Vec<u32>)> = counted.collect();
        self.pass(&mut counts, |(_, at, counts), _, row| {
            if let Some(code) = code_at(row, *at) {
                counts[code as usize] += 1;
            }
        })?;
        let each = schema.sparse.iter().enumerate().map(|(index, column)| {
            let Table::Vocabulary { min_count } = column.table else { return None };
            let wanted = self.cells.dictionary_of(index)?;
            let (_, _, counts) = counts.iter().find(|(dictionary, ..)| *dictionary == wanted)?;
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
