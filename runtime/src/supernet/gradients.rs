//! The gradients of one batch: dense ones side by side, and one row for each distinct row looked up.

use std::ops::Range;

use rayon::prelude::*;

use crate::data::EMPTY;

/// Values summed at a time; fixed, so that sums round the same way with any number of threads.
const CHUNK: usize = 1 << 14;

/// Everything one backward pass yields. Reused from batch to batch, so that no memory is asked for in a step.
#[derive(Clone, Debug, Default)]
pub struct Gradients {
    /// The trained dense parameters' gradients.
    pub(crate) dense: Vec<f32>,
    /// The sum of their squares.
    pub(crate) squares: f64,
    /// Where each of the plan's parameters lies in `dense`; empty where it is not trained or a table.
    pub(crate) spans: Vec<Range<usize>>,
    pub(crate) tables: Vec<TableGradient>,
}

/// The gradient of one table: its distinct rows in ascending order, duplicates summed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TableGradient {
    /// Index into the plan's parameters.
    pub param: usize,
    /// The rows that were looked up.
    pub rows: Vec<u32>,
    /// `[rows, dim]`
    pub values: Vec<f32>,
}

impl Gradients {
    /// The gradient of a dense parameter of the plan, empty where it is not trained.
    pub fn dense(&self, param: usize) -> &[f32] {
        self.spans.get(param).map_or(&[], |span| &self.dense[span.clone()])
    }

    /// The gradients of embedding tables, by rows.
    pub fn tables(&self) -> &[TableGradient] {
        &self.tables
    }

    /// The norm over everything, embedding rows included.
    pub fn norm(&self) -> f64 {
        let tables: Vec<f64> = self.tables.par_iter().map(|table| squares(&table.values)).collect();
        (self.squares + tables.iter().sum::<f64>()).sqrt()
    }

    /// Brings each gradient to between `-most` and `most`. The norm is not known afterwards.
    pub(crate) fn clamp(&mut self, most: f64) {
        let clamp =
            |values: &mut [f32]| values.iter_mut().for_each(|value| *value = value.clamp(-most as f32, most as f32));
        self.dense.par_chunks_mut(CHUNK).for_each(clamp);
        self.tables.par_iter_mut().for_each(|table| clamp(&mut table.values));
    }

    /// What to scale every gradient by so that the norm is at most `clip`: `min(1, clip / (norm + 1e-6))`.
    pub fn clip_scale(&self, clip: Option<f64>) -> f32 {
        clip.map_or(1.0, |clip| scale(clip, self.norm()))
    }

    /// The same for a part of the dense gradients, such as those of one of several outputs: as if there were no other.
    pub(crate) fn clip_scale_of(&self, part: Range<usize>, clip: Option<f64>) -> f32 {
        clip.map_or(1.0, |clip| scale(clip, total(&self.dense[part]).sqrt()))
    }

    /// Adds dense gradients to those that are there, in order, and sums up their squares while they are at hand.
    pub(crate) fn add(&mut self, groups: &[Vec<f32>]) {
        let add = |(i, sum): (usize, &mut [f32])| {
            let range = i * CHUNK..i * CHUNK + sum.len();
            for group in groups {
                sum.iter_mut().zip(&group[range.clone()]).for_each(|(sum, value)| *sum += value);
            }
            squares(sum)
        };
        let parts: Vec<f64> = self.dense.par_chunks_mut(CHUNK).enumerate().map(add).collect();
        self.squares = parts.iter().sum();
    }
}

fn scale(clip: f64, norm: f64) -> f32 {
    (clip / (norm + 1e-6)).min(1.0) as f32
}

fn total(dense: &[f32]) -> f64 {
    let parts: Vec<f64> = dense.par_chunks(CHUNK).map(squares).collect();
    parts.iter().sum()
}

fn squares(values: &[f32]) -> f64 {
    let mut lanes = [0f64; 8];
    let (blocks, rest) = values.as_chunks::<8>();
    for block in blocks {
        for (lane, &value) in lanes.iter_mut().zip(block) {
            *lane += f64::from(value) * f64::from(value);
        }
    }
    lanes.iter().sum::<f64>() + rest.iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>()
}

impl TableGradient {
    /// Says of all rows of a table what it is: zeros of those that no sample looked up.
    pub(crate) fn spread(&mut self, rows: usize, dim: usize) {
        let mut values = vec![0f32; rows * dim];
        for (&row, gradient) in self.rows.iter().zip(self.values.chunks_exact(dim)) {
            values[row as usize * dim..][..dim].copy_from_slice(gradient);
        }
        self.rows.clear();
        self.rows.extend(0..rows as u32);
        self.values = values;
    }

    /// Sums `gradient(place, row sum)` over the places in `ids` that looked up each row, in their order.
    pub(crate) fn sum(
        &mut self,
        param: usize,
        dim: usize,
        ids: impl Iterator<Item = u32>,
        add: impl Fn(usize, &mut [f32]),
    ) {
        let ids = ids.zip(0u64..).filter(|(id, _)| *id != EMPTY);
        let mut order: Vec<u64> = ids.map(|(id, place)| u64::from(id) << 32 | place).collect();
        order.sort_unstable();
        self.param = param;
        self.rows.clear();
        self.values.clear();
        for key in order {
            let (id, place) = ((key >> 32) as u32, (key & 0xffff_ffff) as usize);
            if self.rows.last() != Some(&id) {
                self.rows.push(id);
                self.values.resize(self.rows.len() * dim, 0.0);
            }
            let start = self.values.len() - dim;
            add(place, &mut self.values[start..]);
        }
    }
}
