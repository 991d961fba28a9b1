//! Schemas: the columns of a table and their encodings.

use super::program::{Item, Program};
use super::settings::{number, whole};
use crate::diagnostics::{Code, Diagnostic, nearest};
use crate::schema::{DenseColumn, Encoding, Format, Schema, SparseColumn, Transform};
use crate::syntax::tree::{Arg, Expr, ExprKind, Name, SchemaLine};

/// Most columns of a table.
const MAX_COLUMNS: u64 = 10_000;

impl Program {
    /// Checks a schema.
    ///
    /// # Errors
    /// The findings.
    pub fn schema(&self, item: &Item) -> Result<Schema, Vec<Diagnostic>> {
        let tree = self.schema_item(item);
        let mut diagnostics = Vec::new();
        let mut schema = Schema {
            name: tree.name.text.clone(),
            format: Format::Tsv,
            label: String::new(),
            dense: Vec::new(),
            sparse: Vec::new(),
        };
        for line in &tree.lines {
            if (schema.dense.len() + schema.sparse.len()) as u64 > MAX_COLUMNS {
                diagnostics.push(
                    Diagnostic::error(Code::TooLarge, format!("more than {MAX_COLUMNS} columns"))
                        .label(line.span, "from here"),
                );
                break;
            }
            if let Err(diagnostic) = read_line(&mut schema, line) {
                diagnostics.push(diagnostic);
            }
        }
        let mut names: Vec<&str> = schema.dense.iter().map(|c| c.name.as_str()).collect();
        names.extend(schema.sparse.iter().map(|c| c.name.as_str()));
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            diagnostics.push(
                Diagnostic::error(Code::Duplicate, format!("column `{}` is there twice", twice[0]))
                    .label(tree.name.span, "in this schema"),
            );
        }
        // What is missing may have been on a line that could not be read.
        if tree.incomplete {
            return Err(diagnostics);
        }
        if diagnostics.is_empty() {
            if schema.label.is_empty() {
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

fn read_line(schema: &mut Schema, line: &SchemaLine) -> Result<(), Diagnostic> {
    match line.keyword.text.as_str() {
        "format" => match line.column.text.as_str() {
            "tsv" => Ok(()),
            other => Err(Diagnostic::error(Code::Schema, format!("the format `{other}` is not known"))
                .label(line.column.span, "expected `tsv`")),
        },
        "label" => {
            if !schema.label.is_empty() {
                return Err(
                    Diagnostic::error(Code::Duplicate, "a schema has one label").label(line.span, "a second one")
                );
            }
            schema.label.clone_from(&line.column.text);
            Ok(())
        }
        "dense" => {
            if !schema.sparse.is_empty() {
                return Err(Diagnostic::error(Code::Schema, "dense columns come before the sparse ones")
                    .label(line.span, "move this line up")
                    .help("columns are read in this order: label, dense, sparse"));
            }
            if let Some(encoding) = &line.encoding {
                return Err(Diagnostic::error(Code::Schema, "a dense column is a number")
                    .label(encoding.span, "no encoding is wanted here"));
            }
            let transforms = line.stages.iter().map(transform).collect::<Result<Vec<_>, _>>()?;
            for name in names(&line.column, line.range.as_ref())? {
                schema.dense.push(DenseColumn { name, transforms: transforms.clone() });
            }
            Ok(())
        }
        "sparse" => {
            let encoding = match line.encoding.as_ref().map(|e| (e.text.as_str(), e.span)) {
                Some(("hex", _)) => Encoding::Hex,
                Some(("int", _)) => Encoding::Int,
                Some((other, span)) => {
                    let near = nearest(other, ["hex", "int"]);
                    return Err(Diagnostic::error(Code::Schema, format!("the encoding `{other}` is not known"))
                        .label(span, "expected `hex` or `int`")
                        .did_you_mean(span, other, near));
                }
                None => {
                    return Err(Diagnostic::error(Code::Schema, "how are these categories written?")
                        .label(line.column.span, "no encoding")
                        .help("add `: hex` or `: int`"));
                }
            };
            let [(stage, args)] = line.stages.as_slice() else {
                return Err(Diagnostic::error(Code::Schema, "a sparse column is brought into its table by one step")
                    .label(line.column.span, "for these columns")
                    .help("add `| modulo(rows: 500_000)`"));
            };
            let (rows, missing) = modulo(stage, args)?;
            for name in names(&line.column, line.range.as_ref())? {
                schema.sparse.push(SparseColumn { name, encoding, rows, missing });
            }
            Ok(())
        }
        other => {
            let words = ["format", "label", "dense", "sparse"];
            let near = nearest(other, words);
            Err(Diagnostic::error(Code::Schema, format!("`{other}` is not understood"))
                .label(line.keyword.span, format!("expected {}", words.join(", ")))
                .did_you_mean(line.keyword.span, other, near))
        }
    }
}

/// The names of `I[1..13]`: `I1` to `I13`.
fn names(column: &Name, range: Option<&Expr>) -> Result<Vec<String>, Diagnostic> {
    let Some(range) = range else { return Ok(vec![column.text.clone()]) };
    let bounds = match &range.kind {
        ExprKind::Range { lo, hi, step: None } => whole(lo).zip(whole(hi)),
        _ => whole(range).map(|n| (n, n)),
    };
    match bounds {
        Some((lo, hi)) if lo <= hi && hi - lo < MAX_COLUMNS => {
            Ok((lo..=hi).map(|i| format!("{}{i}", column.text)).collect())
        }
        _ => Err(Diagnostic::error(Code::Schema, "these columns are not understood")
            .label(range.span, "expected a range, such as `1..13`")),
    }
}

fn transform((name, args): &(Name, Vec<Arg>)) -> Result<Transform, Diagnostic> {
    let argument = match args.as_slice() {
        [] => None,
        [one] => Some(number(&one.value).ok_or_else(|| {
            Diagnostic::error(Code::Schema, format!("`{}` is not understood", name.text))
                .label(one.value.span, "expected a number")
        })?),
        _ => {
            return Err(Diagnostic::error(Code::Schema, format!("`{}` takes one number at most", name.text))
                .label(name.span, format!("{} given", args.len())));
        }
    };
    match (name.text.as_str(), argument) {
        ("max", Some(bound)) => Ok(Transform::Max(bound)),
        ("min", Some(bound)) => Ok(Transform::Min(bound)),
        ("log1p", None) => Ok(Transform::Log1p),
        (known @ ("max" | "min" | "log1p"), _) => {
            let expected = if known == "log1p" { "no argument" } else { "one number" };
            Err(Diagnostic::error(Code::Schema, format!("`{known}` takes {expected}")).label(name.span, "here"))
        }
        (other, _) => {
            let known = ["max", "min", "log1p"];
            let near = nearest(other, known);
            Err(Diagnostic::error(Code::Schema, format!("there is no step `{other}` for numbers"))
                .label(name.span, format!("expected {}", known.join(", ")))
                .did_you_mean(name.span, other, near))
        }
    }
}

fn modulo(stage: &Name, args: &[Arg]) -> Result<(usize, usize), Diagnostic> {
    if stage.text != "modulo" {
        return Err(Diagnostic::error(Code::Schema, format!("there is no step `{}` for categories", stage.text))
            .label(stage.span, "expected `modulo(rows: …)`"));
    }
    let (mut rows, mut missing) = (None, 0);
    for arg in args {
        let value = whole(&arg.value).ok_or_else(|| {
            Diagnostic::error(Code::Schema, "`modulo` takes whole numbers").label(arg.value.span, "expected one")
        })?;
        match arg.name.as_ref().map(|name| name.text.as_str()) {
            Some("rows") | None => rows = Some(value),
            Some("missing") if value == 0 => missing = 0,
            Some("missing") => {
                return Err(
                    Diagnostic::error(Code::Schema, "missing values have row 0").label(arg.value.span, "expected 0")
                );
            }
            Some(_) => {
                return Err(Diagnostic::error(Code::Schema, "`modulo` does not take this")
                    .label(arg.span(), "expected `rows` or `missing`"));
            }
        }
    }
    match rows {
        Some(rows) if (2..=1 << 31).contains(&rows) => Ok((rows as usize, missing)),
        _ => Err(Diagnostic::error(Code::Schema, "`modulo` needs the number of rows of the table")
            .label(stage.span, "expected `rows: n`, from 2 to 2,147,483,648")),
    }
}
