//! The plan as nodes: of each value the first axis is the batch.

use nasrec_compiler::plan::{Node, Plan};
use nasrec_compiler::primitives::{Axis, Function, Primitive, Reduction};
use nasrec_compiler::schema::Pool;

use super::columns::{Columns, Rows};
use super::graph::{Writing, float, int, ints};
use super::proto::Kind;
use crate::Result;
use crate::model::Model;

/// The value of the logit, `[batch, 1]`.
pub(super) fn write(model: &Model, columns: &mut Columns, to: &mut Writing) -> Result<String> {
    let plan = model.plan();
    let mut values: Vec<String> = Vec::with_capacity(plan.nodes.len());
    for node in &plan.nodes {
        let value = Lowering { plan, node, values: &values }.write(columns, to)?;
        values.push(value);
    }
    Ok(values.swap_remove(plan.logit))
}

struct Lowering<'a> {
    plan: &'a Plan,
    node: &'a Node,
    values: &'a [String],
}

impl Lowering<'_> {
    fn x(&self, at: usize) -> &str {
        &self.values[self.node.inputs[at]]
    }

    /// Of an input, for one sample.
    fn shape(&self, at: usize) -> &[usize] {
        &self.plan.nodes[self.node.inputs[at]].shape
    }

    fn param(&self, at: usize) -> &str {
        self.node.params.get(at).map_or("", |&param| &self.plan.params[param].name)
    }

    /// The last operator of a node carries its name.
    fn call(&self, to: &mut Writing, operator: &str, inputs: &[&str]) -> String {
        to.call(&self.node.path, operator, inputs, Vec::new())
    }

    /// A value of one axis a sample as the node's shape is.
    fn shaped(&self, to: &mut Writing, value: &str) -> String {
        let shape: Vec<i64> = [-1].into_iter().chain(self.node.shape.iter().map(|&size| size as i64)).collect();
        let shape = to.ints(&shape);
        self.call(to, "Reshape", &[value, &shape])
    }

    fn write(&self, columns: &mut Columns, to: &mut Writing) -> Result<String> {
        let node = self.node;
        Ok(match node.primitive {
            Primitive::Numeric(_) => columns.numeric(to, &node.path, &node.columns)?,
            Primitive::Embed(_) => self.embed(columns, to)?,
            Primitive::Mask(_) => {
                let Rows { there, .. } = columns.places(to, node.lookups[0].field)?;
                let there = to.cast(&there.unwrap_or_default(), Kind::Float);
                self.call(to, "Identity", &[&there])
            }
            Primitive::EmbedNumbers(_) => {
                let wide = to.unsqueeze(self.x(0), 2);
                self.call(to, "Mul", &[&wide, self.param(0)])
            }
            Primitive::Linear(op) => self.linear(op.axis, to),
            Primitive::LinearEach(_) => self.linear_each(node, to),
            Primitive::LayerNorm(op) => self.layer_norm(op.axis, op.eps as f32, to),
            Primitive::BatchNorm(op) => self.batch_norm(op.eps as f32, to),
            Primitive::Affine(op) => {
                let (scale, shift) = (to.float(op.scale as f32), to.float(op.shift as f32));
                let scaled = if op.scale == 1.0 { self.x(0).to_owned() } else { to.op("Mul", &[self.x(0), &scale]) };
                self.call(to, "Add", &[&scaled, &shift])
            }
            Primitive::Map(op) => {
                let name = match op.by {
                    Function::Exp => "Exp",
                    Function::Log => "Log",
                    Function::Sqrt => "Sqrt",
                    Function::Reciprocal => "Reciprocal",
                };
                self.call(to, name, &[self.x(0)])
            }
            Primitive::Softmax(op) => {
                let axis = 1 + op.axis.index(node.shape.len()) as i64;
                to.call(&node.path, "Softmax", &[self.x(0)], vec![int("axis", axis)])
            }
            Primitive::Weight(_) => self.each_row(columns, self.param(0), to)?,
            Primitive::Slice(op) => {
                let [first, end] = [op.from as i64, op.from as i64 + node.shape[0] as i64].map(|at| to.ints(&[at]));
                let axis = to.ints(&[1]);
                self.call(to, "Slice", &[self.x(0), &first, &end, &axis])
            }
            Primitive::Fill(op) => {
                let value = to.float(op.value as f32);
                self.each_row(columns, &value, to)?
            }
            Primitive::Transpose(_) => {
                let turned = to.transpose(self.x(0), &[0, 2, 1]);
                self.call(to, "Identity", &[&turned])
            }
            Primitive::Matmul(_) => self.call(to, "MatMul", &[self.x(0), self.x(1)]),
            Primitive::Relu(_) => self.call(to, "Relu", &[self.x(0)]),
            Primitive::Sigmoid(_) => self.sigmoid(to),
            Primitive::Tanh(_) => self.call(to, "Tanh", &[self.x(0)]),
            Primitive::Square(_) => self.call(to, "Mul", &[self.x(0), self.x(0)]),
            Primitive::Dropout(_) | Primitive::StopGradient(_) => self.x(0).to_owned(),
            Primitive::Flatten(_) | Primitive::Rows(_) => self.shaped(to, self.x(0)),
            Primitive::Pad(_) => {
                let last = node.shape.len();
                let more = node.shape[last - 1] - self.shape(0)[last - 1];
                if more == 0 {
                    return Ok(self.x(0).to_owned());
                }
                // Before each axis, then behind each: the batch's, and those of a sample.
                let mut pads = vec![0; 2 * (last + 1)];
                pads[2 * last + 1] = more as i64;
                let pads = to.ints(&pads);
                self.call(to, "Pad", &[self.x(0), &pads])
            }
            Primitive::Concat(_) => {
                let inputs: Vec<&str> = (0..node.inputs.len()).map(|at| self.x(at)).collect();
                to.concat(&node.path, &inputs, 1)
            }
            Primitive::Add(_) => {
                let first = self.call(to, "Add", &[self.x(0), self.x(1)]);
                (2..node.inputs.len()).fold(first, |sum, at| self.call(to, "Add", &[&sum, self.x(at)]))
            }
            Primitive::Sub(_) => self.call(to, "Sub", &[self.x(0), self.x(1)]),
            Primitive::Mul(_) => self.call(to, "Mul", &[self.x(0), self.x(1)]),
            Primitive::Shift(_) => self.call(to, "Add", &[self.x(0), self.param(0)]),
            Primitive::Scale(_) => {
                if self.shape(0).len() == 1 {
                    return Ok(self.call(to, "Mul", &[self.x(0), self.x(1)]));
                }
                let by = to.unsqueeze(self.x(1), 2);
                self.call(to, "Mul", &[self.x(0), &by])
            }
            Primitive::SumFields(_) => {
                let axes = to.ints(&[1]);
                to.call(&node.path, "ReduceSum", &[self.x(0), &axes], vec![int("keepdims", 0)])
            }
            Primitive::Reduce(op) => self.reduce(op.by, to),
            Primitive::Gram(_) => {
                let turned = to.transpose(self.x(0), &[0, 2, 1]);
                self.call(to, "MatMul", &[self.x(0), &turned])
            }
            Primitive::LowerTriangle(_) => {
                let n = self.shape(0)[0] as i64;
                let flat = to.reshape(self.x(0), &[-1, n * n]);
                let places: Vec<i64> = (0..n).flat_map(|i| (0..i).map(move |j| i * n + j)).collect();
                let places = to.ints(&places);
                to.gather(&node.path, &flat, &places, 1)
            }
            Primitive::FieldProducts(_) => {
                let (left, right) = (to.unsqueeze(self.x(0), 2), to.unsqueeze(self.x(1), 1));
                let products = to.op("Mul", &[&left, &right]);
                self.shaped(to, &products)
            }
            Primitive::PairProducts(_) => {
                let n = self.shape(0)[0] as i64;
                let pairs = || (0..n).flat_map(|i| (0..i).map(move |j| (i, j)));
                let [left, right] = [pairs().map(|pair| pair.0).collect(), pairs().map(|pair| pair.1).collect()]
                    .map(|places: Vec<i64>| to.ints(&places));
                let left = to.gather("left", self.x(0), &left, 1);
                let right = to.gather("right", self.x(1), &right, 1);
                self.call(to, "Mul", &[&left, &right])
            }
            Primitive::Attention(op) => self.attention(op.heads as i64, to),
        })
    }

    /// By the exponential: ONNX Runtime's own sigmoid is right to 1e-7 and not in its digits, which are all that a norm behind it sees
    /// where it is near 0.
    fn sigmoid(&self, to: &mut Writing) -> String {
        let (one, negated) = (to.float(1.0), to.op("Neg", &[self.x(0)]));
        let odds = to.op("Exp", &[&negated]);
        let sum = to.op("Add", &[&odds, &one]);
        self.call(to, "Div", &[&one, &sum])
    }

    /// A row of a table for each field, or those of a bag as one.
    fn embed(&self, columns: &mut Columns, to: &mut Writing) -> Result<String> {
        let node = self.node;
        if let Some(lookup) = node.lookups.first().filter(|lookup| lookup.place.is_some()) {
            let Rows { ids, there } = columns.places(to, lookup.field)?;
            let vectors = to.gather("vectors", self.param(0), &ids, 0);
            let (wide, zero) = (to.unsqueeze(&there.unwrap_or_default(), 2), to.float(0.0));
            return Ok(self.call(to, "Where", &[&wide, &vectors, &zero]));
        }
        let lookups = (0..node.params.len()).filter_map(|at| Some((at, node.lookup(&self.plan.params, at)?)));
        let mut fields = Vec::new();
        for (at, of) in lookups {
            let Rows { ids, there } = columns.rows(to, of.field)?;
            let vectors = to.gather("vectors", self.param(at), &ids, 0);
            fields.push(match (of.pool, there) {
                (Some(pool), Some(there)) => pooled(to, &vectors, &there, pool),
                _ => vectors,
            });
        }
        let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
        Ok(to.concat(&node.path, &fields, 1))
    }

    /// `y = W x + b`
    fn linear(&self, axis: Axis, to: &mut Writing) -> String {
        let (x, weight, bias) = (self.x(0), self.param(0), self.param(1));
        let biased = !bias.is_empty();
        let fields = axis == Axis::Fields && self.shape(0).len() == 2;
        if self.shape(0).len() == 1 {
            let inputs = if biased { &[x, weight, bias][..] } else { &[x, weight] };
            return to.call(&self.node.path, "Gemm", inputs, vec![int("transB", 1)]);
        }
        let product = if fields {
            to.op("MatMul", &[weight, x])
        } else {
            let turned = to.transpose(weight, &[1, 0]);
            to.op("MatMul", &[x, &turned])
        };
        if !biased {
            return self.call(to, "Identity", &[&product]);
        }
        let column = if fields { Some(to.unsqueeze(bias, 1)) } else { None };
        self.call(to, "Add", &[&product, column.as_deref().unwrap_or(bias)])
    }

    /// A parameter, or a number, once for each row of the batch.
    fn each_row(&self, columns: &mut Columns, value: &str, to: &mut Writing) -> Result<String> {
        let any = columns.any(to)?;
        let (shape, first) = (to.op("Shape", &[&any]), to.ints(&[0]));
        let rows = to.gather("rows", &shape, &first, 0);
        let size: Vec<i64> = self.node.shape.iter().map(|&size| size as i64).collect();
        let size = to.ints(&size);
        let whole = to.concat("shape", &[&rows, &size], 0);
        Ok(self.call(to, "Expand", &[value, &whole]))
    }

    /// Products of a batch of matrices, one a field.
    fn linear_each(&self, node: &Node, to: &mut Writing) -> String {
        let (fields, out) = (node.shape[0] as i64, node.shape[1] as i64);
        let shape = to.ints(&[fields, out, -1]);
        let weights = to.op("Reshape", &[self.param(0), &shape]);
        let (weights, x) = (to.transpose(&weights, &[0, 2, 1]), to.transpose(self.x(0), &[1, 0, 2]));
        let product = to.op("MatMul", &[&x, &weights]);
        let product = to.transpose(&product, &[1, 0, 2]);
        if self.param(1).is_empty() {
            return self.call(to, "Identity", &[&product]);
        }
        let shape = to.ints(&[fields, out]);
        let bias = to.op("Reshape", &[self.param(1), &shape]);
        self.call(to, "Add", &[&product, &bias])
    }

    /// The mean is taken away first: ONNX Runtime takes the variance as the mean of squares less the square of the mean, of which little
    /// is left where values lie close together.
    fn layer_norm(&self, axis: Axis, eps: f32, to: &mut Writing) -> String {
        let fields = axis == Axis::Fields && self.shape(0).len() == 2;
        let called = if fields { "normalised" } else { &self.node.path };
        let turned = if fields { Some(to.transpose(self.x(0), &[0, 2, 1])) } else { None };
        let x = turned.as_deref().unwrap_or(self.x(0));
        let mean = to.call("mean", "ReduceMean", &[x], vec![ints("axes", vec![-1]), int("keepdims", 1)]);
        let centred = to.op("Sub", &[x, &mean]);
        let inputs = [&centred, self.param(0), self.param(1)];
        let attributes = vec![int("axis", -1), float("epsilon", eps)];
        let normalised = to.call(called, "LayerNormalization", &inputs, attributes);
        if !fields {
            return normalised;
        }
        to.call(&self.node.path, "Transpose", &[&normalised], vec![ints("perm", vec![0, 2, 1])])
    }

    /// By the statistics that training left, each position on its own.
    fn batch_norm(&self, eps: f32, to: &mut Writing) -> String {
        let size: i64 = self.node.shape.iter().map(|&size| size as i64).product();
        let flat = |to: &mut Writing, value: &str| {
            if self.node.shape.len() == 1 { value.to_owned() } else { to.reshape(value, &[size]) }
        };
        let x = if self.node.shape.len() == 1 { self.x(0).to_owned() } else { to.reshape(self.x(0), &[-1, size]) };
        let params = [0, 1, 2, 3].map(|at| flat(to, self.param(at)));
        let [scale, shift, mean, variance] = params.each_ref().map(String::as_str);
        let inputs = [&x, scale, shift, mean, variance];
        let normalised = to.call("normalised", "BatchNormalization", &inputs, vec![float("epsilon", eps)]);
        self.shaped(to, &normalised)
    }

    /// Of each field, or of the whole of a dense tensor.
    fn reduce(&self, by: Reduction, to: &mut Writing) -> String {
        let kept = i64::from(self.shape(0).len() == 1);
        let (path, keep) = (&self.node.path, int("keepdims", kept));
        match by {
            Reduction::Sum => {
                let axes = to.ints(&[-1]);
                to.call(path, "ReduceSum", &[self.x(0), &axes], vec![keep])
            }
            Reduction::Mean => to.call(path, "ReduceMean", &[self.x(0)], vec![ints("axes", vec![-1]), keep]),
            Reduction::Max => to.call(path, "ReduceMax", &[self.x(0)], vec![ints("axes", vec![-1]), keep]),
        }
    }

    fn attention(&self, heads: i64, to: &mut Writing) -> String {
        let (n, e) = (self.shape(0)[0] as i64, self.shape(0)[1] as i64);
        let width = e / heads;
        let weight = to.transpose(self.param(0), &[1, 0]);
        let projected = to.op("MatMul", &[self.x(0), &weight]);
        let projected = to.op("Add", &[&projected, self.param(1)]);
        // Of query, key and value `[batch, heads, n, width]`.
        let apart = to.reshape(&projected, &[-1, n, 3, heads, width]);
        let apart = to.transpose(&apart, &[2, 0, 3, 1, 4]);
        let [query, key, value] = [0, 1, 2].map(|which| {
            let which_one = to.int(which);
            to.gather(["query", "key", "value"][which as usize], &apart, &which_one, 0)
        });
        let scale = to.float(1.0 / (width as f32).sqrt());
        let query = to.op("Mul", &[&query, &scale]);
        let key = to.transpose(&key, &[0, 1, 3, 2]);
        let scores = to.op("MatMul", &[&query, &key]);
        let shares = to.call("shares", "Softmax", &[&scores], vec![int("axis", -1)]);
        let mixed = to.op("MatMul", &[&shares, &value]);
        let mixed = to.transpose(&mixed, &[0, 2, 1, 3]);
        let mixed = to.reshape(&mixed, &[-1, n, e]);
        let weight = to.transpose(self.param(2), &[1, 0]);
        let output = to.op("MatMul", &[&mixed, &weight]);
        self.call(to, "Add", &[&output, self.param(3)])
    }
}

/// What is there of `[batch, values, width]` as one, `[batch, 1, width]`.
fn pooled(to: &mut Writing, vectors: &str, there: &str, pool: Pool) -> String {
    let wide = to.unsqueeze(there, 2);
    if pool == Pool::Max {
        let least = to.float(f32::NEG_INFINITY);
        let held = to.either(&wide, vectors, &least);
        return to.call("greatest", "ReduceMax", &[&held], vec![ints("axes", vec![1]), int("keepdims", 1)]);
    }
    let (zero, axes) = (to.float(0.0), to.ints(&[1]));
    let held = to.either(&wide, vectors, &zero);
    let sum = to.call("sum", "ReduceSum", &[&held, &axes], vec![int("keepdims", 1)]);
    if pool == Pool::Sum {
        return sum;
    }
    let counted = to.cast(&wide, Kind::Float);
    let count = to.call("count", "ReduceSum", &[&counted, &axes], vec![int("keepdims", 1)]);
    to.op("Div", &[&sum, &count])
}
