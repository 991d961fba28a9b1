//! An embedding table: only the rows that training touched hold values; the others are drawn when they are read.

use std::borrow::Cow;

use nasrec_compiler::plan::{Init, Layout};
use nasrec_compiler::streams::{Streams, at};

use super::adagrad::Adagrad;
use super::dense::draw;
use super::slices::pick;
use crate::ops::TableGradient;

/// Where a row's initial value comes from: a pure function of (key, row).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Origin {
    pub key: [u8; 32],
    pub init: Init,
    /// The shape that rows are drawn for, `[rows, dim]`.
    pub full: [usize; 2],
    /// The columns of a drawn row that this table holds.
    pub columns: Layout,
}

#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub origin: Origin,
    pub rows: usize,
    pub dim: usize,
    /// `[rows, dim]`, zero where untouched: pages that nothing touches take no memory.
    values: Vec<f32>,
    state: Vec<f32>,
    /// One bit a row.
    touched: Vec<u64>,
}

impl Table {
    pub(crate) fn new(streams: Streams, name: &str, rows: usize, dim: usize, init: Init) -> Self {
        Self::from_origin(Origin { key: streams.key(name), init, full: [rows, dim], columns: Layout::prefix(dim) })
    }

    pub(crate) fn from_origin(origin: Origin) -> Self {
        let (rows, dim) = (origin.full[0], origin.columns.len());
        let zeros = || vec![0f32; rows * dim];
        Self { rows, dim, values: zeros(), state: zeros(), touched: vec![0; rows.div_ceil(64)], origin }
    }

    /// Identifies the function that untouched rows are drawn by.
    pub(crate) fn fingerprint(&self) -> String {
        let Origin { key, init, full, columns } = &self.origin;
        let mut hasher = blake3::Hasher::new();
        hasher.update(key);
        hasher.update(format!("{init:?} {full:?} {:?}", columns.runs()).as_bytes());
        hasher.finalize().to_hex().to_string()
    }

    pub(crate) fn is_touched(&self, row: usize) -> bool {
        self.touched[row / 64] >> (row % 64) & 1 == 1
    }

    /// The touched rows, ascending.
    pub(crate) fn touched(&self) -> impl Iterator<Item = usize> + '_ {
        self.touched
            .iter()
            .enumerate()
            .flat_map(|(word, &bits)| (0..64).filter(move |bit| bits >> bit & 1 == 1).map(move |bit| word * 64 + bit))
    }

    /// A row's values and state, where it was touched.
    pub(crate) fn stored(&self, row: usize) -> (&[f32], &[f32]) {
        let range = row * self.dim..(row + 1) * self.dim;
        (&self.values[range.clone()], &self.state[range])
    }

    /// A row's current values.
    pub(crate) fn row(&self, row: usize) -> Cow<'_, [f32]> {
        if self.is_touched(row) {
            Cow::Borrowed(self.stored(row).0)
        } else {
            let mut values = vec![0f32; self.dim];
            self.draw(row, &mut values);
            Cow::Owned(values)
        }
    }

    fn draw(&self, row: usize, values: &mut [f32]) {
        let Origin { key, init, full, columns } = &self.origin;
        let mut rng = at(*key, row as u64);
        if values.len() == full[1] {
            draw(*init, full, &mut rng, values);
        } else {
            let mut whole = vec![0f32; full[1]];
            draw(*init, full, &mut rng, &mut whole);
            pick(columns, &whole, values);
        }
    }

    /// A row for writing, its initial values in place.
    fn touch(&mut self, row: usize) -> (&mut [f32], &mut [f32]) {
        let range = row * self.dim..(row + 1) * self.dim;
        if !self.is_touched(row) {
            let mut values = vec![0f32; self.dim];
            self.draw(row, &mut values);
            self.values[range.clone()].copy_from_slice(&values);
            self.touched[row / 64] |= 1 << (row % 64);
        }
        (&mut self.values[range.clone()], &mut self.state[range])
    }

    /// Overwrites a row.
    pub(crate) fn put(&mut self, row: usize, values: &[f32], state: &[f32]) {
        self.touched[row / 64] |= 1 << (row % 64);
        let range = row * self.dim..(row + 1) * self.dim;
        self.values[range.clone()].copy_from_slice(values);
        self.state[range].copy_from_slice(state);
    }

    /// Makes a row what it was before anything touched it.
    pub(crate) fn forget(&mut self, row: usize) {
        let range = row * self.dim..(row + 1) * self.dim;
        self.values[range.clone()].fill(0.0);
        self.state[range].fill(0.0);
        self.touched[row / 64] &= !(1 << (row % 64));
    }

    pub(crate) fn forget_all(&mut self) {
        for row in self.touched().collect::<Vec<_>>() {
            self.forget(row);
        }
    }

    /// Updates the rows of a gradient, whose values are those of the active `columns`.
    pub(crate) fn apply(&mut self, rule: Adagrad, scale: f32, columns: &Layout, gradient: &TableGradient) {
        let active = columns.len();
        for (&row, gradients) in gradient.rows.iter().zip(gradient.values.chunks_exact(active)) {
            let (values, state) = self.touch(row as usize);
            let mut at = 0;
            for run in columns.runs() {
                let range = run.start..run.start + run.len;
                rule.update(scale, &gradients[at..at + run.len], &mut values[range.clone()], &mut state[range]);
                at += run.len;
            }
        }
    }

    /// The table of the given columns on its own: same values, same state, and untouched rows stay lazy.
    pub(crate) fn sliced(&self, columns: &Layout) -> Self {
        let held: Vec<usize> = self.origin.columns.positions().collect();
        let origin = Origin {
            columns: Layout::from_positions(columns.positions().map(|column| held[column])),
            ..self.origin.clone()
        };
        let mut table = Self::from_origin(origin);
        let (mut values, mut state) = (vec![0f32; table.dim], vec![0f32; table.dim]);
        for row in self.touched() {
            let (full_values, full_state) = self.stored(row);
            pick(columns, full_values, &mut values);
            pick(columns, full_state, &mut state);
            table.put(row, &values, &state);
        }
        table
    }
}
