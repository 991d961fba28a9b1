//! How many training rows have each category, and how many of them are clicks: by these a category becomes a number.

use nasrec_compiler::streams::{Key, Streams, at};
use rand::Rng;

/// Draws which fold a row is in. Whatever the number of folds, it is one draw for each row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Folds {
    key: Key,
}

impl Folds {
    /// Of tables with this seed.
    pub fn new(seed: u64) -> Self {
        Self { key: Streams::new(seed).key("data/folds") }
    }

    /// Of a row of the table.
    pub fn draw(self, row: usize) -> Draw {
        Draw(at(self.key, row as u64).next_u64())
    }
}

/// What says which fold a row is in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draw(u64);

impl Draw {
    fn fold(self, folds: usize) -> usize {
        ((u128::from(self.0) * folds as u128) >> 64) as usize
    }
}

/// Rows, and clicks among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub rows: u64,
    pub clicks: u64,
}

impl std::iter::Sum for Seen {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self { rows: sum.rows + one.rows, clicks: sum.clicks + one.clicks })
    }
}

impl Seen {
    /// The share of clicks; 0 where there are no rows.
    pub fn rate(self) -> f64 {
        if self.rows == 0 { 0.0 } else { self.clicks as f64 / self.rows as f64 }
    }
}

/// What was seen of each category of a column in each fold: 8 bytes for each of both.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    folds: usize,
    /// Rows and clicks, fold after fold of one category after the other.
    each: Vec<[u32; 2]>,
}

impl Tally {
    /// Of so many categories, of which nothing was seen.
    pub fn new(categories: usize, folds: u32) -> Self {
        let folds = folds.max(1) as usize;
        Self { folds, each: vec![[0; 2]; categories * folds] }
    }

    /// How many categories there are.
    pub fn len(&self) -> usize {
        self.each.len() / self.folds
    }

    /// Takes a row.
    pub fn add(&mut self, category: usize, draw: Draw, click: bool) {
        let [rows, clicks] = &mut self.each[category * self.folds + draw.fold(self.folds)];
        *rows += 1;
        *clicks += u32::from(click);
    }

    /// What all folds have of a category.
    pub fn all(&self, category: usize) -> Seen {
        self.folds_of(category).map(|(_, seen)| seen).sum()
    }

    /// What those folds have of it that the row of a draw is not in.
    pub fn others(&self, category: usize, draw: Draw) -> Seen {
        let own = draw.fold(self.folds);
        self.folds_of(category).filter(|(fold, _)| *fold != own).map(|(_, seen)| seen).sum()
    }

    fn folds_of(&self, category: usize) -> impl Iterator<Item = (usize, Seen)> + '_ {
        let seen = |&[rows, clicks]: &[u32; 2]| Seen { rows: rows.into(), clicks: clicks.into() };
        self.each[category * self.folds..][..self.folds].iter().map(seen).enumerate()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_are_about_as_large_and_hold_each_row_once() {
        let folds = Folds::new(7);
        let mut tally = Tally::new(2, 5);
        (0..10_000).for_each(|row| tally.add(row % 2, folds.draw(row), row % 3 == 0));
        assert_eq!((tally.len(), tally.all(0).rows, tally.all(1).rows), (2, 5_000, 5_000));
        assert_eq!(tally.all(0).clicks + tally.all(1).clicks, 3_334);
        for row in 0..10 {
            let others = tally.others(row % 2, folds.draw(row));
            // A fifth of them, give or take four standard deviations.
            assert!((3_887..4_113).contains(&others.rows), "{others:?}");
        }
        let other = Folds::new(8);
        assert!((0..100).any(|row| folds.draw(row).fold(5) != other.draw(row).fold(5)), "another seed, other folds");
    }
}
