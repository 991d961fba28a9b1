//! The executor of every other device: the whole batch at once, out of candle's tensor operations.
//!
//! It differentiates the plan itself, as the tiled executor does; candle's tape is not used. In `f64` it is what
//! the tests measure derivatives with.

use candle_core::{DType, Device, Result as TensorResult, Tensor};
use nasrec_compiler::plan::{Node, ParamKind, Plan};
use nasrec_compiler::primitives::{Attention, Embed, LayerNorm, Linear, Primitive, Reduce, Reduction};
use smallvec::SmallVec;

use super::elementwise::portable as elementwise;
use super::gradients::{Gradients, TableGradient};
use super::inputs::Inputs;
use super::loss::{cross_entropy, cross_entropy_gradient};
use super::program::Program;
use super::trainable::Trainable;
use super::{attention, gram, linear, norm, products, rows};
use crate::Result;

/// Executes programs on any device of candle's.
pub struct Portable {
    device: Device,
}

/// What a plan reads, as tensors of one type on one device.
pub(crate) struct Leaves {
    /// One a plan parameter; none for tables.
    pub params: Vec<Option<Tensor>>,
    /// One a node: the numeric columns `[w, B]`, the looked-up rows `[fields, dim, B]`, none for the others.
    pub nodes: Vec<Option<Tensor>>,
}

/// The gradients that a reverse pass yields, where they are wanted.
pub(crate) struct Derivatives {
    pub params: Vec<Option<Tensor>>,
    /// Of the looked-up rows, one a node.
    pub nodes: Vec<Option<Tensor>>,
}

/// The values a forward pass kept.
pub(crate) struct Pass {
    values: Vec<Option<Tensor>>,
    /// One an output.
    pub logits: Vec<Tensor>,
}

impl Portable {
    pub fn new(device: Device) -> Self {
        Self { device }
    }

    pub fn each_logits(&self, program: &Program, inputs: Inputs) -> Result<Vec<Vec<f32>>> {
        inputs.check(program, false)?;
        let leaves = Leaves::read(program, inputs, &self.device, DType::F32)?;
        let wanted = wanted(program.plan(), program.trainable());
        let pass = forward(program.plan(), &program.outputs, &leaves, &wanted)?;
        pass.logits.iter().map(|logits| Ok(logits.flatten_all()?.to_vec1()?)).collect()
    }

    pub fn each_gradients(&self, program: &Program, inputs: Inputs, gradients: &mut Gradients) -> Result<Vec<f64>> {
        inputs.check(program, true)?;
        let (plan, rows) = (program.plan(), inputs.batch.rows);
        let leaves = Leaves::read(program, inputs, &self.device, DType::F32)?;
        let wanted = wanted(plan, program.trainable());
        let pass = forward(plan, &program.outputs, &leaves, &wanted)?;
        let (mut losses, mut flowing) = (Vec::new(), Vec::new());
        for (&output, logits) in program.outputs.iter().zip(&pass.logits) {
            let logits: Vec<f32> = logits.flatten_all()?.to_vec1()?;
            let pairs = || logits.iter().zip(&inputs.batch.labels);
            losses.push(pairs().map(|(&z, &y)| cross_entropy(z, y)).sum::<f64>() / rows as f64);
            let one = |(&z, &y): (&f32, &f32)| (cross_entropy_gradient(z, y) / rows as f64) as f32;
            let dlogit: Vec<f32> = pairs().map(one).collect();
            flowing.push((output, Tensor::from_vec(dlogit, (1, rows), &self.device)?));
        }
        let derivatives = backward(plan, &leaves, pass, program.trainable(), &wanted, flowing)?;

        gradients.dense.clear();
        gradients.dense.resize(program.gradients_len, 0.0);
        gradients.spans.clone_from(&program.gradients);
        for (span, derivative) in program.gradients.iter().zip(&derivatives.params) {
            if let Some(derivative) = derivative {
                gradients.dense[span.clone()].copy_from_slice(&derivative.flatten_all()?.to_vec1::<f32>()?);
            }
        }
        gradients.add(&[]);
        gradients.tables.clear();
        for (node, derivative) in plan.nodes.iter().zip(&derivatives.nodes) {
            let Some(derivative) = derivative else { continue };
            let values: Vec<f32> = derivative.flatten_all()?.to_vec1()?;
            let dim = node.shape[1];
            for (field, &param) in node.params.iter().enumerate() {
                if !program.trainable().contains(param) {
                    continue;
                }
                let mut table = TableGradient::default();
                table.sum(param, dim, inputs.ids(program, param), |sample, sum| {
                    let column = values[field * dim * rows + sample..].iter().step_by(rows);
                    sum.iter_mut().zip(column).for_each(|(sum, value)| *sum += value);
                });
                gradients.tables.push(table);
            }
        }
        Ok(losses)
    }
}

impl Leaves {
    pub(crate) fn read(program: &Program, inputs: Inputs, device: &Device, dtype: DType) -> Result<Self> {
        let plan = program.plan();
        let rows = inputs.batch.rows;
        let mut params = Vec::with_capacity(plan.params.len());
        for (index, param) in plan.params.iter().enumerate() {
            params.push(match param.kind {
                ParamKind::Dense => {
                    let values = inputs.params.dense(index);
                    Some(Tensor::from_slice(values, param.shape().as_slice(), device)?.to_dtype(dtype)?)
                }
                ParamKind::Table { .. } => None,
            });
        }
        let mut nodes = vec![None; plan.nodes.len()];
        for (node, leaf) in plan.nodes.iter().zip(&mut nodes) {
            let values = match node.primitive {
                Primitive::Numeric(_) => inputs.batch.numeric.clone(),
                Primitive::Embed(_) => {
                    let dim = node.shape[1];
                    let mut values = vec![0f32; node.shape[0] * dim * rows];
                    for (&param, block) in node.params.iter().zip(values.chunks_exact_mut(dim * rows)) {
                        inputs.params.gather(param, inputs.ids(program, param), block);
                    }
                    values
                }
                _ => continue,
            };
            let mut shape = node.shape.to_vec();
            shape.push(rows);
            *leaf = Some(Tensor::from_vec(values, shape, device)?.to_dtype(dtype)?);
        }
        Ok(Self { params, nodes })
    }
}

/// Which nodes' gradients are needed to train these parameters.
pub(crate) fn wanted(plan: &Plan, trainable: &Trainable) -> Vec<bool> {
    let mut wanted = Vec::with_capacity(plan.nodes.len());
    for node in &plan.nodes {
        wanted.push(node.params.iter().any(|&p| trainable.contains(p)) || node.inputs.iter().any(|&i| wanted[i]));
    }
    wanted
}

fn reads_inputs(primitive: Primitive) -> bool {
    matches!(
        primitive,
        Primitive::Linear(Linear { .. })
            | Primitive::LayerNorm(LayerNorm { .. })
            | Primitive::Mul(_)
            | Primitive::Square(_)
            | Primitive::FieldProducts(_)
            | Primitive::PairProducts(_)
            | Primitive::Scale(_)
            | Primitive::Reduce(Reduce { by: Reduction::Max })
            | Primitive::Gram(_)
            | Primitive::Attention(Attention { .. })
    )
}

/// Runs a plan, keeping of it the outputs and what the reverse pass of the wanted nodes reads.
pub(crate) fn forward(plan: &Plan, outputs: &[usize], leaves: &Leaves, wanted: &[bool]) -> TensorResult<Pass> {
    let mut last = vec![0; plan.nodes.len()];
    let mut kept = vec![false; plan.nodes.len()];
    for (i, node) in plan.nodes.iter().enumerate() {
        kept[i] |= wanted[i] && matches!(node.primitive, Primitive::Relu(_) | Primitive::Sigmoid(_));
        for &input in &node.inputs {
            last[input] = i;
            kept[input] |= wanted[i] && reads_inputs(node.primitive);
        }
    }
    outputs.iter().for_each(|&output| kept[output] = true);
    let mut values: Vec<Option<Tensor>> = Vec::with_capacity(plan.nodes.len());
    for (i, node) in plan.nodes.iter().enumerate() {
        let inputs = node.inputs.iter().map(|&input| present(&values[input]));
        let inputs = inputs.collect::<TensorResult<Vec<&Tensor>>>()?;
        let params = dense_params(leaves, node);
        let value = apply(node, &inputs, &params, leaves.nodes[i].as_ref())?;
        values.push(Some(value));
        for &input in &node.inputs {
            if last[input] == i && !kept[input] {
                values[input] = None;
            }
        }
    }
    let logits = outputs.iter().map(|&output| present(&values[output]).cloned()).collect::<TensorResult<_>>()?;
    Ok(Pass { values, logits })
}

/// Walks a plan backwards from the gradients of its outputs, `[1, B]` each.
pub(crate) fn backward(
    plan: &Plan,
    leaves: &Leaves,
    pass: Pass,
    trainable: &Trainable,
    wanted: &[bool],
    from: impl IntoIterator<Item = (usize, Tensor)>,
) -> TensorResult<Derivatives> {
    let mut values = pass.values;
    let mut derivatives = Derivatives { params: vec![None; plan.params.len()], nodes: vec![None; plan.nodes.len()] };
    let mut flowing: Vec<Option<Tensor>> = vec![None; plan.nodes.len()];
    for (output, derivative) in from {
        flowing[output] = Some(derivative);
    }
    for (i, node) in plan.nodes.iter().enumerate().rev().filter(|&(i, _)| wanted[i]) {
        let Some(dy) = flowing[i].take() else { continue };
        if node.primitive == Embed.into() {
            derivatives.nodes[i] = Some(dy);
            continue;
        }
        let params = dense_params(leaves, node);
        let inputs: Vec<Option<&Tensor>> = node.inputs.iter().map(|&k| values[k].as_ref()).collect();
        let Vjp { inputs, params } = reverse(plan, node, &inputs, &params, values[i].as_ref(), &dy)?;
        for (&input, derivative) in node.inputs.iter().zip(inputs).filter(|(input, _)| wanted[**input]) {
            add_to(&mut flowing[input], derivative)?;
        }
        for (&param, derivative) in node.params.iter().zip(params).filter(|(param, _)| trainable.contains(**param)) {
            add_to(&mut derivatives.params[param], derivative)?;
        }
        // Every reader of this node's value comes later in the plan and is done.
        values[i] = None;
    }
    Ok(derivatives)
}

fn present(value: &Option<Tensor>) -> TensorResult<&Tensor> {
    value.as_ref().ok_or_else(|| candle_core::Error::Msg("a value was dropped before its last reader".into()))
}

fn dense_params<'a>(leaves: &'a Leaves, node: &Node) -> SmallVec<[&'a Tensor; 4]> {
    node.params.iter().filter_map(|&param| leaves.params[param].as_ref()).collect()
}

fn add_to(sum: &mut Option<Tensor>, derivative: Tensor) -> TensorResult<()> {
    *sum = Some(match sum.take() {
        Some(sum) => (sum + derivative)?,
        None => derivative,
    });
    Ok(())
}

fn apply(node: &Node, inputs: &[&Tensor], params: &[&Tensor], leaf: Option<&Tensor>) -> TensorResult<Tensor> {
    match node.primitive {
        Primitive::Numeric(_) | Primitive::Embed(_) => {
            leaf.cloned().ok_or_else(|| candle_core::Error::Msg("a plan's input was not given".into()))
        }
        Primitive::Linear(Linear { axis, .. }) => {
            linear::portable::forward(axis, inputs[0], params[0], params.get(1).copied())
        }
        Primitive::LayerNorm(LayerNorm { axis, eps }) => {
            norm::portable::forward(axis, eps, inputs[0], params[0], params[1])
        }
        Primitive::Relu(_) => inputs[0].relu(),
        Primitive::Sigmoid(_) => elementwise::sigmoid(inputs[0]),
        Primitive::Add(_) => inputs[1..].iter().try_fold(inputs[0].clone(), |sum, input| sum + *input),
        Primitive::Sub(_) => inputs[0] - inputs[1],
        Primitive::Mul(_) => inputs[0] * inputs[1],
        Primitive::Square(_) => inputs[0].sqr(),
        Primitive::Concat(_) => Tensor::cat(inputs, 0),
        Primitive::Pad(_) => inputs[0].pad_with_zeros(0, 0, node.shape[0] - inputs[0].dim(0)?),
        Primitive::Flatten(_) => inputs[0].flatten(0, 1),
        Primitive::Rows(_) => inputs[0].reshape((node.shape[0], node.shape[1], inputs[0].dim(1)?)),
        Primitive::SumFields(_) => inputs[0].sum(0),
        Primitive::FieldProducts(_) => products::portable::all(inputs[0], inputs[1]),
        Primitive::PairProducts(_) => products::portable::below(inputs[0], inputs[1]),
        Primitive::Scale(_) => rows::portable::scale(inputs[0], inputs[1]),
        Primitive::Reduce(Reduce { by }) => rows::portable::reduce(by, inputs[0]),
        Primitive::Shift(_) => inputs[0].broadcast_add(&params[0].unsqueeze(1)?),
        Primitive::Gram(_) => gram::portable::gram(inputs[0]),
        Primitive::LowerTriangle(_) => gram::portable::triangle(inputs[0]),
        Primitive::Attention(Attention { heads }) => attention::portable::forward(heads, inputs[0], params),
    }
}

/// One derivative an input, one a parameter.
struct Vjp {
    inputs: SmallVec<[Tensor; 4]>,
    params: SmallVec<[Tensor; 4]>,
}

impl Vjp {
    fn of(inputs: impl IntoIterator<Item = Tensor>) -> Self {
        Self { inputs: inputs.into_iter().collect(), params: SmallVec::new() }
    }

    fn with(input: Tensor, params: impl IntoIterator<Item = Tensor>) -> Self {
        Self { inputs: SmallVec::from_iter([input]), params: params.into_iter().collect() }
    }
}

fn reverse(
    plan: &Plan,
    node: &Node,
    inputs: &[Option<&Tensor>],
    params: &[&Tensor],
    output: Option<&Tensor>,
    dy: &Tensor,
) -> TensorResult<Vjp> {
    let lost = || candle_core::Error::Msg("a value was dropped before its last reader".into());
    let input = |k: usize| inputs[k].ok_or_else(lost);
    let output = || output.ok_or_else(lost);
    let b = dy.dim(dy.rank() - 1)?;
    Ok(match node.primitive {
        Primitive::Numeric(_) | Primitive::Embed(_) => Vjp::of([]),
        Primitive::Linear(Linear { axis, bias }) => {
            let all = linear::portable::backward(axis, inputs[0], params[0], dy, [true, true, bias])?;
            let [dx, dw, db] = all;
            Vjp::with(dx.ok_or_else(lost)?, [dw.ok_or_else(lost)?].into_iter().chain(db))
        }
        Primitive::LayerNorm(LayerNorm { axis, eps }) => {
            let [dx, dscale, dshift] = norm::portable::backward(axis, eps, input(0)?, params[0], dy)?;
            Vjp::with(dx, [dscale, dshift])
        }
        Primitive::Relu(_) => Vjp::of([elementwise::relu_backward(output()?, dy)?]),
        Primitive::Sigmoid(_) => Vjp::of([elementwise::sigmoid_backward(output()?, dy)?]),
        Primitive::Add(_) => Vjp::of(inputs.iter().map(|_| dy.clone())),
        Primitive::Sub(_) => Vjp::of([dy.clone(), dy.neg()?]),
        Primitive::Mul(_) => Vjp::of([(input(1)? * dy)?, (input(0)? * dy)?]),
        Primitive::Square(_) => Vjp::of([elementwise::square_backward(input(0)?, dy)?]),
        Primitive::Concat(_) => {
            let mut start = 0;
            let mut parts = SmallVec::<[Tensor; 4]>::new();
            for &source in &node.inputs {
                let len = plan.nodes[source].shape[0];
                parts.push(dy.narrow(0, start, len)?.contiguous()?);
                start += len;
            }
            Vjp::of(parts)
        }
        Primitive::Pad(_) => Vjp::of([dy.narrow(0, 0, plan.nodes[node.inputs[0]].shape[0])?.contiguous()?]),
        Primitive::Flatten(_) => {
            let shape = &plan.nodes[node.inputs[0]].shape;
            Vjp::of([dy.reshape((shape[0], shape[1], b))?])
        }
        Primitive::Rows(_) => Vjp::of([dy.flatten(0, 1)?]),
        Primitive::SumFields(_) => {
            let shape = &plan.nodes[node.inputs[0]].shape;
            Vjp::of([dy.unsqueeze(0)?.broadcast_as((shape[0], shape[1], b))?.contiguous()?])
        }
        Primitive::FieldProducts(_) => Vjp::of(products::portable::all_backward(input(0)?, input(1)?, dy)?),
        Primitive::PairProducts(_) => Vjp::of(products::portable::below_backward(input(0)?, input(1)?, dy)?),
        Primitive::Scale(_) => Vjp::of(rows::portable::scale_backward(input(0)?, input(1)?, dy)?),
        Primitive::Reduce(Reduce { by }) => {
            let mut shape = plan.nodes[node.inputs[0]].shape.to_vec();
            shape.push(b);
            Vjp::of([rows::portable::reduce_backward(by, inputs[0], &shape, dy)?])
        }
        Primitive::Shift(_) => Vjp::with(dy.clone(), [dy.sum(1)?]),
        Primitive::Gram(_) => Vjp::of([gram::portable::gram_backward(input(0)?, dy)?]),
        Primitive::LowerTriangle(_) => {
            let n = plan.nodes[node.inputs[0]].shape[0];
            Vjp::of([gram::portable::triangle_backward(n, dy)?])
        }
        Primitive::Attention(Attention { heads }) => {
            let [dx, rest @ ..] = attention::portable::backward(heads, input(0)?, params, dy)?;
            Vjp::with(dx.ok_or_else(lost)?, rest.into_iter().flatten())
        }
    })
}
