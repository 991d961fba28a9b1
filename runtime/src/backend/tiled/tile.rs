//! One tile of samples: the whole program forward and back on one thread.

use std::mem::take;
use std::ops::Range;

use nasrec_compiler::plan;
use nasrec_compiler::streams::Key;
use smallvec::SmallVec;

use super::program::{Program, Segment, Step, View};
use crate::backend::loss::weighted;
use crate::data::Batch;
use crate::ops::Mode;
use crate::ops::kernels::lanes::LANES;
use crate::ops::kernels::moments::Pairs;
use crate::ops::kernels::pool::pooled;
use crate::ops::tiled::{AtOnce, Gathered, Here, Out, ParamGradients, Pieces, Stretch};
use crate::supernet::{Slices, lengthen};

/// The buffers of a thread, kept from tile to tile.
#[derive(Default)]
pub(crate) struct Arena {
    buffers: Vec<Vec<f32>>,
    scratch: Vec<f32>,
}

/// Samples `start .. start + t` of a batch.
pub(crate) struct Tile<'a> {
    pub program: &'a Program,
    pub batch: &'a Batch,
    pub params: &'a Slices<'a>,
    pub arena: &'a mut Arena,
    pub start: usize,
    pub t: usize,
    pub mode: Mode,
    /// What is known of all samples of the batch, for each step that reads them, once it is.
    pub gathered: &'a [Gathered],
    /// Whether the dense gradients are added to; otherwise they hold anything, and are written.
    pub accumulate: bool,
}

impl Arena {
    /// Makes room for `t` samples of a program. Contents are whatever they were: every step writes what it owns.
    pub(crate) fn fit(&mut self, program: &Program, t: usize) {
        let padded = t.next_multiple_of(LANES);
        if self.buffers.len() < program.buffers.len() {
            self.buffers.resize_with(program.buffers.len(), Vec::new);
        }
        for (buffer, len) in self.buffers.iter_mut().zip(&program.buffers) {
            if buffer.len() < len * padded {
                lengthen(buffer, len * padded);
            }
        }
        let scratch = program.scratch * padded;
        if self.scratch.len() < scratch {
            lengthen(&mut self.scratch, scratch);
        }
    }
}

impl Tile<'_> {
    /// Runs forward and writes the logits of the tile, `[outputs, heads, t]`.
    pub(crate) fn logits(&mut self, out: &mut [f32]) {
        self.forward(0..self.program.steps.len());
        let heads = self.program.task().heads().len();
        for (&logit, out) in self.program.logits.iter().zip(out.chunks_exact_mut(heads * self.t)) {
            out.copy_from_slice(self.value(logit));
        }
    }

    /// Runs forward and back for the summed losses of the tile, which are added to `losses`, each sample's gradient
    /// scaled by `per`. Dense gradients are written to `dense`, or added to it; the gradients of the looked-up rows are
    /// written to `embedded`, `[values, t]`.
    pub(crate) fn gradients(
        &mut self,
        (per, positive_weight): (f64, f64),
        dense: &mut [f32],
        embedded: &mut [f32],
        losses: &mut [f64],
    ) {
        let all = 0..self.program.steps.len();
        self.forward(all.clone());
        self.losses((per, positive_weight), losses);
        self.backward(all, dense, embedded);
    }

    /// Adds the summed losses of the tile to `losses`, and begins the way back with each sample's gradient, scaled by `per`.
    pub(super) fn losses(&mut self, (per, positive_weight): (f64, f64), losses: &mut [f64]) {
        let weights = self.batch.weights.get(self.start..self.start + self.t);
        for (&logit, sum) in self.program.logits.iter().zip(losses) {
            let mut loss = 0.0;
            let mut dlogit: SmallVec<[f32; 128]> = SmallVec::with_capacity(self.t);
            // The batch was checked.
            for (head, logits) in self.program.task().heads().iter().zip(self.value(logit).chunks_exact(self.t)) {
                let labels = &self.batch.labels_of(head.label)[self.start..][..self.t];
                for (at, (&z, &y)) in logits.iter().zip(labels).enumerate() {
                    let (of_sample, derivative) = weighted(z, y, positive_weight);
                    let times = weights.map_or(1.0, |weights| f64::from(weights[at])) * head.weight;
                    loss += of_sample * times;
                    dlogit.push((derivative * times * per) as f32);
                }
            }
            *sum += loss;
            if let Some(slot) = self.program.steps[logit].grad {
                self.arena.buffers[slot.buffer][..dlogit.len()].copy_from_slice(&dlogit);
            }
        }
    }

    /// The way back through some steps.
    pub(super) fn backward(&mut self, steps: Range<usize>, dense: &mut [f32], embedded: &mut [f32]) {
        if !self.accumulate && steps.end == self.program.steps.len() {
            self.program.unwritten.iter().for_each(|span| dense[span.clone()].fill(0.0));
        }
        // What no trained parameter needs has no gradient, and its backward does nothing.
        for step in self.program.steps[steps].iter().rev() {
            self.step_back(step, dense, embedded);
        }
    }

    /// What the samples of the tile say to a step that reads those of all.
    pub(super) fn says(&self, step: usize, back: bool) -> Pairs {
        let step = &self.program.steps[step];
        let (Some(kernel), here) = (step.kernel.across(), At { tile: self, step }) else { return Pairs::new() };
        match step.grad {
            None if back => Pairs::new(),
            Some(slot) if back => kernel.backward(&here, &self.arena.buffers[slot.buffer][..slot.len * self.t]),
            _ => kernel.forward(&here),
        }
    }

    fn value(&self, step: usize) -> &[f32] {
        let slot = self.program.steps[step].value;
        &self.arena.buffers[slot.buffer][..slot.len * self.t]
    }

    fn segment(&self, segment: &Segment) -> &[f32] {
        &self.value(segment.step)[segment.at * self.t..][..segment.len * self.t]
    }

    /// The way through some steps.
    pub(super) fn forward(&mut self, steps: Range<usize>) {
        for step in &self.program.steps[steps] {
            let mut value = take(&mut self.arena.buffers[step.value.buffer]);
            let mut saved = step.saved.map(|slot| take(&mut self.arena.buffers[slot.buffer])).unwrap_or_default();
            let mut scratch = take(&mut self.arena.scratch);
            let saved_len = step.saved.map_or(0, |slot| slot.len * self.t.next_multiple_of(LANES));
            let out = Out { y: &mut value[..step.len * self.t], saved: &mut saved[..saved_len], scratch: &mut scratch };
            step.kernel.forward(&At { tile: self, step }, out);
            self.arena.scratch = scratch;
            self.arena.buffers[step.value.buffer] = value;
            if let Some(slot) = step.saved {
                self.arena.buffers[slot.buffer] = saved;
            }
        }
    }

    fn step_back(&mut self, step: &Step, dense: &mut [f32], embedded: &mut [f32]) {
        let Some(slot) = step.grad else { return };
        let t = self.t;
        for &other in &step.zero {
            if let Some(slot) = self.program.steps[other].grad {
                self.arena.buffers[slot.buffer][..slot.len * t].fill(0.0);
            }
        }
        let begins = if self.accumulate { &[][..] } else { &step.begins };
        for &index in begins.iter().filter(|&&index| !step.kernel.writes(index)) {
            dense[self.program.gradients[step.params[index]].clone()].fill(0.0);
        }
        let gradient = take(&mut self.arena.buffers[slot.buffer]);
        let dy = &gradient[..slot.len * t];
        if let Some(lookup) = step.kernel.looks_up() {
            embedded[lookup.at * t..][..dy.len()].copy_from_slice(dy);
        } else {
            let mut gradients = ParamGradients { parts: self.disjoint(step, dense), begins: begins.into() };
            if let Some(kernel) = step.kernel.at_once() {
                self.backward_at_once(kernel, step, dy, &mut gradients);
            } else {
                step.kernel.backward_params(&At { tile: self, step }, dy, &mut gradients);
                self.backward_operands(step, dy);
            }
        }
        self.arena.buffers[slot.buffer] = gradient;
    }

    /// The kernels whose backward reads what their forward saved, and yields everything in one pass.
    fn backward_at_once(&mut self, kernel: &dyn AtOnce, step: &Step, dy: &[f32], gradients: &mut ParamGradients<'_>) {
        let t = self.t;
        let segment = step.operands[0].segments[0];
        let owner = &self.program.steps[segment.step];
        let mut scratch = take(&mut self.arena.scratch);
        let mut taken = owner.grad.map(|slot| take(&mut self.arena.buffers[slot.buffer])).unwrap_or_default();
        let range = segment.at * t..(segment.at + segment.len) * t;
        let dx = owner.grad.map(|_| (&mut taken[range], owner.accumulate));
        let padded = t.next_multiple_of(LANES);
        let saved = step.saved.map_or(&[][..], |slot| &self.arena.buffers[slot.buffer][..slot.len * padded]);
        kernel.backward(&At { tile: self, step }, dy, (saved, &mut scratch), gradients, dx);
        if let Some(slot) = owner.grad {
            self.arena.buffers[slot.buffer] = taken;
        }
        self.arena.scratch = scratch;
    }

    /// The gradient of every stretch of every operand where one is wanted.
    fn backward_operands(&mut self, step: &Step, dy: &[f32]) {
        for (k, view) in step.operands.iter().enumerate() {
            for segment in &view.segments {
                let owner = &self.program.steps[segment.step];
                let Some(slot) = owner.grad else { continue };
                let mut gradient = take(&mut self.arena.buffers[slot.buffer]);
                let dx = &mut gradient[segment.at * self.t..][..segment.len * self.t];
                let stretch = Stretch { k, from: segment.from };
                step.kernel.backward(&At { tile: self, step }, stretch, dy, dx, owner.accumulate);
                self.arena.buffers[slot.buffer] = gradient;
            }
        }
    }

    /// The gradients of all of a step's parameters at once.
    fn disjoint<'d>(&self, step: &Step, dense: &'d mut [f32]) -> SmallVec<[Option<&'d mut [f32]>; 4]> {
        let mut found: SmallVec<[Option<&'d mut [f32]>; 4]> = step.params.iter().map(|_| None).collect();
        let mut order: SmallVec<[usize; 4]> = (0..step.params.len()).collect();
        order.sort_by_key(|&i| self.program.gradients[step.params[i]].start);
        let (mut rest, mut at) = (dense, 0);
        for i in order {
            let span = self.program.gradients[step.params[i]].clone();
            if span.is_empty() || span.start < at {
                continue;
            }
            let (_, tail) = rest.split_at_mut(span.start - at);
            let (here, tail) = tail.split_at_mut(span.len());
            (rest, at) = (tail, span.end);
            found[i] = Some(here);
        }
        found
    }
}

/// A step on a tile.
struct At<'t, 'a> {
    tile: &'t Tile<'a>,
    step: &'t Step,
}

impl At<'_, '_> {
    fn view(&self, k: usize) -> &View {
        &self.step.operands[k]
    }
}

impl Here for At<'_, '_> {
    fn samples(&self) -> usize {
        self.tile.t
    }

    fn operands(&self) -> usize {
        self.step.operands.len()
    }

    fn operand(&self, k: usize) -> &[f32] {
        self.tile.segment(&self.view(k).segments[0])
    }

    fn pieces(&self, k: usize) -> Pieces<'_> {
        self.view(k).segments.iter().map(|s| (s.from, self.tile.segment(s))).collect()
    }

    fn weight(&self, index: usize) -> Option<&[f32]> {
        self.step.params.get(index).map(|&param| self.tile.params.dense(param))
    }

    fn swapped(&self, index: usize) -> Option<&[f32]> {
        self.tile.params.swapped(*self.step.params.get(index)?)
    }

    fn value(&self) -> &[f32] {
        &self.tile.arena.buffers[self.step.value.buffer][..self.step.len * self.tile.t]
    }

    fn is_trained(&self) -> bool {
        self.step.grad.is_some()
    }

    fn saved(&self) -> &[f32] {
        self.step.saved.map_or(&[][..], |slot| &self.tile.arena.buffers[slot.buffer])
    }

    fn first(&self) -> usize {
        self.tile.start
    }

    fn noise(&self) -> Option<Key> {
        self.tile.mode.noise()
    }

    fn gathered(&self) -> Option<&Gathered> {
        self.tile.gathered.get(self.step.barrier?)
    }

    fn column(&self, index: usize) -> &[f32] {
        &self.tile.batch.numeric[index * self.tile.batch.rows + self.tile.start..][..self.tile.t]
    }

    fn ids(&self, of: plan::Lookup) -> &[u32] {
        let ids = self.tile.batch.looked_up(of).unwrap_or_default();
        ids.get(self.tile.start..).and_then(|ids| ids.get(..self.tile.t)).unwrap_or_default()
    }

    fn look_up(&self, index: usize, of: plan::Lookup, rows: &mut [f32]) {
        let Tile { batch, params, start, t, .. } = *self.tile;
        let param = self.step.params[index];
        // The batch was checked.
        let ids = batch.looked_up(of).unwrap_or_default();
        match of.pool {
            None => params.look_up(param, &ids[start..][..t], rows),
            Some(pool) => {
                let slots = ids.chunks_exact(batch.rows).map(|slot| &slot[start..][..t]);
                pooled(pool, slots, |ids, rows| params.look_up(param, ids, rows), t, rows);
            }
        }
    }
}
