//! One tile of samples: the whole program forward and back on one thread.

use std::mem::take;

use nasrec_compiler::primitives::Reduction;
use smallvec::SmallVec;

use super::arena::lengthen;
use super::attention::{self, Attention};
use super::inputs::Inputs;
use super::lanes::LANES;
use super::linear::{Linear, backward_bias};
use super::loss::{cross_entropy, cross_entropy_gradient};
use super::norm::Norm;
use super::program::{Kernel, Program, Segment, Step, View};
use super::{elementwise, fields, gram, products, rows};

/// The buffers of a thread, kept from tile to tile.
#[derive(Default)]
pub(crate) struct Arena {
    buffers: Vec<Vec<f32>>,
    scratch: Vec<f32>,
}

/// Samples `start .. start + t` of a batch.
pub(crate) struct Tile<'a> {
    pub program: &'a Program,
    pub inputs: Inputs<'a>,
    pub arena: &'a mut Arena,
    pub start: usize,
    pub t: usize,
    /// Whether the dense gradients are added to; otherwise they hold anything, and are written.
    pub accumulate: bool,
}

type Pieces<'a> = SmallVec<[(usize, &'a [f32]); 4]>;

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
    /// Runs forward and writes the logits of the tile, `[outputs, t]`.
    pub(crate) fn logits(&mut self, out: &mut [f32]) {
        self.forward();
        for (&logit, out) in self.program.logits.iter().zip(out.chunks_exact_mut(self.t)) {
            out.copy_from_slice(self.value(logit));
        }
    }

    /// Runs forward and back for the summed losses of the tile, which are added to `losses`, each sample's gradient
    /// scaled by `per`. Dense gradients are written to `dense`, or added to it; the gradients of the looked-up rows are
    /// written to `embedded`, `[values, t]`.
    pub(crate) fn gradients(&mut self, per: f64, dense: &mut [f32], embedded: &mut [f32], losses: &mut [f64]) {
        self.forward();
        let labels = &self.inputs.batch.labels[self.start..][..self.t];
        for (&logit, sum) in self.program.logits.iter().zip(losses) {
            let mut loss = 0.0;
            let mut dlogit: SmallVec<[f32; 128]> = SmallVec::with_capacity(self.t);
            for (&z, &y) in self.value(logit).iter().zip(labels) {
                loss += cross_entropy(z, y);
                dlogit.push((cross_entropy_gradient(z, y) * per) as f32);
            }
            *sum += loss;
            if let Some(slot) = self.program.steps[logit].grad {
                self.arena.buffers[slot.buffer][..self.t].copy_from_slice(&dlogit);
            }
        }
        if !self.accumulate {
            self.program.unwritten.iter().for_each(|span| dense[span.clone()].fill(0.0));
        }
        // What no trained parameter needs has no gradient, and its backward does nothing.
        for step in self.program.steps.iter().rev() {
            self.backward(step, dense, embedded);
        }
    }

    fn value(&self, step: usize) -> &[f32] {
        let slot = self.program.steps[step].value;
        &self.arena.buffers[slot.buffer][..slot.len * self.t]
    }

    fn segment(&self, segment: &Segment) -> &[f32] {
        &self.value(segment.step)[segment.at * self.t..][..segment.len * self.t]
    }

    /// An operand that is one stretch.
    fn whole(&self, view: &View) -> &[f32] {
        self.segment(&view.segments[0])
    }

    fn pieces(&self, view: &View) -> Pieces<'_> {
        view.segments.iter().map(|s| (s.from, self.segment(s))).collect()
    }

    fn weight(&self, step: &Step, index: usize) -> &[f32] {
        self.inputs.params.dense(step.params[index])
    }

    fn forward(&mut self) {
        for step in &self.program.steps {
            let mut value = take(&mut self.arena.buffers[step.value.buffer]);
            let mut saved = step.saved.map(|slot| take(&mut self.arena.buffers[slot.buffer])).unwrap_or_default();
            let mut scratch = take(&mut self.arena.scratch);
            let saved_len = step.saved.map_or(0, |slot| slot.len * self.t.next_multiple_of(LANES));
            self.run(step, &mut value[..step.len * self.t], &mut saved[..saved_len], &mut scratch);
            self.arena.scratch = scratch;
            self.arena.buffers[step.value.buffer] = value;
            if let Some(slot) = step.saved {
                self.arena.buffers[slot.buffer] = saved;
            }
        }
    }

    fn run(&self, step: &Step, y: &mut [f32], saved: &mut [f32], scratch: &mut [f32]) {
        let t = self.t;
        let operand = |k: usize| self.whole(&step.operands[k]);
        match step.kernel {
            Kernel::Numeric => {
                let rows = self.inputs.batch.rows;
                for (i, y) in y.chunks_exact_mut(t).enumerate() {
                    y.copy_from_slice(&self.inputs.batch.numeric[i * rows + self.start..][..t]);
                }
            }
            Kernel::Embed { dim, .. } => {
                for (&param, y) in step.params.iter().zip(y.chunks_exact_mut(dim * t)) {
                    let ids = &self.inputs.ids(self.program, param)[self.start..][..t];
                    self.inputs.params.gather(param, ids, y);
                }
            }
            Kernel::Linear { .. } => {
                let bias = (step.params.len() > 1).then(|| self.weight(step, 1));
                self.linear(step).forward(bias, &self.pieces(&step.operands[0]), y);
            }
            Kernel::Norm { .. } => self.norm(step).forward(self.weight(step, 1), operand(0), saved, y),
            Kernel::Relu => elementwise::relu(operand(0), y),
            Kernel::Sigmoid => elementwise::sigmoid(operand(0), y),
            Kernel::Square => elementwise::square(operand(0), y),
            Kernel::Add => {
                elementwise::add(operand(0), operand(1), y);
                (2..step.operands.len()).for_each(|k| elementwise::copy(operand(k), y, true));
            }
            Kernel::Sub => elementwise::sub(operand(0), operand(1), y),
            Kernel::Mul => elementwise::mul(operand(0), operand(1), y, false),
            Kernel::Copy => {
                let mut end = 0;
                for (from, piece) in self.pieces(&step.operands[0]) {
                    y[end..from * t].fill(0.0);
                    end = from * t + piece.len();
                    y[from * t..end].copy_from_slice(piece);
                }
                y[end..].fill(0.0);
            }
            Kernel::SumFields { .. } => fields::sum(operand(0), y),
            Kernel::Products { pairs, e } => products::forward(pairs, e * t, operand(0), operand(1), y),
            Kernel::Scale => rows::scale(t, operand(0), operand(1), y, false),
            Kernel::Reduce { by } => rows::reduce(by, t, operand(0), y),
            Kernel::Shift => rows::shift(t, operand(0), self.weight(step, 0), y),
            Kernel::Gram { n, e } => gram::gram(n, e, t, operand(0), y),
            Kernel::GramTriangle { n, e } => gram::triangle_of_gram(n, e, t, operand(0), y),
            Kernel::Triangle { n } => gram::triangle(n, t, operand(0), y),
            Kernel::Attention { .. } => {
                let biases = [self.weight(step, 1), self.weight(step, 3)];
                self.attention(step).forward(biases, operand(0), saved, step.grad.is_some(), scratch, y);
            }
        }
    }

    fn linear(&self, step: &Step) -> Linear<'_> {
        let Kernel::Linear { outer, out, inner } = step.kernel else { unreachable!("a linear step") };
        Linear { outer, out, inner, samples: self.t, weight: self.weight(step, 0) }
    }

    fn norm(&self, step: &Step) -> Norm<'_> {
        let Kernel::Norm { size, inner, eps, .. } = step.kernel else { unreachable!("a norm step") };
        Norm { size, cols: inner * self.t, eps, scale: self.weight(step, 0) }
    }

    fn attention(&self, step: &Step) -> Attention<'_> {
        let Kernel::Attention { n, e, heads } = step.kernel else { unreachable!("an attention step") };
        Attention { n, e, heads, t: self.t, project: self.weight(step, 0), output: self.weight(step, 2) }
    }

    fn backward(&mut self, step: &Step, dense: &mut [f32], embedded: &mut [f32]) {
        let Some(slot) = step.grad else { return };
        let t = self.t;
        for &other in &step.zero {
            if let Some(slot) = self.program.steps[other].grad {
                self.arena.buffers[slot.buffer][..slot.len * t].fill(0.0);
            }
        }
        let begins = if self.accumulate { &[][..] } else { &step.begins };
        let overwrites = matches!(step.kernel, Kernel::Linear { .. });
        for &index in begins.iter().filter(|&&index| index > 0 || !overwrites) {
            dense[self.program.gradients[step.params[index]].clone()].fill(0.0);
        }
        let gradient = take(&mut self.arena.buffers[slot.buffer]);
        let dy = &gradient[..slot.len * t];
        let mut scratch = take(&mut self.arena.scratch);
        match step.kernel {
            Kernel::Numeric => {}
            Kernel::Embed { at, .. } => embedded[at * t..][..dy.len()].copy_from_slice(dy),
            Kernel::Norm { .. } | Kernel::Attention { .. } => self.backward_saved(step, dy, &mut scratch, dense),
            Kernel::Linear { inner, .. } => {
                if let Some(dw) = self.trained(step, 0, dense) {
                    let accumulate = !begins.contains(&0);
                    self.linear(step).backward_weight(&self.pieces(&step.operands[0]), dy, dw, accumulate);
                }
                if step.params.len() > 1
                    && let Some(db) = self.trained(step, 1, dense)
                {
                    backward_bias(inner * t, dy, db);
                }
                self.each_operand(step, |this, _, segment, dx, accumulate| {
                    this.linear(step).backward_input(segment.from, dy, dx, accumulate);
                });
            }
            Kernel::Shift => {
                if let Some(db) = self.trained(step, 0, dense) {
                    backward_bias(t, dy, db);
                }
                self.each_operand(step, |_, _, _, dx, accumulate| elementwise::copy(dy, dx, accumulate));
            }
            _ => self.each_operand(step, |this, k, segment, dx, accumulate| {
                let operand = |k: usize| this.whole(&step.operands[k]);
                let value = || &this.arena.buffers[step.value.buffer][..step.len * t];
                match step.kernel {
                    Kernel::Relu => elementwise::relu_backward(value(), dy, dx, accumulate),
                    Kernel::Sigmoid => elementwise::sigmoid_backward(value(), dy, dx, accumulate),
                    Kernel::Square => elementwise::square_backward(operand(0), dy, dx, accumulate),
                    Kernel::Sub if k == 1 => elementwise::negate(dy, dx, accumulate),
                    Kernel::Mul => elementwise::mul(operand(1 - k), dy, dx, accumulate),
                    Kernel::Copy => elementwise::copy(&dy[segment.from * t..][..dx.len()], dx, accumulate),
                    Kernel::SumFields { .. } => fields::sum_backward(dy, dx, accumulate),
                    Kernel::Products { pairs, e } => {
                        products::backward(pairs, k, e * t, operand(1 - k), dy, dx, accumulate);
                    }
                    Kernel::Scale if k == 0 => rows::scale(t, dy, operand(1), dx, accumulate),
                    Kernel::Scale => rows::scale_backward(t, operand(0), dy, dx, accumulate),
                    // Only the largest reads the operand, which is otherwise no longer there.
                    Kernel::Reduce { by: Reduction::Max } => {
                        rows::reduce_backward(Reduction::Max, t, operand(0), dy, dx, accumulate);
                    }
                    Kernel::Reduce { by } => rows::reduce_backward(by, t, &[], dy, dx, accumulate),
                    Kernel::Gram { n, e } => gram::gram_backward(n, e, t, operand(0), dy, dx, accumulate),
                    Kernel::GramTriangle { n, e } => {
                        gram::triangle_of_gram_backward(n, e, t, operand(0), dy, dx, accumulate);
                    }
                    Kernel::Triangle { n } => gram::triangle_backward(n, t, dy, dx, accumulate),
                    // Add, and the left side of a difference.
                    _ => elementwise::copy(dy, dx, accumulate),
                }
            }),
        }
        self.arena.scratch = scratch;
        self.arena.buffers[slot.buffer] = gradient;
    }

    /// The two kernels whose backward reads what their forward saved, and does all at once.
    fn backward_saved(&mut self, step: &Step, dy: &[f32], scratch: &mut [f32], dense: &mut [f32]) {
        let t = self.t;
        let segment = step.operands[0].segments[0];
        let owner = &self.program.steps[segment.step];
        let mut taken = owner.grad.map(|slot| take(&mut self.arena.buffers[slot.buffer])).unwrap_or_default();
        let range = segment.at * t..(segment.at + segment.len) * t;
        let dx = owner.grad.map(|_| (&mut taken[range], owner.accumulate));
        let padded = t.next_multiple_of(LANES);
        let saved = step.saved.map_or(&[][..], |slot| &self.arena.buffers[slot.buffer][..slot.len * padded]);
        let x = self.whole(&step.operands[0]);
        let mut parts = self.disjoint(step, dense).into_iter();
        let mut part = || parts.next().flatten();
        if let Kernel::Attention { .. } = step.kernel {
            let gradients =
                attention::Gradients { project: part(), project_bias: part(), output: part(), output_bias: part() };
            self.attention(step).backward(x, saved, dy, scratch, gradients, dx);
        } else {
            let parameters = [part(), part()];
            let saved = &saved[..step.saved.map_or(0, |slot| slot.len * t)];
            self.norm(step).backward(x, saved, dy, scratch, parameters, dx);
        }
        if let Some(slot) = owner.grad {
            self.arena.buffers[slot.buffer] = taken;
        }
    }

    fn trained<'d>(&self, step: &Step, index: usize, dense: &'d mut [f32]) -> Option<&'d mut [f32]> {
        let span = self.program.gradients[step.params[index]].clone();
        (!span.is_empty()).then(|| &mut dense[span])
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

    /// Calls `f` for every stretch of every operand whose gradient is wanted, with where it goes.
    fn each_operand(&mut self, step: &Step, f: impl Fn(&Self, usize, &Segment, &mut [f32], bool)) {
        for (k, view) in step.operands.iter().enumerate() {
            for segment in &view.segments {
                let owner = &self.program.steps[segment.step];
                let Some(slot) = owner.grad else { continue };
                let mut gradient = take(&mut self.arena.buffers[slot.buffer]);
                let dx = &mut gradient[segment.at * self.t..][..segment.len * self.t];
                f(self, k, segment, dx, owner.accumulate);
                self.arena.buffers[slot.buffer] = gradient;
            }
        }
    }
}
