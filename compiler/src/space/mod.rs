//! A checked space bound to a schema: the first of the two values that pass to the runtime.
//!
//! Lives here: binding, architectures, and the selection of one architecture's live graph as a
//! [`Plan`](crate::plan::Plan); `count/` says how many architectures there are, `draw/` draws and changes them, `cost/`
//! says what they cost and at least and at most could. Never: source text, tensors, or how good an architecture is.

mod architecture;
mod bind;
mod cost;
mod count;
mod draw;
mod select;

use std::sync::{Arc, OnceLock};

use smallvec::SmallVec;

use self::bind::Columns;
use self::count::Validity;
use self::draw::Different;
use crate::ir::{Assignment, Bounds, Choice, Constraint, Made, SchemaSizes, SpaceGraph, Wiring};
use crate::plan::{Costs, Head, Param};

pub use architecture::Architecture;
pub use bind::BindError;
pub use cost::{Bound, Effort, End, Extreme, Meter, Proof, Standing, Tried, Witness};
pub(crate) use count::Decider;
pub use count::{Census, Conflict, Diagram, Distinct, Estimate, Intractable, Tally};
pub(crate) use count::{Verdict, of_sets};
pub use draw::{Sampling, Walk};
pub(crate) use select::Live;
pub use select::PlanError;

/// A space over a given table.
#[derive(Clone, Debug)]
pub struct Space {
    /// Of the item, without arguments.
    pub name: String,
    /// The parameters that it was given, as source.
    pub arguments: Vec<(String, String)>,
    graph: Arc<SpaceGraph>,
    wiring: Arc<Wiring>,
    bounds: Arc<Bounds>,
    sizes: SchemaSizes,
    /// Every stored parameter, whole.
    params: Vec<Param>,
    /// For each input, the columns of the schema that it reads.
    columns: Vec<Columns>,
    heads: Vec<Head>,
    /// For each graph node, the stored parameters that it uses.
    of_node: Vec<SmallVec<[usize; 4]>>,
    validity: Arc<Validity>,
    /// What draws uniform over different architectures need; made when the first is asked for.
    uniform: Arc<OnceLock<Result<Different, Intractable>>>,
}

impl Space {
    /// The first constraint that an architecture breaks; those on costs only where its costs are given.
    pub fn broken(&self, architecture: &Architecture, costs: Option<Costs>) -> Option<&Constraint> {
        let at = Assignment::new(architecture.made(), self.sizes).with_costs(costs);
        self.graph.broken(&at)
    }

    /// In source order, by [`ChoiceId`](crate::ir::ChoiceId).
    pub fn choices(&self) -> &[Choice] {
        &self.graph.choices
    }

    /// Whether an architecture has a place for every choice, and in each a value that the choice has, or none.
    pub fn offers(&self, architecture: &Architecture) -> bool {
        let made = architecture.made();
        let has = |(choice, &made): (&Choice, &Option<Made>)| made.is_none_or(|made| choice.offer.has(made));
        made.len() == self.choices().len() && self.choices().iter().zip(made).all(has)
    }

    /// Every stored parameter at its largest shape, in an order that its ids follow.
    pub fn params(&self) -> &[Param] {
        &self.params
    }

    /// What each of its logits is of: those that are told come first.
    pub fn heads(&self) -> &[Head] {
        &self.heads
    }

    /// Names of the block instances, in order.
    pub fn blocks(&self) -> impl Iterator<Item = &str> {
        self.graph.blocks.iter().map(|(name, _)| name.as_str())
    }

    /// All its architectures in one graph, the schema's sizes left open.
    pub fn graph(&self) -> &SpaceGraph {
        &self.graph
    }

    /// What the schema supplied that it is bound to.
    pub fn schema_sizes(&self) -> SchemaSizes {
        self.sizes
    }
}
