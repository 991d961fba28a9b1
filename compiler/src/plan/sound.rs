//! Whether nodes and parameters fit together: a plan may come from a file, and a pass may be wrong.

use crate::plan::{Head, Node, Param, ParamKind, Shape};
use crate::primitives::{Concrete, Operand, Primitive};
use crate::tensor::{TemplateKind, TensorKind};

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
/// the nodes that read them, and every output is one number a sample for each head, one of which is of the first label.
///
/// # Errors
/// The first that does not fit.
pub fn check(nodes: &[Node], params: &[Param], outputs: &[usize], heads: &[Head]) -> Result<(), Damage> {
    for param in params {
        let ranks = if param.kind.is_table() { 2..=2 } else { 1..=2 };
        let fits = ranks.contains(&param.full.len())
            && param.axes.len() == param.full.len()
            && param.axes.iter().zip(&param.full).all(|(axis, &full)| {
                !axis.is_empty()
                    && axis
                        .runs()
                        .iter()
                        .all(|run| run.len > 0 && run.start.checked_add(run.len).is_some_and(|end| end <= full))
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
        let places = if matches!(node.primitive, Primitive::Mask(_)) { node.shape.first() } else { None };
        if places.is_none() && !node.lookups.is_empty() && node.lookups.len() != node.params.len() {
            return Err(fault("does not say of every table what it is looked up for"));
        }
        if places.is_some_and(|&places| node.lookups.len() != places)
            || node.lookups.iter().any(|lookup| lookup.place.is_some() && lookup.pool.is_none())
        {
            return Err(fault("does not say of every place which it is"));
        }
        let numeric = matches!(node.primitive, Primitive::Numeric(_));
        if !node.columns.is_empty() && (!numeric || node.shape.first() != Some(&node.columns.len())) {
            return Err(fault("does not say of every number which column it is"));
        }
        if node.shape.is_empty() || node.shape.len() > 2 || node.shape.contains(&0) {
            return Err(fault("has an empty shape or more than two axes"));
        }
        if !agrees(nodes, params, node) {
            return Err(fault("does not have the shape, inputs and parameters of its primitive"));
        }
    }
    let of_heads = |&output: &usize| nodes.get(output).is_some_and(|node| node.shape.as_slice() == [heads.len()]);
    if outputs.is_empty() || !outputs.iter().all(of_heads) {
        return Err(Damage(format!("its logit is not a node of shape [{}]", heads.len())));
    }
    let weighed = |head: &Head| head.weight > 0.0 && head.weight.is_finite();
    let main = |head: &Head| head.label == 0 && !head.auxiliary;
    if !heads.iter().any(main) || !heads.is_sorted_by_key(|head| head.auxiliary) || !heads.iter().all(weighed) {
        return Err(Damage("what its logits are of is not said".into()));
    }
    Ok(())
}

/// Whether a node has the shape and the parameters that the shape rule of its primitive says.
fn agrees(nodes: &[Node], all: &[Param], node: &Node) -> bool {
    let kind = |axes: &Shape| if axes.len() == 1 { TensorKind::Dense } else { TensorKind::Sparse };
    let inputs = node.inputs.iter().map(|&input| nodes[input].shape.clone());
    let operands: Vec<Operand<usize>> = inputs.map(|axes| Operand { kind: kind(&axes), axes }).collect();
    let mut sizes = Concrete { holds: true };
    let Some(given) = node.shape.get(node.primitive.given(node.shape.len())) else { return false };
    let Some(applied) = node.primitive.apply(&mut sizes, &operands, given) else { return false };
    let mut params = node.params.iter().map(|&param| &all[param]);
    let own = applied.params.iter().all(|wanted| match wanted.kind {
        TemplateKind::Dense | TemplateKind::Statistic => params.next().is_some_and(|param| {
            let trained = wanted.kind == TemplateKind::Dense;
            let kind = if trained { ParamKind::Dense } else { ParamKind::Statistic };
            param.kind == kind && param.shape() == wanted.axes
        }),
        TemplateKind::Tables => {
            params.by_ref().take(applied.axes[0]).filter(|table| fits(table, wanted.axes[0])).count() == applied.axes[0]
        }
    });
    sizes.holds && own && params.next().is_none() && applied.axes == node.shape
}

/// Whether it is a table whose rows are all there and have so many columns.
fn fits(table: &Param, dim: usize) -> bool {
    table.kind.is_table() && table.axes[1].len() == dim && table.axes[0].len() == table.full[0]
}
