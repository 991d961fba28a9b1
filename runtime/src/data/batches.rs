//! Row lists cut into batches.

use std::sync::{Arc, Mutex, PoisonError};

use nasrec_compiler::streams::{Streams, at};

use super::batch::Batch;
use super::dataset::Dataset;
use super::rows::{Rows, shuffle};
use crate::Result;
use crate::error::DataError;

/// The batches of a row list, epoch after epoch. Every batch is a pure function of the dataset, the rows, the order,
/// the epoch and its index; what is kept here only saves drawing an epoch's order again for each of its batches.
#[derive(Debug)]
pub struct Batches {
    dataset: Arc<Dataset>,
    rows: Rows,
    size: usize,
    order: Order,
    latest: Mutex<Option<(u64, Rows)>>,
}

#[derive(Debug)]
enum Order {
    /// As listed; the last batch may be smaller than the others.
    Listed,
    /// A permutation of each epoch, drawn from the stream with this key; only full batches, if there is one.
    Shuffled { key: [u8; 32] },
}

impl Batches {
    /// For training: every epoch is its own permutation, drawn from the named stream. Rows that fill no batch at the
    /// end of an epoch are left out of it, unless there are fewer rows than one batch.
    ///
    /// # Errors
    /// [`DataError::NoBatches`] when there are no rows or the batch size is 0.
    pub fn shuffled(dataset: Arc<Dataset>, rows: Rows, size: usize, streams: &Streams, stream: &str) -> Result<Self> {
        Self::new(dataset, rows, size, Order::Shuffled { key: streams.key(stream) })
    }

    /// For evaluation: always the listed order, and every row; the last batch may be smaller.
    ///
    /// # Errors
    /// [`DataError::NoBatches`] when there are no rows or the batch size is 0.
    pub fn listed(dataset: Arc<Dataset>, rows: Rows, size: usize) -> Result<Self> {
        Self::new(dataset, rows, size, Order::Listed)
    }

    fn new(dataset: Arc<Dataset>, rows: Rows, size: usize, order: Order) -> Result<Self> {
        if rows.is_empty() || size == 0 {
            return Err(DataError::NoBatches { rows: rows.len(), size }.into());
        }
        Ok(Self { dataset, rows, size, order, latest: Mutex::new(None) })
    }

    /// Batches an epoch; at least 1.
    pub fn per_epoch(&self) -> u64 {
        let batches = match self.order {
            Order::Listed => self.rows.len().div_ceil(self.size),
            Order::Shuffled { .. } => (self.rows.len() / self.size).max(1),
        };
        batches as u64
    }

    /// Batch `index` of epoch `epoch`, both counted from 0.
    ///
    /// # Errors
    /// Its rows can no longer be read.
    ///
    /// # Panics
    /// When `index` is not below [`per_epoch`](Self::per_epoch).
    pub fn batch(&self, epoch: u64, index: u64) -> Result<Batch> {
        assert!(index < self.per_epoch(), "batch {index} of {}", self.per_epoch());
        self.cut(&self.order(epoch), index)
    }

    /// The batch of training step `step`, counted from 0 over all epochs.
    ///
    /// # Errors
    /// Its rows can no longer be read.
    pub fn step(&self, step: u64) -> Result<Batch> {
        self.batch(step / self.per_epoch(), step % self.per_epoch())
    }

    /// As [`step`](Self::step), for somebody who takes steps one after the other and keeps the order of an epoch: at its
    /// end others may be in the next one already.
    pub(super) fn step_of(&self, step: u64, known: &mut Option<(u64, Rows)>) -> Result<Batch> {
        let epoch = step / self.per_epoch();
        if known.as_ref().is_none_or(|(known, _)| *known != epoch) {
            *known = None;
        }
        let (_, order) = known.get_or_insert_with(|| (epoch, self.order(epoch)));
        self.cut(order, step % self.per_epoch())
    }

    fn cut(&self, order: &Rows, index: u64) -> Result<Batch> {
        let start = index as usize * self.size;
        self.dataset.batch(&order[start..order.len().min(start + self.size)])
    }

    fn order(&self, epoch: u64) -> Rows {
        let Order::Shuffled { key } = self.order else { return self.rows.clone() };
        // The value is replaced whole, so a thread that panicked cannot have left half of one.
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        match &*latest {
            Some((known, order)) if *known == epoch => order.clone(),
            _ => {
                // The old order goes first: two of them are a gigabyte for the largest tables.
                *latest = None;
                let mut order = self.rows.to_vec();
                shuffle(&mut order, &mut at(key, epoch));
                let order = Rows::from(order);
                *latest = Some((epoch, order.clone()));
                order
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::dataset::testing::dataset;
    use crate::data::{Part, Rows};

    /// Which rows a batch holds: the test table has the row's number in its first numeric column.
    fn rows(batch: &Batch) -> Vec<u32> {
        batch.numeric[..batch.rows].iter().map(|&number| (number.exp() - 1.0).round() as u32).collect()
    }

    fn epoch(batches: &Batches, epoch: u64) -> Vec<u32> {
        (0..batches.per_epoch()).flat_map(|index| rows(&batches.batch(epoch, index).expect("readable"))).collect()
    }

    fn sorted(mut rows: Vec<u32>) -> Vec<u32> {
        rows.sort_unstable();
        rows
    }

    #[test]
    fn an_epoch_of_training_visits_rows_once_and_drops_the_rest() {
        let (_folder, dataset) = dataset(1_000);
        let part = dataset.part(Part::Train).clone();
        let batches = Batches::shuffled(dataset.clone(), part.clone(), 64, &Streams::new(5), "train").expect("rows");
        assert_eq!(batches.per_epoch(), part.len() as u64 / 64);
        let first = epoch(&batches, 0);
        assert_eq!(first.len(), 64 * batches.per_epoch() as usize);
        let mut distinct = sorted(first.clone());
        distinct.dedup();
        assert_eq!(distinct.len(), first.len());
        assert!(distinct.iter().all(|row| part.contains(row)));
        assert_ne!(first, epoch(&batches, 1), "each epoch has its own order");
        let other = Batches::shuffled(dataset.clone(), part.clone(), 64, &Streams::new(5), "other").expect("rows");
        assert_ne!(first, epoch(&other, 0), "each stream has its own order");
        let again = Batches::shuffled(dataset, part, 64, &Streams::new(5), "train").expect("rows");
        assert_eq!(again.batch(1, 3).unwrap(), batches.batch(1, 3).unwrap(), "a batch needs no batch before it");
        assert_eq!(again.step(again.per_epoch() + 3).unwrap(), batches.batch(1, 3).unwrap());
        assert_eq!(epoch(&again, 0), first);
    }

    #[test]
    fn fewer_rows_than_a_batch_are_one_batch() {
        let (_folder, dataset) = dataset(100);
        let part = dataset.part(Part::Train).clone();
        let batches = Batches::shuffled(dataset, part.clone(), 512, &Streams::new(5), "train").expect("rows");
        assert_eq!(batches.per_epoch(), 1);
        assert_eq!(sorted(epoch(&batches, 0)), sorted(part.to_vec()));
    }

    #[test]
    fn an_evaluation_reads_every_row_in_the_listed_order() {
        let (_folder, dataset) = dataset(1_000);
        let both = Rows::concat([dataset.part(Part::Test), dataset.part(Part::Validation)]);
        let batches = Batches::listed(dataset, both.clone(), 64).expect("rows");
        assert_eq!(batches.per_epoch(), both.len().div_ceil(64) as u64);
        assert_eq!(epoch(&batches, 0), *both);
        assert_eq!(epoch(&batches, 7), *both);
    }

    #[test]
    fn a_batch_has_the_batch_as_its_last_axis() {
        let (_folder, dataset) = dataset(1_000);
        let batch = dataset.batch(&[7, 3, 12]).unwrap();
        assert_eq!(batch.rows, 3);
        assert_eq!(batch.numeric.len(), 2 * 3);
        assert_eq!(rows(&batch), [7, 3, 12]);
        assert_eq!(batch.numeric[3..], [2.0, 2.0, 2.0]);
        assert_eq!(batch.ids, [8, 4, 3, 2, 4, 1]);
        assert_eq!(batch.labels, [0.0, 1.0, 1.0]);
    }

    #[test]
    fn batches_of_nothing_are_refused() {
        let (_folder, dataset) = dataset(100);
        let error = Batches::listed(dataset.clone(), Rows::from(vec![]), 8).expect_err("no rows").to_string();
        assert!(error.starts_with("0 rows cannot be cut into batches of 8"), "{error}");
        assert!(Batches::listed(dataset, Rows::from(vec![1]), 0).is_err());
    }
}
