//! How much memory executing a program takes, known before anything is executed.

use super::program::Program;
use super::tiled::{GROUPS, TILE};

impl Program {
    /// Bytes that a batch of `rows` takes on this many threads, at most: gathered weights, activations, gradients. The
    /// parameters themselves are elsewhere.
    pub fn footprint(&self, rows: usize, threads: usize) -> u64 {
        let sum = |numbers: &[usize]| numbers.iter().fold(0u64, |sum, &number| sum.saturating_add(number as u64));
        let activations = sum(&self.buffers).saturating_add(self.scratch as u64);
        let tiles = activations.saturating_mul((TILE.min(rows) * threads) as u64);
        // Weights and their optimiser's memory; each group's gradients, and their sum.
        let weights = (self.weights_len as u64).saturating_add(2 * self.gradients_len as u64);
        let gradients = (self.gradients_len as u64).saturating_mul(GROUPS as u64 + 1);
        // A gradient a lookup, then a gradient a row, of which each may be another.
        let trained = if self.tables.is_empty() { 1 } else { 2 };
        let embedded = (self.embedded as u64).saturating_mul(rows as u64 * trained);
        let numbers = [tiles, weights, gradients, embedded];
        numbers.iter().fold(0u64, |sum, &number| sum.saturating_add(number)).saturating_mul(4)
    }
}
