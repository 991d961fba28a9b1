//! Columns with a name that spaces can ask for: `user { sparse user, age: … }`.

use super::{KEYWORDS, Reading};
use crate::diagnostics::{Code, Diagnostic};
use crate::schema::Section;
use crate::syntax::tree::{Name, SchemaItem, SchemaLine};

/// What is wrong with the sections themselves, whatever is in them.
pub(super) fn misnamed(tree: &SchemaItem) -> Vec<Diagnostic> {
    let wrong = |(at, section): (usize, &Name)| {
        let (name, span) = (&section.text, section.span);
        let lines = tree.lines.iter().any(|line| line.section.as_ref().is_some_and(|of| of.span == span));
        if let Some(first) = tree.sections[..at].iter().find(|first| first.text == *name) {
            let message = format!("section `{name}` is there twice");
            Some(Diagnostic::error(Code::Duplicate, message).label(span, "again").label(first.span, "first here"))
        } else if KEYWORDS.contains(&name.as_str()) {
            let message = format!("`{name}` begins a line of a schema");
            Some(Diagnostic::error(Code::Schema, message).label(span, "call the section otherwise"))
        } else if !lines && !tree.incomplete {
            let message = format!("section `{name}` has no columns");
            Some(Diagnostic::error(Code::Schema, message).label(span, "nothing in it"))
        } else {
            None
        }
    };
    tree.sections.iter().enumerate().filter_map(wrong).collect()
}

impl Reading {
    /// A line of a section: its columns are the section's, too.
    pub(super) fn line_of(&mut self, section: &Name, line: &SchemaLine) -> Result<(), Diagnostic> {
        let keyword = &line.keyword;
        if KEYWORDS.contains(&keyword.text.as_str()) && !matches!(keyword.text.as_str(), "dense" | "sparse") {
            let message = format!("`{}` is said of the whole table", keyword.text);
            return Err(Diagnostic::error(Code::Schema, message)
                .label(keyword.span, format!("not in `{}`, which holds `dense` and `sparse` columns", section.text)));
        }
        let (dense, sparse) = (self.schema.dense.len(), self.schema.sparse.len());
        self.line(line)?;
        let dense = self.schema.dense[dense..].iter().map(|column| column.name.clone());
        let columns: Vec<String> =
            dense.chain(self.schema.sparse[sparse..].iter().map(|column| column.name.clone())).collect();
        match self.schema.sections.iter_mut().find(|known| known.name == section.text) {
            Some(known) => known.columns.extend(columns),
            None => self.schema.sections.push(Section { name: section.text.clone(), columns }),
        }
        Ok(())
    }
}
