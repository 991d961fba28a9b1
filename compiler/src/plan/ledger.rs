//! Costs of a plan, node by node and added up: by block, by operator, in training and in inference.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde::Serialize;

use super::{ParamKind, Place, Plan, node_ops};
use crate::cost::{Costs, value_bytes};

/// Bytes of the values of one sample that must be held at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Activations {
    /// Training keeps every value for the way back.
    pub training: u64,
    /// Inference needs a value only until its last reader has run: the most that is held at once, in plan order.
    pub inference_peak: u64,
    /// The node that runs when the most is held.
    pub peak_at: usize,
}

impl Plan {
    /// How many block instances have a node in it.
    pub fn live_blocks(&self) -> usize {
        self.nodes.iter().filter_map(|node| node.place.block.as_ref()).collect::<BTreeSet<_>>().len()
    }

    /// What the whole of it costs.
    pub fn costs(&self) -> Costs {
        Costs {
            macs: self.macs(),
            ops: self.ops(),
            dense_params: self.dense_params(),
            embedding_params: self.embedding_params(),
            activation_bytes: self.activation_bytes(),
        }
    }

    /// What each node costs. A parameter that several nodes share belongs to the first of them.
    pub fn node_costs(&self) -> Vec<Costs> {
        let mut paid = HashSet::new();
        self.nodes
            .iter()
            .map(|node| {
                let mut costs = Costs {
                    macs: self.node_macs(node),
                    ops: node_ops(&self.nodes, node),
                    activation_bytes: value_bytes(&node.shape),
                    ..Costs::default()
                };
                for &param in node.params.iter().filter(|&&param| paid.insert(param)) {
                    let param = &self.params[param];
                    match param.kind {
                        ParamKind::Dense => costs.dense_params += param.len() as u64,
                        ParamKind::Statistic => {}
                        ParamKind::Table { .. } => costs.embedding_params += param.len() as u64,
                    }
                }
                costs
            })
            .collect()
    }

    /// Costs added up by a name that each place has, the costliest first: by multiply-accumulates, then by parameters, then by
    /// all arithmetic.
    pub fn costs_by(&self, name: impl Fn(&Place) -> String) -> Vec<(String, Costs)> {
        let mut all: BTreeMap<String, Costs> = BTreeMap::new();
        for (node, costs) in self.nodes.iter().zip(self.node_costs()) {
            all.entry(name(&node.place)).or_default().add(costs);
        }
        let mut all: Vec<(String, Costs)> = all.into_iter().collect();
        let order = |costs: &Costs| (costs.macs, costs.dense_params, costs.embedding_params, costs.ops);
        all.sort_by_key(|(_, costs)| std::cmp::Reverse(order(costs)));
        all
    }

    /// What is held while the plan is executed.
    pub fn activations(&self) -> Activations {
        let mut last = vec![0usize; self.nodes.len()];
        for (index, node) in self.nodes.iter().enumerate() {
            last[index] = index;
            node.inputs.iter().for_each(|&input| last[input] = index);
        }
        // The logit is the result: it is held to the end.
        last[self.logit] = self.nodes.len();
        let mut found = Activations { training: self.activation_bytes(), inference_peak: 0, peak_at: 0 };
        let mut held = 0;
        for (index, node) in self.nodes.iter().enumerate() {
            held += value_bytes(&node.shape);
            if held > found.inference_peak {
                (found.inference_peak, found.peak_at) = (held, index);
            }
            // What nobody reads any more is dropped after the node has run.
            let mut done: Vec<usize> = node.inputs.to_vec();
            done.push(index);
            done.sort_unstable();
            done.dedup();
            for value in done.into_iter().filter(|&value| last[value] == index) {
                held -= value_bytes(&self.nodes[value].shape);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use smallvec::smallvec;

    use super::*;
    use crate::plan::{Node, PLAN_VERSION};
    use crate::primitives::{Concat, Numeric, Pad, Primitive, Relu};

    /// A chain of three and a sum with the first: the first is held while the second and third run.
    #[test]
    fn the_peak_is_the_most_that_is_held_at_once() {
        let node = |primitive: Primitive, inputs: &[usize], width: usize| Node {
            primitive,
            inputs: inputs.iter().copied().collect(),
            params: smallvec![],
            lookups: Vec::new(),
            columns: Vec::new(),
            shape: smallvec![width],
            path: "n".into(),
            place: Place::outside("n").into(),
        };
        let nodes = vec![
            node(Numeric.into(), &[], 4),
            node(Pad.into(), &[0], 10),
            node(Relu.into(), &[1], 10),
            node(Concat.into(), &[2, 0], 14),
        ];
        let plan = Plan { version: PLAN_VERSION, nodes, params: vec![], logit: 3, heads: crate::plan::Head::only() };
        let held = plan.activations();
        assert_eq!(held, Activations { training: 4 * 38, inference_peak: 4 * (4 + 10 + 14), peak_at: 3 });
    }
}
