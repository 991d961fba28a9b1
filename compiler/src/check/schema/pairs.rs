//! Columns of files of pairs, which have numbers in place of names.

use super::Reading;
use super::columns::names;
use super::crosses::CROSS;
use crate::diagnostics::{Code, Diagnostic};
use crate::schema::{DenseColumn, Pairs, SparseColumn, Table};
use crate::syntax::tree::SchemaLine;

impl Reading {
    /// What is wrong with how columns are named; where nothing is, whether the index or the value of a field is meant.
    pub(super) fn pairs(&mut self, pairs: Pairs, lines: &[SchemaLine]) -> Vec<Diagnostic> {
        let label = &self.schema.label.column;
        if !self.schema.other_labels.is_empty() {
            let second = lines.iter().filter(|line| line.keyword.text == "label").nth(1);
            return second.map(second_label).into_iter().collect();
        }
        if pairs == Pairs::Libfm {
            let first = self.schema.columns.first();
            let line = lines.iter().find(|line| line.keyword.text == "label");
            let late = line.filter(|_| first != Some(label));
            return late.map(late_label).into_iter().collect();
        }
        let numbered_label =
            label.parse::<u32>().is_ok().then(|| lines.iter().find(|line| line.keyword.text == "label"));
        let named = lines.iter().filter(|line| !["format", "missing", "label"].contains(&line.keyword.text.as_str()));
        let named = named.filter(|line| line.written.as_ref().is_none_or(|written| written.name.text != CROSS));
        let columns = named.flat_map(|line| line.from.as_ref().map_or(&line.columns[..], std::slice::from_ref));
        let is_number =
            |name: &String| name == Pairs::QUERY || name.parse::<u32>().is_ok_and(|n| *name == n.to_string());
        let other = columns.filter(|columns| names(columns).is_ok_and(|names| !names.iter().all(is_number)));
        let found = other.map(|columns| no_number(pairs, columns.name.span, &columns.name.text));
        let found = found.chain(numbered_label.flatten().map(label_of_number)).collect();
        if pairs == Pairs::Libffm {
            self.fields();
        }
        found
    }

    /// Where a number is wanted, it is the value of a field; where a category is, it is the index.
    fn fields(&mut self) {
        let schema = &mut self.schema;
        let value = |column: &mut String| {
            if column != Pairs::QUERY {
                column.push_str(Pairs::VALUE);
            }
        };
        let numbers = schema.dense.iter_mut().filter(|column| column.encoding.is_none());
        numbers.for_each(|column: &mut DenseColumn| value(&mut column.from));
        let numbers = schema.sparse.iter_mut().filter(|column| {
            matches!(
                column.table,
                Table::Quantiles | Table::LogSquare | Table::LogBuckets { .. } | Table::Enumerated(_)
            )
        });
        numbers.for_each(|column: &mut SparseColumn| value(&mut column.from));
        schema.weight.iter_mut().for_each(value);
        schema.time.iter_mut().for_each(|time| value(&mut time.column));
        let read = std::iter::once(&schema.label.column)
            .chain(schema.dense.iter().map(|column| &column.from))
            .chain(schema.sparse.iter().filter(|column| !column.is_crossed()).map(|column| &column.from))
            .chain(&schema.weight)
            .chain(&schema.group)
            .chain(schema.time.iter().map(|time| &time.column))
            .chain(&schema.part);
        let mut columns: Vec<String> = Vec::new();
        let mut known = std::collections::BTreeSet::new();
        columns.extend(read.filter(|column| known.insert((*column).clone())).cloned());
        schema.columns = columns;
    }
}

fn second_label(line: &SchemaLine) -> Diagnostic {
    Diagnostic::error(Code::Schema, "a line of pairs has one label")
        .label(line.span, "a second one")
        .help("a table with a column for each label is of another format, such as `csv`")
}

fn late_label(line: &SchemaLine) -> Diagnostic {
    Diagnostic::error(Code::Schema, "in `libfm` the label comes first")
        .label(line.span, "after other columns")
        .help("columns are where the schema lists them")
}

fn label_of_number(line: &SchemaLine) -> Diagnostic {
    Diagnostic::error(Code::Schema, "the label is at the beginning of a line, and has no number")
        .label(line.span, "call it by a name, such as `label click`")
}

fn no_number(pairs: Pairs, at: crate::diagnostics::Span, name: &str) -> Diagnostic {
    let (format, what) = match pairs {
        Pairs::Libffm => ("libffm", "the number of a field"),
        _ => ("libsvm", "an index"),
    };
    Diagnostic::error(Code::Schema, format!("in `{format}` a column is called by {what}, and `{name}` is none"))
        .label(at, "which one?")
        .help("say it behind `from`, as in `dense price from 17`")
}
