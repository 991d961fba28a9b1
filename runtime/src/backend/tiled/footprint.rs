//! How much memory executing a program takes, known before anything is executed.

use super::program::Program;
use super::{GROUPS, TILE, buffers};
use crate::ops::kernels::lanes::LANES;
use crate::supernet::side_by_side;

/// Bytes that executing a program takes, at most. The parameters themselves are elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Footprint {
    /// What grows with threads and with the batch: activations, embedded rows.
    pub activations: u64,
    /// What grows with the dense parameters in use: gathered weights, gradients.
    pub gradients: u64,
}

impl Program {
    /// What evaluating or tuning on a batch of `rows` takes on this many threads; a training step too, of a program that
    /// no step reads the whole batch in.
    pub fn footprint(&self, rows: usize, threads: usize) -> Footprint {
        self.takes(rows, TILE.min(rows) * threads, threads)
    }

    /// What a training step on a batch of `rows` takes on this many threads.
    pub fn footprint_of_step(&self, rows: usize, threads: usize) -> Footprint {
        if self.barriers.is_empty() {
            return self.footprint(rows, threads);
        }
        // All tiles wait for each other, and so do all groups of them.
        self.takes(rows, rows.next_multiple_of(LANES), threads.max(GROUPS))
    }

    fn takes(&self, rows: usize, at_once: usize, threads: usize) -> Footprint {
        let sum = |numbers: &[usize]| numbers.iter().fold(0u64, |sum, &number| sum.saturating_add(number as u64));
        let of_sample = sum(&self.buffers).saturating_add(self.scratch as u64);
        let tiles = of_sample.saturating_mul(at_once as u64);
        // A gradient a lookup, then a gradient a row, of which each may be another.
        let trained = if self.tables.is_empty() { 1 } else { 2 };
        let embedded = (self.embedded as u64).saturating_mul(rows as u64 * trained);
        let groups = buffers(rows.div_ceil(TILE).min(GROUPS), threads) as u64;
        // Whole parameters are read where they lie.
        let (_, gathered) = side_by_side(self.plan(), |_, param| !param.is_whole());
        let gradients = (self.gradients_len as u64).saturating_mul(groups).saturating_add(gathered as u64);
        Footprint {
            activations: tiles.saturating_add(embedded).saturating_mul(4),
            gradients: gradients.saturating_mul(4),
        }
    }
}

impl Footprint {
    /// What is enough for either.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self { activations: self.activations.max(other.activations), gradients: self.gradients.max(other.gradients) }
    }
}
