//! What each node of a space's graph reads, laid out to be gone through for one architecture after the other.

use petgraph::graph::NodeIndex;

use super::choices::{Assignment, Undecided};
use super::graph::{Gate, NodeKind, SpaceGraph};

/// The operands of all nodes, each node's in order of port.
#[derive(Clone, Debug)]
pub struct Wiring {
    /// For each node, where its operands begin; one more for where the last ones end.
    starts: Vec<u32>,
    operands: Vec<(Gate, NodeIndex)>,
}

impl Wiring {
    pub fn new(graph: &SpaceGraph) -> Self {
        let mut wiring = Self { starts: vec![0], operands: Vec::with_capacity(graph.graph.edge_count()) };
        for node in graph.graph.node_indices() {
            wiring.operands.extend(graph.operands(node));
            wiring.starts.push(wiring.operands.len() as u32);
        }
        wiring
    }

    /// The operands of a node, in order of port.
    pub fn of(&self, node: NodeIndex) -> &[(Gate, NodeIndex)] {
        &self.operands[self.starts[node.index()] as usize..self.starts[node.index() + 1] as usize]
    }

    /// Shows the operands of a node that take part under an assignment, in order of port.
    ///
    /// # Errors
    /// A choice that decides it is left open.
    pub fn taken(
        &self,
        graph: &SpaceGraph,
        node: NodeIndex,
        at: &Assignment<'_>,
        mut take: impl FnMut(NodeIndex),
    ) -> Result<(), Undecided> {
        let operands = self.of(node);
        match graph.graph[node].kind {
            NodeKind::Primitive(_) => {
                for &(gate, operand) in operands {
                    if gate.is_open(at)? {
                        take(operand);
                    }
                }
            }
            NodeKind::Choose(choice) => {
                let made = at.made(choice)?;
                operands.iter().enumerate().filter(|&(i, _)| made.has(i)).for_each(|(_, &(_, operand))| take(operand));
            }
            NodeKind::Pick(choice) => take(operands[at.made(choice)?.first()].1),
            NodeKind::Branch(cond) => {
                let holds = graph.expressions.holds(cond, &graph.choices, at)?;
                take(operands[usize::from(!holds)].1);
            }
        }
        Ok(())
    }

    /// Which nodes `roots` need under an assignment. Operands are added before what is made of them, so one pass
    /// backwards settles it.
    ///
    /// # Errors
    /// A choice that decides it is left open.
    pub fn needed(
        &self,
        graph: &SpaceGraph,
        roots: &[NodeIndex],
        at: &Assignment<'_>,
    ) -> Result<Vec<NodeIndex>, Undecided> {
        let mut live = vec![false; graph.graph.node_count()];
        for root in roots {
            live[root.index()] = true;
        }
        for index in (0..live.len()).rev() {
            if live[index] {
                self.taken(graph, NodeIndex::new(index), at, |operand| live[operand.index()] = true)?;
            }
        }
        Ok((0..live.len()).filter(|&i| live[i]).map(NodeIndex::new).collect())
    }
}
