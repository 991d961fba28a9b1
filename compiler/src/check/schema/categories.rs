//! Categorical columns.

use super::columns::made;
use super::crosses::CROSS;
use super::{Reading, Says, called, only, types};
use crate::check::settings::{Called, whole};
use crate::diagnostics::{Code, Diagnostic, nearest};
use crate::elsewhere;
use crate::schema::{Format, List, Part, Pool, SparseColumn, Table, Type};
use crate::syntax::tree::{Arg, ExprKind, Name, SchemaLine};

/// Steps, how they are written at first, and what they do.
pub(crate) const STEPS: [(&str, &str, &str); 13] = [
    ("list", "list(\"|\")", "several values in one, whose embeddings are pooled"),
    ("same", "same(", "the rows of another column"),
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
/// Longest separator of a list, in bytes.
const LONGEST_SEPARATOR: usize = 8;
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
        if written.name.text == CROSS && !written.quoted {
            return self.cross(line, written);
        }
        let kind = types::read(written)?;
        let (list, stages) = match line.stages.split_first() {
            Some((first, others)) if first.0.text == "list" => (Some(list(first, &kind, self.schema.format)?), others),
            _ => (None, line.stages.as_slice()),
        };
        let mut same = None;
        let (table, rows) = match (stages, &kind) {
            ([], Type::Bool) => with_rows(Table::Enumerated(Part::Truth)),
            ([(name, args)], _) if name.text == "same" => {
                let other = self.same(name, args, &kind)?;
                same = Some(other.name.clone());
                (other.table.clone(), other.rows)
            }
            ([step], _) => table(step, &kind, written.name.text.as_str())?,
            _ => {
                // Of several steps the one that is none says what was meant.
                let strange = stages.iter().find_map(|(name, _)| Some((name, elsewhere::step(&name.text)?)));
                let diagnostic =
                    Diagnostic::error(Code::Schema, "a sparse column is brought into its table by one step");
                return Err(match (strange, stages) {
                    (Some((name, known)), _) => diagnostic.label(name.span, "not a step of these columns").help(known),
                    (None, []) => diagnostic.label(place, "for these columns").help(format!("add {}", usual(&kind))),
                    (None, [_, (second, _), ..]) => diagnostic
                        .label(second.span, "a second one")
                        .help("several categories of one value are `list(\"|\")` before that step"),
                    (None, [_]) => diagnostic.label(place, "for these columns"),
                });
            }
        };
        for (name, from) in made(line)? {
            self.mention(std::slice::from_ref(&from));
            let (kind, table, list, same) = (kind.clone(), table.clone(), list.clone(), same.clone());
            self.schema.sparse.push(SparseColumn { name, from, kind, table, rows, missing: 0, list, same });
        }
        Ok(())
    }

    /// The column whose table a column shares.
    fn same(&self, name: &Name, args: &[Arg], kind: &Type) -> Result<&SparseColumn, Diagnostic> {
        let called = called(name, args);
        called.only(&["column"])?;
        let given = called.expr(&["column"], "column");
        let wanted = given.and_then(|given| match &given.kind {
            ExprKind::Name(name) => Some(name.as_str()),
            ExprKind::Text(name) => Some(name.as_str()),
            _ => None,
        });
        let place = given.map_or(name.span, |given| given.span);
        let Some(wanted) = wanted else {
            return Err(Diagnostic::error(Code::Schema, "`same` needs the column whose table is shared")
                .label(place, "expected a name, such as `same(item)`"));
        };
        let Some(other) = self.schema.sparse.iter().find(|column| column.name == wanted) else {
            let near = nearest(wanted, self.schema.sparse.iter().map(|column| column.name.as_str()));
            return Err(Diagnostic::error(
                Code::Schema,
                format!("there is no sparse column `{wanted}` before this line"),
            )
            .label(place, "whose table would be shared")
            .did_you_mean(place, wanted, near));
        };
        let wrong = |message: String, help: &str| {
            Err(Diagnostic::error(Code::Schema, message).label(place, "not this").help(help.to_owned()))
        };
        if let Some(owner) = &other.same {
            return wrong(
                format!("`{wanted}` has no table of its own"),
                &format!("name the column that has one: `same({owner})`"),
            );
        }
        if other.kind != *kind {
            return wrong(
                format!("`{wanted}` is written otherwise"),
                "columns with one table have one type: what both call alike is one row",
            );
        }
        if !is_shared(&other.table) {
            return wrong(
                format!("the rows of `{wanted}` are no categories of their own"),
                "columns share what `modulo`, `hash` or `vocabulary` makes",
            );
        }
        Ok(other)
    }
}

/// Whether rows say which value it is.
fn is_shared(table: &Table) -> bool {
    matches!(table, Table::Modulo | Table::Hash { .. } | Table::Vocabulary { .. })
}

/// `list("|", most: 16, pool: mean)`, or `list("^", last: 20)`
fn list((name, args): &(Name, Vec<Arg>), kind: &Type, format: Format) -> Result<List, Diagnostic> {
    const ARGS: [&str; 4] = ["separator", "most", "pool", "last"];
    if !matches!(kind, Type::Int | Type::Hex | Type::Text) {
        return Err(Diagnostic::error(Code::Schema, "a list of categories is of `int`, `hex` or `text`")
            .label(name.span, "these are none")
            .help("a list of numbers is a dense column: `dense v[1..8] from vector | list(\" \")`"));
    }
    let called = called(name, args);
    called.only(&ARGS)?;
    let separator = separator(&called, &ARGS, format)?;
    let last = called.expr(&ARGS, "last");
    if let (Some(last), Some(most)) = (last, called.expr(&ARGS, "most")) {
        return Err(Diagnostic::error(Code::Schema, "a list is read from its beginning or from its end")
            .label(most.span, "so many of the first")
            .label(last.span, "and so many of the last"));
    }
    let which = if last.is_some() { "last" } else { "most" };
    let last = last.is_some();
    let most = called.whole(&ARGS, which, List::MOST as u64)?;
    let place = |arg: &str| called.expr(&ARGS, arg).map_or(name.span, |given| given.span);
    if !(1..=List::MOST_SLOTS as u64).contains(&most) {
        return Err(Diagnostic::error(Code::Schema, format!("a list of {most} categories is not understood"))
            .label(place(which), format!("expected 1 to {}", List::MOST_SLOTS)));
    }
    let pool = match called.expr(&ARGS, "pool").map(|given| &given.kind) {
        None => Pool::Mean,
        Some(ExprKind::Name(name)) if name == "mean" => Pool::Mean,
        Some(ExprKind::Name(name)) if name == "sum" => Pool::Sum,
        Some(ExprKind::Name(name)) if name == "max" => Pool::Max,
        Some(_) => {
            return Err(Diagnostic::error(Code::Schema, "how do the embeddings of a list become one?")
                .label(place("pool"), "expected `mean`, `sum` or `max`"));
        }
    };
    Ok(List { separator, most: most as usize, last, pool })
}

/// What stands between two values of a list; nothing need be said of a file that has lists as such.
pub(super) fn separator(called: &Called, args: &[&str], format: Format) -> Result<String, Diagnostic> {
    let given = called.expr(args, "separator");
    match given.map(|given| &given.kind) {
        None if format == Format::Parquet => Ok(List::WITHIN.to_owned()),
        Some(ExprKind::Text(text)) if (1..=LONGEST_SEPARATOR).contains(&text.len()) => Ok(text.clone()),
        _ => Err(Diagnostic::error(Code::Schema, "what stands between two values of a list?")
            .label(given.map_or(called.span, |given| given.span), "expected a text, such as `list(\"|\")`")),
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
            .help_if(elsewhere::step(&name.text).map(str::to_owned))
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
        "list" => Err(Diagnostic::error(Code::Schema, "`list` comes before other steps")
            .label(name.span, "it says what the values are that they are of")),
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

pub(super) fn rows(
    called: &Called,
    args: &[&str],
    default: Option<u64>,
    least: u64,
    name: &Name,
) -> Result<usize, Diagnostic> {
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
