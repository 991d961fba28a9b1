//! `nasrecc data stats`: what the columns of a table hold.

use std::fmt::Write;

use anyhow::Result;
use nasrec_runtime::data::survey::{ColumnFigures, Drift, Survey};

use super::surveyed::Table;
use crate::commands::Outcome;
use crate::output::{self, Format, Text, grouped, say};

/// Values whose clicks are told of a column.
const SHOWN: usize = 6;
/// Columns that have a table of their own, where none is named.
const MOST_COLUMNS: usize = 60;

/// Show what the columns of a table hold: values, clicks, gaps, and how they change
///
/// All rows are read as training reads them, in one pass and in bounded memory: of each column 200,000 different values (or 16
/// MiB of them) are counted one by one and the others together, and the quantiles of numbers are those of at most 131,072
/// rows, evenly spaced. The first and the last part of the file, which are compared, are a twentieth to a tenth of it.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  nasrecc data stats visits.csv --schema visits.nasrec\n  nasrecc data stats visits.csv --schema visits.nasrec --column price --column city\n  nasrecc data stats visits.csv --schema visits.nasrec --format json"
)]
pub(crate) struct Args {
    #[command(flatten)]
    table: Table,
    /// Show this column only; may be repeated
    #[arg(long = "column", value_name = "NAME")]
    columns: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let Some(mut survey) = args.table.survey()? else { return Ok(Outcome::Findings) };
    if let Some(unknown) = args.columns.iter().find(|name| survey.columns.iter().all(|column| column.name != **name)) {
        let known: Vec<&str> = survey.columns.iter().map(|column| column.name.as_str()).collect();
        anyhow::bail!("the schema {} has no column `{unknown}`; it has {}", survey.schema, known.join(", "));
    }
    if !args.columns.is_empty() {
        survey.columns.retain(|column| args.columns.contains(&column.name));
    }
    match args.table.format {
        Format::Json => output::print(output::json(&survey)?)?,
        Format::Text => output::print(Text::People(told(&survey, output::columns(None))))?,
    }
    if !survey.trouble.is_empty() {
        say!("`nasrecc data check` tells what is wrong with this table: {} findings", survey.trouble.len());
    }
    Ok(Outcome::Clean)
}

fn told(survey: &Survey, columns: Option<usize>) -> String {
    let rows = survey.rows;
    let sound = survey.rows - survey.malformed;
    let mut out = format!(
        "{} rows, {} of them malformed; {} of the sound ones are clicks{}\n\n",
        grouped(rows),
        grouped(survey.malformed),
        percent(survey.clicks as f64 / sound.max(1) as f64),
        changed(survey.click_rate, percent),
    );
    let numbers = |column: &&ColumnFigures| column.head.is_none();
    if survey.columns.iter().any(|column| numbers(&column)) {
        let head = [
            "number",
            "missing",
            "different",
            "least",
            "greatest",
            "mean",
            "deviation",
            "AUC\nalone",
            "mean\nfirst → last",
        ];
        let mut table = output::table(head);
        for column in survey.columns.iter().filter(numbers) {
            let range = |of: fn(&nasrec_runtime::data::survey::Range) -> f64| {
                column.range.as_ref().map_or_else(String::new, |range| number(of(range)))
            };
            table.add_row([
                column.name.clone(),
                missing(column),
                different(column),
                range(|range| range.least),
                range(|range| range.greatest),
                range(|range| range.mean),
                range(|range| range.deviation),
                auc(column),
                column.mean_drift.map_or_else(String::new, |drift| ends(drift, number)),
            ]);
        }
        table.right(1);
        let _written = writeln!(out, "{}\n", table.laid_out(columns));
    }
    if survey.columns.iter().any(|column| !numbers(&column)) {
        let head = [
            "category",
            "becomes",
            "missing",
            "different",
            "top 1",
            "top 10",
            "top 100",
            "AUC\nalone",
            "new in the\nlast part",
        ];
        let mut table = output::table(head);
        for column in survey.columns.iter().filter(|column| !numbers(column)) {
            let top = column.head.map_or([0.0; 3], |head| [head.top_1, head.top_10, head.top_100]);
            let mut row = vec![column.name.clone(), column.becomes.to_owned(), missing(column), different(column)];
            row.extend(top.map(percent));
            row.extend([auc(column), column.new_at_the_end.map_or_else(String::new, percent)]);
            table.add_row(row);
        }
        table.right(2);
        let _written = writeln!(out, "{}\n", table.laid_out(columns));
    }
    for column in survey.columns.iter().take(MOST_COLUMNS) {
        out.push_str(&groups(column, columns));
    }
    if survey.columns.len() > MOST_COLUMNS {
        let _written =
            writeln!(out, "and {} columns more: say which with --column", survey.columns.len() - MOST_COLUMNS);
    }
    out
}

/// The clicks of a column by its values.
fn groups(column: &ColumnFigures, columns: Option<usize>) -> String {
    let mut said: Vec<String> = Vec::new();
    if let Some(shared) = &column.collisions {
        let most = shared.most.map_or_else(String::new, |most| format!(", up to {most} in one"));
        let (values, rows, size) = (grouped(shared.values), grouped(shared.rows), grouped(shared.size));
        said.push(format!("{values} values are in {rows} of {size} rows{most}"));
    }
    if column.is_id {
        said.push("looks like an id of rows".to_owned());
    }
    if column.is_time {
        said.push("looks like times since 1970".to_owned());
    }
    if let Some(drift) = column.missing_drift.filter(|drift| (drift.first - drift.last).abs() > 0.01) {
        said.push(format!("missing{}", changed(drift, percent)));
    }
    let said = if said.is_empty() { String::new() } else { format!(": {}", said.join("; ")) };
    let all = (column.there + column.missing).max(1) as f64;
    let sampled: u64 = column.groups.iter().map(|group| group.rows).sum();
    // Of numbers only a sample is counted.
    let all = if column.head.is_none() { sampled.max(1) as f64 } else { all };
    let mut table = output::table([column.name.as_str(), "rows", "clicks"]);
    let most = if column.head.is_none() { usize::MAX } else { SHOWN };
    let shown = column.groups.iter().enumerate().filter(|(at, group)| *at < most || group.name == "(missing)");
    for (_, group) in shown {
        let rate = group.clicks as f64 / group.rows.max(1) as f64;
        table.add_row([group.name.clone(), percent(group.rows as f64 / all), percent(rate)]);
    }
    table.right(1);
    format!("{}{said}\n{}\n\n", column.name, table.laid_out(columns))
}

fn missing(column: &ColumnFigures) -> String {
    match column.missing {
        0 => String::new(),
        missing => percent(missing as f64 / (column.there + missing) as f64),
    }
}

fn different(column: &ColumnFigures) -> String {
    format!("{}{}", if column.exact { "" } else { "~" }, grouped(column.distinct))
}

fn auc(column: &ColumnFigures) -> String {
    column.auc.map_or_else(String::new, |auc| format!("{auc:.3}"))
}

fn ends(drift: Drift, shown: fn(f64) -> String) -> String {
    format!("{} → {}", shown(drift.first), shown(drift.last))
}

fn changed(drift: Drift, shown: fn(f64) -> String) -> String {
    format!(", {} in the first part and {} in the last", shown(drift.first), shown(drift.last))
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// A number with some four digits.
fn number(number: f64) -> String {
    match number.abs() {
        0.0 => "0".to_owned(),
        size if !(1e-3..1e7).contains(&size) => format!("{number:.3e}"),
        _ if number.fract() == 0.0 => grouped_signed(number),
        size if size >= 100.0 => format!("{number:.1}"),
        _ => format!("{number:.3}"),
    }
}

fn grouped_signed(number: f64) -> String {
    let sign = if number < 0.0 { "-" } else { "" };
    format!("{sign}{}", grouped(number.abs() as u64))
}
