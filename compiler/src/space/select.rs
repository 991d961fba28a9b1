//! An architecture selects a subgraph: what the logit does not need is never built.

use std::collections::HashMap;
use std::sync::Arc;

use petgraph::graph::NodeIndex;
use smallvec::SmallVec;

use super::{Architecture, Space};
use crate::ir::{Assignment, ChoiceId, NodeKind, SchemaSizes, SpaceGraph, Undecided, Wiring};
use crate::plan::{Layout, Node, PLAN_VERSION, Param, ParamKind, Plan, Shape};
use crate::primitives::{Add, Concat, Primitive};

/// Why an architecture has no plan.
#[derive(Clone, Debug, PartialEq)]
pub enum PlanError {
    /// A live choice, by name, is left open.
    Undecided(String),
    /// A size at this node is not a positive whole number.
    Size {
        /// Such as `b[2].d.fc.linear`.
        path: String,
        /// What it comes to.
        size: f64,
    },
}

impl std::fmt::Display for PlanError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            PlanError::Undecided(choice) => write!(f, "the architecture leaves `{choice}` open, which the logit needs"),
            PlanError::Size { path, size } => write!(f, "a size of `{path}` is {size}, not a positive whole number"),
        }
    }
}

impl std::error::Error for PlanError {}

/// What of a space's graph one architecture uses.
#[derive(Clone, Debug)]
pub struct Live {
    /// By node.
    pub nodes: Vec<bool>,
    /// For each live node, the operands that take part.
    taken: Vec<SmallVec<[NodeIndex; 4]>>,
}

impl Live {
    /// Whether `to` is live and reads `from`.
    pub fn reads(&self, from: NodeIndex, to: NodeIndex) -> bool {
        self.nodes[to.index()] && self.taken[to.index()].contains(&from)
    }
}

impl SpaceGraph {
    /// What the logit needs under an architecture.
    ///
    /// # Errors
    /// A live choice that is left open.
    pub(crate) fn live(&self, architecture: &Architecture, schema: SchemaSizes) -> Result<Live, PlanError> {
        let at = Assignment::new(architecture.made(), schema);
        let name = |Undecided(choice): Undecided| PlanError::Undecided(self.choices[choice.index()].name.clone());
        let wiring = Wiring::new(self);
        let needed = wiring.needed(self, &[self.logit], &at).map_err(name)?;
        let mut live =
            Live { nodes: vec![false; self.graph.node_count()], taken: vec![SmallVec::new(); self.graph.node_count()] };
        for node in needed {
            live.nodes[node.index()] = true;
            let taken = &mut live.taken[node.index()];
            wiring.taken(self, node, &at, |operand| taken.push(operand)).map_err(name)?;
        }
        Ok(live)
    }

    /// The live choices that an architecture leaves open, as many as can be seen at once.
    pub fn missing(&self, architecture: &Architecture, schema: SchemaSizes) -> Vec<ChoiceId> {
        let mut made = architecture.made().to_vec();
        let mut missing = Vec::new();
        let wiring = Wiring::new(self);
        // Fill each gap with a first value, to find the next one.
        while missing.len() < made.len() {
            let at = Assignment::new(&made, schema);
            let gap = match wiring.needed(self, &[self.logit], &at) {
                Ok(needed) => needed.iter().find_map(|&node| {
                    self.graph[node]
                        .axes
                        .iter()
                        .find_map(|a| self.expressions.evaluate(a.size, &self.choices, &at).err())
                }),
                Err(gap) => Some(gap),
            };
            let Some(Undecided(choice)) = gap else { break };
            missing.push(choice);
            made[choice.index()] = Some(self.choices[choice.index()].offer.least());
        }
        missing
    }
}

impl Space {
    /// The live choices that an architecture leaves open, as many as can be seen at once.
    pub fn missing(&self, architecture: &Architecture) -> Vec<ChoiceId> {
        self.graph.missing(architecture, self.sizes)
    }

    /// The plan of an architecture: its live graph.
    ///
    /// # Errors
    /// A live choice that is left open; a size that is not a positive whole number.
    pub fn plan(&self, architecture: &Architecture) -> Result<Plan, PlanError> {
        Ok(self.select(architecture, &[self.graph.logit])?.0)
    }

    /// The plan of an architecture with everything that it decides, whether or not the logit needs it: what an
    /// implementation without a compiler computes.
    ///
    /// # Errors
    /// Those of [`Space::plan`], for every choice and not only for live ones.
    pub fn whole_plan(&self, architecture: &Architecture) -> Result<Plan, PlanError> {
        let mut roots: Vec<NodeIndex> =
            self.graph.blocks.iter().flat_map(|(_, outs)| outs.iter().map(|&(_, node)| node)).collect();
        roots.push(self.graph.logit);
        Ok(self.select(architecture, &roots)?.0)
    }

    /// The architecture without what its logit does not depend on. Two architectures with one canonical form have one
    /// plan.
    ///
    /// # Errors
    /// Those of [`Space::plan`].
    pub fn canonical(&self, architecture: &Architecture) -> Result<Architecture, PlanError> {
        Ok(self.selected(architecture)?.1)
    }

    /// The plan of an architecture and its canonical form, found in one go.
    ///
    /// # Errors
    /// Those of [`Space::plan`].
    pub fn selected(&self, architecture: &Architecture) -> Result<(Plan, Architecture), PlanError> {
        let (plan, live) = self.select(architecture, &[self.graph.logit])?;
        let made = architecture.made().iter().zip(live).map(|(&made, live)| made.filter(|_| live)).collect();
        Ok((plan, Architecture::new(made)))
    }

    /// The plan together with which choices it depends on.
    fn select(&self, architecture: &Architecture, roots: &[NodeIndex]) -> Result<(Plan, Vec<bool>), PlanError> {
        let at = Assignment::new(architecture.made(), self.sizes);
        let graph = &*self.graph;
        let name = |Undecided(choice): Undecided| PlanError::Undecided(graph.choices[choice.index()].name.clone());
        let needed = self.wiring.needed(graph, roots, &at).map_err(name)?;
        let mut builder = Builder { space: self, nodes: Vec::new(), params: Vec::new(), param_ids: HashMap::new() };
        // Where each space node's value is in the plan.
        let mut placed = vec![usize::MAX; graph.graph.node_count()];
        for index in needed {
            let mut inputs: SmallVec<[usize; 4]> = SmallVec::new();
            self.wiring.taken(graph, index, &at, |operand| inputs.push(placed[operand.index()])).map_err(name)?;
            let primitive = computes(&graph.graph[index].kind);
            placed[index.index()] = match inputs.as_slice() {
                [only] if primitive.joins() => *only,
                _ => builder.add(index, primitive, inputs, &at)?,
            };
        }
        let plan = Plan {
            version: PLAN_VERSION,
            nodes: builder.nodes,
            params: builder.params,
            logit: placed[graph.logit.index()],
            heads: self.heads.clone(),
        };
        Ok((plan, at.into_asked()))
    }
}

/// The primitive that a node becomes in a plan.
pub(super) fn computes(kind: &NodeKind) -> Primitive {
    match kind {
        NodeKind::Primitive(primitive) => *primitive,
        NodeKind::Choose(_) => Add.into(),
        NodeKind::Pick(_) | NodeKind::Branch(_) => Concat.into(),
    }
}

struct Builder<'a> {
    space: &'a Space,
    nodes: Vec<Node>,
    params: Vec<Param>,
    /// From stored parameters to those of the plan.
    param_ids: HashMap<usize, usize>,
}

impl Builder<'_> {
    fn add(
        &mut self,
        index: NodeIndex,
        primitive: Primitive,
        inputs: SmallVec<[usize; 4]>,
        at: &Assignment<'_>,
    ) -> Result<usize, PlanError> {
        let graph = &*self.space.graph;
        let node = &graph.graph[index];
        let name = |Undecided(choice): Undecided| PlanError::Undecided(graph.choices[choice.index()].name.clone());
        let mut shape = Shape::new();
        for axis in &node.axes {
            let size = graph.expressions.evaluate(axis.size, &graph.choices, at).map_err(name)?;
            if size < 1.0 || size.fract() != 0.0 {
                return Err(PlanError::Size { path: node.path.to_string(), size });
            }
            shape.push(size as usize);
        }
        let columns = node.reads.map(|input| &self.space.columns[input.index()]);
        let read = columns.map(|columns| columns.of_node(node.column));
        let mut params = SmallVec::new();
        let mut stored = self.space.of_node[index.index()].iter();
        for template in &node.params {
            let mut axes: SmallVec<[Layout; 2]> = SmallVec::new();
            for axis in &template.axes {
                let bounds = &self.space.bounds;
                axes.push(graph.expressions.lay_out(axis.layout, &graph.choices, bounds, at).map_err(name)?);
            }
            let count = match template.kind {
                crate::ir::TemplateKind::Dense | crate::ir::TemplateKind::Statistic => 1,
                crate::ir::TemplateKind::Tables => read.map_or(0, |(fields, _)| fields.len()),
            };
            for &id in stored.by_ref().take(count) {
                params.push(self.param(id, &axes));
            }
        }
        let lookups = read.map(|(_, lookups)| lookups.to_vec()).unwrap_or_default();
        let columns = columns.map(|columns| columns.numbers.clone()).unwrap_or_default();
        let (path, place) = (Arc::clone(&node.path), Arc::clone(&node.place));
        self.nodes.push(Node { primitive, inputs, params, lookups, columns, shape, path, place });
        Ok(self.nodes.len() - 1)
    }

    fn param(&mut self, id: usize, axes: &SmallVec<[Layout; 2]>) -> usize {
        if let Some(&known) = self.param_ids.get(&id) {
            return known;
        }
        let stored = &self.space.params()[id];
        let mut axes = axes.clone();
        if let ParamKind::Table { .. } = stored.kind {
            axes.insert(0, Layout::prefix(stored.full[0]));
        }
        self.params.push(Param { axes, ..stored.clone() });
        self.param_ids.insert(id, self.params.len() - 1);
        self.params.len() - 1
    }
}
