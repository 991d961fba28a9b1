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
    /// One categorical column with several values a row, in their order, before `embed`: as many fields as it has places.
    Sequence,
}

impl InputKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Dense, Self::Categorical, Self::Sequence];

    /// Whether what it reads is looked up by `embed`.
    pub fn is_looked_up(self) -> bool {
        self != Self::Dense
    }

    /// The word of the language.
    pub fn word(self) -> &'static str {
        match self {
            Self::Dense => "dense",
            Self::Categorical => "categorical",
            Self::Sequence => "sequence",
        }
    }

    /// What such columns are called where the reader is told of them.
    fn columns(self) -> &'static str {
        match self {
            Self::Dense => "numeric",
            Self::Categorical => "categorical",
            Self::Sequence => "listed",
        }
    }

    /// Such columns of a schema, in its order: names, with their indices into [`Schema::dense`] or [`Schema::sparse`].
    fn of(self, schema: &Schema) -> Vec<(&str, usize)> {
        let sparse = schema.sparse.iter().enumerate();
        match self {
            Self::Dense => schema.dense.iter().enumerate().map(|(at, column)| (column.name.as_str(), at)).collect(),
            Self::Categorical => sparse.map(|(at, column)| (column.name.as_str(), at)).collect(),
            Self::Sequence => {
                let listed = sparse.filter(|(_, column)| column.list.is_some());
                listed.map(|(at, column)| (column.name.as_str(), at)).collect()
            }
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
    /// those of a section in the order of the schema. The one column of a sequence once for each of its places.
    ///
    /// # Errors
    /// What the schema does not have, in words.
    pub fn columns(&self, schema: &Schema) -> Result<Vec<usize>, String> {
        let columns = self.named(schema)?;
        if self.kind != InputKind::Sequence {
            return Ok(columns);
        }
        match columns.as_slice() {
            [column] => Ok(vec![*column; schema.sparse[*column].slots()]),
            [] => Err(format!(
                "input `{}` is a sequence, and schema `{}` has none; one is `sparse history: int | list(\"^\", most: 20) | vocabulary`",
                self.name, schema.name
            )),
            [first, second, ..] => Err(format!(
                "input `{0}` is one sequence, and would read `{1}` and `{2}` of schema `{3}`; say which: `input {0}: sequence from {1}`",
                self.name, schema.sparse[*first].name, schema.sparse[*second].name, schema.name
            )),
        }
    }

    /// The columns that it names, or all of its kind.
    fn named(&self, schema: &Schema) -> Result<Vec<usize>, String> {
        let all = self.kind.of(schema);
        if self.from.is_empty() {
            return Ok(all.into_iter().map(|(_, at)| at).collect());
        }
        let mut columns = Vec::new();
        for name in &self.from {
            let section = schema.sections.iter().find(|section| section.name == *name);
            let is_meant = |column: &str| match section {
                Some(section) => section.columns.iter().any(|of| of == column),
                None => column == name,
            };
            let found: Vec<usize> = all.iter().filter(|(column, _)| is_meant(column)).map(|&(_, at)| at).collect();
            if found.is_empty() {
                return Err(self.lacking(name, schema));
            }
            if let Some(twice) = found.iter().find(|column| columns.contains(*column)) {
                let twice = all.iter().find(|(_, at)| at == twice).map_or("", |(column, _)| column);
                return Err(format!("input `{}` reads the column `{twice}` twice", self.name));
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
        if self.kind == InputKind::Sequence && both().any(|(column, _)| column == name) {
            return format!(
                "column `{name}` of schema `{}` has one value a row, and input `{}` is a sequence; one is `sparse {name}: int | list(\"^\", most: 20) | \
                 vocabulary`",
                schema.name, self.name
            );
        }
        if both().any(|(column, _)| column == name) {
            return format!("column `{name}` of schema `{}` is not {kind}, as input `{}` is", schema.name, self.name);
        }
        let known = schema.sections.iter().map(|section| section.name.as_str());
        let known = known.chain(self.kind.of(schema).into_iter().map(|(column, _)| column));
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
