//! What the columns of a table become for trees: numbers, and of these the bins that histograms are made of.

use nasrec_compiler::schema::Encoding;
use rayon::prelude::*;

use crate::data::{Batch, Dataset, Draw, EMPTY, Folds, Seen, Tally};
use crate::{Result, Stop};

/// Rows that are read at a time.
pub(super) const TOGETHER: usize = 1 << 13;
/// A field of so many categories or fewer is seen as it is, too.
const FEW: usize = 32;
/// How a category becomes a click rate: as it does in a schema that says nothing else.
const FOLDS: u32 = 5;
const RATE: Encoding = Encoding::Target { folds: FOLDS, smoothing: 20.0 };
/// Most bins of a column; the last one is for what is beyond all edges.
pub(super) const BINS: usize = 256;
/// Most numbers that edges are worked out from.
const SAMPLED: usize = 1 << 18;

/// The categories of a field, row by row.
#[derive(Clone, Default)]
struct Ids {
    all: Vec<u32>,
    /// Places of a row: one, but for bags.
    slots: usize,
}

impl Ids {
    /// Those of each row.
    fn rows(&self) -> impl Iterator<Item = impl Iterator<Item = u32>> {
        self.all.chunks_exact(self.slots.max(1)).map(|row| row.iter().copied().filter(|&id| id != EMPTY))
    }
}

/// Rows of a table, column by column.
#[derive(Default)]
pub(super) struct Raw {
    numbers: Vec<Vec<f32>>,
    /// Of each field the rows of its table, of a bag as many a row as it has places.
    ids: Vec<Ids>,
    pub labels: Vec<f32>,
    /// How much each row counts; none where all count once.
    pub weights: Vec<f32>,
}

impl Raw {
    /// # Errors
    /// They can no longer be read; a stop.
    pub fn read(data: &Dataset, rows: &[u32], stop: &Stop) -> Result<Self> {
        let mut raw = Self::default();
        for rows in rows.chunks(TOGETHER) {
            stop.check()?;
            raw.extend(&data.batch(rows)?);
        }
        Ok(raw)
    }

    pub fn of(batch: &Batch) -> Self {
        let mut raw = Self::default();
        raw.extend(batch);
        raw
    }

    fn extend(&mut self, batch: &Batch) {
        let rows = batch.rows.max(1);
        self.numbers.resize_with(batch.numeric.len() / rows, Vec::new);
        let fields = if batch.ends.is_empty() { batch.ids.len() / rows } else { batch.ends.len() };
        self.ids.resize_with(fields, Ids::default);
        self.numbers.iter_mut().zip(batch.numeric.chunks_exact(rows)).for_each(|(all, new)| all.extend_from_slice(new));
        for (field, ids) in self.ids.iter_mut().enumerate() {
            let new = batch.ids_of(field).unwrap_or_default();
            ids.slots = new.len() / rows;
            match ids.slots {
                1 => ids.all.extend_from_slice(new),
                _ => (0..rows).for_each(|row| ids.all.extend(new.iter().skip(row).step_by(rows))),
            }
        }
        self.labels.extend_from_slice(batch.labels_of(0));
        self.weights.extend_from_slice(&batch.weights);
    }
}

/// How the columns of a table become those of trees.
pub(super) struct Columns {
    numbers: usize,
    fields: Vec<Field>,
}

/// What trees see of the categories of a field.
struct Field {
    /// Those that a training row has, rising.
    known: Vec<u32>,
    /// Of each of them its click rate, and the logarithm of how many rows have it.
    seen: Vec<[f32; 2]>,
    /// Of all others.
    unseen: [f32; 2],
    /// Whether trees see the category itself.
    few: bool,
    /// Whether a row has several: trees see the means of what they say, and how many there are.
    bag: bool,
}

/// A column of trees, ready to be put into bins.
type Column = Vec<f32>;

impl Columns {
    /// Learns from training rows, whose numbers in the table are these. Gives them as trees see them: as if a row's own label
    /// had not been known.
    pub fn learn(raw: &Raw, rows: &[u32], folds: Folds) -> (Self, Vec<Column>) {
        let draws: Vec<Draw> = rows.par_iter().map(|&row| folds.draw(row as usize)).collect();
        let learnt: Vec<(Field, Vec<Column>)> =
            raw.ids.par_iter().map(|ids| Field::learn(ids, &raw.labels, &draws)).collect();
        let mut columns = raw.numbers.clone();
        let mut fields = Vec::with_capacity(learnt.len());
        for (field, of_field) in learnt {
            fields.push(field);
            columns.extend(of_field);
        }
        (Self { numbers: raw.numbers.len(), fields }, columns)
    }

    /// How many columns trees see.
    pub fn len(&self) -> usize {
        self.numbers + self.fields.iter().map(Field::len).sum::<usize>()
    }

    /// Any rows as trees see them.
    pub fn of(&self, raw: &Raw) -> Vec<Column> {
        let fields = self.fields.iter().zip(&raw.ids).flat_map(|(field, ids)| field.of(ids));
        raw.numbers.iter().cloned().chain(fields).collect()
    }
}

impl Field {
    fn learn(ids: &Ids, labels: &[f32], draws: &[Draw]) -> (Self, Vec<Column>) {
        let mut known: Vec<u32> = ids.rows().flatten().collect();
        known.sort_unstable();
        known.dedup();
        let code = |id: u32| known.partition_point(|&known| known < id);
        let mut tally = Tally::new(known.len(), FOLDS);
        let mut clicks = 0.0;
        for ((ids, &label), &draw) in ids.rows().zip(labels).zip(draws) {
            ids.for_each(|id| tally.add(code(id), draw, label > 0.5));
            clicks += f64::from(label);
        }
        let rate = clicks / labels.len().max(1) as f64;
        let of = |seen: Seen| RATE.of(seen.rows, seen.clicks, rate) as f32;
        let count = |code: usize| (tally.all(code).rows as f64).ln_1p() as f32;
        let seen: Vec<[f32; 2]> = (0..known.len()).map(|code| [of(tally.all(code)), count(code)]).collect();
        let rates = ids.rows().zip(draws).map(|(ids, &draw)| mean(ids.map(|id| of(tally.others(code(id), draw)))));
        let counts = ids.rows().map(|ids| mean(ids.map(|id| seen[code(id)][1])));
        let mut columns = vec![rates.collect(), counts.collect()];
        let bag = ids.slots > 1;
        let field = Self { few: !bag && known.len() <= FEW, bag, seen, unseen: [rate as f32, 0.0], known };
        columns.extend(field.plain(ids));
        (field, columns)
    }

    fn len(&self) -> usize {
        2 + usize::from(self.few || self.bag)
    }

    fn of(&self, ids: &Ids) -> Vec<Column> {
        let seen = |id: u32| self.known.binary_search(&id).map_or(self.unseen, |code| self.seen[code]);
        let column = |at: usize| ids.rows().map(|ids| mean(ids.map(|id| seen(id)[at]))).collect();
        let mut columns: Vec<Column> = (0..2).map(column).collect();
        columns.extend(self.plain(ids));
        columns
    }

    /// The category itself, or how many a row has.
    fn plain(&self, ids: &Ids) -> Option<Column> {
        match self {
            Self { bag: true, .. } => Some(ids.rows().map(|ids| ids.count() as f32).collect()),
            Self { few: true, .. } => Some(ids.all.iter().map(|&id| id as f32).collect()),
            _ => None,
        }
    }
}

/// Of nothing it is nothing.
fn mean(values: impl Iterator<Item = f32>) -> f32 {
    let (count, sum) = values.fold((0u32, 0.0), |(count, sum), value| (count + 1, sum + value));
    if count == 1 { sum } else { sum / count.max(1) as f32 }
}

/// What parts the numbers of each column into bins: a number is in the bin of the first edge that it does not exceed.
pub(super) struct Edges(Vec<Vec<f32>>);

impl Edges {
    /// Between as many numbers each, as far as they differ.
    pub fn between(columns: &[Column]) -> Self {
        let each = columns.par_iter().map(|column| {
            let every = column.len().div_ceil(SAMPLED).max(1);
            let mut sample: Vec<f32> = column.iter().copied().step_by(every).collect();
            sample.sort_unstable_by(f32::total_cmp);
            let mut different = sample.clone();
            different.dedup();
            let mut edges = if different.len() < BINS {
                different
            } else {
                (1..BINS).map(|bin| sample[bin * sample.len() / BINS]).collect()
            };
            edges.dedup();
            edges
        });
        Self(each.collect())
    }

    /// Bins of a column.
    pub fn bins(&self, column: usize) -> usize {
        self.0[column].len() + 1
    }

    /// The largest number of a bin.
    pub fn edge(&self, column: usize, bin: u8) -> f32 {
        self.0[column][usize::from(bin)]
    }

    /// The bin of each number.
    pub fn binned(&self, columns: &[Column]) -> Vec<Vec<u8>> {
        let each = columns.par_iter().zip(&self.0);
        each.map(|(column, edges)| {
            column.iter().map(|number| edges.partition_point(|edge| edge < number) as u8).collect()
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_keep_the_order_and_tell_few_numbers_apart() {
        let few = vec![3.0, 1.0, 2.0, 1.0, -5.0];
        let many: Vec<f32> = (0..10_000).map(|number| (number as f32).sqrt()).collect();
        let edges = Edges::between(&[few.clone(), many.clone()]);
        let binned = edges.binned(&[few, many]);
        assert_eq!(binned[0], [3, 1, 2, 1, 0]);
        assert!(binned[1].is_sorted() && binned[1].contains(&255));
        let sizes = binned[1].chunk_by(|a, b| a == b).map(<[u8]>::len);
        assert!(sizes.into_iter().all(|size| (30..50).contains(&size)));
        assert!(edges.bins(0) <= BINS && edges.bins(1) <= BINS);
    }

    #[test]
    fn a_category_of_one_row_tells_that_row_nothing() {
        let rows: Vec<u32> = (0..1_000).collect();
        let labels: Vec<f32> = rows.iter().map(|row| f32::from(u8::from(row % 4 == 0))).collect();
        let raw = Raw { ids: vec![Ids { all: rows.clone(), slots: 1 }], labels, ..Raw::default() };
        let (columns, seen) = Columns::learn(&raw, &rows, Folds::new(1));
        assert_eq!((columns.len(), seen.len()), (2, 2));
        assert!(seen[0].iter().all(|&rate| rate == 0.25), "the rate of all");
        let again = columns.of(&Raw { ids: vec![Ids { all: vec![0, 1, 5_000], slots: 1 }], ..Raw::default() });
        let (click, other) = ((1.0 + 20.0 * 0.25) / 21.0, 20.0 * 0.25 / 21.0);
        assert_eq!(again, [vec![click, other, 0.25], vec![2f32.ln(), 2f32.ln(), 0.0]]);
    }
}
