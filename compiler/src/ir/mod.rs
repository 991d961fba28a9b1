//! The intermediate representation: a space as one petgraph graph of primitives with choice nodes, all block
//! instances and operators written out, sizes and layouts kept as expressions over the choices.
//!
//! Lives here: the graph, its choices, size and layout expressions and how they evaluate, and what `check` makes of a
//! space as a whole. Never: source text, names in scope, or anything an architecture has already settled (that is
//! `plan/`).

mod bounds;
mod breaks;
mod checked;
mod choices;
mod columns;
mod constraints;
mod emit;
mod graph;
mod heads;
mod inputs;
mod intervals;
mod layouts;
mod offers;
mod restrict;
mod sizes;
mod symbolic;
mod wiring;

pub(crate) use bounds::{Bounds, MAX_SIZE};
pub(crate) use breaks::Break;
pub use checked::{CheckedSpace, SpaceArguments};
pub(crate) use choices::Memo;
pub use choices::{Assignment, Choice, ChoiceId, SchemaSizes, Undecided};
pub use columns::Widths;
pub use constraints::Constraint;
pub(crate) use graph::{Gate, NodeKind, ParamTemplate};
pub use graph::{Operand, SpaceGraph, SpaceNode};
pub use heads::{MAX_HEADS, OfLabel, SpaceHead};
pub use inputs::{Input, InputId, InputKind, MAX_INPUTS};
pub(crate) use intervals::{Interval, Knowledge, Taken};
pub(crate) use layouts::{AxisRef, LayoutExpr};
pub use offers::{Made, Offer, Takes, Word};
pub(crate) use restrict::Given;
pub use sizes::CondId;
pub(crate) use sizes::{Cond, Expressions, Relation, Size, SizeId};
pub(crate) use symbolic::{Demanded, Symbolic};
pub(crate) use wiring::Wiring;

pub(crate) use crate::tensor::{TemplateKind, TensorKind};
