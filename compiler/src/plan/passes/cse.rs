//! Common subexpressions, by hash-consing: one node for all of one primitive with equal attributes, inputs, parameters
//! and shape. Paths are not compared: they say where a node comes from, not what it computes.
//!
//! Operands are compared in order. `a + b` and `b + a` stay two nodes: they differ where both are NaN.

use std::collections::HashMap;

use smallvec::SmallVec;

use super::Merged;
use crate::plan::{Layout, Node, Shape};

/// Merges equal nodes of a graph.
pub fn cse(graph: &mut Merged) {
    let mut consing = Consing::default();
    consing.absorb(graph);
    *graph = consing.graph;
}

type Slice = (usize, SmallVec<[Layout; 2]>, Option<usize>);
type Key = (SmallVec<[usize; 4]>, SmallVec<[usize; 4]>, Shape);

/// A graph that grows, and what it holds.
#[derive(Default)]
pub(super) struct Consing {
    pub graph: Merged,
    params: HashMap<Slice, usize>,
    /// Nodes of equal inputs, parameters and shape; the primitive is compared, as it holds numbers that have no hash.
    nodes: HashMap<Key, SmallVec<[usize; 1]>>,
}

impl Consing {
    /// Adds another graph, sharing what is there already. Its outputs come after those that there are.
    pub fn absorb(&mut self, other: &Merged) {
        let first = self.graph.outputs.len();
        // Of one space, whose logits are of the same.
        self.graph.heads.clone_from(&other.heads);
        let params: Vec<usize> = (0..other.params.len()).map(|param| self.param(other, param, first)).collect();
        let owned = other.owned();
        let mut moved: Vec<usize> = Vec::with_capacity(other.nodes.len());
        for (node, owned) in other.nodes.iter().zip(owned) {
            let node = Node {
                inputs: node.inputs.iter().map(|&input| moved[input]).collect(),
                params: node.params.iter().map(|&param| params[param]).collect(),
                ..node.clone()
            };
            moved.push(if owned { self.push(node) } else { self.node(node) });
        }
        self.graph.outputs.extend(other.outputs.iter().map(|&output| moved[output]));
    }

    fn param(&mut self, other: &Merged, param: usize, first: usize) -> usize {
        let owner = other.owners[param].map(|owner| first + owner);
        let param = &other.params[param];
        let graph = &mut self.graph;
        *self.params.entry((param.id, param.axes.clone(), owner)).or_insert_with(|| {
            graph.params.push(param.clone());
            graph.owners.push(owner);
            graph.params.len() - 1
        })
    }

    fn node(&mut self, node: Node) -> usize {
        let key = (node.inputs.clone(), node.params.clone(), node.shape.clone());
        let alike = self.nodes.entry(key).or_default();
        if let Some(&known) = alike.iter().find(|&&known| computes_alike(&self.graph.nodes[known], &node)) {
            return known;
        }
        alike.push(self.graph.nodes.len());
        self.push(node)
    }

    fn push(&mut self, node: Node) -> usize {
        self.graph.nodes.push(node);
        self.graph.nodes.len() - 1
    }
}

/// Whether two nodes of equal inputs, parameters and shapes compute the same.
fn computes_alike(a: &Node, b: &Node) -> bool {
    a.primitive == b.primitive && a.lookups == b.lookups && a.columns == b.columns
}
