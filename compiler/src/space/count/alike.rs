//! Whether two values of a graph may be the same value under two names.

use std::collections::{BTreeSet, HashMap};

use petgraph::graph::NodeIndex;

use crate::ir::{Gate, NodeKind, SpaceGraph};
use crate::primitives::{Add, Primitive};

/// Deepest comparison of two values that might be the same.
const MAX_ALIKE: usize = 24;
/// Most work for all such comparisons of a space.
const MAX_COMPARED: usize = 2_000_000;

/// Whether two values may be the same. What takes too long to tell apart may be.
pub(super) struct Alike<'a> {
    graph: &'a SpaceGraph,
    known: HashMap<(NodeIndex, NodeIndex, usize), bool>,
    work: usize,
}

impl<'a> Alike<'a> {
    pub fn new(graph: &'a SpaceGraph) -> Self {
        Self { graph, known: HashMap::new(), work: 0 }
    }

    pub fn may_be(&mut self, a: NodeIndex, b: NodeIndex) -> bool {
        self.values(a, b, MAX_ALIKE)
    }

    /// The primitives that a node's value may come from.
    fn sources(&mut self, node: NodeIndex) -> BTreeSet<NodeIndex> {
        let (mut found, mut seen, mut open) = (BTreeSet::new(), BTreeSet::new(), vec![node]);
        while let Some(node) = open.pop() {
            self.work += 1;
            if !seen.insert(node) {
                continue;
            }
            let operands = self.graph.operands(node);
            let passes = match self.graph.graph[node].kind {
                NodeKind::Primitive(primitive) => {
                    found.insert(node);
                    // A join of one is that one.
                    primitive.joins() && operands.iter().filter(|(gate, _)| *gate == Gate::Always).count() < 2
                }
                NodeKind::Choose(_) => {
                    // Several are added up.
                    found.insert(node);
                    true
                }
                _ => true,
            };
            if passes {
                open.extend(operands.iter().map(|&(_, operand)| operand));
            }
        }
        found
    }

    fn values(&mut self, a: NodeIndex, b: NodeIndex, depth: usize) -> bool {
        if a == b || self.work > MAX_COMPARED {
            return true;
        }
        let (left, right) = (self.sources(a), self.sources(b));
        left.iter().any(|&x| right.iter().any(|&y| x == y || self.primitives(x, y, depth)))
    }

    /// Whether two primitives may compute the same.
    fn primitives(&mut self, x: NodeIndex, y: NodeIndex, depth: usize) -> bool {
        self.work += 1;
        let (left, right) = (&self.graph.graph[x], &self.graph.graph[y]);
        let primitive = |kind: &NodeKind| match kind {
            NodeKind::Primitive(primitive) => Some(*primitive),
            NodeKind::Choose(_) => Some(Add.into()),
            _ => None,
        };
        if primitive(&left.kind) != primitive(&right.kind)
            || left.params.len() != right.params.len()
            || (left.reads, left.column) != (right.reads, right.column)
        {
            return false;
        }
        if left.params.iter().zip(&right.params).any(|(p, q)| p.name != q.name) {
            return false;
        }
        if depth == 0 {
            return true;
        }
        if let Some(&known) = self.known.get(&(x, y, depth)) {
            return known;
        }
        let joins = primitive(&left.kind).is_some_and(Primitive::joins);
        let (mine, theirs) = (self.graph.operands(x), self.graph.operands(y));
        let alike = if joins {
            mine.iter().any(|&(_, p)| theirs.iter().any(|&(_, q)| self.values(p, q, depth - 1)))
        } else {
            mine.iter().zip(&theirs).all(|(&(_, p), &(_, q))| self.values(p, q, depth - 1))
        };
        self.known.insert((x, y, depth), alike);
        alike
    }
}
