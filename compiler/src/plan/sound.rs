//! Whether nodes and parameters fit together: a plan may come from a file, and a pass may be wrong.

use crate::plan::{Node, Param, ParamKind, Shape};
use crate::primitives::{Axis, Primitive};

/// What is wrong with a plan, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage(pub String);

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the plan is damaged: {}", self.0)
    }
}

impl std::error::Error for Damage {}

/// Names the node at fault, unless every node's shape and parameters are what its primitive says, inputs come before
/// the nodes that read them, and every output is one number a sample.
///
/// # Errors
/// The first that does not fit.
pub fn check(nodes: &[Node], params: &[Param], outputs: &[usize]) -> Result<(), Damage> {
    for param in params {
        let ranks = if param.kind == ParamKind::Dense { 1..=2 } else { 2..=2 };
        let fits = ranks.contains(&param.full.len())
            && param.axes.len() == param.full.len()
            && param.axes.iter().zip(&param.full).all(|(axis, &full)| {
                !axis.is_empty()
                    && axis.runs().iter().all(|run| run.len > 0 && run.start + run.len <= full)
                    && axis.runs().windows(2).all(|pair| pair[0].start + pair[0].len <= pair[1].start)
            });
        if !fits {
            return Err(Damage(format!("the slice of parameter {} does not fit its shape", param.name)));
        }
    }
    for (i, node) in nodes.iter().enumerate() {
        let fault = |what: &str| Damage(format!("node {i} ({}) {what}", node.path));
        if node.inputs.iter().any(|&input| input >= i) {
            return Err(fault("reads a node that does not come before it"));
        }
        if node.params.iter().any(|&param| param >= params.len()) {
            return Err(fault("uses a parameter that is not there"));
        }
        if node.shape.is_empty() || node.shape.len() > 2 || node.shape.contains(&0) {
            return Err(fault("has an empty shape or more than two axes"));
        }
        if !agrees(nodes, params, node) {
            return Err(fault("does not have the shape, inputs and parameters of its primitive"));
        }
    }
    let scalar = |&output: &usize| nodes.get(output).is_some_and(|node| node.shape.as_slice() == [1]);
    if outputs.is_empty() || !outputs.iter().all(scalar) {
        return Err(Damage("its logit is not a node of shape [1]".into()));
    }
    Ok(())
}

fn agrees(nodes: &[Node], all: &[Param], node: &Node) -> bool {
    let shapes: Vec<&[usize]> = node.inputs.iter().map(|&i| nodes[i].shape.as_slice()).collect();
    let params: Vec<Shape> = node.params.iter().map(|&p| all[p].shape()).collect();
    let out = node.shape.as_slice();
    let shaped = |expected: &[&[usize]]| {
        params.len() == expected.len()
            && params.iter().zip(expected).all(|(param, want)| param.as_slice() == *want)
            && node.params.iter().all(|&p| all[p].kind == ParamKind::Dense)
    };
    let plain = shaped(&[]);
    match (node.primitive, shapes.as_slice()) {
        (Primitive::Numeric, []) => plain && out.len() == 1,
        (Primitive::Embed, []) => {
            out.len() == 2
                && params.len() == out[0]
                && params.iter().all(|table| table.len() == 2 && table[1] == out[1])
                && node.params.iter().all(|&p| {
                    let param = &all[p];
                    param.kind != ParamKind::Dense && param.axes[0].len() == param.full[0]
                })
        }
        (Primitive::Linear { axis, bias }, [input]) => {
            let along = axis.index(input.len());
            let mut want = Shape::from_slice(input);
            want[along] = out.get(along).copied().unwrap_or(0);
            let weight = [want[along], input[along]];
            let legal = axis == Axis::Last || input.len() == 2;
            legal && want.as_slice() == out && if bias { shaped(&[&weight, &weight[..1]]) } else { shaped(&[&weight]) }
        }
        (Primitive::LayerNorm { axis, .. }, [input]) => {
            let size = [input[axis.index(input.len())]];
            *input == out && shaped(&[&size, &size])
        }
        (Primitive::Relu | Primitive::Sigmoid | Primitive::Square, [input]) => plain && *input == out,
        (Primitive::Add, [_, _, ..]) => plain && shapes.iter().all(|input| *input == out),
        (Primitive::Sub | Primitive::Mul, [left, right]) => plain && *left == out && *right == out,
        (Primitive::Concat, [first, ..]) => {
            plain
                && shapes.iter().all(|input| input.len() == first.len() && input[1..] == first[1..])
                && out.len() == first.len()
                && out[1..] == first[1..]
                && out[0] == shapes.iter().map(|input| input[0]).sum::<usize>()
        }
        (Primitive::Pad, [input]) => plain && input.len() == 1 && out.len() == 1 && out[0] >= input[0],
        (Primitive::Flatten, [input]) => plain && input.len() == 2 && out == [input[0] * input[1]],
        (Primitive::Rows, [input]) => plain && input.len() == 1 && out.len() == 2 && out[0] * out[1] == input[0],
        (Primitive::SumFields, [input]) => plain && input.len() == 2 && out == [input[1]],
        (Primitive::FieldProducts, [left, right]) => {
            let legal = left.len() == 2 && right.len() == 2 && left[1] == right[1];
            plain && legal && out == [left[0] * right[0], left[1]]
        }
        (Primitive::PairProducts, [left, right]) => {
            plain && left == right && left.len() == 2 && out == [left[0] * (left[0] - 1) / 2, left[1]]
        }
        (Primitive::Scale, [input, by]) => plain && *input == out && *by == [rows(input)],
        (Primitive::Reduce { .. }, [input]) => plain && out == [rows(input)],
        (Primitive::Shift, [input]) => input.len() == 1 && *input == out && shaped(&[out]),
        (Primitive::Gram, [input]) => plain && input.len() == 2 && out == [input[0], input[0]],
        (Primitive::LowerTriangle, [input]) => {
            plain && input.len() == 2 && input[0] == input[1] && out == [input[0] * (input[0] - 1) / 2]
        }
        (Primitive::Attention { heads }, [input]) => {
            let legal = input.len() == 2 && heads > 0 && input[1] % heads == 0 && *input == out;
            legal && {
                let e = input[1];
                shaped(&[&[3 * e, e], &[3 * e], &[e, e], &[e]])
            }
        }
        _ => false,
    }
}

/// How many rows: the fields of a sparse tensor, one of a dense one.
fn rows(shape: &[usize]) -> usize {
    if shape.len() == 2 { shape[0] } else { 1 }
}
