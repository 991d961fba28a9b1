//! The way through a plan and back: which values are kept for how long, and gradients added up.
//!
//! It differentiates the plan itself, as the tiled backend does; candle's tape is not used. In `f64` it is what the tests
//! measure derivatives with.

use candle_core::{Result, Tensor};
use nasrec_compiler::plan::{Node, Plan};
use nasrec_compiler::primitives::Primitive;
use smallvec::SmallVec;

use crate::ops;
use crate::ops::device::{Back, Forward, Indices, Vjp};

/// What a plan reads, as tensors of one type on one device.
pub(crate) struct Leaves {
    /// One a plan parameter, at its active shape; none for tables.
    pub params: Vec<Option<Tensor>>,
    /// One a node: the numeric columns `[B, w]`, the looked-up rows `[B, fields, dim]`, the mask of a dropout in the shape
    /// of its value, none for the others.
    pub nodes: Vec<Option<Tensor>>,
    /// Whether norms over the batch take its own statistics.
    pub of_batch: bool,
    /// Whether layers are computed operation by operation: candle's fused ones have no reverse on its tape, and its fused norm
    /// takes the variance as the mean of squares less the square of the mean, which loses digits.
    pub stepwise: bool,
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
    /// One an output, `[B, 1]`.
    pub logits: Vec<Tensor>,
    /// The statistics of the batch, one a node that takes them.
    pub statistics: Vec<Option<Tensor>>,
}

/// Which nodes' gradients are needed to train these parameters.
pub(crate) fn wanted(plan: &Plan, trains: impl Fn(usize) -> bool) -> Vec<bool> {
    let mut wanted = Vec::with_capacity(plan.nodes.len());
    for node in &plan.nodes {
        let trained = node.params.iter().any(|&param| trains(param)) || node.inputs.iter().any(|&input| wanted[input]);
        wanted.push(trained && !matches!(node.primitive, Primitive::StopGradient(_)));
    }
    wanted
}

/// Runs a plan, keeping of it the outputs and what the reverse pass of the wanted nodes reads.
pub(crate) fn forward(
    plan: &Plan,
    outputs: &[usize],
    leaves: &Leaves,
    wanted: &[bool],
    indices: &Indices,
) -> Result<Pass> {
    let mut last = vec![0; plan.nodes.len()];
    let mut kept = vec![false; plan.nodes.len()];
    for (i, node) in plan.nodes.iter().enumerate() {
        let reads = ops::of(&node.primitive).reads();
        kept[i] |= wanted[i] && reads.output;
        for &input in &node.inputs {
            last[input] = i;
            kept[input] |= wanted[i] && reads.operands;
        }
    }
    outputs.iter().for_each(|&output| kept[output] = true);
    let mut values: Vec<Option<Tensor>> = Vec::with_capacity(plan.nodes.len());
    let mut statistics = vec![None; plan.nodes.len()];
    for (i, node) in plan.nodes.iter().enumerate() {
        let given = leaves.nodes[i].as_ref();
        let inputs: SmallVec<[&Tensor; 4]> = match given {
            Some(leaf) if node.inputs.is_empty() => SmallVec::from_iter([leaf]),
            _ => node.inputs.iter().map(|&input| present(&values[input])).collect::<Result<_>>()?,
        };
        let params = dense_params(leaves, node);
        if let (true, Some(x)) = (leaves.of_batch, inputs.first()) {
            statistics[i] = ops::of(&node.primitive).statistics(x)?;
        }
        let (given, stepwise) = (given.or(statistics[i].as_ref()), leaves.stepwise);
        let value = ops::of(&node.primitive).forward(&Forward { node, inputs, params, given, indices, stepwise })?;
        values.push(Some(value));
        for &input in &node.inputs {
            if last[input] == i && !kept[input] {
                values[input] = None;
            }
        }
    }
    let logits = outputs.iter().map(|&output| present(&values[output]).cloned()).collect::<Result<_>>()?;
    Ok(Pass { values, logits, statistics })
}

/// Walks a plan backwards from the gradients of its outputs, `[B, 1]` each.
pub(crate) fn backward(
    plan: &Plan,
    leaves: &Leaves,
    pass: Pass,
    trains: impl Fn(usize) -> bool,
    wanted: &[bool],
    from: impl IntoIterator<Item = (usize, Tensor)>,
    indices: &Indices,
) -> Result<Derivatives> {
    let mut values = pass.values;
    let mut derivatives = Derivatives { params: vec![None; plan.params.len()], nodes: vec![None; plan.nodes.len()] };
    let mut flowing: Vec<Option<Tensor>> = vec![None; plan.nodes.len()];
    for (output, derivative) in from {
        add_to(&mut flowing[output], derivative)?;
    }
    for (i, node) in plan.nodes.iter().enumerate().rev().filter(|&(i, _)| wanted[i]) {
        let Some(dy) = flowing[i].take() else { continue };
        if matches!(node.primitive, Primitive::Embed(_)) {
            derivatives.nodes[i] = Some(dy);
            continue;
        }
        let Vjp { inputs, params } = ops::of(&node.primitive).backward(&Back {
            shapes: node.inputs.iter().map(|&input| plan.nodes[input].shape.as_slice()).collect(),
            inputs: node.inputs.iter().map(|&input| values[input].as_ref()).collect(),
            params: dense_params(leaves, node),
            given: leaves.nodes[i].as_ref().or(pass.statistics[i].as_ref()),
            output: values[i].as_ref(),
            dy: &dy,
            indices,
        })?;
        for (&input, derivative) in node.inputs.iter().zip(inputs).filter(|(input, _)| wanted[**input]) {
            add_to(&mut flowing[input], derivative)?;
        }
        for (&param, derivative) in node.params.iter().zip(params).filter(|(param, _)| trains(**param)) {
            add_to(&mut derivatives.params[param], derivative)?;
        }
        // Every reader of this node's value comes later in the plan and is done.
        values[i] = None;
    }
    Ok(derivatives)
}

fn present(value: &Option<Tensor>) -> Result<&Tensor> {
    value.as_ref().ok_or_else(|| candle_core::Error::Msg("a value was dropped before its last reader".into()))
}

fn dense_params<'a>(leaves: &'a Leaves, node: &Node) -> SmallVec<[&'a Tensor; 4]> {
    node.params.iter().filter_map(|&param| leaves.params[param].as_ref()).collect()
}

fn add_to(sum: &mut Option<Tensor>, derivative: Tensor) -> Result<()> {
    *sum = Some(match sum.take() {
        Some(sum) => (sum + derivative)?,
        None => derivative,
    });
    Ok(())
}
