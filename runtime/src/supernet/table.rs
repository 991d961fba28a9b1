//! An embedding table: only the rows that training touched are there; the others are drawn when they are read.
//!
//! A touched row is a record of a slab that grows with them: its values, and what the optimiser remembers of it beside
//! them. An index says where it is. So memory and the cost of a step follow the rows in use, whatever the table's height.

use nasrec_compiler::plan::{Init, Layout};
use nasrec_compiler::recipe::Storage;
use nasrec_compiler::streams::{Streams, at};
use smallvec::SmallVec;

use super::average::Average;
use super::dense::draw;
use super::file::Mapped;
use super::gradients::TableGradient;
use super::index::{Index, Slots};
use super::optimiser::{Memory, Prepared};
use super::rows::{self, decode, encode, words};
use super::slab::Slab;
use super::slices::pick;
use super::store::Keep;
use crate::simd::vectorised;

/// Rows that are fetched together.
const TOGETHER: usize = 128;

/// Numbers of a row that are put where they go one by one.
const NARROW: usize = 8;

/// The values of one row.
pub(crate) type Row = SmallVec<[f32; 64]>;

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
    pub keep: Keep,
    index: Index,
    /// A record is the values, in words of 32 bits, what the optimiser remembers, and where an average is kept the means and how
    /// many steps they have seen.
    slab: Slab,
}

impl Table {
    pub(crate) fn new(streams: Streams, name: &str, full: [usize; 2], init: Init, keep: Keep) -> Self {
        let columns = Layout::prefix(full[1]);
        Self::from_origin(Origin { key: streams.key(name), init, full, columns }, keep)
    }

    pub(crate) fn from_origin(origin: Origin, keep: Keep) -> Self {
        let (rows, dim) = (origin.full[0], origin.columns.len());
        let stride = words(keep.storage, dim) + keep.beside_row(dim);
        Self { rows, dim, keep, index: Index::new(rows), slab: Slab::new(stride, rows), origin }
    }

    /// Bytes that a table takes with `touched` rows, at most.
    pub(crate) fn bytes(rows: u64, dim: usize, keep: Keep, touched: u64) -> u64 {
        let touched = touched.min(rows);
        let stride = words(keep.storage, dim) + keep.beside_row(dim);
        Index::bytes(rows, touched).saturating_add(Slab::bytes(stride as u64, touched, rows))
    }

    /// Bytes of memory that it takes, at most.
    pub(super) fn taken(&self) -> u64 {
        Self::bytes(self.rows as u64, self.dim, self.keep, self.slab.held() as u64)
    }

    /// Identifies the function that untouched rows are drawn by.
    pub(crate) fn fingerprint(&self) -> String {
        let Origin { key, init, full, columns } = &self.origin;
        let mut hasher = blake3::Hasher::new();
        hasher.update(key);
        hasher.update(format!("{init:?} {full:?} {:?}", columns.runs()).as_bytes());
        hasher.finalize().to_hex().to_string()
    }

    /// The touched rows, ascending, with their records: values as they are stored, and the optimiser's memory.
    pub(crate) fn records(&self) -> impl Iterator<Item = (usize, &[f32], &[f32])> + '_ {
        let words = words(self.keep.storage, self.dim);
        self.index.iter().map(move |(row, slot)| {
            let (values, memory) = self.slab.record(slot).split_at(words);
            (row, values, memory)
        })
    }

    /// Moves one value of a row.
    #[cfg(test)]
    pub(crate) fn shift(&mut self, row: usize, column: usize, by: f32) {
        let mut values = self.row(row);
        values[column] += by;
        let memory = vec![0.0; self.keep.memory.of_row(self.dim)];
        self.put_record(row, &values, &memory);
    }

    /// A row's current values.
    pub(crate) fn row(&self, row: usize) -> Row {
        let mut values = Row::new();
        self.read(row, &mut values);
        values
    }

    /// Writes a row's current values to memory that is there already.
    fn read(&self, row: usize, values: &mut Row) {
        match self.index.get(row) {
            Some(slot) => {
                let words = words(self.keep.storage, self.dim);
                decode(self.keep.storage, self.dim, &self.slab.record(slot)[..words], values);
            }
            None => self.draw(row, values),
        }
    }

    /// The active columns of these rows, one row beside the other: `[columns, ids]`.
    pub(crate) fn gather(&self, columns: &Layout, ids: &[u32], out: &mut [f32]) {
        let (dim, count) = (self.dim, ids.len());
        let mut slots = Slots::new();
        let mut fetched: SmallVec<[f32; 32 * TOGETHER]> = SmallVec::new();
        let mut scratch = Row::new();
        let whole = columns.len() == dim && self.keep.storage == Storage::F32;
        for (block, ids) in ids.chunks(TOGETHER).enumerate() {
            if whole && dim <= NARROW {
                // A few numbers a row: to copy them would take a call, which takes longer than to put each where it goes.
                self.index.get_all(ids, &mut slots);
                for (at, (&slot, &id)) in slots.iter().zip(ids).enumerate() {
                    let column = out[block * TOGETHER + at..].iter_mut().step_by(count);
                    match (slot as usize).checked_sub(1) {
                        Some(slot) => column.zip(&self.slab.record(slot)[..dim]).for_each(|(to, value)| *to = *value),
                        None => {
                            self.draw(id as usize, &mut scratch);
                            column.zip(&scratch).for_each(|(to, value)| *to = *value);
                        }
                    }
                }
                continue;
            }
            // Rows lie anywhere, so each is waited for: they are fetched first, many at a time, and turned afterwards.
            self.index.get_all(ids, &mut slots);
            fetched.clear();
            for (&slot, &id) in slots.iter().zip(ids) {
                let Some(slot) = (slot as usize).checked_sub(1) else {
                    self.draw(id as usize, &mut scratch);
                    fetched.extend_from_slice(&scratch);
                    continue;
                };
                let record = self.slab.record(slot);
                match self.keep.storage {
                    Storage::F32 => fetched.extend_from_slice(&record[..dim]),
                    storage => rows::append(storage, dim, record, &mut fetched),
                }
            }
            for (column, out) in columns.positions().zip(out.chunks_exact_mut(count)) {
                let out = &mut out[block * TOGETHER..][..ids.len()];
                let values = fetched[column..].iter().step_by(dim);
                out.iter_mut().zip(values).for_each(|(to, &value)| *to = value);
            }
        }
    }

    /// A row as nothing has touched it, as it would be stored.
    fn draw(&self, row: usize, values: &mut Row) {
        let Origin { key, init, full, columns } = &self.origin;
        let mut rng = at(*key, row as u64);
        values.resize(self.dim, 0.0);
        if self.dim == full[1] {
            draw(*init, full, &mut rng, values);
        } else {
            let mut whole = Row::from_elem(0.0, full[1]);
            draw(*init, full, &mut rng, &mut whole);
            pick(columns, &whole, values);
        }
        rows::round(self.keep.storage, values);
    }

    /// Makes a record of a row that nothing touched, its initial values in place.
    fn touch(&mut self, row: usize, scratch: &mut Row) -> usize {
        self.draw(row, scratch);
        let slot = self.slab.push();
        self.index.insert(row, slot);
        let words = words(self.keep.storage, self.dim);
        encode(self.keep.storage, scratch, &mut self.slab.record_mut(slot)[..words]);
        slot
    }

    /// Overwrites a row with values as they are stored, and the optimiser's memory of it.
    pub(crate) fn put_record(&mut self, row: usize, values: &[f32], memory: &[f32]) {
        let slot = self.index.get(row).unwrap_or_else(|| {
            let slot = self.slab.push();
            self.index.insert(row, slot);
            slot
        });
        let (to_values, to_memory) = self.slab.record_mut(slot).split_at_mut(values.len());
        to_values.copy_from_slice(values);
        to_memory.copy_from_slice(memory);
    }

    /// Overwrites a row, with nothing remembered of it.
    pub(crate) fn put(&mut self, row: usize, values: &[f32]) {
        let memory: Row = SmallVec::from_elem(0.0, self.keep.beside_row(self.dim));
        self.put_with(row, values, &memory);
    }

    /// Overwrites a row and the optimiser's memory of it.
    pub(crate) fn put_with(&mut self, row: usize, values: &[f32], memory: &[f32]) {
        let mut stored: Row = SmallVec::from_elem(0.0, words(self.keep.storage, self.dim));
        encode(self.keep.storage, values, &mut stored);
        self.put_record(row, &stored, memory);
    }

    /// Has these rows where their values lie in a file, one after the other; whether that is how they are stored.
    pub(super) fn map_rows(&mut self, ids: &[u32], mapped: Mapped) -> bool {
        let words = words(self.keep.storage, self.dim);
        let whole = 4 * words == rows::bytes(self.keep.storage, self.dim) && self.keep.beside_row(self.dim) == 0;
        let Some(slab) = Slab::mapped(words, self.rows, mapped, ids.len()).filter(|_| whole) else { return false };
        self.forget_all();
        self.slab = slab;
        for (slot, &row) in ids.iter().enumerate() {
            self.index.insert(row as usize, slot);
        }
        true
    }

    pub(crate) fn forget_all(&mut self) {
        self.index.clear();
        self.slab.clear();
    }

    /// Updates the rows of a gradient, whose values are those of the active `columns`.
    pub(crate) fn apply(
        &mut self,
        rule: &Prepared,
        average: Option<Average>,
        columns: &Layout,
        gradient: &TableGradient,
    ) {
        let (dim, storage) = (self.dim, self.keep.storage);
        let (words, remembered) = (words(storage, dim), self.keep.memory.of_row(dim));
        let average = average.filter(|_| self.keep.average);
        let mut scratch = Row::new();
        // As in a lookup: where they all are first, the records afterwards.
        let mut slots = Slots::new();
        self.index.get_all(&gradient.rows, &mut slots);
        for (slot, &row) in slots.iter_mut().zip(&gradient.rows).filter(|(slot, _)| **slot == 0) {
            *slot = self.touch(row as usize, &mut scratch) as u32 + 1;
        }
        vectorised(
            #[inline(always)]
            || {
                for (&slot, gradients) in slots.iter().zip(gradient.values.chunks_exact(columns.len())) {
                    let (stored, beside) = self.slab.record_mut(slot as usize - 1).split_at_mut(words);
                    let (memory, means) = beside.split_at_mut(remembered);
                    if storage != Storage::F32 {
                        decode(storage, dim, stored, &mut scratch);
                    }
                    let values = if storage == Storage::F32 { &mut *stored } else { &mut scratch[..] };
                    match average {
                        None => update_row(rule, columns, gradients, values, memory),
                        Some(average) => {
                            let (means, since) = means.split_at_mut(dim);
                            average.catch_up(means, values, since[0]);
                            update_row(rule, columns, gradients, values, memory);
                            average.follow(means, values, 1);
                            since[0] = (average.step + 1) as f32;
                        }
                    }
                    if storage != Storage::F32 {
                        encode(storage, &scratch, stored);
                    }
                }
            },
        );
    }

    /// Adds `factor` times their values to the gradients of rows.
    pub(crate) fn add_values(&self, factor: f32, columns: &Layout, gradient: &mut TableGradient) {
        let mut scratch = Row::new();
        for (&row, gradients) in gradient.rows.iter().zip(gradient.values.chunks_exact_mut(columns.len())) {
            self.read(row as usize, &mut scratch);
            gradients.iter_mut().zip(columns.positions()).for_each(|(gradient, at)| *gradient += factor * scratch[at]);
        }
    }

    /// The table of the given columns on its own: same values, same memory, and untouched rows stay lazy.
    pub(crate) fn sliced(&self, columns: &Layout) -> Self {
        let held: Vec<usize> = self.origin.columns.positions().collect();
        let origin = Origin {
            columns: Layout::from_positions(columns.positions().map(|column| held[column])),
            ..self.origin.clone()
        };
        let mut table = Self::from_origin(origin, self.keep);
        let (mut values, mut kept) = (Row::new(), Row::from_elem(0.0, table.dim));
        let mut stored: Row = SmallVec::from_elem(0.0, words(self.keep.storage, table.dim));
        let mut kept_memory: Row = SmallVec::new();
        for (row, record, memory) in self.records() {
            decode(self.keep.storage, self.dim, record, &mut values);
            pick(columns, &values, &mut kept);
            encode(self.keep.storage, &kept, &mut stored);
            kept_memory.clear();
            let (memory, means) = memory.split_at(self.keep.memory.of_row(self.dim));
            match self.keep.memory {
                Memory::RowSquares => kept_memory.extend_from_slice(memory),
                _ => memory.chunks_exact(self.dim).for_each(|memory| {
                    pick(columns, memory, &mut kept);
                    kept_memory.extend_from_slice(&kept);
                }),
            }
            if let Some((since, means)) = means.split_last() {
                pick(columns, means, &mut kept);
                kept_memory.extend_from_slice(&kept);
                kept_memory.push(*since);
            }
            table.put_record(row, &stored, &kept_memory);
        }
        table
    }

    /// The same rows stored another way, and nothing beside them.
    pub(crate) fn stored_as(&self, storage: Storage) -> Self {
        let mut table = Self::from_origin(self.origin.clone(), Keep { storage, ..self.keep.values() });
        let mut values = Row::new();
        for (row, stored, _) in self.records() {
            decode(self.keep.storage, self.dim, stored, &mut values);
            table.put(row, &values);
        }
        table
    }

    /// The averages of its rows before step `average.step`, and nothing beside them. That of a row which nothing touched is the
    /// row.
    pub(crate) fn averaged(&self, average: Average) -> Self {
        let mut table = Self::from_origin(self.origin.clone(), self.keep.values());
        let remembered = self.keep.memory.of_row(self.dim);
        let (mut values, mut kept) = (Row::new(), Row::new());
        for (row, stored, beside) in self.records() {
            decode(self.keep.storage, self.dim, stored, &mut values);
            if let (Some((&since, means)), Some(by)) = (beside[remembered..].split_last(), average.unbias()) {
                kept.clear();
                kept.extend_from_slice(means);
                average.catch_up(&mut kept, &values, since);
                values.iter_mut().zip(&kept).for_each(|(value, mean)| *value = by * mean);
            }
            table.put(row, &values);
        }
        table
    }
}

#[inline(always)]
fn update_row(rule: &Prepared, columns: &Layout, gradients: &[f32], values: &mut [f32], memory: &mut [f32]) {
    let mut at = 0;
    if rule.memory == Memory::RowSquares {
        memory[0] = rule.row_sum(gradients, memory[0]);
        for run in columns.runs() {
            rule.update_by_row(&gradients[at..at + run.len], &mut values[run.start..][..run.len], memory[0]);
            at += run.len;
        }
        return;
    }
    let (first, second) = memory.split_at_mut(memory.len().min(values.len()));
    for run in columns.runs() {
        let range = run.start..run.start + run.len;
        let part = |memory: &mut [f32]| if memory.is_empty() { 0..0 } else { range.clone() };
        let (in_first, in_second) = (part(first), part(second));
        rule.each(&gradients[at..at + run.len], &mut values[range], &mut first[in_first], &mut second[in_second]);
        at += run.len;
    }
}
