//! A model without what its logit does not need.

use nasrec_compiler::plan::{Node, Param, Plan};

use crate::supernet::{Keep, ParamDef, Store, Stored};

/// The nodes that the logit needs, in their order, and the parameters of these, with what is stored for each parameter of the plan.
pub(super) fn compacted(plan: Plan, mut stored: Vec<Option<Stored>>, keep: Keep) -> (Plan, Store) {
    let mut needed = vec![false; plan.nodes.len()];
    needed[plan.logit] = true;
    for at in (0..plan.nodes.len()).rev().filter(|&at| at <= plan.logit) {
        if needed[at] {
            plan.nodes[at].inputs.iter().for_each(|&input| needed[input] = true);
        }
    }
    let mut place = vec![0; plan.nodes.len()];
    let mut nodes: Vec<Node> = Vec::with_capacity(plan.nodes.len());
    let mut kept = vec![None; plan.params.len()];
    let (mut params, mut of_params): (Vec<Param>, Vec<Stored>) = Default::default();
    for (at, node) in plan.nodes.into_iter().enumerate().filter(|&(at, _)| needed[at]) {
        place[at] = nodes.len();
        let inputs = node.inputs.iter().map(|&input| place[input]).collect();
        let mut node = Node { inputs, ..node };
        for param in &mut node.params {
            let id = *kept[*param].get_or_insert_with(|| {
                params.push(Param { id: params.len(), ..plan.params[*param].clone() });
                // Each parameter goes there once.
                of_params.extend(stored[*param].take());
                params.len() - 1
            });
            *param = id;
        }
        nodes.push(node);
    }
    let defs = params.iter().map(ParamDef::from).collect();
    let plan = Plan { version: plan.version, nodes, params, logit: place[plan.logit], heads: plan.heads };
    (plan, Store { keep, defs, params: of_params })
}
