//! Which slot holds a row: a map from the rows of a table to numbers, small where few rows are there.

use smallvec::SmallVec;

/// Rows that share a leaf: one cache line of slots.
const LEAF: usize = 16;

/// For each of some rows one more than its slot, 0 where it is nowhere.
pub(crate) type Slots = SmallVec<[u32; 128]>;

/// Two levels: a leaf for every 16 rows of which one is there, and a quarter of a byte for every row of the table.
/// Looking a row up reads two numbers and computes no hash; walking it goes by ascending row.
#[derive(Clone, Debug)]
pub(crate) struct Index {
    /// For each run of 16 rows: one more than the number of its leaf, 0 where it has none.
    directory: Vec<u32>,
    /// One more than the slot of each row, 0 where it has none.
    leaves: Vec<[u32; LEAF]>,
}

impl Index {
    /// An empty index of a table of `rows` rows.
    pub fn new(rows: usize) -> Self {
        Self { directory: vec![0; rows.div_ceil(LEAF)], leaves: Vec::new() }
    }

    #[inline]
    pub fn get(&self, row: usize) -> Option<usize> {
        let leaf = (self.directory[row / LEAF] as usize).checked_sub(1)?;
        (self.leaves[leaf][row % LEAF] as usize).checked_sub(1)
    }

    /// The slots of many rows. One level after the other for all of them: what one row
    /// waits for does not keep the others from being fetched.
    pub fn get_all(&self, rows: &[u32], slots: &mut Slots) {
        slots.clear();
        slots.extend(rows.iter().map(|&row| self.directory[row as usize / LEAF]));
        for (slot, &row) in slots.iter_mut().zip(rows) {
            if let Some(leaf) = self.leaves.get((*slot as usize).wrapping_sub(1)) {
                *slot = leaf[row as usize % LEAF];
            }
        }
    }

    /// Says where a row is that was nowhere.
    pub fn insert(&mut self, row: usize, slot: usize) {
        let leaf = &mut self.directory[row / LEAF];
        if *leaf == 0 {
            self.leaves.push([0; LEAF]);
            *leaf = self.leaves.len() as u32;
        }
        self.leaves[*leaf as usize - 1][row % LEAF] = slot as u32 + 1;
    }

    /// The rows that are there and their slots, by ascending row.
    pub fn iter(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let leaves = self.directory.iter().enumerate().filter(|(_, leaf)| **leaf > 0);
        leaves.flat_map(|(run, &leaf)| {
            let slots = self.leaves[leaf as usize - 1].iter().enumerate().filter(|(_, slot)| **slot > 0);
            slots.map(move |(place, &slot)| (run * LEAF + place, slot as usize - 1))
        })
    }

    pub fn clear(&mut self) {
        self.directory.fill(0);
        self.leaves = Vec::new();
    }

    /// Bytes that the index of a table takes when `held` of its rows are there, at most.
    pub fn bytes(rows: u64, held: u64) -> u64 {
        let leaves = held.min(rows.div_ceil(LEAF as u64));
        rows.div_ceil(LEAF as u64) * 4 + leaves * 4 * LEAF as u64
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn rows_are_where_they_were_put() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        for rows in [1, 15, 16, 17, 5000] {
            let (mut index, mut known) = (Index::new(rows), BTreeMap::new());
            for slot in 0..rows.min(700) {
                let row = rng.random_range(0..rows);
                if known.contains_key(&row) {
                    continue;
                }
                assert_eq!(index.get(row), None);
                index.insert(row, slot);
                known.insert(row, slot);
            }
            assert!(index.iter().eq(known.iter().map(|(&row, &slot)| (row, slot))));
            assert!((0..rows).all(|row| index.get(row) == known.get(&row).copied()));
            let (all, mut slots) = ((0..rows as u32).collect::<Vec<_>>(), Slots::new());
            index.get_all(&all, &mut slots);
            assert!(slots.iter().zip(0..).all(|(&slot, row)| (slot as usize).checked_sub(1) == index.get(row)));
            let held = index.directory.len() * 4 + index.leaves.len() * 4 * LEAF;
            assert!(held as u64 <= Index::bytes(rows as u64, known.len() as u64));
            index.clear();
            assert!((0..rows).all(|row| index.get(row).is_none()));
        }
    }
}
