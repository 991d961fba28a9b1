//! Narrow tables as what only reads them has them: a row is where its number says, without an index between.
//!
//! Of a table with few numbers a row the index costs more than the numbers do: three reads that wait for each other, where one will do.
//! A row comes here when it is read for the first time, trained or drawn, so that one which nobody trained is drawn once.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use nasrec_compiler::recipe::Storage;

use super::table::{Row, Table};

/// Numbers of a row beyond which its index costs little beside it.
const NARROW: usize = 8;
/// Numbers that are there together, once one of them was read: a page.
const CHUNK: usize = 1024;
/// Bytes that any table may take here.
const SMALL: u64 = 4 << 20;
/// No number that was read. A row that has this one, which is no number, is read from its table each time.
const UNREAD: u32 = u32::MAX;

type Chunk = Box<[AtomicU32; CHUNK]>;

/// The rows of a table that does not change, those that were read.
#[derive(Debug)]
pub(crate) struct Direct {
    dim: usize,
    /// Numbers from one row to the next: a power of two.
    stride: usize,
    chunks: Box<[OnceLock<Chunk>]>,
}

impl Direct {
    /// Room for the rows of a table; nothing for one with wide rows, or for a high one of which little is there. What it can come to is
    /// not much beside the table itself.
    pub fn of(table: &Table) -> Option<Self> {
        let stride = table.dim.next_power_of_two();
        let numbers = table.rows.checked_mul(stride)?;
        // A table in fewer bits was made to take little.
        let whole = if table.keep.storage == Storage::F32 { 2 * table.taken() } else { 0 };
        if table.dim == 0 || table.dim > NARROW || numbers as u64 * 4 > SMALL.max(whole) {
            return None;
        }
        let chunks = (0..numbers.div_ceil(CHUNK)).map(|_| OnceLock::new()).collect();
        Some(Self { dim: table.dim, stride, chunks })
    }

    /// The rows of these ids, one beside the other: fills `out`, `[dim, ids]`. `table`: the one that this was made of.
    pub fn gather(&self, table: &Table, ids: &[u32], out: &mut [f32]) {
        if self.dim == 1 {
            for (to, &id) in out.iter_mut().zip(ids) {
                let bits = self.number(id as usize);
                *to = if bits == UNREAD { self.first(table, id)[0] } else { f32::from_bits(bits) };
            }
            return;
        }
        let count = ids.len();
        for (at, &id) in ids.iter().enumerate() {
            let column = out[at..].iter_mut().step_by(count).take(self.dim);
            let mut known = true;
            for (number, to) in column.enumerate() {
                let bits = self.number(id as usize * self.stride + number);
                known &= bits != UNREAD;
                *to = f32::from_bits(bits);
            }
            if !known {
                let row = self.first(table, id);
                out[at..].iter_mut().step_by(count).zip(&row).for_each(|(to, &value)| *to = value);
            }
        }
    }

    #[inline(always)]
    fn number(&self, at: usize) -> u32 {
        // Each number is right by itself, whoever wrote it: nothing is ordered by it.
        self.chunks[at / CHUNK].get().map_or(UNREAD, |chunk| chunk[at % CHUNK].load(Ordering::Relaxed))
    }

    /// A row that is read for the first time.
    #[cold]
    fn first(&self, table: &Table, id: u32) -> Row {
        let row = table.row(id as usize);
        let at = id as usize * self.stride;
        let chunk = self.chunks[at / CHUNK].get_or_init(|| Box::new([const { AtomicU32::new(UNREAD) }; CHUNK]));
        for (to, value) in chunk[at % CHUNK..].iter().zip(&row) {
            to.store(value.to_bits(), Ordering::Relaxed);
        }
        row
    }
}

#[cfg(test)]
mod tests {
    use nasrec_compiler::plan::{Init, Layout};
    use nasrec_compiler::recipe::Storage;
    use nasrec_compiler::streams::Streams;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::supernet::Keep;

    #[test]
    fn rows_are_those_of_the_table_whoever_reads_them_first() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        for (storage, dim) in
            [(Storage::F32, 1), (Storage::F32, 3), (Storage::F32, 8), (Storage::Bf16, 1), (Storage::Bf16, 5)]
        {
            let keep = Keep { storage, ..Keep::default() };
            let rows = 3_000;
            let mut table = Table::new(Streams::new(1), "t", [rows, dim], Init::Normal(0.1), keep);
            for _ in 0..500 {
                let values: Vec<f32> = (0..dim).map(|_| rng.random_range(-2.0..2.0)).collect();
                table.put(rng.random_range(0..rows), &values);
            }
            // What stands for no number is a value like any other.
            table.put(7, &vec![f32::from_bits(UNREAD); dim]);
            let direct = Direct::of(&table).expect("a narrow table");
            let batches: Vec<Vec<u32>> = (0..8)
                .map(|_| (0..900).map(|_| rng.random_range(0..rows as u32)).chain([7, 0, 2_999]).collect())
                .collect();
            std::thread::scope(|scope| {
                for ids in batches.iter().chain(&batches) {
                    scope.spawn(|| {
                        let mut read = vec![0.0; dim * ids.len()];
                        let mut expected = read.clone();
                        direct.gather(&table, ids, &mut read);
                        table.gather(&Layout::prefix(dim), ids, &mut expected);
                        let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
                        assert_eq!(bits(&read), bits(&expected), "{storage:?}, {dim} numbers a row");
                    });
                }
            });
        }
    }

    #[test]
    fn wide_rows_and_high_tables_of_few_stay_where_they_are() {
        let table = |rows, dim| Table::new(Streams::new(1), "t", [rows, dim], Init::Normal(0.1), Keep::default());
        assert!(Direct::of(&table(1_000_000, 1)).is_some());
        assert!(Direct::of(&table(100, 9)).is_none());
        let mut high = table(3_000_000, 1);
        assert!(Direct::of(&high).is_none());
        (0..200_000).for_each(|row| high.put(row * 15, &[1.0]));
        assert!(Direct::of(&high).is_some());
    }
}
