//! Categorical columns.

use super::columns::made;
use super::{Reading, Says, called, only, types};
use crate::check::settings::{Called, whole};
use crate::diagnostics::{Code, Diagnostic, nearest};
use crate::schema::{Part, SparseColumn, Table, Type};
use crate::syntax::tree::{Arg, Name, SchemaLine};

/// Steps, how they are written at first, and what they do.
pub(crate) const STEPS: [(&str, &str, &str); 11] = [
    ("modulo", "modulo(rows: ", "row v mod (rows - 1) + 1"),
    ("hash", "hash(rows: ", "a row by the value's hash"),
    ("vocabulary", "vocabulary(rows: ", "a row each for the most frequent values"),
    ("quantiles", "quantiles(20)", "a row each for as many numbers"),
    ("log_square", "log_square", "a row by the whole part of ln(v)^2"),
    ("log_buckets", "log_buckets(base: 2)", "a row by the whole part of log(1 + v)"),
    ("hour", "hour", "0 to 23"),
    ("weekday", "weekday", "Monday to Sunday"),
    ("weekend", "weekend", "whether it is Saturday or Sunday"),
    ("day", "day", "of the month"),
    ("month", "month", "of the year"),
];

/// Rows of an embedding table, where none are said.
const ROWS: u64 = 1_000_000;
/// Most rows of an embedding table.
const MOST_ROWS: u64 = 1 << 31;
/// The least base of a logarithm: less would be many rows for few numbers.
const LEAST_BASE: f64 = 1.01;
/// Most quantiles of a column.
const MOST_QUANTILES: u64 = 10_000;

impl Reading {
    pub(super) fn sparse(&mut self, line: &SchemaLine) -> Result<(), Diagnostic> {
        only(line, &[Says::From, Says::Written, Says::Steps])?;
        let place = line.columns.first().map_or(line.span, |columns| columns.name.span);
        let Some(written) = &line.written else {
            return Err(Diagnostic::error(Code::Schema, "how are these categories written?")
                .label(place, "no encoding")
                .help("add `: hex`, `: int` or `: text`"));
        };
        let kind = types::read(written)?;
        let (table, rows) = match (line.stages.as_slice(), &kind) {
            ([], Type::Bool) => with_rows(Table::Enumerated(Part::Truth)),
            ([step], _) => table(step, &kind, written.name.text.as_str())?,
            _ => {
                return Err(Diagnostic::error(Code::Schema, "a sparse column is brought into its table by one step")
                    .label(place, "for these columns")
                    .help(format!("add {}", usual(&kind))));
            }
        };
        for (name, from) in made(line)? {
            self.mention(std::slice::from_ref(&from));
            let (kind, table) = (kind.clone(), table.clone());
            self.schema.sparse.push(SparseColumn { name, from, kind, table, rows, missing: 0 });
        }
        Ok(())
    }
}

/// A table whose rows are known beforehand.
fn with_rows(table: Table) -> (Table, usize) {
    let rows = table.rows().unwrap_or_default();
    (table, rows)
}

/// A step that such values have.
fn usual(kind: &Type) -> &'static str {
    match kind {
        Type::Int | Type::Hex => "`| modulo(rows: 500_000)`",
        Type::Text => "`| vocabulary(min_count: 2)` or `| hash(rows: 100_000)`",
        Type::Number => "`| quantiles(20)` or `| log_square`",
        Type::Time(_) => "`| hour` or `| weekday`",
        Type::Bool => "no step",
    }
}

fn table((name, args): &(Name, Vec<Arg>), kind: &Type, written: &str) -> Result<(Table, usize), Diagnostic> {
    const HASH: [&str; 2] = ["rows", "seed"];
    const VOCABULARY: [&str; 2] = ["min_count", "rows"];
    let called = called(name, args);
    let wrong = || {
        Diagnostic::error(Code::Schema, format!("`{}` is no step for what is written as `{written}`", name.text))
            .label(name.span, format!("expected {}", usual(kind)))
    };
    let (is_key, is_time) = (matches!(kind, Type::Int | Type::Hex | Type::Text), matches!(kind, Type::Time(_)));
    let is_number = matches!(kind, Type::Number | Type::Int);
    let enumerated = |part: Part| {
        called.only(&[])?;
        if is_time { Ok(with_rows(Table::Enumerated(part))) } else { Err(wrong()) }
    };
    match name.text.as_str() {
        "modulo" => match kind {
            Type::Int | Type::Hex => modulo(name, args).map(|rows| (Table::Modulo, rows)),
            _ => Err(wrong()),
        },
        "hash" if is_key => {
            called.only(&HASH)?;
            let seed = called.whole(&HASH, "seed", 0)?;
            Ok((Table::Hash { seed }, rows(&called, &HASH, None, 2, name)?))
        }
        "vocabulary" if is_key => {
            called.only(&VOCABULARY)?;
            let min_count = called.whole(&VOCABULARY, "min_count", 1)?;
            Ok((Table::Vocabulary { min_count }, rows(&called, &VOCABULARY, Some(ROWS), 3, name)?))
        }
        "quantiles" if matches!(kind, Type::Number | Type::Int | Type::Time(_)) => {
            called.only(&["count"])?;
            match called.whole(&["count"], "count", 0)? {
                count @ 2..=MOST_QUANTILES => Ok((Table::Quantiles, count as usize + 1)),
                _ => Err(Diagnostic::error(Code::Schema, "`quantiles` needs their number")
                    .label(name.span, format!("expected 2 to {MOST_QUANTILES}, such as `quantiles(20)`"))),
            }
        }
        "log_square" if is_number => called.only(&[]).map(|()| with_rows(Table::LogSquare)),
        "log_buckets" if is_number => {
            called.only(&["base"])?;
            let base = called.real(&["base"], "base", 2.0, LEAST_BASE, 1e6)?;
            Ok(with_rows(Table::LogBuckets { base }))
        }
        "hour" => enumerated(Part::Hour),
        "weekday" => enumerated(Part::Weekday),
        "weekend" => enumerated(Part::Weekend),
        "day" => enumerated(Part::Day),
        "month" => enumerated(Part::Month),
        "hash" | "vocabulary" | "quantiles" | "log_square" | "log_buckets" => Err(wrong()),
        other => {
            let known = STEPS.map(|(name, ..)| name);
            let near = nearest(other, known);
            Err(Diagnostic::error(Code::Schema, format!("there is no step `{other}` for categories"))
                .label(name.span, format!("expected {}", known.join(", ")))
                .did_you_mean(name.span, other, near))
        }
    }
}

fn rows(called: &Called, args: &[&str], default: Option<u64>, least: u64, name: &Name) -> Result<usize, Diagnostic> {
    match called.whole(args, "rows", default.unwrap_or(0))? {
        rows if (least..=MOST_ROWS).contains(&rows) => Ok(rows as usize),
        _ => Err(Diagnostic::error(Code::Schema, format!("`{}` needs the number of rows of the table", name.text))
            .label(name.span, format!("expected `rows: n`, from {least} to 2,147,483,648"))),
    }
}

fn modulo(stage: &Name, args: &[Arg]) -> Result<usize, Diagnostic> {
    let mut rows = None;
    for arg in args {
        let value = whole(&arg.value).ok_or_else(|| {
            Diagnostic::error(Code::Schema, "`modulo` takes whole numbers").label(arg.value.span, "expected one")
        })?;
        match arg.name.as_ref().map(|name| name.text.as_str()) {
            Some("rows") | None => rows = Some(value),
            Some("missing") if value == 0 => {}
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
        Some(rows) if (2..=MOST_ROWS).contains(&rows) => Ok(rows as usize),
        _ => Err(Diagnostic::error(Code::Schema, "`modulo` needs the number of rows of the table")
            .label(stage.span, "expected `rows: n`, from 2 to 2,147,483,648")),
    }
}
