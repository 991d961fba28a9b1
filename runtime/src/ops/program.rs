//! A plan lowered for the tiled executor: steps in execution order, each with its operands resolved to
//! stretches of earlier steps' values, and with the memory it uses.
//!
//! Joining, flattening, padding and viewing as rows cost nothing where the consumer is a linear layer: samples last,
//! they are stretches of memory, and a linear layer reads each where it lies (padding not at all).

use std::ops::Range;
use std::sync::Arc;

use nasrec_compiler::plan::{ParamKind, Plan};
use nasrec_compiler::primitives::{Axis, Primitive, Reduction};
use smallvec::{SmallVec, smallvec};

use super::arena::{Request, Slot, assign};
use super::attention;
use super::products::Pairs;
use super::shape;
use crate::{Error, Result};

/// Which parameters of a plan are trained, by index into [`Plan::params`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trainable(Vec<bool>);

impl Trainable {
    pub fn all(plan: &Plan) -> Self {
        Self(vec![true; plan.params.len()])
    }

    pub fn none(plan: &Plan) -> Self {
        Self(vec![false; plan.params.len()])
    }

    /// Only the dense parameters of the `logit` statement: of nodes whose path is `logit` or lies under it.
    pub fn head(plan: &Plan) -> Self {
        let mut trainable = Self::none(plan);
        for node in &plan.nodes {
            if &*node.path == "logit" || node.path.starts_with("logit.") {
                let dense = node.params.iter().filter(|&&param| plan.params[param].kind == ParamKind::Dense);
                dense.for_each(|&param| trainable.0[param] = true);
            }
        }
        trainable
    }

    /// Everything but the embedding tables.
    pub fn all_but_tables(plan: &Plan) -> Self {
        Self(plan.params.iter().map(|param| param.kind == ParamKind::Dense).collect())
    }

    pub fn contains(&self, param: usize) -> bool {
        self.0[param]
    }
}

/// A plan made ready to execute, for training some of its parameters or none.
#[derive(Debug)]
pub struct Program {
    plan: Arc<Plan>,
    trainable: Trainable,
    /// Where each dense parameter lies in the gathered weights.
    pub(crate) weights: Vec<Range<usize>>,
    /// Where each trained dense parameter's gradient lies; empty for the others.
    pub(crate) gradients: Vec<Range<usize>>,
    pub(crate) weights_len: usize,
    pub(crate) gradients_len: usize,
    pub(crate) steps: Vec<Step>,
    /// The step whose value is the logit.
    pub(crate) logit: usize,
    /// Length a sample of each buffer.
    pub(crate) buffers: Vec<usize>,
    /// Length a sample of the scratch that one step may use.
    pub(crate) scratch: usize,
    /// Values a sample that all lookups yield together.
    pub(crate) embedded: usize,
    /// The trained tables: plan parameter, offset of its row among the embedded values, dim.
    pub(crate) tables: Vec<(usize, usize, usize)>,
}

#[derive(Debug)]
pub(crate) struct Step {
    pub kernel: Kernel,
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
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kernel {
    Numeric,
    /// `at`: offset among the embedded values of a sample.
    Embed {
        dim: usize,
        at: usize,
    },
    Linear {
        outer: usize,
        out: usize,
        inner: usize,
    },
    Norm {
        outer: usize,
        size: usize,
        inner: usize,
        eps: f32,
    },
    Relu,
    Sigmoid,
    Add,
    Sub,
    Mul,
    Square,
    /// Copies a view of several stretches, zeros between, into one.
    Copy,
    SumFields {
        n: usize,
        e: usize,
    },
    Gram {
        n: usize,
        e: usize,
    },
    /// Products of two operands' fields.
    Products {
        pairs: Pairs,
        e: usize,
    },
    Scale,
    Reduce {
        by: Reduction,
    },
    Shift,
    /// The lower triangle of a square that is there.
    Triangle {
        n: usize,
    },
    /// The lower triangle of a gram matrix that nothing else reads.
    GramTriangle {
        n: usize,
        e: usize,
    },
    Attention {
        n: usize,
        e: usize,
        heads: usize,
    },
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
    fn of(step: usize, len: usize, live: usize) -> Self {
        let segments = if live == 0 { smallvec![] } else { smallvec![Segment { step, at: 0, from: 0, len: live }] };
        Self { segments, len }
    }

    fn contiguous(&self) -> bool {
        self.segments.len() == 1 && self.segments[0].len == self.len
    }

    /// The end of the last stretch: only zeros follow.
    fn live(&self) -> usize {
        self.segments.last().map_or(0, |s| s.from + s.len)
    }

    fn append(&mut self, other: &View) {
        for segment in &other.segments {
            self.segments.push(Segment { from: segment.from + self.len, ..*segment });
        }
        self.len += other.len;
    }

    /// Whether every stretch is whole rows of `inner` values.
    fn aligned(&self, inner: usize) -> bool {
        self.segments.iter().all(|s| s.from % inner == 0 && s.len % inner == 0)
    }
}

impl Kernel {
    /// Whether the backward reads the operands' values.
    fn keeps_operands(self, weight_trained: bool) -> bool {
        match self {
            Kernel::Linear { .. } => weight_trained,
            Kernel::Norm { .. }
            | Kernel::Mul
            | Kernel::Square
            | Kernel::Products { .. }
            | Kernel::Scale
            | Kernel::Reduce { by: Reduction::Max }
            | Kernel::Gram { .. }
            | Kernel::GramTriangle { .. }
            | Kernel::Attention { .. } => true,
            _ => false,
        }
    }

    fn keeps_output(self) -> bool {
        matches!(self, Kernel::Relu | Kernel::Sigmoid)
    }

    fn saved(self) -> usize {
        match self {
            Kernel::Norm { outer, inner, .. } => 2 * outer * inner,
            Kernel::Attention { n, e, heads } => attention::saved_len(n, e, heads),
            _ => 0,
        }
    }

    fn scratch(self) -> usize {
        match self {
            Kernel::Norm { inner, .. } => 2 * inner,
            Kernel::Attention { n, e, .. } => attention::scratch_len(n, e),
            _ => 0,
        }
    }
}

impl Program {
    /// Lowers a plan for evaluation. Fails where the plan is damaged.
    pub fn evaluating(plan: impl Into<Arc<Plan>>) -> Result<Self> {
        let plan = plan.into();
        let trainable = Trainable::none(&plan);
        Self::training(plan, trainable)
    }

    /// Lowers a plan for training the given parameters; what none of them needs is neither differentiated nor
    /// kept. Fails where the plan is damaged.
    pub fn training(plan: impl Into<Arc<Plan>>, trainable: Trainable) -> Result<Self> {
        let plan = plan.into();
        shape::check(&plan)?;
        if trainable.0.len() != plan.params.len() {
            return Err(Error::Invalid("what is to be trained was chosen for another plan".into()));
        }
        let lowered = Lowering::default().run(&plan);
        let mut tables = Vec::new();
        for step in &lowered.steps {
            if let Kernel::Embed { dim, at } = step.kernel {
                let rows = step.params.iter().enumerate().map(|(field, &param)| (param, at + field * dim, dim));
                tables.extend(rows.filter(|&(param, ..)| trainable.contains(param)));
            }
        }
        let (weights, weights_len) = spans(&plan, |_| true);
        let (gradients, gradients_len) = spans(&plan, |param| trainable.contains(param));
        let mut program = Program {
            weights,
            gradients,
            weights_len,
            gradients_len,
            logit: lowered.logit,
            buffers: Vec::new(),
            scratch: lowered.steps.iter().map(|step| step.kernel.scratch()).max().unwrap_or(0),
            embedded: lowered.embedded,
            tables,
            steps: lowered.steps,
            plan,
            trainable,
        };
        let wanted = program.plan_gradients();
        program.allocate(&wanted);
        Ok(program)
    }

    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    pub fn trainable(&self) -> &Trainable {
        &self.trainable
    }

    /// Decides which steps have a gradient and how it is first written.
    fn plan_gradients(&mut self) -> Vec<bool> {
        let count = self.steps.len();
        let mut wanted = vec![false; count];
        for i in 0..count {
            let step = &self.steps[i];
            wanted[i] = step.params.iter().any(|&p| self.trainable.contains(p))
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
            let is_logit = i == self.logit;
            self.steps[i].accumulate = is_logit || writers[i] > 1 || partial[i];
            // The loss writes the logit's gradient before any step adds to it.
            if self.steps[i].accumulate && !is_logit {
                self.steps[first[i]].zero.push(i);
            }
        }
        wanted
    }

    /// Forward of step `i` is time `i`, the loss is time `n`, backward of step `i` is time `2 n - i`.
    fn allocate(&mut self, wanted: &[bool]) {
        let n = self.steps.len();
        let mut value_end: Vec<usize> = (0..n).collect();
        let mut grad_start: Vec<usize> = (0..n).map(|i| 2 * n - i).collect();
        value_end[self.logit] = n;
        grad_start[self.logit] = n;
        for (i, step) in self.steps.iter().enumerate() {
            let weight_trained = step.params.first().is_some_and(|&p| self.trainable.contains(p));
            let kept = wanted[i] && step.kernel.keeps_operands(weight_trained);
            for segment in step.operands.iter().flat_map(|v| &v.segments) {
                let end = if kept { 2 * n - i } else { i };
                value_end[segment.step] = value_end[segment.step].max(end);
                if wanted[i] {
                    grad_start[segment.step] = grad_start[segment.step].min(2 * n - i);
                }
            }
            if wanted[i] && step.kernel.keeps_output() {
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

/// Places dense parameters one after the other, each on a cache line of its own.
fn spans(plan: &Plan, include: impl Fn(usize) -> bool) -> (Vec<Range<usize>>, usize) {
    let mut end = 0usize;
    let spans = plan.params.iter().enumerate().map(|(i, param)| {
        if param.kind != ParamKind::Dense || !include(i) {
            return 0..0;
        }
        let start = end.next_multiple_of(16);
        end = start + param.len();
        start..end
    });
    (spans.collect(), end.next_multiple_of(16))
}

#[derive(Default)]
struct Lowering {
    steps: Vec<Step>,
    /// Each node's value as stretches of steps' values.
    spread: Vec<View>,
    /// Each node's value as one stretch, once something needed it so.
    whole: Vec<Option<View>>,
    embedded: usize,
    logit: usize,
}

impl Lowering {
    fn run(mut self, plan: &Plan) -> Self {
        for i in 0..plan.nodes.len() {
            self.lower(plan, i);
        }
        let logit = self.whole(plan.logit);
        self.logit = logit.segments[0].step;
        self.drop_unread();
        self
    }

    fn lower(&mut self, plan: &Plan, i: usize) {
        let node = &plan.nodes[i];
        let len: usize = node.shape.iter().product();
        let input = |k: usize| plan.nodes[node.inputs[k]].shape.as_slice();
        let live = |this: &Self, k: usize| this.spread[node.inputs[k]].live();
        // What does no arithmetic is a view.
        let viewed = match node.primitive {
            Primitive::Concat => {
                let mut view = View::default();
                node.inputs.iter().for_each(|&source| view.append(&self.spread[source]));
                Some(view)
            }
            Primitive::Pad | Primitive::Flatten | Primitive::Rows => {
                Some(View { len, ..self.spread[node.inputs[0]].clone() })
            }
            _ => None,
        };
        if let Some(view) = viewed {
            self.spread.push(view);
            self.whole.push(None);
            return;
        }
        let mut sources: SmallVec<[usize; 4]> = node.inputs.clone();
        let mut nonzero = len;
        let kernel = match node.primitive {
            Primitive::Numeric => Kernel::Numeric,
            Primitive::Embed => {
                let at = self.embedded;
                let dim = node.shape[1];
                self.embedded += len;
                Kernel::Embed { dim, at }
            }
            Primitive::Linear { axis, .. } => {
                let out = node.shape[axis.index(node.shape.len())];
                match (axis, input(0)) {
                    (Axis::Last, [n, _]) => Kernel::Linear { outer: *n, out, inner: 1 },
                    (Axis::Fields, [_, e]) => Kernel::Linear { outer: 1, out, inner: *e },
                    _ => Kernel::Linear { outer: 1, out, inner: 1 },
                }
            }
            Primitive::LayerNorm { axis, eps } => {
                let eps = eps as f32;
                match (axis, input(0)) {
                    (Axis::Last, [n, e]) => Kernel::Norm { outer: *n, size: *e, inner: 1, eps },
                    (Axis::Fields, [n, e]) => Kernel::Norm { outer: 1, size: *n, inner: *e, eps },
                    (_, shape) => Kernel::Norm { outer: 1, size: shape[0], inner: 1, eps },
                }
            }
            Primitive::Relu => {
                nonzero = live(self, 0);
                Kernel::Relu
            }
            Primitive::Square => {
                nonzero = live(self, 0);
                Kernel::Square
            }
            Primitive::Mul => {
                nonzero = live(self, 0).min(live(self, 1));
                Kernel::Mul
            }
            Primitive::Add => {
                nonzero = (0..node.inputs.len()).map(|k| live(self, k)).max().unwrap_or(len);
                Kernel::Add
            }
            Primitive::Sub => {
                nonzero = live(self, 0).max(live(self, 1));
                Kernel::Sub
            }
            Primitive::Sigmoid => Kernel::Sigmoid,
            Primitive::SumFields => Kernel::SumFields { n: input(0)[0], e: input(0)[1] },
            Primitive::FieldProducts => {
                let pairs = Pairs::All { left: input(0)[0], right: input(1)[0] };
                Kernel::Products { pairs, e: input(0)[1] }
            }
            Primitive::PairProducts => Kernel::Products { pairs: Pairs::Below { n: input(0)[0] }, e: input(0)[1] },
            Primitive::Scale => {
                nonzero = live(self, 0);
                Kernel::Scale
            }
            Primitive::Reduce { by } => Kernel::Reduce { by },
            Primitive::Shift => Kernel::Shift,
            Primitive::Gram => Kernel::Gram { n: input(0)[0], e: input(0)[1] },
            Primitive::LowerTriangle => {
                let square = &plan.nodes[node.inputs[0]];
                if square.primitive == Primitive::Gram {
                    sources = square.inputs.clone();
                    let shape = &plan.nodes[sources[0]].shape;
                    Kernel::GramTriangle { n: shape[0], e: shape[1] }
                } else {
                    Kernel::Triangle { n: square.shape[0] }
                }
            }
            Primitive::Attention { heads } => Kernel::Attention { n: input(0)[0], e: input(0)[1], heads },
            Primitive::Concat | Primitive::Pad | Primitive::Flatten | Primitive::Rows => Kernel::Copy,
        };
        let operands = sources.iter().map(|&source| self.operand(kernel, source)).collect();
        let step = self.push(kernel, operands, node.params.clone(), len);
        self.spread.push(View::of(step, len, nonzero));
        self.whole.push((nonzero < len).then(|| View::of(step, len, len)));
    }

    fn operand(&mut self, kernel: Kernel, source: usize) -> View {
        match kernel {
            Kernel::Linear { outer: 1, inner, .. } if self.spread[source].aligned(inner) => self.spread[source].clone(),
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
        let step = self.push(Kernel::Copy, smallvec![view], SmallVec::new(), len);
        let view = View::of(step, len, len);
        self.whole[node] = Some(view.clone());
        view
    }

    fn push(
        &mut self,
        kernel: Kernel,
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
        });
        self.steps.len() - 1
    }

    /// Drops steps that nothing reads, such as a gram matrix of which only the triangle is used.
    fn drop_unread(&mut self) {
        let mut read = vec![false; self.steps.len()];
        read[self.logit] = true;
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
        self.logit = moved[self.logit];
    }
}
