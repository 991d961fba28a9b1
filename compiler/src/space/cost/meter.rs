//! What an architecture costs, without its plan: its live graph is marked, and the sizes of what is live are added up by
//! the formulas of the primitives. Nothing is laid out, and nothing is allocated from one architecture to the next.

use std::collections::BTreeSet;

use petgraph::graph::NodeIndex;
use smallvec::SmallVec;

use crate::cost::{Costs, value_bytes};
use crate::ir::{Assignment, Memo, SizeId, SpaceNode, TemplateKind, Undecided};
use crate::plan::{Lookup, pooled};
use crate::primitives::Primitive;
use crate::space::select::computes;
use crate::space::{Architecture, PlanError, Space};

/// Tells what architectures of a space cost, one after the other: [`Plan::costs`](crate::plan::Plan::costs) of their
/// plans, far quicker.
pub struct Meter<'a> {
    space: &'a Space,
    nodes: Vec<Measured>,
    memo: Memo,
    /// Which nodes are live, as bits.
    live: Vec<u64>,
    /// Which stored parameters were counted, of those that several nodes use.
    paid: Vec<bool>,
    /// Those of them that were.
    paying: Vec<usize>,
}

/// What a node's cost is made of.
struct Measured {
    primitive: Primitive,
    /// Whether it is asked for the shape of its first operand.
    asks_input: bool,
    /// The arithmetic by which rows of bags become one, for each number of a row.
    pooling: u64,
    shape: SmallVec<[Size; 2]>,
    params: SmallVec<[Weights; 4]>,
}

/// A size of a tensor.
#[derive(Clone, Copy)]
enum Size {
    Known(usize),
    Of(SizeId),
}

/// The parameters of one template.
pub(super) struct Weights {
    pub kind: TemplateKind,
    pub axes: SmallVec<[SizeId; 2]>,
    /// For tables, the rows of all together; 1 for a dense parameter.
    pub rows: u64,
    /// The stored parameter, where several nodes use it.
    pub shared: Option<usize>,
}

impl Weights {
    /// How many values the parameter has, or the tables have together, where its axes have these sizes. Never less for
    /// larger ones.
    pub fn count(&self, sizes: impl Iterator<Item = usize>) -> u64 {
        sizes.fold(self.rows, |product, size| product.saturating_mul(size as u64))
    }

    pub fn add_to(&self, costs: &mut Costs, count: u64) {
        match self.kind {
            TemplateKind::Dense => costs.dense_params += count,
            TemplateKind::Statistic => {}
            TemplateKind::Tables => costs.embedding_params += count,
        }
    }
}

impl Space {
    /// What makes many architectures' costs cheap.
    pub fn meter(&self) -> Meter<'_> {
        Meter {
            space: self,
            nodes: self.measured(),
            memo: Memo::default(),
            live: vec![0; self.graph.graph.node_count().div_ceil(64)],
            paid: vec![false; self.params().len()],
            paying: Vec::new(),
        }
    }

    /// What an architecture costs.
    ///
    /// # Errors
    /// Those of [`Space::plan`].
    pub fn costs(&self, architecture: &Architecture) -> Result<Costs, PlanError> {
        self.meter().costs(architecture)
    }

    fn measured(&self) -> Vec<Measured> {
        let graph = &self.graph.graph;
        let size = |id: SizeId| match self.graph.expressions.as_constant(id) {
            Some(size) if size >= 1.0 && size.fract() == 0.0 => Size::Known(size as usize),
            _ => Size::Of(id),
        };
        let measured = |(index, params): (usize, SmallVec<[Weights; 4]>)| {
            let node = &graph[NodeIndex::new(index)];
            let primitive = computes(&node.kind);
            let first = self.wiring.of(NodeIndex::new(index)).first().map_or(0, |&(_, first)| graph[first].axes.len());
            Measured {
                primitive,
                asks_input: primitive.asks_input(first, node.axes.len()),
                pooling: self.pooling(node),
                shape: node.axes.iter().map(|axis| size(axis.size)).collect(),
                params,
            }
        };
        self.weights().into_iter().enumerate().map(measured).collect()
    }

    /// The arithmetic by which rows of bags become one in a node, for each number of a row.
    pub(super) fn pooling(&self, node: &SpaceNode) -> u64 {
        node.reads.map_or(0, |input| {
            let (_, lookups) = self.columns[input.index()].of_node(node.column);
            Lookup::pooling(lookups)
        })
    }

    /// For each graph node, its parameters.
    pub(super) fn weights(&self) -> Vec<SmallVec<[Weights; 4]>> {
        let mut users = vec![0u32; self.params().len()];
        for stored in &self.of_node {
            let different: BTreeSet<usize> = stored.iter().copied().collect();
            different.into_iter().for_each(|id| users[id] += 1);
        }
        let nodes = self.graph.graph.node_weights().zip(&self.of_node);
        nodes
            .map(|(node, stored)| {
                let mut stored = stored.iter().copied();
                let weights = node.params.iter().flat_map(|template| {
                    let tables = template.kind == TemplateKind::Tables;
                    let count = if tables { stored.len() } else { 1 };
                    // A table of several fields is there once.
                    let ids: BTreeSet<usize> = stored.by_ref().take(count).collect();
                    let rows = |id: usize| if tables { self.params()[id].full[0] as u64 } else { 1 };
                    let of = |rows: u64, shared: Option<usize>| Weights {
                        kind: template.kind,
                        axes: template.axes.iter().map(|axis| axis.size).collect(),
                        rows,
                        shared,
                    };
                    // Tables that other nodes look up too are counted one by one: those may look up others beside them.
                    let (shared, own): (Vec<usize>, Vec<usize>) = ids.into_iter().partition(|&id| users[id] > 1);
                    let own = (!own.is_empty()).then(|| of(own.into_iter().map(rows).sum(), None));
                    own.into_iter().chain(shared.into_iter().map(|id| of(rows(id), Some(id)))).collect::<Vec<_>>()
                });
                weights.collect()
            })
            .collect()
    }
}

/// Why a sum stopped.
enum Stopped {
    Undecided,
    Size,
}

impl From<Undecided> for Stopped {
    fn from(_: Undecided) -> Self {
        Stopped::Undecided
    }
}

type Sizes = SmallVec<[usize; 2]>;

impl Meter<'_> {
    /// What an architecture costs: the same as its plan says.
    ///
    /// # Errors
    /// Those of [`Space::plan`].
    pub fn costs(&mut self, architecture: &Architecture) -> Result<Costs, PlanError> {
        let at = Assignment::with_memo(architecture.made(), self.space.sizes, std::mem::take(&mut self.memo));
        let costs = self.sum(&at);
        self.memo = at.into_memo();
        match costs {
            Ok(costs) => Ok(costs),
            // The plan says it in its own order.
            Err(_) => self.space.plan(architecture).map(|plan| plan.costs()),
        }
    }

    fn sum(&mut self, at: &Assignment<'_>) -> Result<Costs, Stopped> {
        let graph = &*self.space.graph;
        self.live.fill(0);
        self.paying.drain(..).for_each(|id| self.paid[id] = false);
        let mut costs = Costs::default();
        let logit = graph.logit.index();
        self.live[logit / 64] |= 1 << (logit % 64);
        for word in (0..=logit / 64).rev() {
            // Operands come before what is made of them, so a node may set lower bits of its own word.
            let mut seen = u64::MAX;
            loop {
                let open = self.live[word] & seen;
                if open == 0 {
                    break;
                }
                let bit = 63 - open.leading_zeros();
                seen = (1u64 << bit) - 1;
                self.node(NodeIndex::new(64 * word + bit as usize), at, &mut costs)?;
            }
        }
        Ok(costs)
    }

    /// Marks what a live node reads, and adds what it costs.
    fn node(&mut self, index: NodeIndex, at: &Assignment<'_>, costs: &mut Costs) -> Result<(), Stopped> {
        let graph = &*self.space.graph;
        let node = &self.nodes[index.index()];
        let live = &mut self.live;
        let (mut operands, mut first) = (0, None);
        self.space.wiring.taken(graph, index, at, |operand| {
            operands += 1;
            first = first.or(Some(operand));
            live[operand.index() / 64] |= 1 << (operand.index() % 64);
        })?;
        if node.primitive.joins() && operands == 1 {
            return Ok(());
        }
        let shape = self.shape(index, at)?;
        costs.activation_bytes += value_bytes(&shape);
        let mut input = Sizes::new();
        if let (true, Some(first)) = (node.asks_input, first) {
            input = self.shape(first, at)?;
        }
        costs.macs = costs.macs.saturating_add(node.primitive.macs(&input, &shape));
        let ops = node.primitive.ops(operands, &input, &shape).saturating_add(pooled(node.pooling, &shape));
        costs.ops = costs.ops.saturating_add(ops);
        for weights in &node.params {
            if let Some(shared) = weights.shared {
                if std::mem::replace(&mut self.paid[shared], true) {
                    continue;
                }
                self.paying.push(shared);
            }
            let mut sizes = Sizes::new();
            for &size in &weights.axes {
                sizes.push(graph.expressions.evaluate(size, &graph.choices, at)? as usize);
            }
            weights.add_to(costs, weights.count(sizes.into_iter()));
        }
        Ok(())
    }

    fn shape(&self, index: NodeIndex, at: &Assignment<'_>) -> Result<Sizes, Stopped> {
        let graph = &*self.space.graph;
        let mut shape = Sizes::new();
        for &size in &self.nodes[index.index()].shape {
            shape.push(match size {
                Size::Known(size) => size,
                Size::Of(id) => {
                    let size = graph.expressions.evaluate(id, &graph.choices, at)?;
                    let whole = size as usize;
                    if whole == 0 || whole as f64 != size {
                        return Err(Stopped::Size);
                    }
                    whole
                }
            });
        }
        Ok(shape)
    }
}
