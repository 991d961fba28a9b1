//! A task lowered for tiles: steps in execution order, each with its operands resolved to stretches of earlier steps'
//! values, and with the memory it uses.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use nasrec_compiler::plan::{self, Plan};
use smallvec::{SmallVec, smallvec};

use super::arena::{Request, Slot, assign};
use super::lowering::Lowering;
use crate::backend::Task;
use crate::ops::tiled::{Kernel, Lookup};
use crate::supernet::side_by_side;
use crate::{ProgramError, Result};

/// A task made ready to execute in tiles.
#[derive(Debug)]
pub struct Program {
    task: Task,
    /// Where each trained dense parameter's gradient lies; empty for the others.
    pub(crate) gradients: Vec<Range<usize>>,
    pub(crate) gradients_len: usize,
    pub(crate) steps: Vec<Step>,
    /// The step of each logit.
    pub(crate) logits: Vec<usize>,
    /// Where the gradients of what each output trains lie, side by side as they would for it alone.
    pub(crate) owned: Vec<Range<usize>>,
    /// Length a sample of each buffer.
    pub(crate) buffers: Vec<usize>,
    /// Length a sample of the scratch that one step may use.
    pub(crate) scratch: usize,
    /// Values a sample that all lookups yield together.
    pub(crate) embedded: usize,
    /// The steps that read all samples of a batch where its own statistics are taken.
    pub(crate) barriers: Vec<usize>,
    /// What lies in the gradients and no step's backward writes.
    pub(crate) unwritten: Vec<Range<usize>>,
    /// The trained tables.
    pub(crate) tables: Vec<TrainedTable>,
}

/// A table that is trained, and what looks it up.
#[derive(Debug)]
pub(crate) struct TrainedTable {
    /// Of the plan.
    pub param: usize,
    pub dim: usize,
    /// Offsets of its rows among the embedded values, each with what they are looked up for.
    pub uses: SmallVec<[(usize, plan::Lookup); 1]>,
}

#[derive(Debug)]
pub(crate) struct Step {
    pub kernel: Box<dyn Kernel>,
    pub operands: SmallVec<[View; 2]>,
    pub params: SmallVec<[usize; 4]>,
    /// Length of the value a sample.
    pub len: usize,
    pub value: Slot,
    /// What the forward leaves for the backward besides values.
    pub saved: Option<Slot>,
    /// Present where a gradient is wanted.
    pub grad: Option<Slot>,
    /// Whether several consumers add to `grad`, or only part of it is written.
    pub accumulate: bool,
    /// Steps whose gradient is zeroed before this step's backward, which is the first to add to it.
    pub zero: Vec<usize>,
    /// Which of the parameters this step's backward is the first to have a gradient for.
    pub begins: SmallVec<[usize; 4]>,
    /// Which of the program's barriers it is.
    pub barrier: Option<usize>,
}

/// A value made of stretches of steps' values, zeros between them.
#[derive(Clone, Debug, Default)]
pub(crate) struct View {
    pub segments: SmallVec<[Segment; 2]>,
    pub len: usize,
}

/// `len` values a sample, at `at` in the step's value and at `from` in the view.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment {
    pub step: usize,
    pub at: usize,
    pub from: usize,
    pub len: usize,
}

impl View {
    pub fn of(step: usize, len: usize, live: usize) -> Self {
        let segments = if live == 0 { smallvec![] } else { smallvec![Segment { step, at: 0, from: 0, len: live }] };
        Self { segments, len }
    }

    pub fn contiguous(&self) -> bool {
        self.segments.len() == 1 && self.segments[0].len == self.len
    }

    /// The end of the last stretch: only zeros follow.
    pub fn live(&self) -> usize {
        self.segments.last().map_or(0, |s| s.from + s.len)
    }

    pub fn append(&mut self, other: &View) {
        for segment in &other.segments {
            self.segments.push(Segment { from: segment.from + self.len, ..*segment });
        }
        self.len += other.len;
    }

    /// Whether every stretch is whole rows of `inner` values.
    pub fn aligned(&self, inner: usize) -> bool {
        self.segments.iter().all(|s| s.from % inner == 0 && s.len % inner == 0)
    }
}

impl Program {
    /// Lowers a task: what no trained parameter needs is neither differentiated nor kept.
    ///
    /// # Errors
    /// Trained parameters of merged plans that are not listed plan by plan.
    pub fn new(task: Task) -> Result<Self> {
        let mut lowered = Lowering::default().run(&task);
        // A table that several fields look up has one gradient.
        let (mut tables, mut of_param): (Vec<TrainedTable>, HashMap<usize, usize>) = Default::default();
        for step in &lowered.steps {
            let Some(Lookup { dim, at, of }) = step.kernel.looks_up() else { continue };
            for (index, (&param, &of)) in step.params.iter().zip(of).enumerate().filter(|(_, (p, _))| task.trains(**p))
            {
                let place = *of_param.entry(param).or_insert(tables.len());
                if place == tables.len() {
                    tables.push(TrainedTable { param, dim: *dim, uses: SmallVec::new() });
                }
                tables[place].uses.push((at + index * dim, of));
            }
        }
        let mut barriers = Vec::new();
        for (index, step) in lowered.steps.iter_mut().enumerate().filter(|(_, step)| step.kernel.across().is_some()) {
            step.barrier = Some(barriers.len());
            barriers.push(index);
        }
        let (gradients, gradients_len) = side_by_side(task.plan(), |param, _| task.trains(param));
        let mut program = Program {
            owned: owned(&task, &gradients)?,
            gradients,
            gradients_len,
            logits: lowered.logits,
            buffers: Vec::new(),
            scratch: lowered.steps.iter().map(|step| step.kernel.scratch()).max().unwrap_or(0),
            embedded: lowered.embedded,
            barriers,
            unwritten: Vec::new(),
            tables,
            steps: lowered.steps,
            task,
        };
        let wanted = program.plan_gradients();
        program.allocate(&wanted);
        program.plan_beginnings();
        Ok(program)
    }

    /// What it computes.
    pub fn task(&self) -> &Task {
        &self.task
    }

    /// The nodes and parameters.
    pub fn plan(&self) -> &Arc<Plan> {
        self.task.plan()
    }

    /// How many plans have a logit here.
    pub fn outputs(&self) -> usize {
        self.task.outputs().len()
    }

    /// How many numbers their logits have together.
    pub(crate) fn numbers(&self) -> usize {
        self.outputs() * self.task.heads().len()
    }

    /// Decides which steps have a gradient and how it is first written.
    fn plan_gradients(&mut self) -> Vec<bool> {
        let count = self.steps.len();
        let mut wanted = vec![false; count];
        for i in 0..count {
            let step = &self.steps[i];
            wanted[i] = step.params.iter().any(|&p| self.task.trains(p))
                || step.operands.iter().flat_map(|v| &v.segments).any(|s| wanted[s.step]);
        }
        let mut writers = vec![0usize; count];
        let mut partial = vec![false; count];
        let mut first = vec![0usize; count];
        for (i, step) in self.steps.iter().enumerate().filter(|&(i, _)| wanted[i]) {
            for segment in step.operands.iter().flat_map(|v| &v.segments).filter(|s| wanted[s.step]) {
                writers[segment.step] += 1;
                partial[segment.step] |= segment.len < self.steps[segment.step].len;
                first[segment.step] = i;
            }
        }
        for i in (0..count).filter(|&i| wanted[i]) {
            let is_logit = self.logits.contains(&i);
            self.steps[i].accumulate = is_logit || writers[i] > 1 || partial[i];
            // The loss writes the logit's gradient before any step adds to it.
            if self.steps[i].accumulate && !is_logit {
                self.steps[first[i]].zero.push(i);
            }
        }
        wanted
    }

    /// Decides which backward is the first to write the gradient of a parameter, and what none writes.
    fn plan_beginnings(&mut self) {
        let mut written = vec![false; self.gradients.len()];
        for step in self.steps.iter_mut().rev().filter(|step| step.grad.is_some()) {
            for (index, &param) in step.params.iter().enumerate() {
                if !self.gradients[param].is_empty() && !std::mem::replace(&mut written[param], true) {
                    step.begins.push(index);
                }
            }
        }
        // Parameters lie in their order.
        let mut end = 0;
        for (span, _) in self.gradients.iter().zip(&written).filter(|(_, written)| **written) {
            self.unwritten.push(end..span.start);
            end = span.end;
        }
        self.unwritten.push(end..self.gradients_len);
        self.unwritten.retain(|span| !span.is_empty());
    }

    /// Forward of step `i` is time `i`, the loss is time `n`, backward of step `i` is time `2 n - i`.
    fn allocate(&mut self, wanted: &[bool]) {
        let n = self.steps.len();
        let mut value_end: Vec<usize> = (0..n).collect();
        let mut grad_start: Vec<usize> = (0..n).map(|i| 2 * n - i).collect();
        for &logit in &self.logits {
            value_end[logit] = n;
            grad_start[logit] = n;
        }
        for (i, step) in self.steps.iter().enumerate() {
            let weight_trained = step.params.first().is_some_and(|&p| self.task.trains(p));
            let reads = step.kernel.reads(weight_trained);
            let kept = wanted[i] && reads.operands;
            for segment in step.operands.iter().flat_map(|v| &v.segments) {
                let end = if kept { 2 * n - i } else { i };
                value_end[segment.step] = value_end[segment.step].max(end);
                if wanted[i] {
                    grad_start[segment.step] = grad_start[segment.step].min(2 * n - i);
                }
            }
            if wanted[i] && reads.output {
                value_end[i] = value_end[i].max(2 * n - i);
            }
        }
        let mut requests = Vec::with_capacity(3 * n);
        for (i, step) in self.steps.iter().enumerate() {
            requests.push(Request { start: i, end: value_end[i], len: step.len });
            let backward = 2 * n - i;
            let saved_end = if wanted[i] { backward } else { i };
            requests.push(Request { start: i, end: saved_end, len: step.kernel.saved() });
            let grad_len = if wanted[i] { step.len } else { 0 };
            requests.push(Request { start: grad_start[i], end: backward, len: grad_len });
        }
        let present: Vec<usize> = (0..requests.len()).filter(|&r| requests[r].len > 0).collect();
        let (slots, buffers) = assign(&present.iter().map(|&r| requests[r]).collect::<Vec<_>>());
        let mut found = vec![None; requests.len()];
        for (&request, &slot) in present.iter().zip(&slots) {
            found[request] = Some(slot);
        }
        for (i, step) in self.steps.iter_mut().enumerate() {
            step.value = found[3 * i].unwrap_or(Slot { buffer: 0, len: 0 });
            step.saved = found[3 * i + 1];
            step.grad = found[3 * i + 2];
        }
        self.buffers = buffers;
    }
}

/// Where the gradients of what each output trains lie.
fn owned(task: &Task, gradients: &[Range<usize>]) -> Result<Vec<Range<usize>>> {
    let mut all: Vec<Range<usize>> = Vec::with_capacity(task.outputs().len());
    for which in 0..task.outputs().len() {
        let own = gradients.iter().enumerate().filter(|&(param, _)| task.owner(param) == Some(which));
        let own = own.map(|(_, span)| span).filter(|span| !span.is_empty());
        let (start, end) = own.fold((usize::MAX, 0), |(start, end), span| (start.min(span.start), end.max(span.end)));
        let range = if end == 0 { 0..0 } else { start..end.next_multiple_of(16) };
        // Parameters are listed plan after plan, so this only fails on a graph put together by hand.
        if all.iter().any(|other| range.start < other.end && other.start < range.end) {
            return Err(ProgramError::Interleaved.into());
        }
        all.push(range);
    }
    Ok(all)
}
