//! The inputs of a space, and which columns of a schema each of them reads.

use super::choices::SchemaSizes;
use super::graph::SpaceGraph;
use crate::diagnostics::{Span, nearest};
use crate::schema::Schema;

/// Most inputs of a space.
pub const MAX_INPUTS: usize = 16;

/// Index of an input in its space, in source order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InputId(pub u8);

impl InputId {
    /// As an index into [`SpaceGraph::inputs`].
    pub fn index(self) -> usize {
        self.0.into()
    }
}

/// What an input is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputKind {
    /// Numeric columns: a dense tensor.
    Dense,
    /// Categorical columns, before `embed`.
    Categorical,
}

impl InputKind {
    /// The word of the language.
    pub fn word(self) -> &'static str {
        match self {
            Self::Dense => "dense",
            Self::Categorical => "categorical",
        }
    }

    /// What such columns are called where the reader is told of them.
    fn columns(self) -> &'static str {
        match self {
            Self::Dense => "numeric",
            Self::Categorical => "categorical",
        }
    }

    /// Names of such columns of a schema, in its order.
    fn of(self, schema: &Schema) -> Vec<&str> {
        match self {
            Self::Dense => schema.dense.iter().map(|column| column.name.as_str()).collect(),
            Self::Categorical => schema.sparse.iter().map(|column| column.name.as_str()).collect(),
        }
    }
}

/// `input user: categorical from user`
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// What the space calls it.
    pub name: String,
    /// What it is made of.
    pub kind: InputKind,
    /// Sections of a schema, or columns; where it names none, all columns of its kind.
    pub from: Vec<String>,
    /// Where it is written.
    pub span: Span,
}

impl Input {
    /// Its columns, as indices into [`Schema::dense`] or [`Schema::sparse`]: sections and columns in the order in which it names them,
    /// those of a section in the order of the schema.
    ///
    /// # Errors
    /// What the schema does not have, in words.
    pub fn columns(&self, schema: &Schema) -> Result<Vec<usize>, String> {
        let all = self.kind.of(schema);
        if self.from.is_empty() {
            return Ok((0..all.len()).collect());
        }
        let mut columns = Vec::new();
        for name in &self.from {
            let found: Vec<usize> = match schema.sections.iter().find(|section| section.name == *name) {
                Some(section) => all
                    .iter()
                    .enumerate()
                    .filter(|(_, column)| section.columns.iter().any(|c| c == *column))
                    .map(|(at, _)| at)
                    .collect(),
                None => all.iter().position(|column| column == name).into_iter().collect(),
            };
            if found.is_empty() {
                return Err(self.lacking(name, schema));
            }
            if let Some(&twice) = found.iter().find(|column| columns.contains(*column)) {
                return Err(format!("input `{}` reads the column `{}` twice", self.name, all[twice]));
            }
            columns.extend(found);
        }
        Ok(columns)
    }

    /// Why there are no columns of its kind under a name.
    fn lacking(&self, name: &str, schema: &Schema) -> String {
        let kind = self.kind.columns();
        let both = || InputKind::Dense.of(schema).into_iter().chain(InputKind::Categorical.of(schema));
        if schema.sections.iter().any(|section| section.name == *name) {
            return format!(
                "section `{name}` of schema `{}` has no {kind} columns for input `{}`",
                schema.name, self.name
            );
        }
        if both().any(|column| column == name) {
            return format!("column `{name}` of schema `{}` is not {kind}, as input `{}` is", schema.name, self.name);
        }
        let known = schema.sections.iter().map(|section| section.name.as_str()).chain(self.kind.of(schema));
        let near = nearest(name, known).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        format!(
            "schema `{}` has no section and no column `{name}`, which input `{}` reads{near}",
            schema.name, self.name
        )
    }
}

impl SpaceGraph {
    /// What a schema supplies. An input that it cannot fill counts one column: binding to it says so.
    pub fn sizes_of(&self, schema: &Schema) -> SchemaSizes {
        let mut sizes =
            SchemaSizes { numeric: schema.numeric_width(), fields: schema.sparse.len(), ..SchemaSizes::ONE };
        for (input, count) in self.inputs.iter().zip(&mut sizes.columns) {
            let columns = input.columns(schema).map_or(1, |columns| columns.len().max(1));
            *count = u16::try_from(columns).unwrap_or(u16::MAX);
        }
        sizes
    }
}
