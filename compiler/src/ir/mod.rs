//! The intermediate representation: a space as one petgraph graph of primitives with choice nodes, all block
//! instances and operators written out, sizes and layouts kept as expressions over the choices.
//!
//! Lives here: the graph, its choices, size and layout expressions and how they evaluate, and what `check` makes of a
//! space as a whole. Never: source text, names in scope, or anything an architecture has already settled (that is
//! `plan/`).

mod bounds;
mod checked;
mod choices;
mod constraints;
mod emit;
mod graph;
mod intervals;
mod layouts;
mod offers;
mod restrict;
mod sizes;
mod symbolic;
mod wiring;

pub use bounds::{Bounds, MAX_SIZE};
pub use checked::{CheckedSpace, SpaceArguments};
pub use choices::{Assignment, Choice, ChoiceId, Memo, SchemaSizes, Undecided};
pub use constraints::Constraint;
pub use graph::{Gate, NodeKind, Operand, ParamTemplate, SpaceGraph, SpaceNode};
pub(crate) use intervals::{Interval, Knowledge, Taken};
pub use layouts::{AxisRef, LayoutExpr, LayoutId};
pub use offers::{Made, Offer, Takes, Word};
pub(crate) use restrict::Given;
pub use sizes::{Cond, CondId, Expressions, Real, Relation, Size, SizeId};
pub(crate) use symbolic::Symbolic;
pub use wiring::Wiring;

pub use crate::tensor::{TemplateKind, TensorKind};
