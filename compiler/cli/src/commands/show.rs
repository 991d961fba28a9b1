//! `nasrecc show`: what a model is.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use nasrec_compiler::plan::ParamKind;
use nasrec_compiler::schema::{
    DenseColumn, Element, Encoding, Fill, Format as FileFormat, Label, Pairs, Part, Schema, SparseColumn, Table,
    TimeFormat, Transform, Type,
};
use nasrec_runtime::model::{Evidence, Model};
use nasrec_runtime::train::{Figures, OfHead, Scaling};
use serde::Serialize;

use super::Outcome;
use crate::model;
use crate::output::{self, Format, Text, grouped, mmacs, mops, table};

/// Show what a model is: where it comes from, how good it was, how large it is, and what it reads
///
/// All of it is in the model's directory; nothing is computed.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  nasrecc show runs/day\n  nasrecc show best --format json")]
pub(crate) struct Args {
    /// The directory of a run, or of a model
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// How it is written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// What is told.
#[derive(Serialize)]
struct Shown<'m> {
    name: &'m str,
    directory: String,
    /// A hash of what is computed.
    plan: String,
    evidence: &'m Evidence,
    /// What is done to logits, where they are calibrated.
    calibrated: Option<Scaling>,
    /// Multiply-accumulates a row.
    macs: u64,
    /// All arithmetic of a row.
    ops: u64,
    dense_params: u64,
    embedding_params: u64,
    /// Rows of embedding tables that training touched, and all that there are.
    table_rows: [u64; 2],
    /// How their values are stored.
    tables: &'static str,
    /// Of the directory.
    bytes: u64,
    schema: &'m str,
    reads: String,
    label: String,
    columns: Vec<Column>,
}

/// A column of the model's input.
#[derive(Serialize)]
struct Column {
    name: String,
    /// The column of the file.
    from: String,
    kind: String,
    becomes: String,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let (model, directory) = model::load(&args.model)?;
    let shown = Shown::of(&model, &directory)?;
    match args.format {
        Format::Json => output::print(output::json(&shown)?)?,
        Format::Text => output::print(Text::People(told(&shown, output::columns(None))))?,
    }
    Ok(Outcome::Clean)
}

impl<'m> Shown<'m> {
    fn of(model: &'m Model, directory: &Path) -> Result<Self> {
        let (plan, schema) = (model.plan(), model.schema());
        let mut bytes = 0;
        for entry in fs::read_dir(directory)? {
            bytes += entry?.metadata()?.len();
        }
        let rows = plan.params.iter().filter(|param| matches!(param.kind, ParamKind::Table { .. }));
        let all: usize = rows.map(|param| param.full[0]).sum();
        let dense = schema.dense.iter().map(Column::dense);
        let columns = dense.chain(schema.sparse.iter().map(|column| Column::sparse(column, model)));
        Ok(Self {
            name: &model.name,
            directory: directory.display().to_string(),
            plan: plan.hash(),
            evidence: &model.evidence,
            calibrated: model.scaling(),
            macs: plan.macs(),
            ops: plan.ops(),
            dense_params: plan.dense_params(),
            embedding_params: plan.embedding_params(),
            table_rows: [model.store().touched_rows() as u64, all as u64],
            tables: model.store().kept_as().storage.name(),
            bytes,
            schema: &schema.name,
            reads: reads(schema),
            label: schema.labels().map(label).collect::<Vec<_>>().join("; "),
            columns: columns.collect(),
        })
    }
}

impl Column {
    fn dense(column: &DenseColumn) -> Self {
        let encoding = column.encoding.map(|encoding| match encoding {
            Encoding::Target { folds, smoothing } => format!("target(folds: {folds}, smoothing: {smoothing})"),
            Encoding::Count => "count".to_owned(),
        });
        let steps = encoding.into_iter().chain(column.transforms.iter().map(|transform| step(*transform)));
        let steps: Vec<String> = std::iter::once("a number".to_owned()).chain(steps).collect();
        let kind = match &column.element {
            Some(Element { index, of, .. }) => format!("{}, {} of {of}", kind(&column.kind), index + 1),
            None => kind(&column.kind),
        };
        Self { name: column.name.clone(), from: column.from.clone(), kind, becomes: steps.join(" | ") }
    }

    fn sparse(column: &SparseColumn, model: &Model) -> Self {
        let rows = grouped(column.rows);
        let mut becomes = match &column.table {
            Table::Modulo => format!("modulo(rows: {rows})"),
            Table::Hash { seed } => format!("hash(rows: {rows}, seed: {seed})"),
            Table::Vocabulary { min_count } => format!("vocabulary(rows: {rows}, min_count: {min_count})"),
            Table::Quantiles => format!("quantiles(rows: {rows})"),
            Table::LogSquare => format!("log_square, {rows} rows"),
            Table::LogBuckets { base } => format!("log_buckets(base: {base}), {rows} rows"),
            Table::Enumerated(part) => format!("{}, {rows} rows", part_name(*part)),
            Table::Cross { of } => format!("cross({}), {rows} rows", of.join(", ")),
        };
        let known = model.schema().sparse.iter().position(|other| other.name == column.name);
        let known = known.zip(model.encoder()).and_then(|(at, encoder)| encoder.rows(at));
        if let Some(known) = known.filter(|_| column.table.is_fitted()) {
            becomes.push_str(&format!(", {} in use", grouped(known)));
        }
        if let Some(same) = &column.same {
            becomes.push_str(&format!(", the table of {same}"));
        }
        let kind = match &column.list {
            Some(list) => {
                let which = if list.last { "the last" } else { "up to" };
                format!("{}, {which} {} in {:?}", kind(&column.kind), list.most, list.separator)
            }
            None => kind(&column.kind),
        };
        let (from, kind) = match &column.table {
            Table::Cross { of } => (of.join(", "), "crossed".to_owned()),
            _ => (column.from.clone(), kind),
        };
        Self { name: column.name.clone(), from, kind, becomes }
    }
}

fn step(transform: Transform) -> String {
    match transform {
        Transform::Max(bound) => format!("max({bound})"),
        Transform::Min(bound) => format!("min({bound})"),
        Transform::Log1p => "log1p".to_owned(),
        Transform::Missing(Fill::Constant(fill)) => format!("missing({fill})"),
        Transform::Missing(Fill::Mean) => "missing(mean)".to_owned(),
        Transform::Missing(Fill::Median) => "missing(median)".to_owned(),
        Transform::Standardise => "standardise".to_owned(),
        Transform::MinMax => "min_max".to_owned(),
    }
}

fn kind(kind: &Type) -> String {
    match kind {
        Type::Number => "number".to_owned(),
        Type::Int => "int".to_owned(),
        Type::Hex => "hex".to_owned(),
        Type::Text => "text".to_owned(),
        Type::Bool => "bool".to_owned(),
        Type::Time(TimeFormat::Seconds) => "seconds".to_owned(),
        Type::Time(TimeFormat::Milliseconds) => "milliseconds".to_owned(),
        Type::Time(TimeFormat::Pattern(pattern)) => format!("time {pattern:?}"),
    }
}

fn part_name(part: Part) -> &'static str {
    match part {
        Part::Truth => "truth",
        Part::Hour => "hour",
        Part::Weekday => "weekday",
        Part::Weekend => "weekend",
        Part::Day => "day",
        Part::Month => "month",
    }
}

/// How its files are written.
fn reads(schema: &Schema) -> String {
    match schema.format {
        FileFormat::Lines(lines) => {
            let header = if lines.header {
                "columns by the names of a header"
            } else {
                "columns by their places, without a header"
            };
            format!("lines separated by {:?}, {header}", char::from(lines.separator))
        }
        FileFormat::Pairs(Pairs::Libsvm) => "libsvm".to_owned(),
        FileFormat::Pairs(Pairs::Libffm) => "libffm".to_owned(),
        FileFormat::Pairs(Pairs::Libfm) => "libfm".to_owned(),
        FileFormat::Parquet => "Parquet, columns by their names".to_owned(),
    }
}

fn label(label: &Label) -> String {
    let from = label.called.as_ref().map(|name| format!("{name}, from ")).unwrap_or_default();
    let condition = if label.condition.is_some() { ", compared with a value" } else { "" };
    format!("{from}{}{condition}", label.column)
}

fn told(shown: &Shown, columns: Option<usize>) -> String {
    let mut out = format!("{}: the model {}\n", shown.directory, shown.name);
    let mut line = |what: &str, said: String| {
        let _written = writeln!(out, "  {what:<12}{said}");
    };
    let Evidence { search, run, data, in_supernet, validation, test, others } = shown.evidence;
    if let Some(search) = search {
        line("found by", search.clone());
    }
    let short = |hash: &Option<String>| {
        hash.as_deref().map_or_else(|| "unknown".to_owned(), |hash| hash.chars().take(16).collect())
    };
    line("run", short(run));
    line("data", short(data));
    line("plan", shown.plan.chars().take(16).collect());
    for (what, figures) in [("in supernet", in_supernet), ("validation", validation), ("test", test)] {
        if let Some(figures) = figures {
            line(what, said_of(figures));
        }
    }
    for OfHead { name, figures } in others {
        line("", format!("of {name}: {}", said_of(figures)));
    }
    if let Some(Scaling { scale, offset }) = shown.calibrated {
        line("calibrated", format!("logits times {scale:.4} plus {offset:.4}"));
    }
    let [touched, all] = shown.table_rows;
    line("computes", format!("{} a row; {} in all", mmacs(shown.macs), mops(shown.ops)));
    line(
        "parameters",
        format!("{} dense, {} in embedding tables", grouped(shown.dense_params), grouped(shown.embedding_params)),
    );
    let stored = if shown.tables == "f32" { String::new() } else { format!("; stored in {}", shown.tables) };
    line("tables", format!("{} of {} rows learnt, the others drawn{stored}", grouped(touched), grouped(all)));
    line("on disk", format!("{} bytes", grouped(shown.bytes)));
    line("reads", shown.reads.clone());
    line("label", shown.label.clone());
    let mut table = table(["input", "column", "written as", "becomes"]);
    for Column { name, from, kind, becomes } in &shown.columns {
        table.add_row([name, from, kind, becomes]);
    }
    format!("{out}\n{}\n", table.laid_out(columns))
}

fn said_of(figures: &Figures) -> String {
    let number = |figure: Option<f64>| figure.map_or_else(|| "not defined".to_owned(), |figure| format!("{figure:.5}"));
    format!("log loss {}, AUC {}, {} rows", number(figures.log_loss), number(figures.auc), grouped(figures.samples))
}
