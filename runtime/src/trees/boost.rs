//! How many trees are grown, each on what those before it leave.

use nasrec_compiler::streams::{Key, Streams, at};
use rand::Rng;
use rayon::prelude::*;

use super::columns::{BINS, Columns, Edges, Raw, TOGETHER};
use super::grow::{Ground, Slope, Tree};
use super::growth::Growth;
use crate::data::{Dataset, Folds, Rows};
use crate::train::{Scores, log_loss};
use crate::{Result, Stop};

/// Most trees.
const MOST: usize = 2_000;
/// Trees in a row that do not make the log loss on the rows held back smaller, after which no more are grown.
const PATIENCE: usize = 50;
/// The share of the rows that each tree is grown on.
const SHARE: f64 = 0.8;
/// Most rows that trees are grown on, and most that are held back to stop on: evenly spaced ones of more.
const MOST_ROWS: usize = 1 << 21;
/// Trees between two points of the curve.
const EVERY: u64 = 10;
/// Rows that a task works on.
const TASK: usize = 1 << 12;

/// Bytes that training takes at most on a table of so many columns and so many rows, with trees of so many leaves.
pub(crate) fn memory(numbers: usize, fields: usize, rows: u64, leaves: usize) -> u64 {
    let rows = rows.min(2 * MOST_ROWS as u64);
    let (numbers, fields) = (numbers as u64, fields as u64);
    let columns = numbers + 3 * fields;
    // As they are read, as trees see them, their bins; derivatives, logits, labels, lists of rows.
    let of_row = 4 * (numbers + fields) + 4 * columns + columns + 48;
    rows.saturating_mul(of_row).saturating_add(columns.saturating_mul((BINS * leaves * 16) as u64))
}

/// When training ends.
#[derive(Clone, Copy)]
pub(crate) enum Until<'r> {
    /// With the trees that are best on these rows.
    Best(&'r Rows),
    /// With so many trees.
    Trees(usize),
}

/// Boosting on a table.
pub(crate) struct Boosting<'a> {
    pub data: &'a Dataset,
    pub growth: Growth,
    /// Of everything that is drawn.
    pub seed: u64,
    pub stop: &'a Stop,
}

/// Trained trees.
pub(crate) struct Forest {
    columns: Columns,
    /// The logit of the click rate of the training rows, to which trees add.
    base: f32,
    trees: Vec<Tree>,
    /// The mean log loss of the training rows after so many trees.
    pub curve: Vec<(u64, Option<f64>)>,
    /// Of how many rows: fewer than there were, where there were too many.
    pub rows: usize,
}

/// Rows that are held back to stop on.
struct Held {
    bins: Vec<Vec<u8>>,
    labels: Vec<f32>,
    logits: Vec<f32>,
}

impl Boosting<'_> {
    /// Trains on rows; `each` is told how many trees there are and the log loss on the rows held back, if any are.
    ///
    /// # Errors
    /// The rows can no longer be read; a stop.
    pub fn train(&self, rows: &Rows, until: Until, mut each: impl FnMut(u64, Option<f64>)) -> Result<Forest> {
        let rows = spaced(rows);
        let streams = Streams::new(self.seed);
        let raw = Raw::read(self.data, &rows, self.stop)?;
        let (columns, seen) = Columns::learn(&raw, &rows, Folds::new(self.seed));
        let Raw { labels, weights, .. } = raw;
        let edges = Edges::between(&seen);
        let bins = edges.binned(&seen);
        drop(seen);
        let clicks = labels.iter().map(|&label| f64::from(label)).sum::<f64>();
        let rate = (clicks / labels.len().max(1) as f64).clamp(1e-6, 1.0 - 1e-6);
        let base = (rate / (1.0 - rate)).ln() as f32;
        let mut held = match until {
            Until::Best(rows) => {
                let raw = Raw::read(self.data, &spaced(rows), self.stop)?;
                let bins = edges.binned(&columns.of(&raw));
                Some(Held { bins, logits: vec![base; raw.labels.len()], labels: raw.labels })
            }
            Until::Trees(_) => None,
        };
        let (most, patience) = match until {
            Until::Best(_) => (MOST, PATIENCE),
            Until::Trees(trees) => (trees, trees),
        };
        let key = streams.key("trees");
        let mut logits = vec![base; labels.len()];
        let mut forest = Forest { columns, base, trees: Vec::new(), curve: Vec::new(), rows: rows.len() };
        let mut best = (f64::INFINITY, 0);
        while forest.trees.len() < most.min(best.1 + patience) {
            self.stop.check()?;
            let index = forest.trees.len() as u64;
            if index.is_multiple_of(EVERY) {
                forest.curve.push((index, Some(log_loss(&logits, &labels))));
            }
            let slopes = slopes(&logits, &labels, &weights);
            let all = [(forest.columns.len(), self.growth.columns), (labels.len(), SHARE)];
            let [of_columns, of_rows] = drawn(key, index, all);
            let of_rows = of_rows.into_iter().map(|row| row as u32).collect();
            let growth = &self.growth;
            let ground = Ground { edges: &edges, bins: &bins, slopes: &slopes, columns: &of_columns, growth };
            let tree = ground.grow(of_rows);
            add(&tree, &bins, &mut logits);
            let loss = held.as_mut().map(|held| {
                add(&tree, &held.bins, &mut held.logits);
                log_loss(&held.logits, &held.labels)
            });
            forest.trees.push(tree);
            if let Some(loss) = loss
                && loss < best.0
            {
                best = (loss, forest.trees.len());
            }
            each(forest.trees.len() as u64, loss);
        }
        if held.is_some() {
            forest.trees.truncate(best.1);
            forest.curve.retain(|(trees, _)| *trees <= best.1 as u64);
        }
        Ok(forest)
    }
}

impl Forest {
    /// How many trees there are.
    pub fn len(&self) -> usize {
        self.trees.len()
    }

    /// What they say of rows.
    ///
    /// # Errors
    /// The rows can no longer be read; a stop.
    pub fn scores(&self, data: &Dataset, rows: &Rows, stop: &Stop) -> Result<Scores> {
        let (mut logits, mut labels, mut groups) = (Vec::with_capacity(rows.len()), Vec::new(), Vec::new());
        for rows in rows.chunks(TOGETHER) {
            stop.check()?;
            let batch = data.batch(rows)?;
            let columns = self.columns.of(&Raw::of(&batch));
            let each = (0..rows.len()).into_par_iter().map(|row| {
                self.trees.iter().fold(self.base, |sum, tree| sum + tree.value(|column| columns[column][row]))
            });
            logits.par_extend(each);
            labels.extend_from_slice(batch.labels_of(0));
            groups.extend_from_slice(&batch.groups);
        }
        Ok(Scores { logits, labels, groups })
    }
}

/// Evenly spaced rows, where there are too many.
fn spaced(rows: &Rows) -> Rows {
    if rows.len() <= MOST_ROWS {
        return rows.clone();
    }
    (0..MOST_ROWS)
        .map(|index| rows[(index as u64 * rows.len() as u64 / MOST_ROWS as u64) as usize])
        .collect::<Vec<_>>()
        .into()
}

/// The columns and the rows that a tree is grown on, both rising: of so many the share that is wanted.
fn drawn(key: Key, tree: u64, all: [(usize, f64); 2]) -> [Vec<usize>; 2] {
    let mut rng = at(key, tree);
    all.map(|(count, share)| {
        // Each of those left is taken with the probability by which as many are taken as wanted (Fan et al., 1962).
        let mut wanted = ((count as f64 * share).ceil() as usize).min(count);
        let mut taken = Vec::with_capacity(wanted);
        for index in 0..count {
            let among = (count - index) as u128;
            if ((u128::from(rng.next_u64()) * among) >> 64) < wanted as u128 {
                taken.push(index);
                wanted -= 1;
            }
        }
        taken
    })
}

/// The derivatives of the loss of each row by its logit, as often as it counts.
fn slopes(logits: &[f32], labels: &[f32], weights: &[f32]) -> Vec<Slope> {
    let slope = |(row, (&logit, &label)): (usize, (&f32, &f32))| {
        let probability = 1.0 / (1.0 + (-f64::from(logit)).exp());
        let weight = f64::from(weights.get(row).copied().unwrap_or(1.0));
        [weight * (probability - f64::from(label)), weight * probability * (1.0 - probability)]
    };
    logits.par_iter().zip(labels).enumerate().with_min_len(TASK).map(slope).collect()
}

/// Adds what a tree says of each row.
fn add(tree: &Tree, bins: &[Vec<u8>], logits: &mut [f32]) {
    let each = logits.par_iter_mut().enumerate().with_min_len(TASK);
    each.for_each(|(row, logit)| *logit += tree.value_of_bins(|column| bins[column][row]));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_grown_on_its_share() {
        let key = Streams::new(1).key("trees");
        let all = [(13, 0.5), (10_000, 0.8)];
        let [columns, rows] = drawn(key, 0, all);
        assert_eq!((columns.len(), rows.len()), (7, 8_000));
        assert!(columns.is_sorted_by(|a, b| a < b) && rows.is_sorted_by(|a, b| a < b));
        assert_eq!(drawn(key, 0, all), [columns, rows.clone()]);
        assert_ne!(drawn(key, 1, all)[1], rows);
    }
}
