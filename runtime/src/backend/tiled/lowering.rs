//! From a plan's nodes to a program's steps.
//!
//! Joining, flattening, padding and viewing as rows cost nothing where the consumer is a linear layer: samples last,
//! they are stretches of memory, and a linear layer reads each where it lies (padding not at all).

use nasrec_compiler::plan::Plan;
use smallvec::{SmallVec, smallvec};

use super::arena::Slot;
use super::program::{Step, View};
use crate::backend::Task;
use crate::ops;
use crate::ops::kernels::elementwise;
use crate::ops::tiled::{Here, Kernel, Lowered, Out, Site, Stretch};

#[derive(Default)]
pub(super) struct Lowering {
    trains: bool,
    pub steps: Vec<Step>,
    /// Each node's value as stretches of steps' values.
    spread: Vec<View>,
    /// Each node's value as one stretch, once something needed it so.
    whole: Vec<Option<View>>,
    pub embedded: usize,
    /// The step of each output.
    pub logits: Vec<usize>,
}

impl Lowering {
    pub fn run(mut self, task: &Task) -> Self {
        self.trains = task.trains_any();
        let (plan, outputs) = (task.plan(), task.outputs());
        for i in 0..plan.nodes.len() {
            self.lower(plan, i);
        }
        self.logits = outputs.iter().map(|&output| self.whole(output).segments[0].step).collect();
        self.drop_unread();
        self
    }

    fn lower(&mut self, plan: &Plan, i: usize) {
        let node = &plan.nodes[i];
        let site = Site {
            plan,
            node,
            index: i,
            trains: self.trains,
            live: node.inputs.iter().map(|&input| self.spread[input].live()).collect(),
            embedded: self.embedded,
        };
        let len = site.len();
        match ops::of(&node.primitive).lower(&site) {
            Lowered::View => {
                // What views all of a value is that value, in whichever form it is read.
                let same = node.inputs.len() == 1 && self.spread[node.inputs[0]].len == len;
                let whole = self.whole[node.inputs[0]].clone().filter(|_| same);
                let mut view = View::default();
                node.inputs.iter().for_each(|&source| view.append(&self.spread[source]));
                view.len = len;
                self.spread.push(view);
                self.whole.push(whole);
            }
            Lowered::Step { kernel, sources, nonzero } => {
                if kernel.looks_up().is_some() {
                    self.embedded += len;
                }
                let stretches = kernel.reads_stretches();
                let operands = sources.iter().map(|&source| self.operand(stretches, source)).collect();
                let step = self.push(kernel, operands, node.params.clone(), len);
                self.spread.push(View::of(step, len, nonzero));
                self.whole.push((nonzero < len).then(|| View::of(step, len, len)));
            }
        }
    }

    /// An operand as it lies, where the kernel reads it so, else as one stretch.
    fn operand(&mut self, stretches: Option<usize>, source: usize) -> View {
        match stretches {
            Some(inner) if self.spread[source].aligned(inner) => self.spread[source].clone(),
            _ => self.whole(source),
        }
    }

    /// The node's value as one stretch, copied together where it is not one.
    fn whole(&mut self, node: usize) -> View {
        if self.spread[node].contiguous() {
            return self.spread[node].clone();
        }
        if let Some(view) = &self.whole[node] {
            return view.clone();
        }
        let view = self.spread[node].clone();
        let len = view.len;
        let step = self.push(Box::new(Gather), smallvec![view], SmallVec::new(), len);
        let view = View::of(step, len, len);
        self.whole[node] = Some(view.clone());
        view
    }

    fn push(
        &mut self,
        kernel: Box<dyn Kernel>,
        operands: SmallVec<[View; 2]>,
        params: SmallVec<[usize; 4]>,
        len: usize,
    ) -> usize {
        self.steps.push(Step {
            kernel,
            operands,
            params,
            len,
            value: Slot { buffer: 0, len: 0 },
            saved: None,
            grad: None,
            accumulate: false,
            zero: Vec::new(),
            begins: SmallVec::new(),
            barrier: None,
        });
        self.steps.len() - 1
    }

    /// Drops steps that nothing reads, such as a gram matrix of which only the triangle is used.
    fn drop_unread(&mut self) {
        let mut read = vec![false; self.steps.len()];
        self.logits.iter().for_each(|&logit| read[logit] = true);
        for i in (0..self.steps.len()).rev() {
            if read[i] {
                self.steps[i].operands.iter().flat_map(|v| &v.segments).for_each(|s| read[s.step] = true);
            }
        }
        let mut moved = vec![0; self.steps.len()];
        let mut kept = 0;
        for (i, &read) in read.iter().enumerate() {
            moved[i] = kept;
            kept += usize::from(read);
        }
        let mut keep = read.iter();
        self.steps.retain(|_| keep.next().copied().unwrap_or(false));
        for segment in self.steps.iter_mut().flat_map(|step| &mut step.operands).flat_map(|v| &mut v.segments) {
            segment.step = moved[segment.step];
        }
        self.logits.iter_mut().for_each(|logit| *logit = moved[*logit]);
    }
}

/// Copies a view of several stretches, zeros between, into one: the only step that is of no node.
#[derive(Clone, Copy, Debug)]
struct Gather;

impl Kernel for Gather {
    fn reads_stretches(&self) -> Option<usize> {
        Some(1)
    }

    fn forward(&self, here: &dyn Here, out: Out<'_>) {
        let (t, mut end) = (here.samples(), 0);
        for (from, piece) in here.pieces(0) {
            out.y[end..from * t].fill(0.0);
            end = from * t + piece.len();
            out.y[from * t..end].copy_from_slice(piece);
        }
        out.y[end..].fill(0.0);
    }

    fn backward(&self, here: &dyn Here, stretch: Stretch, dy: &[f32], dx: &mut [f32], accumulate: bool) {
        elementwise::copy(&dy[stretch.from * here.samples()..][..dx.len()], dx, accumulate);
    }
}
