//! From a plan's nodes to a program's steps.
//!
//! Joining, flattening, padding and viewing as rows cost nothing where the consumer is a linear layer: samples last,
//! they are stretches of memory, and a linear layer reads each where it lies (padding not at all).

use nasrec_compiler::plan::Plan;
use nasrec_compiler::primitives::{Attention, Axis, Gram, LayerNorm, Linear, Primitive, Reduce};
use smallvec::{SmallVec, smallvec};

use super::arena::Slot;
use super::products::Pairs;
use super::program::{Kernel, Step, View};

#[derive(Default)]
pub(super) struct Lowering {
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
    pub fn run(mut self, plan: &Plan, outputs: &[usize]) -> Self {
        for i in 0..plan.nodes.len() {
            self.lower(plan, i);
        }
        self.logits = outputs.iter().map(|&output| self.whole(output).segments[0].step).collect();
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
            Primitive::Concat(_) => {
                let mut view = View::default();
                node.inputs.iter().for_each(|&source| view.append(&self.spread[source]));
                Some(view)
            }
            Primitive::Pad(_) | Primitive::Flatten(_) | Primitive::Rows(_) => {
                Some(View { len, ..self.spread[node.inputs[0]].clone() })
            }
            _ => None,
        };
        if let Some(view) = viewed {
            // What views all of a value is that value, in whichever form it is read.
            let same = node.inputs.len() == 1 && self.spread[node.inputs[0]].len == len;
            let whole = self.whole[node.inputs[0]].clone().filter(|_| same);
            self.spread.push(view);
            self.whole.push(whole);
            return;
        }
        let mut sources: SmallVec<[usize; 4]> = node.inputs.clone();
        let mut nonzero = len;
        let kernel = match node.primitive {
            Primitive::Numeric(_) => Kernel::Numeric,
            Primitive::Embed(_) => {
                let at = self.embedded;
                let dim = node.shape[1];
                self.embedded += len;
                Kernel::Embed { dim, at }
            }
            Primitive::Linear(Linear { axis, .. }) => {
                let out = node.shape[axis.index(node.shape.len())];
                match (axis, input(0)) {
                    (Axis::Last, [n, _]) => Kernel::Linear { outer: *n, out, inner: 1 },
                    (Axis::Fields, [_, e]) => Kernel::Linear { outer: 1, out, inner: *e },
                    _ => Kernel::Linear { outer: 1, out, inner: 1 },
                }
            }
            Primitive::LayerNorm(LayerNorm { axis, eps }) => {
                let eps = eps as f32;
                match (axis, input(0)) {
                    (Axis::Last, [n, e]) => Kernel::Norm { outer: *n, size: *e, inner: 1, eps },
                    (Axis::Fields, [n, e]) => Kernel::Norm { outer: 1, size: *n, inner: *e, eps },
                    (_, shape) => Kernel::Norm { outer: 1, size: shape[0], inner: 1, eps },
                }
            }
            Primitive::Relu(_) => {
                nonzero = live(self, 0);
                Kernel::Relu
            }
            Primitive::Square(_) => {
                nonzero = live(self, 0);
                Kernel::Square
            }
            Primitive::Mul(_) => {
                nonzero = live(self, 0).min(live(self, 1));
                Kernel::Mul
            }
            Primitive::Add(_) => {
                nonzero = (0..node.inputs.len()).map(|k| live(self, k)).max().unwrap_or(len);
                Kernel::Add
            }
            Primitive::Sub(_) => {
                nonzero = live(self, 0).max(live(self, 1));
                Kernel::Sub
            }
            Primitive::Sigmoid(_) => Kernel::Sigmoid,
            Primitive::SumFields(_) => Kernel::SumFields { n: input(0)[0], e: input(0)[1] },
            Primitive::FieldProducts(_) => {
                let pairs = Pairs::All { left: input(0)[0], right: input(1)[0] };
                Kernel::Products { pairs, e: input(0)[1] }
            }
            Primitive::PairProducts(_) => Kernel::Products { pairs: Pairs::Below { n: input(0)[0] }, e: input(0)[1] },
            Primitive::Scale(_) => {
                nonzero = live(self, 0);
                Kernel::Scale
            }
            Primitive::Reduce(Reduce { by }) => Kernel::Reduce { by },
            Primitive::Shift(_) => Kernel::Shift,
            Primitive::Gram(_) => Kernel::Gram { n: input(0)[0], e: input(0)[1] },
            Primitive::LowerTriangle(_) => {
                let square = &plan.nodes[node.inputs[0]];
                if square.primitive == Gram.into() {
                    sources = square.inputs.clone();
                    let shape = &plan.nodes[sources[0]].shape;
                    Kernel::GramTriangle { n: shape[0], e: shape[1] }
                } else {
                    Kernel::Triangle { n: square.shape[0] }
                }
            }
            Primitive::Attention(Attention { heads }) => Kernel::Attention { n: input(0)[0], e: input(0)[1], heads },
            Primitive::Concat(_) | Primitive::Pad(_) | Primitive::Flatten(_) | Primitive::Rows(_) => Kernel::Copy,
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
            begins: SmallVec::new(),
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
