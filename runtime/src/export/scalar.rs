//! A plan computed one row at a time, number by number: what exports say has to be this, to the last bit.
//!
//! Every sum is added up in the order of its terms, beginning with the bias where there is one; no product is fused with a sum but
//! in the exponential, which says so. Backends add up in other orders, so that they differ from this in the last digits.

use nasrec_compiler::plan::{Lookup, Node, Plan};
use nasrec_compiler::primitives::{Axis, Function, Primitive, Reduction};
use nasrec_compiler::schema::Pool;

use crate::data::{Batch, EMPTY};
use crate::elementary::ln;
use crate::model::Model;
use crate::ops::kernels::simd::{exp, sigmoid};
use crate::ops::tanh;

/// A model that is computed number by number.
pub(crate) struct Scalar<'m> {
    model: &'m Model,
    /// Of each parameter its values, of tables all rows.
    params: Vec<Vec<f32>>,
}

impl<'m> Scalar<'m> {
    pub fn new(model: &'m Model) -> Self {
        let values = |index: usize| {
            let mut bytes = Vec::new();
            // To memory nothing is refused.
            let _written = model.store().write_values(index, &mut bytes);
            bytes.as_chunks().0.iter().map(|&bytes| f32::from_ne_bytes(bytes)).collect()
        };
        Self { model, params: (0..model.plan().params.len()).map(values).collect() }
    }

    /// The probability of each row of a batch.
    pub fn probabilities(&self, batch: &Batch) -> Vec<f32> {
        let logits = (0..batch.rows).map(|row| self.logit(batch, row));
        let scaling = self.model.scaling();
        let scaled = logits.map(|logit| scaling.map_or(logit, |scaling| scaling.of(logit)));
        scaled.map(crate::model::probability).collect()
    }

    fn logit(&self, batch: &Batch, row: usize) -> f32 {
        let plan = self.model.plan();
        let mut values: Vec<Vec<f32>> = Vec::with_capacity(plan.nodes.len());
        for node in &plan.nodes {
            let value = self.value(plan, node, &values, (batch, row));
            values.push(value);
        }
        values[plan.logit][0]
    }

    fn value(&self, plan: &Plan, node: &Node, values: &[Vec<f32>], (batch, row): (&Batch, usize)) -> Vec<f32> {
        let input = |at: usize| values[node.inputs[at]].as_slice();
        let shape = |at: usize| plan.nodes[node.inputs[at]].shape.as_slice();
        let param = |at: usize| self.params[node.params[at]].as_slice();
        let each = |of: fn(f32) -> f32| input(0).iter().map(|&x| of(x)).collect();
        let pairs = |of: fn(f32, f32) -> f32| input(0).iter().zip(input(1)).map(|(&a, &b)| of(a, b)).collect();
        let size = node.shape.iter().product::<usize>();
        match node.primitive {
            Primitive::Numeric(_) => {
                let column = |at: usize| node.columns.get(at).copied().unwrap_or(at);
                (0..size).map(|at| batch.numeric[column(at) * batch.rows + row]).collect()
            }
            Primitive::Embed(_) => {
                let lookups = (0..node.params.len()).filter_map(|at| Some((at, node.lookup(&plan.params, at)?)));
                lookups.flat_map(|(at, of)| looked_up(of, param(at), node.shape[1], batch, row)).collect()
            }
            Primitive::Mask(_) => {
                let there = |of: &Lookup| batch.looked_up(*of).is_some_and(|ids| ids[row] != EMPTY);
                node.lookups.iter().map(|of| f32::from(there(of))).collect()
            }
            Primitive::EmbedNumbers(_) => {
                let vectors = param(0).chunks_exact(node.shape[1]);
                input(0).iter().zip(vectors).flat_map(|(&x, vector)| vector.iter().map(move |w| w * x)).collect()
            }
            Primitive::Linear(op) => {
                let (along, across) = axes(op.axis, shape(0));
                let (out, bias) = (node.shape[op.axis.index(node.shape.len())], node.params.get(1));
                let bias = bias.map(|&bias| self.params[bias].as_slice());
                linear(param(0), bias, input(0), (along, out, across))
            }
            Primitive::LinearEach(_) => {
                let (dim, out) = (shape(0)[1], node.shape[1]);
                let bias = node.params.get(1).map(|&bias| self.params[bias].as_slice());
                let each = param(0).chunks_exact(dim * out).zip(input(0).chunks_exact(dim)).enumerate();
                let layer = |(field, (weight, x))| {
                    linear(weight, bias.map(|bias: &[f32]| &bias[field * out..][..out]), x, (1, out, 1))
                };
                each.flat_map(layer).collect()
            }
            Primitive::Affine(op) => {
                let (scale, shift) = (op.scale as f32, op.shift as f32);
                input(0).iter().map(|x| scale * x + shift).collect()
            }
            Primitive::Map(op) => {
                let f: fn(f32) -> f32 = match op.by {
                    Function::Exp => exp,
                    Function::Log => ln,
                    Function::Sqrt => f32::sqrt,
                    Function::Reciprocal => f32::recip,
                };
                input(0).iter().map(|&x| f(x)).collect()
            }
            Primitive::Softmax(op) => {
                softmax(input(0), shape(0)[op.axis.index(shape(0).len())], axes(op.axis, shape(0)).0)
            }
            Primitive::Weight(_) => param(0).to_vec(),
            Primitive::Slice(op) => {
                let each: usize = node.shape[1..].iter().product();
                input(0)[op.from as usize * each..][..size].to_vec()
            }
            Primitive::Fill(op) => vec![op.value as f32; size],
            Primitive::Transpose(_) => {
                let (n, e) = (shape(0)[0], shape(0)[1]);
                (0..n * e).map(|at| input(0)[at % n * e + at / n]).collect()
            }
            Primitive::Matmul(_) => {
                let (m, e) = (shape(0)[1], shape(1)[1]);
                let sum = |row: &[f32], d: usize| {
                    row.iter().zip(input(1)[d..].iter().step_by(e)).fold(0.0, |sum, (a, b)| sum + a * b)
                };
                input(0)
                    .chunks_exact(m)
                    .flat_map(|row| (0..e).map(move |d| sum(row, d)).collect::<Vec<f32>>())
                    .collect()
            }
            Primitive::LayerNorm(op) => {
                let (along, across) = axes(op.axis, shape(0));
                layer_norm([param(0), param(1)], op.eps as f32, input(0), (along, across))
            }
            Primitive::BatchNorm(op) => {
                let at = |at: usize| {
                    let deviation = (1.0 / (f64::from(param(3)[at]) + op.eps).sqrt()) as f32;
                    (input(0)[at] - param(2)[at]) * (deviation * param(0)[at]) + param(1)[at]
                };
                (0..size).map(at).collect()
            }
            Primitive::Relu(_) => each(|x| if x < 0.0 { 0.0 } else { x }),
            Primitive::Sigmoid(_) => each(sigmoid),
            Primitive::Tanh(_) => each(tanh),
            Primitive::Square(_) => each(|x| x * x),
            Primitive::Dropout(_) | Primitive::StopGradient(_) | Primitive::Flatten(_) | Primitive::Rows(_) => {
                input(0).to_vec()
            }
            Primitive::Pad(_) => {
                let [to, from] = [node.shape.as_slice(), shape(0)].map(|shape| shape[shape.len() - 1]);
                let rows = input(0).chunks_exact(from);
                rows.flat_map(|row| row.iter().copied().chain(std::iter::repeat_n(0.0, to - from))).collect()
            }
            Primitive::Concat(_) => (0..node.inputs.len()).flat_map(|at| input(at).iter().copied()).collect(),
            Primitive::Add(_) => {
                let mut sum: Vec<f32> = pairs(|a, b| a + b);
                for at in 2..node.inputs.len() {
                    sum.iter_mut().zip(input(at)).for_each(|(sum, x)| *sum += x);
                }
                sum
            }
            Primitive::Sub(_) => pairs(|a, b| a - b),
            Primitive::Mul(_) => pairs(|a, b| a * b),
            Primitive::Shift(_) => input(0).iter().zip(param(0)).map(|(x, b)| x + b).collect(),
            Primitive::Scale(_) => {
                let rows = input(0).chunks_exact(size / input(1).len());
                rows.zip(input(1)).flat_map(|(row, by)| row.iter().map(move |x| x * by)).collect()
            }
            Primitive::SumFields(_) => {
                let mut fields = input(0).chunks_exact(size);
                let mut sum = fields.next().map(<[f32]>::to_vec).unwrap_or_default();
                fields.for_each(|field| sum.iter_mut().zip(field).for_each(|(sum, x)| *sum += x));
                sum
            }
            Primitive::Reduce(op) => {
                let width = input(0).len() / size;
                input(0).chunks_exact(width).map(|row| reduced(op.by, row)).collect()
            }
            Primitive::Gram(_) => {
                let fields = || input(0).chunks_exact(shape(0)[1]);
                fields().flat_map(|a| fields().map(move |b| dot(a, b))).collect()
            }
            Primitive::LowerTriangle(_) => {
                let n = shape(0)[0];
                (0..n).flat_map(|i| (0..i).map(move |j| i * n + j)).map(|at| input(0)[at]).collect()
            }
            Primitive::FieldProducts(_) => {
                let e = shape(0)[1];
                let (left, right) = (input(0).chunks_exact(e), || input(1).chunks_exact(e));
                left.flat_map(|a| right().flat_map(move |b| a.iter().zip(b).map(|(a, b)| a * b))).collect()
            }
            Primitive::PairProducts(_) => {
                let (n, e) = (shape(0)[0], shape(0)[1]);
                let pairs = (0..n).flat_map(|i| (0..i).map(move |j| (i, j)));
                pairs.flat_map(|(i, j)| (0..e).map(move |d| input(0)[i * e + d] * input(1)[j * e + d])).collect()
            }
            Primitive::Attention(op) => {
                let params = [param(0), param(1), param(2), param(3)];
                attention(params, input(0), (shape(0)[0], shape(0)[1], op.heads))
            }
        }
    }
}

/// How far values are apart along an axis, and how many stretches of it there are: `(inner, outer)` of `[outer, axis, inner]`.
fn axes(axis: Axis, shape: &[usize]) -> (usize, usize) {
    match (axis, shape) {
        (Axis::Last, [n, _]) => (1, *n),
        (Axis::Fields, [_, e]) => (*e, 1),
        _ => (1, 1),
    }
}

/// What a field looks up in its table: a row, or those of a bag as one.
fn looked_up(of: Lookup, table: &[f32], dim: usize, batch: &Batch, row: usize) -> Vec<f32> {
    let ids = batch.looked_up(of).unwrap_or_default().iter().skip(row).step_by(batch.rows);
    let mut rows = ids.filter(|&&id| id != EMPTY).map(|&id| &table[id as usize * dim..][..dim]);
    let Some(pool) = of.pool else { return rows.next().map(<[f32]>::to_vec).unwrap_or_default() };
    let first = if pool == Pool::Max { f32::NEG_INFINITY } else { 0.0 };
    let (mut pooled, mut count) = (vec![first; dim], 0u32);
    for row in rows {
        count += 1;
        for (pooled, &value) in pooled.iter_mut().zip(row) {
            *pooled = match pool {
                Pool::Max if value > *pooled => value,
                Pool::Max => *pooled,
                Pool::Sum | Pool::Mean => *pooled + value,
            };
        }
    }
    match (pool, count) {
        (_, 0) => pooled.fill(0.0),
        (Pool::Mean, count) => pooled.iter_mut().for_each(|pooled| *pooled /= count as f32),
        _ => {}
    }
    pooled
}

/// `y = W x + b` along the axis of `x [outer, width, inner]`.
fn linear(weight: &[f32], bias: Option<&[f32]>, x: &[f32], (inner, out, outer): (usize, usize, usize)) -> Vec<f32> {
    let width = weight.len() / out;
    let mut y = Vec::with_capacity(outer * out * inner);
    for x in x.chunks_exact(width * inner) {
        for (o, weight) in weight.chunks_exact(width).enumerate() {
            for d in 0..inner {
                let terms = weight.iter().zip(x[d..].iter().step_by(inner));
                y.push(terms.fold(bias.map_or(0.0, |bias| bias[o]), |sum, (w, x)| sum + w * x));
            }
        }
    }
    y
}

fn layer_norm([scale, shift]: [&[f32]; 2], eps: f32, x: &[f32], (inner, _): (usize, usize)) -> Vec<f32> {
    let size = scale.len();
    let per = 1.0 / size as f32;
    let mut y = vec![0.0; x.len()];
    for (x, y) in x.chunks_exact(size * inner).zip(y.chunks_exact_mut(size * inner)) {
        for d in 0..inner {
            let along = || x[d..].iter().step_by(inner);
            let mean = along().fold(0.0f32, |sum, x| sum + x) * per;
            let squares = along().fold(0.0f32, |sum, x| sum + (x - mean) * (x - mean));
            let deviation = 1.0 / (squares * per + eps).sqrt();
            for (at, x) in along().enumerate() {
                y[at * inner + d] = (x - mean) * deviation * scale[at] + shift[at];
            }
        }
    }
    y
}

/// Along the axis of `x [outer, width, inner]`.
fn softmax(x: &[f32], width: usize, inner: usize) -> Vec<f32> {
    let mut y = x.to_vec();
    for y in y.chunks_exact_mut(width * inner) {
        for d in 0..inner {
            let at = |k: usize| k * inner + d;
            let most = (0..width).fold(f32::NEG_INFINITY, |most, k| if y[at(k)] > most { y[at(k)] } else { most });
            (0..width).for_each(|k| y[at(k)] = exp(y[at(k)] - most));
            let sum = (0..width).fold(0.0f32, |sum, k| sum + y[at(k)]);
            (0..width).for_each(|k| y[at(k)] /= sum);
        }
    }
    y
}

fn reduced(by: Reduction, row: &[f32]) -> f32 {
    let sum = || row[1..].iter().fold(row[0], |sum, x| sum + x);
    match by {
        Reduction::Sum => sum(),
        Reduction::Mean => sum() * (1.0 / row.len() as f32),
        Reduction::Max => row[1..].iter().fold(row[0], |y, &x| if y >= x || y.is_nan() { y } else { x }),
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).fold(0.0, |sum, (a, b)| sum + a * b)
}

/// Over `x [n, e]`.
fn attention(
    [project, project_bias, output, output_bias]: [&[f32]; 4],
    x: &[f32],
    (n, e, heads): (usize, usize, usize),
) -> Vec<f32> {
    let qkv = linear(project, Some(project_bias), x, (1, 3 * e, n));
    let width = e / heads;
    let scale = 1.0 / (width as f32).sqrt();
    let part = |field: usize, which: usize, head: usize| &qkv[field * 3 * e + which * e + head * width..][..width];
    let mut mixed = vec![0.0f32; n * e];
    for head in 0..heads {
        for i in 0..n {
            let query: Vec<f32> = part(i, 0, head).iter().map(|q| q * scale).collect();
            let mut scores: Vec<f32> = (0..n).map(|j| dot(&query, part(j, 1, head))).collect();
            let most = scores.iter().fold(f32::NEG_INFINITY, |most, &score| if score < most { most } else { score });
            scores.iter_mut().for_each(|score| *score = exp(*score - most));
            let by = 1.0 / scores.iter().fold(0.0f32, |sum, score| sum + score);
            for d in 0..width {
                let terms = scores.iter().enumerate().map(|(j, score)| score * part(j, 2, head)[d]);
                mixed[i * e + head * width + d] = terms.fold(0.0f32, |sum, term| sum + term) * by;
            }
        }
    }
    linear(output, Some(output_bias), &mixed, (1, e, n))
}
