//! The plan: what the runtime executes. One architecture's live graph, in execution order, with the
//! slice of each stored parameter that it uses.
//!
//! Lives here: plain data and what can be read off it (shapes, costs, identity). Never: choices,
//! sizes that are still open, operators (only primitives, each with the place it was written at), or
//! anything about tensors.

mod emit;
mod fingerprint;
mod head;
mod ledger;
pub mod passes;
pub mod sound;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

pub use fingerprint::Fingerprint;
pub use head::Head;
pub use ledger::Activations;

use crate::cost::value_bytes;
pub use crate::cost::{Cost, Costs};
pub use crate::place::Place;
use crate::primitives::Primitive;
use crate::schema::{Pool, Schema, SparseColumn};
pub use crate::tensor::{Init, Layout, Run, Shape};

/// Version of the serialised form.
pub const PLAN_VERSION: u32 = 2;

/// One architecture, ready to execute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// [`PLAN_VERSION`] of the compiler that made it.
    pub version: u32,
    /// In execution order: a node's inputs come before it. Every node is needed by the logit.
    pub nodes: Vec<Node>,
    /// The parameters that the nodes use, each once.
    pub params: Vec<Param>,
    /// Index of the node whose value, of shape `[heads]`, is the logit.
    pub logit: usize,
    /// What each of its numbers is of.
    #[serde(default = "Head::only", skip_serializing_if = "Head::is_only")]
    pub heads: Vec<Head>,
}

/// One primitive applied to earlier nodes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// What is computed, with its attributes.
    pub primitive: Primitive,
    /// Indices into [`Plan::nodes`], in operand order.
    pub inputs: SmallVec<[usize; 4]>,
    /// Indices into [`Plan::params`], in the order that the primitive documents.
    pub params: SmallVec<[usize; 4]>,
    /// Of an embed, what each of its parameters is looked up for; nothing where each is the table of one field that has one
    /// category. Of a mask, the places that it tells of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lookups: Vec<Lookup>,
    /// Of a numeric node, which of the numeric columns it yields; nothing where it yields all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<usize>,
    /// Of its value, for one sample.
    pub shape: Shape,
    /// Where it comes from in the space, such as `b[2].d.fc.linear`.
    pub path: Arc<str>,
    /// The same, as data.
    pub place: Arc<Place>,
}

/// What a table is looked up for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Lookup {
    /// Index into [`Schema::sparse`](crate::schema::Schema::sparse).
    pub field: usize,
    /// How the rows of a bag become one; none of a field that has one category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<Pool>,
    /// How many rows become one, at most: those of a bag.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub slots: usize,
    /// The one place of a bag that is looked up, counted from 0, where that is a sequence: zeros where it holds nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<usize>,
}

/// The slice of one stored parameter that an architecture uses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Param {
    /// Index of the parameter in [`crate::Space::params`] (the stored one), the same for every
    /// architecture of a space.
    pub id: usize,
    /// Unique in the space, such as `b[2].d.fc.linear.weight`.
    pub name: Arc<str>,
    /// The largest shape, the one that is stored.
    pub full: Shape,
    /// For each axis of `full`, the active positions. The active shape is their lengths.
    pub axes: SmallVec<[Layout; 2]>,
    /// Dense, or the table of a field.
    pub kind: ParamKind,
    /// How the stored parameter, of shape `full`, is drawn.
    pub init: Init,
}

/// How a parameter is stored and read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParamKind {
    /// All of the slice takes part in every step.
    Dense,
    /// What is kept of the values that passed through, such as their mean. No optimiser moves it, and it counts as no
    /// parameter.
    Statistic,
    /// An embedding table `[rows, dim]` for one categorical field; only the rows in a batch are
    /// touched, so its row axis is always whole.
    Table {
        /// Index into [`Schema::sparse`](crate::schema::Schema::sparse).
        field: usize,
    },
}

impl ParamKind {
    /// Whether it is the table of a field.
    pub fn is_table(self) -> bool {
        matches!(self, Self::Table { .. })
    }
}

impl Param {
    /// The active shape.
    pub fn shape(&self) -> Shape {
        self.axes.iter().map(Layout::len).collect()
    }

    /// Number of active values.
    pub fn len(&self) -> usize {
        self.axes.iter().map(Layout::len).product()
    }

    /// Whether there is none: never in a plan, whose sizes are positive.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the slice is the whole stored parameter.
    pub fn is_whole(&self) -> bool {
        self.axes.iter().zip(&self.full).all(|(axis, &full)| axis.len() == full)
    }
}

fn one() -> usize {
    1
}

fn is_one(slots: &usize) -> bool {
    *slots == 1
}

impl Node {
    /// What its parameter `index` is looked up for, where that is a table.
    pub fn lookup(&self, params: &[Param], index: usize) -> Option<Lookup> {
        let ParamKind::Table { field } = params[self.params[index]].kind else { return None };
        Some(self.lookups.get(index).copied().unwrap_or(Lookup { field, pool: None, slots: 1, place: None }))
    }
}

impl Lookup {
    /// Of these fields of a schema, as [`Node::lookups`] has them.
    pub fn of(fields: &[usize], schema: &Schema) -> Vec<Self> {
        let column = |&field: &usize| &schema.sparse[field];
        if fields.iter().map(column).all(|column| column.list.is_none() && column.same.is_none()) {
            return Vec::new();
        }
        let pool = |column: &SparseColumn| column.list.as_ref().map(|list| list.pool);
        let of = |field: &usize| {
            let column = column(field);
            Self { field: *field, pool: pool(column), slots: column.slots(), place: None }
        };
        fields.iter().map(of).collect()
    }

    /// Of the places of a sequence, which each are a bag of at most one.
    pub fn of_sequence(field: usize, places: usize) -> Vec<Self> {
        (0..places).map(|place| Self { field, pool: Some(Pool::Sum), slots: 1, place: Some(place) }).collect()
    }

    /// The arithmetic of one sample by which the rows of full bags become one, for each number of a row: an addition, or a
    /// comparison, for each row of a bag but one, and the division of a mean.
    pub(crate) fn pooling(all: &[Self]) -> u64 {
        let of = |lookup: &Self| {
            let between = (lookup.slots as u64).saturating_sub(1);
            between + u64::from(lookup.pool == Some(Pool::Mean))
        };
        all.iter().map(of).fold(0, u64::saturating_add)
    }
}

impl Plan {
    /// The same computation with every parameter stored at its active shape: the architecture on its
    /// own, outside the supernet.
    pub fn standalone(&self) -> Plan {
        let mut plan = self.clone();
        for (id, param) in plan.params.iter_mut().enumerate() {
            param.id = id;
            param.full = param.shape();
            for axis in &mut param.axes {
                *axis = Layout::prefix(axis.len());
            }
        }
        plan
    }

    /// Says of every bag how many rows of `schema`'s table become one, which plans that were written down before this was counted leave
    /// open. What is computed, and what it is called, does not depend on it; what it costs does.
    pub fn count_slots(&mut self, schema: &Schema) {
        let lookups = self.nodes.iter_mut().flat_map(|node| &mut node.lookups);
        for lookup in lookups.filter(|lookup| lookup.pool.is_some() && lookup.place.is_none()) {
            if let Some(column) = schema.sparse.get(lookup.field) {
                lookup.slots = column.slots();
            }
        }
    }

    /// Multiply-accumulates a sample, counted as in the paper (see the primitives' `macs`).
    pub fn macs(&self) -> u64 {
        macs(&self.nodes)
    }

    /// All arithmetic of one sample (see the primitives' `ops`), with what makes one row of the rows of a bag.
    pub fn ops(&self) -> u64 {
        self.nodes.iter().map(|node| node_ops(&self.nodes, node)).fold(0, u64::saturating_add)
    }

    /// Multiply-accumulates a sample of one of its nodes.
    pub(crate) fn node_macs(&self, node: &Node) -> u64 {
        node_macs(&self.nodes, node)
    }

    /// Active dense parameters: everything that is trained but embedding tables.
    pub fn dense_params(&self) -> u64 {
        self.params.iter().filter(|p| p.kind == ParamKind::Dense).map(|p| p.len() as u64).sum()
    }

    /// Values in the embedding tables.
    pub fn embedding_params(&self) -> u64 {
        self.params.iter().filter(|p| p.kind.is_table()).map(|p| p.len() as u64).sum()
    }

    /// Bytes of every value that is computed for one sample, as 32-bit numbers.
    pub fn activation_bytes(&self) -> u64 {
        self.nodes.iter().map(|node| value_bytes(&node.shape)).sum()
    }

    /// Identity of the computation: a hash of the canonical serialisation, as hexadecimal.
    pub fn hash(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        serde_json::to_writer(&mut hasher, self).expect("a plan always serialises");
        hasher.finalize().to_hex().to_string()
    }
}

/// Multiply-accumulates a sample of nodes that are all computed once.
fn macs(nodes: &[Node]) -> u64 {
    nodes.iter().map(|node| node_macs(nodes, node)).fold(0, u64::saturating_add)
}

fn node_macs(nodes: &[Node], node: &Node) -> u64 {
    node.primitive.macs(first_shape(nodes, node), &node.shape)
}

fn node_ops(nodes: &[Node], node: &Node) -> u64 {
    let own = node.primitive.ops(node.inputs.len(), first_shape(nodes, node), &node.shape);
    own.saturating_add(pooled(Lookup::pooling(&node.lookups), &node.shape))
}

/// What pooling costs that takes so much for each number of a row, where the result has this shape.
pub(crate) fn pooled(pooling: u64, shape: &[usize]) -> u64 {
    pooling.saturating_mul(shape.last().map_or(0, |&dim| dim as u64))
}

/// The shape of a node's first operand; empty where it has none.
fn first_shape<'a>(nodes: &'a [Node], node: &Node) -> &'a [usize] {
    node.inputs.first().map_or(&[][..], |&input| nodes[input].shape.as_slice())
}
