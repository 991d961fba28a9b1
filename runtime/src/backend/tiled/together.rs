//! A batch whose tiles wait for each other: at a step that reads all samples, none goes on before all have come there.
//!
//! What a tile says of its samples is joined in the order of the tiles, so the number of threads changes nothing. A program
//! without such a step does not come here: each of its tiles goes all the way on its own.

use std::ops::Range;
use std::sync::PoisonError;

use rayon::prelude::*;

use super::tile::{Arena, Tile};
use super::{Program, TILE, Tiled};
use crate::data::Batch;
use crate::ops::Mode;
use crate::ops::tiled::Gathered;
use crate::supernet::Slices;

/// What a batch is computed with.
#[derive(Clone, Copy)]
pub(super) struct Setting<'a> {
    pub program: &'a Program,
    pub params: &'a Slices<'a>,
    pub batch: &'a Batch,
    pub mode: Mode,
    pub positive_weight: f64,
}

/// The tiles of a batch, as far as they have come.
pub(super) struct Together<'a> {
    setting: Setting<'a>,
    tiles: Vec<(usize, Arena)>,
    pub gathered: Vec<Gathered>,
}

impl<'a> Together<'a> {
    /// All tiles of a batch, their way through the program behind them. To be called on the backend's threads.
    pub fn forward(backend: &Tiled, setting: Setting<'a>) -> Self {
        let (program, rows) = (setting.program, setting.batch.rows);
        let mut arenas = backend.arenas.lock().unwrap_or_else(PoisonError::into_inner);
        let tiles = (0..rows).step_by(TILE).map(|start| (start, arenas.pop().unwrap_or_default())).collect();
        drop(arenas);
        let gathered = vec![Gathered { samples: rows, ..Gathered::default() }; program.barriers.len()];
        let mut this = Self { setting, tiles, gathered };
        this.tiles.par_iter_mut().for_each(|(start, arena)| arena.fit(program, TILE.min(rows - *start)));
        let mut from = 0;
        for (which, &barrier) in program.barriers.iter().enumerate() {
            this.each(|tile| tile.forward(from..barrier));
            let said = this.each(|tile| (tile.t, tile.says(barrier, false)));
            if let Some(kernel) = program.steps[barrier].kernel.across() {
                this.gathered[which].forward = kernel.joined(&said);
            }
            from = barrier;
        }
        this.each(|tile| tile.forward(from..program.steps.len()));
        this
    }

    /// The way back for the summed losses of each group of so many tiles; each group's gradients are written to its own of
    /// `dense`, and those of looked-up rows to `embedded`, `width` a sample.
    pub fn backward(
        &mut self,
        per_group: usize,
        dense: &mut [&mut Vec<f32>],
        (embedded, width): (&mut [f32], usize),
    ) -> Vec<Vec<f64>> {
        let Setting { program, batch, positive_weight, .. } = self.setting;
        let per = 1.0 / batch.rows as f64;
        let of_tiles = self.each(|tile| {
            let mut losses = vec![0.0; program.outputs()];
            tile.losses((per, positive_weight), &mut losses);
            losses
        });
        let mut until = program.steps.len();
        for (which, &barrier) in program.barriers.iter().enumerate().rev() {
            self.back(barrier + 1..until, per_group, dense, (embedded, width));
            let said = self.each(|tile| tile.says(barrier, true));
            let mut sums = vec![[0.0; 2]; said.first().map_or(0, Vec::len)];
            for tile in said {
                sums.iter_mut().zip(tile).for_each(|(sum, more)| *sum = [sum[0] + more[0], sum[1] + more[1]]);
            }
            self.gathered[which].backward = sums;
            until = barrier + 1;
        }
        self.back(0..until, per_group, dense, (embedded, width));
        let add = |mut sum: Vec<f64>, more: &Vec<f64>| {
            sum.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
            sum
        };
        let groups = of_tiles.chunks(per_group);
        groups.map(|tiles| tiles.iter().fold(vec![0.0; program.outputs()], add)).collect()
    }

    /// Some steps back, group beside group, the tiles of each in their order.
    fn back(
        &mut self,
        steps: Range<usize>,
        per_group: usize,
        dense: &mut [&mut Vec<f32>],
        (embedded, width): (&mut [f32], usize),
    ) {
        let (setting, gathered) = (self.setting, self.gathered.as_slice());
        let groups = self.tiles.par_chunks_mut(per_group).zip(embedded.par_chunks_mut(per_group * TILE * width));
        groups.zip(dense.par_iter_mut()).with_max_len(1).for_each(|((tiles, embedded), dense)| {
            for (place, (tile, embedded)) in tiles.iter_mut().zip(embedded.chunks_mut(TILE * width)).enumerate() {
                let embedded = if setting.program.embedded == 0 { &mut [] } else { embedded };
                let mut tile = setting.tile(tile, gathered);
                tile.accumulate = place > 0;
                tile.backward(steps.clone(), dense, embedded);
            }
        });
    }

    fn each<R: Send>(&mut self, f: impl Fn(&mut Tile<'_>) -> R + Sync) -> Vec<R> {
        let (setting, gathered) = (self.setting, self.gathered.as_slice());
        self.tiles.par_iter_mut().with_max_len(1).map(|tile| f(&mut setting.tile(tile, gathered))).collect()
    }

    /// What is known of the batch; the memory goes back.
    pub fn end(self, backend: &Tiled) -> Vec<Gathered> {
        let arenas = self.tiles.into_iter().map(|(_, arena)| arena);
        backend.arenas.lock().unwrap_or_else(PoisonError::into_inner).extend(arenas);
        self.gathered
    }
}

impl<'a> Setting<'a> {
    fn tile<'t>(&self, (start, arena): &'t mut (usize, Arena), gathered: &'t [Gathered]) -> Tile<'t>
    where
        'a: 't,
    {
        let Self { program, params, batch, mode, .. } = *self;
        let t = TILE.min(batch.rows - *start);
        Tile { program, batch, params, arena, start: *start, t, mode, gathered, accumulate: false }
    }
}
