//! A space that has been checked: its graph, with what it is called.

use std::borrow::Cow;

use super::SpaceGraph;
use crate::schema::Schema;

/// The parameters that a space was elaborated with, as source: `blocks: 2`.
pub type SpaceArguments = Vec<(String, String)>;

/// A space checked over all its choices, before a schema is bound.
#[derive(Clone, Debug)]
pub struct CheckedSpace {
    /// Of the item, without arguments.
    pub name: String,
    /// Every parameter with its value, as source.
    pub arguments: SpaceArguments,
    /// The schema's sizes are left open in it.
    pub graph: SpaceGraph,
}

impl CheckedSpace {
    /// The same with the choices that depend on which columns there are: see [`SpaceGraph::over`].
    #[must_use]
    pub fn over(self, schema: &Schema) -> Self {
        match self.graph.over(schema) {
            Cow::Borrowed(_) => self,
            Cow::Owned(graph) => Self { graph, ..self },
        }
    }

    /// The name with the parameters that it was given: `dlrm(dim: 8)`.
    pub fn title(&self) -> String {
        let given: Vec<String> = self.arguments.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        if given.is_empty() { self.name.clone() } else { format!("{}({})", self.name, given.join(", ")) }
    }
}
