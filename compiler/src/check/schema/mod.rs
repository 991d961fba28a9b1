//! Schemas: the columns of a table, and what each becomes for a model.
//!
//! Lives here: one file for what a schema says of the whole table, one for what it says of each row, one for the names of
//! columns and one for those that are numbers, one each for numbers, for categories and for what is crossed, and one for columns under one name. Never: what a value is, or how it is read; that is the runtime's.

mod categories;
mod columns;
mod crosses;
mod numbers;
mod pairs;
mod rows;
mod sections;
mod table;
mod types;

use super::program::{Item, Program};
use super::settings::Called;
use crate::diagnostics::{Code, Diagnostic, nearest};
use crate::elsewhere;
use crate::schema::{Format, Label, Schema, SparseColumn};
use crate::syntax::tree::{Arg, Columns, Name, SchemaLine};

pub(crate) use categories::STEPS as SPARSE_STEPS;
pub(crate) use columns::names as column_names;
pub(crate) use crosses::CROSS;
pub(crate) use numbers::STEPS as DENSE_STEPS;
pub(crate) use table::FORMATS;
pub(crate) use types::TYPES;

/// Most columns of a table.
const MAX_COLUMNS: u64 = 10_000;

/// What a line of a schema may begin with.
pub(crate) const KEYWORDS: [&str; 10] =
    ["format", "missing", "label", "weight", "group", "time", "part", "skip", "dense", "sparse"];

impl Program {
    /// Checks a schema.
    ///
    /// # Errors
    /// The findings.
    pub fn schema(&self, item: &Item) -> Result<Schema, Vec<Diagnostic>> {
        let tree = self.schema_item(item);
        let mut diagnostics = Vec::new();
        let mut reading = Reading {
            schema: Schema {
                name: tree.name.text.clone(),
                format: Format::TSV,
                missing: Vec::new(),
                columns: Vec::new(),
                label: Label { called: None, column: String::new(), condition: None },
                other_labels: Vec::new(),
                dense: Vec::new(),
                sparse: Vec::new(),
                sections: Vec::new(),
                weight: None,
                group: None,
                time: None,
                part: None,
            },
            formatted: false,
        };
        for line in &tree.lines {
            let schema = &reading.schema;
            if (schema.dense.len() + schema.sparse.len()).max(schema.columns.len()) as u64 > MAX_COLUMNS {
                diagnostics.push(
                    Diagnostic::error(Code::TooLarge, format!("more than {MAX_COLUMNS} columns"))
                        .label(line.span, "from here"),
                );
                break;
            }
            let read = match &line.section {
                Some(section) => reading.line_of(section, line),
                None => reading.line(line),
            };
            diagnostics.extend(read.err());
        }
        diagnostics.extend(sections::misnamed(tree));
        if let Format::Pairs(pairs) = reading.schema.format {
            diagnostics.extend(reading.pairs(pairs, &tree.lines));
        }
        let mut schema = reading.schema;
        // Nothing of the file is read for them.
        schema.sparse.sort_by_key(SparseColumn::is_crossed);
        let mut names: Vec<&str> = schema.dense.iter().map(|c| c.name.as_str()).collect();
        names.extend(schema.sparse.iter().map(|c| c.name.as_str()));
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            diagnostics.push(
                Diagnostic::error(Code::Duplicate, format!("column `{}` is there twice", twice[0]))
                    .label(tree.name.span, "in this schema")
                    .help("give one of them another name: `dense age_squared from age`"),
            );
        }
        // What is missing may have been on a line that could not be read.
        if tree.incomplete {
            return Err(diagnostics);
        }
        if diagnostics.is_empty() {
            if schema.label.column.is_empty() {
                diagnostics.push(
                    Diagnostic::error(Code::Schema, format!("schema `{}` has no label", schema.name))
                        .label(tree.name.span, "which column says whether there was a click?")
                        .help("add `label click`"),
                );
            } else if schema.dense.is_empty() && schema.sparse.is_empty() {
                diagnostics.push(
                    Diagnostic::error(Code::Schema, format!("schema `{}` has no columns", schema.name))
                        .label(tree.name.span, "nothing to learn from")
                        .help("add `dense I[1..13]` or `sparse C[1..26]: hex | modulo(rows: 100_000)`"),
                );
            }
        }
        if diagnostics.is_empty() { Ok(schema) } else { Err(diagnostics) }
    }
}

/// A schema as far as its lines were read.
struct Reading {
    schema: Schema,
    /// Whether a format was named.
    formatted: bool,
}

impl Reading {
    fn line(&mut self, line: &SchemaLine) -> Result<(), Diagnostic> {
        match line.keyword.text.as_str() {
            "format" => self.format(line),
            "missing" => self.missing(line),
            "label" => self.label(line),
            "weight" => self.weight(line),
            "group" => self.group(line),
            "time" => self.time(line),
            "part" => self.part(line),
            "skip" => self.skip(line),
            "dense" => self.dense(line),
            "sparse" => self.sparse(line),
            other => {
                let near = nearest(other, KEYWORDS);
                Err(Diagnostic::error(Code::Schema, format!("`{other}` is not understood"))
                    .label(line.keyword.span, format!("expected {}", KEYWORDS.join(", ")))
                    .help_if(elsewhere::column(other).map(str::to_owned))
                    .did_you_mean(line.keyword.span, other, near))
            }
        }
    }

    /// Takes note of columns of the file.
    fn mention(&mut self, names: &[String]) {
        for name in names {
            if !self.schema.columns.contains(name) {
                self.schema.columns.push(name.clone());
            }
        }
    }
}

/// A step of a pipe, or a type, as something that is called.
fn called<'a>(name: &'a Name, args: &'a [Arg]) -> Called<'a> {
    Called { name: &name.text, args, span: name.span, code: Code::Schema }
}

/// The only columns of a line that takes no list of them.
fn one(line: &SchemaLine) -> Result<&Columns, Diagnostic> {
    match line.columns.as_slice() {
        [one] => Ok(one),
        [_, second, ..] => Err(Diagnostic::error(Code::Schema, format!("`{}` names one column", line.keyword.text))
            .label(second.name.span, "a second one")),
        [] => Err(Diagnostic::error(Code::Schema, "which column?").label(line.span, "it has no name")),
    }
}

/// What the parts of a line are called, in the order in which they stand there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Says {
    Arguments,
    From,
    Condition,
    Written,
    Steps,
}

/// Fails where a line says more than lines of its kind do.
fn only(line: &SchemaLine, says: &[Says]) -> Result<(), Diagnostic> {
    let parts = [
        (Says::Arguments, line.args.first().map(Arg::span)),
        (Says::From, line.from.as_ref().map(|from| from.name.span)),
        (Says::Condition, line.condition.as_ref().map(|(_, value)| value.span)),
        (Says::Written, line.written.as_ref().map(|written| written.name.span)),
        (Says::Steps, line.stages.first().map(|(name, _)| name.span)),
    ];
    let unexpected = parts.into_iter().filter(|(part, _)| !says.contains(part)).find_map(|(_, span)| span);
    unexpected.map_or(Ok(()), |span| {
        let message = format!("a line of `{}` says nothing of the kind", line.keyword.text);
        Err(Diagnostic::error(Code::Schema, message).label(span, "not expected here"))
    })
}
