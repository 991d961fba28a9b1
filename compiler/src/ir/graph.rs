//! The graph of a space.

use std::sync::Arc;

use petgraph::Direction;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;
use smallvec::SmallVec;

use super::choices::{Assignment, Choice, ChoiceId, Undecided};
use super::columns::Widths;
use super::constraints::Constraint;
use super::heads::SpaceHead;
use super::inputs::{Input, InputId};
use super::layouts::AxisRef;
use super::sizes::{CondId, Expressions};
use crate::place::Place;
use crate::primitives::Primitive;
use crate::tensor::{Init, TemplateKind, TensorKind};

/// When an operand takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Gate {
    Always,
    /// When the choice takes this position: a source of a pick, or 1 for a `maybe` that is there.
    Taken(ChoiceId, u32),
}

impl Gate {
    pub fn is_open(self, at: &Assignment<'_>) -> Result<bool, Undecided> {
        match self {
            Gate::Always => Ok(true),
            Gate::Taken(choice, position) => Ok(at.made(choice)?.has(position as usize)),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum NodeKind {
    Primitive(Primitive),
    /// One of its operands, or in a relaxed architecture the sum of several.
    Choose(ChoiceId),
    /// The one operand that a `pick 1` takes.
    Pick(ChoiceId),
    /// Its first operand where the condition holds, else its second.
    Branch(CondId),
}

/// A parameter before a schema has fixed its largest shape.
#[derive(Clone, Debug, PartialEq)]
pub struct ParamTemplate {
    pub name: Arc<str>,
    pub axes: SmallVec<[AxisRef; 2]>,
    pub init: Init,
    pub kind: TemplateKind,
}

/// A primitive or a choice between operands, for all architectures at once.
#[derive(Clone, Debug, PartialEq)]
pub struct SpaceNode {
    pub(crate) kind: NodeKind,
    pub(crate) tensor: TensorKind,
    pub(crate) axes: SmallVec<[AxisRef; 2]>,
    pub(crate) params: SmallVec<[ParamTemplate; 2]>,
    /// Whose columns it reads, where it has no operands.
    pub(crate) reads: Option<InputId>,
    /// Which of these it reads, where it is one of a lookup that reads them one by one; else it reads all of them.
    pub(crate) column: Option<usize>,
    /// A width for each column that it looks up, until a schema says which these are.
    pub(crate) widths: Option<Box<Widths>>,
    /// Such as `b[2].d.fc.linear`.
    pub path: Arc<str>,
    /// The same, as data.
    pub place: Arc<Place>,
}

/// An edge from a producer to its consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operand {
    pub(crate) port: u32,
    pub(crate) gate: Gate,
}

/// A checked space, all of its architectures at once.
#[derive(Clone, Debug)]
pub struct SpaceGraph {
    /// Edges lead from producers to consumers; a node's operands have lower indices than it.
    pub graph: DiGraph<SpaceNode, Operand>,
    pub(crate) expressions: Expressions,
    /// In source order, by [`InputId`].
    pub inputs: Vec<Input>,
    /// In source order, by [`ChoiceId`].
    pub choices: Vec<Choice>,
    /// Inputs whose columns have choices of their own, with the names of these columns: none before a schema says which they are.
    pub(crate) columns: Vec<(InputId, Vec<String>)>,
    /// One number for each of the heads.
    pub(crate) logit: NodeIndex,
    /// What is predicted, and behind it what is only trained.
    pub heads: Vec<SpaceHead>,
    /// What architectures must be, beyond what their choices offer.
    pub constraints: Vec<Constraint>,
    /// What each block instance hands on: its name, and the node of each `out`.
    pub blocks: Vec<(String, Vec<(String, NodeIndex)>)>,
}

impl SpaceGraph {
    /// The index of the block instance that a node is in.
    pub(crate) fn block_of(&self, node: NodeIndex) -> Option<usize> {
        let own = self.graph[node].place.block.as_ref()?;
        self.blocks.iter().position(|(block, _)| **block == **own)
    }

    /// The operands of a node, in order of port.
    pub(crate) fn operands(&self, node: NodeIndex) -> SmallVec<[(Gate, NodeIndex); 4]> {
        let mut operands: SmallVec<[(u32, Gate, NodeIndex); 4]> = self
            .graph
            .edges_directed(node, Direction::Incoming)
            .map(|edge| (edge.weight().port, edge.weight().gate, edge.source()))
            .collect();
        operands.sort_unstable_by_key(|&(port, ..)| port);
        operands.into_iter().map(|(_, gate, source)| (gate, source)).collect()
    }
}
