//! The stages of a compilation written out: as values for machines, and as indented lines for people.
//!
//! Lives here: the tree of a file, what a file means, the graph of a space, a plan. Never: pictures (`draw/`), or source
//! (`format/`).

mod checked;
mod graph;
mod plan;
mod tree;

pub use checked::{checked, checked_text, parameters};
pub use graph::graph_text;
pub use plan::plan_text;
pub use tree::{tree, tree_text};
