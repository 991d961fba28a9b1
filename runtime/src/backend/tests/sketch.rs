//! Plans put together by hand or at random, for tests.

use std::sync::Arc;

use nasrec_compiler::plan::{Head, Init, Layout, Node, PLAN_VERSION, Param, ParamKind, Place, Plan, Shape};
use nasrec_compiler::primitives::{
    Add, Attention, Axis, BatchNorm, Concat, Embed, EmbedNumbers, FieldProducts, Flatten, Gram, LayerNorm, Linear,
    LinearEach, LowerTriangle, Mul, Numeric, Pad, PairProducts, Primitive, Reduce, Reduction, Relu, Rows, Scale, Shift,
    Sigmoid, Slice, Square, Sub, SumFields, Weight,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use smallvec::smallvec;

use crate::data::Batch;
use crate::supernet::ParamDef;

pub(crate) struct Sketch {
    pub plan: Plan,
    pub rng: ChaCha8Rng,
    /// Whether parameters are slices, of several runs, of larger ones.
    sliced: bool,
}

impl Sketch {
    pub(crate) fn new(seed: u64, sliced: bool) -> Self {
        let plan = Plan { version: PLAN_VERSION, nodes: Vec::new(), params: Vec::new(), logit: 0, heads: Head::only() };
        Self { plan, rng: ChaCha8Rng::seed_from_u64(seed), sliced }
    }

    fn layout(&mut self, len: usize) -> (usize, Layout) {
        if !self.sliced {
            return (len, Layout::prefix(len));
        }
        let mut at = 0;
        let positions: Vec<usize> = (0..len)
            .map(|_| {
                at += 1 + usize::from(self.rng.random_bool(0.2));
                at - 1
            })
            .collect();
        (at + self.rng.random_range(0..3), Layout::from_positions(positions))
    }

    pub(crate) fn param(&mut self, shape: &[usize], init: Init, kind: ParamKind) -> usize {
        let id = self.plan.params.len();
        let mut full = Shape::new();
        let mut axes = smallvec![];
        for (i, &len) in shape.iter().enumerate() {
            let whole = kind.is_table() && i == 0;
            let (size, layout) = if whole { (len, Layout::prefix(len)) } else { self.layout(len) };
            full.push(size);
            axes.push(layout);
        }
        self.plan.params.push(Param { id, name: format!("p{id}").into(), full, axes, kind, init });
        id
    }

    fn dense(&mut self, shape: &[usize]) -> usize {
        self.param(shape, Init::XavierUniform, ParamKind::Dense)
    }

    pub(crate) fn node(&mut self, primitive: Primitive, inputs: &[usize], params: &[usize], shape: &[usize]) -> usize {
        self.plan.nodes.push(Node {
            primitive,
            inputs: inputs.iter().copied().collect(),
            params: params.iter().copied().collect(),
            lookups: Vec::new(),
            columns: Vec::new(),
            shape: shape.iter().copied().collect(),
            path: "b".into(),
            place: Place::outside("b").into(),
        });
        self.plan.nodes.len() - 1
    }

    pub(crate) fn shape(&self, node: usize) -> Vec<usize> {
        self.plan.nodes[node].shape.to_vec()
    }

    pub(crate) fn numeric(&mut self, width: usize) -> usize {
        self.node(Numeric.into(), &[], &[], &[width])
    }

    /// Some of the numeric columns, in this order.
    pub(crate) fn numeric_of(&mut self, columns: &[usize]) -> usize {
        let node = self.node(Numeric.into(), &[], &[], &[columns.len()]);
        self.plan.nodes[node].columns = columns.to_vec();
        node
    }

    pub(crate) fn embed(&mut self, fields: usize, dim: usize, rows: usize) -> usize {
        self.embed_of(&(0..fields).collect::<Vec<_>>(), dim, rows)
    }

    /// Rows of tables of these fields, in this order.
    pub(crate) fn embed_of(&mut self, fields: &[usize], dim: usize, rows: usize) -> usize {
        let table = |field: &usize| self.param(&[rows, dim], Init::XavierNormal, ParamKind::Table { field: *field });
        let tables: Vec<usize> = fields.iter().map(table).collect();
        self.node(Embed.into(), &[], &tables, &[fields.len(), dim])
    }

    pub(crate) fn linear(&mut self, x: usize, axis: Axis, out: usize, bias: bool) -> usize {
        let mut shape = self.shape(x);
        let along = axis.index(shape.len());
        let mut params = vec![self.dense(&[out, shape[along]])];
        shape[along] = out;
        if bias {
            params.push(self.dense(&[out]));
        }
        self.node(Linear { axis, bias }.into(), &[x], &params, &shape)
    }

    pub(crate) fn norm(&mut self, x: usize, axis: Axis) -> usize {
        let shape = self.shape(x);
        let size = shape[axis.index(shape.len())];
        let params = [self.dense(&[size]), self.dense(&[size])];
        self.node(LayerNorm { axis, eps: 1e-5 }.into(), &[x], &params, &shape)
    }

    /// Its statistics are not what they are at the start.
    pub(crate) fn batch_norm(&mut self, x: usize) -> usize {
        let shape = self.shape(x);
        let mut statistic = |value| self.param(&shape, Init::Constant(value), ParamKind::Statistic);
        let statistics = [statistic(0.2), statistic(1.7)];
        let params = [self.dense(&shape), self.dense(&shape), statistics[0], statistics[1]];
        self.node(BatchNorm { eps: 0.1, momentum: 0.1 }.into(), &[x], &params, &shape)
    }

    pub(crate) fn attention(&mut self, x: usize, heads: usize) -> usize {
        let shape = self.shape(x);
        let e = shape[1];
        let params = [self.dense(&[3 * e, e]), self.dense(&[3 * e]), self.dense(&[e, e]), self.dense(&[e])];
        self.node(Attention { heads }.into(), &[x], &params, &shape)
    }

    /// A primitive without parameters.
    pub(crate) fn plain(&mut self, primitive: Primitive, inputs: &[usize]) -> usize {
        let first = self.shape(inputs[0]);
        let shape = match primitive {
            Primitive::Concat(_) => {
                let mut shape = first;
                shape[0] = inputs.iter().map(|&i| self.plan.nodes[i].shape[0]).sum();
                shape
            }
            Primitive::Flatten(_) => vec![first.iter().product()],
            Primitive::SumFields(_) => vec![first[1]],
            Primitive::Gram(_) => vec![first[0], first[0]],
            Primitive::Transpose(_) => vec![first[1], first[0]],
            Primitive::Matmul(_) => vec![first[0], self.shape(inputs[1])[1]],
            Primitive::FieldProducts(_) => vec![first[0] * self.shape(inputs[1])[0], first[1]],
            Primitive::PairProducts(_) => vec![first[0] * (first[0] - 1) / 2, first[1]],
            Primitive::Reduce(_) if first.len() == 2 => vec![first[0]],
            Primitive::Reduce(_) => vec![1],
            Primitive::LowerTriangle(_) => vec![first[0] * (first[0] - 1) / 2],
            _ => first,
        };
        self.node(primitive, inputs, &[], &shape)
    }

    /// Numbers, or fields, from one on.
    pub(crate) fn slice(&mut self, x: usize, from: u32, many: usize) -> usize {
        let mut shape = self.shape(x);
        shape[0] = many;
        self.node(Slice { from }.into(), &[x], &[], &shape)
    }

    pub(crate) fn embed_numbers(&mut self, x: usize, dim: usize) -> usize {
        let shape = [self.shape(x)[0], dim];
        let weight = self.dense(&shape);
        self.node(EmbedNumbers.into(), &[x], &[weight], &shape)
    }

    pub(crate) fn linear_each(&mut self, s: usize, width: usize, bias: bool) -> usize {
        let (fields, dim) = (self.shape(s)[0], self.shape(s)[1]);
        let mut params = vec![self.dense(&[fields * width, dim])];
        if bias {
            params.push(self.dense(&[fields * width]));
        }
        self.node(LinearEach { bias }.into(), &[s], &params, &[fields, width])
    }

    pub(crate) fn weight(&mut self, shape: &[usize]) -> usize {
        let weight = self.dense(shape);
        self.node(Weight.into(), &[], &[weight], shape)
    }

    pub(crate) fn shift(&mut self, x: usize) -> usize {
        let shape = self.shape(x);
        let bias = self.dense(&shape);
        self.node(Shift.into(), &[x], &[bias], &shape)
    }

    pub(crate) fn pad(&mut self, x: usize, width: usize) -> usize {
        let mut shape = self.shape(x);
        shape.pop();
        shape.push(width);
        self.node(Pad.into(), &[x], &[], &shape)
    }

    /// Joins what nothing read yet and closes the plan with a linear layer.
    pub(crate) fn finish(mut self) -> Arc<Plan> {
        let read: Vec<usize> = self.plan.nodes.iter().flat_map(|node| node.inputs.to_vec()).collect();
        let loose: Vec<usize> = (0..self.plan.nodes.len()).filter(|i| !read.contains(i)).collect();
        let flat: Vec<usize> = loose
            .into_iter()
            .map(|i| if self.plan.nodes[i].shape.len() == 2 { self.plain(Flatten.into(), &[i]) } else { i })
            .collect();
        let joined = if flat.len() == 1 { flat[0] } else { self.plain(Concat.into(), &flat) };
        self.close(joined)
    }

    /// Closes the plan with a linear layer over a dense value, as a `logit` statement would.
    pub(crate) fn close(mut self, value: usize) -> Arc<Plan> {
        let head = self.linear(value, Axis::Last, 1, true);
        let node = &mut self.plan.nodes[head];
        node.path = "logit.linear".into();
        node.place = Place { head: true, ..Place::outside("linear") }.into();
        self.plan.logit = head;
        Arc::new(self.plan)
    }

    /// Closes the plan with a linear layer for each of several heads, as their `logit` statements would.
    pub(crate) fn close_with(mut self, value: usize, heads: Vec<Head>) -> Arc<Plan> {
        let mut logits = Vec::new();
        for at in 0..heads.len() {
            let head = self.linear(value, Axis::Last, 1, true);
            let node = &mut self.plan.nodes[head];
            node.path = format!("logit_{at}.linear").into();
            node.place = Place { head: true, ..Place::outside("linear") }.into();
            logits.push(head);
        }
        self.plan.logit = self.plain(Concat.into(), &logits);
        self.plan.heads = heads;
        Arc::new(self.plan)
    }

    /// A plan of `steps` random operators over 3 numeric columns and 4 fields of 8.
    pub(crate) fn random(seed: u64, sliced: bool, steps: usize) -> Arc<Plan> {
        let mut sketch = Sketch::new(seed, sliced);
        let mut dense = vec![sketch.numeric(3)];
        let mut sparse = vec![sketch.embed(4, 8, 11)];
        for _ in 0..steps {
            let x = dense[sketch.rng.random_range(0..dense.len())];
            let y = dense[sketch.rng.random_range(0..dense.len())];
            let s = sparse[sketch.rng.random_range(0..sparse.len())];
            let r = sparse[sketch.rng.random_range(0..sparse.len())];
            let width = sketch.rng.random_range(1..20);
            match sketch.rng.random_range(0..13) {
                0 => {
                    let joined = sketch.plain(Concat.into(), &[x, y]);
                    let h = sketch.linear(joined, Axis::Last, width, false);
                    let h = sketch.norm(h, Axis::Last);
                    dense.push(sketch.plain(Relu.into(), &[h]));
                }
                1 => {
                    // Gating: both sides padded to the wider.
                    let wide = sketch.shape(x)[0].max(sketch.shape(y)[0]);
                    let (l, r) = (sketch.pad(x, wide), sketch.pad(y, wide));
                    let gate = sketch.linear(l, Axis::Last, wide, true);
                    let gate = sketch.plain(Sigmoid.into(), &[gate]);
                    let product = sketch.plain(Mul.into(), &[gate, r]);
                    dense.push(sketch.linear(product, Axis::Last, width, true));
                }
                2 => {
                    let wide = sketch.shape(x)[0].max(sketch.shape(y)[0]);
                    let (l, r) = (sketch.pad(x, wide), sketch.pad(y, wide));
                    let sum = sketch.plain(Add.into(), &[l, r, l]);
                    dense.push(sketch.norm(sum, Axis::Last));
                }
                3 => {
                    let projected = sketch.linear(x, Axis::Last, 8, true);
                    let row = sketch.node(Rows.into(), &[projected], &[], &[1, 8]);
                    let fields = sketch.linear(s, Axis::Fields, 4, false);
                    let joined = sketch.plain(Concat.into(), &[row, fields]);
                    let gram = sketch.plain(Gram.into(), &[joined]);
                    dense.push(sketch.plain(LowerTriangle.into(), &[gram]));
                }
                4 => {
                    let joined = sketch.plain(Concat.into(), &[s, r]);
                    let h = sketch.linear(joined, Axis::Fields, 5, false);
                    let h = sketch.norm(h, Axis::Fields);
                    sparse.push(sketch.plain(Relu.into(), &[h]));
                }
                5 => {
                    let attended = sketch.attention(s, 4);
                    let sum = sketch.plain(Add.into(), &[s, attended]);
                    sparse.push(sketch.norm(sum, Axis::Last));
                }
                6 => {
                    let sum = sketch.plain(SumFields.into(), &[s]);
                    let sum = sketch.plain(Square.into(), &[sum]);
                    let squares = sketch.plain(Square.into(), &[s]);
                    let squares = sketch.plain(SumFields.into(), &[squares]);
                    dense.push(sketch.plain(Sub.into(), &[sum, squares]));
                }
                7 => {
                    let h = sketch.linear(x, Axis::Last, 16, false);
                    let rows = sketch.node(Rows.into(), &[h], &[], &[2, 8]);
                    sparse.push(sketch.plain(Concat.into(), &[rows, s]));
                }
                10 => {
                    // Excitation: each field scaled by what its own mean says.
                    let means = sketch.plain(Reduce { by: Reduction::Mean }.into(), &[s]);
                    let by = sketch.linear(means, Axis::Last, sketch.shape(s)[0], true);
                    sparse.push(sketch.plain(Scale.into(), &[s, by]));
                }
                11 => {
                    let few = sketch.linear(s, Axis::Fields, 3, false);
                    let all = sketch.plain(FieldProducts.into(), &[few, r]);
                    let below = sketch.plain(PairProducts.into(), &[all, all]);
                    let sums = sketch.plain(Reduce { by: Reduction::Sum }.into(), &[below]);
                    dense.push(sketch.shift(sums));
                    sparse.push(sketch.linear(all, Axis::Fields, 4, true));
                }
                8 => sparse.push(sketch.linear(s, Axis::Last, 8, true)),
                9 => {
                    // Rows whose fields straddle two sources.
                    let wide = sketch.linear(x, Axis::Last, 11, true);
                    let narrow = sketch.linear(y, Axis::Last, 5, false);
                    let joined = sketch.plain(Concat.into(), &[wide, narrow]);
                    let rows = sketch.node(Rows.into(), &[joined], &[], &[2, 8]);
                    sparse.push(sketch.linear(rows, Axis::Fields, 3, true));
                }
                12 if width % 2 == 0 => {
                    // Overlapping parts, of numbers and of fields.
                    let wide = sketch.linear(x, Axis::Last, 9, true);
                    let parts = [(0, 5), (3, 6)].map(|(from, many)| sketch.slice(wide, from, many));
                    dense.push(sketch.plain(Concat.into(), &parts));
                    let many = sketch.shape(s)[0];
                    sparse.push(sketch.slice(s, many as u32 - 1, 1));
                }
                _ => {
                    let flat = sketch.plain(Flatten.into(), &[s]);
                    let joined = sketch.plain(Concat.into(), &[flat, x]);
                    dense.push(sketch.linear(joined, Axis::Last, width, true));
                }
            }
        }
        sketch.finish()
    }
}

/// The stored parameters that a plan's are slices of.
pub(crate) fn defs(plan: &Plan) -> Vec<ParamDef> {
    plan.params.iter().map(ParamDef::from).collect()
}

/// Random samples that fit a plan.
pub(crate) fn batch(plan: &Plan, rows: usize, seed: u64) -> Batch {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let numeric = plan.nodes.iter().filter(|n| n.primitive == Numeric.into());
    let width = numeric.map(|n| n.columns.iter().max().map_or(n.shape[0], |last| last + 1)).max().unwrap_or(0);
    let mut heights: Vec<(usize, usize)> = plan
        .params
        .iter()
        .filter_map(|p| match p.kind {
            ParamKind::Table { field } => Some((field, p.full[0])),
            ParamKind::Dense | ParamKind::Statistic => None,
        })
        .collect();
    heights.sort_unstable();
    heights.dedup_by_key(|(field, _)| *field);
    let numeric = (0..width * rows).map(|_| rng.random::<f32>() * 2.0 - 1.0).collect();
    let ids = heights.iter().flat_map(|&(_, height)| vec![height; rows]).map(|height| {
        // Skewed, as categories are.
        let u: f64 = rng.random();
        ((u * u * height as f64) as usize).min(height - 1) as u32
    });
    let ids = ids.collect::<Vec<_>>();
    let labels = plan.heads.iter().map(|head| head.label + 1).max().unwrap_or(1);
    let labels = (0..labels * rows).map(|_| f32::from(rng.random_bool(0.3))).collect();
    Batch { rows, numeric, ids, labels, ..Batch::default() }
}
