//! `nasrecc data check`: whatever is wrong with a table, all at once.

use std::fmt::Write;

use anyhow::Result;
use nasrec_runtime::data::survey::{Gravity, Survey, Trouble};

use super::surveyed::Table;
use crate::commands::Outcome;
use crate::output::{self, Format, Text, grouped, say};

/// Find whatever is wrong with a table: what would stop a training, and what would spoil it
///
/// All rows are read as training reads them. Each kind of trouble is told once for each column, with how many rows have it and
/// the first of them: values that cannot be read, lines with another number of values, labels that are none, columns that are
/// not there or there twice, columns that say nothing, ids of rows, numbers too large to train on, values that share rows of
/// an embedding table, and what gives the label away. Exits with 1 where a training would not begin.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  nasrecc data check visits.csv --schema visits.nasrec\n  nasrecc data check day_*.tsv.gz --schema schemas.nasrec:criteo --format json"
)]
pub(crate) struct Args {
    #[command(flatten)]
    table: Table,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let Some(survey) = args.table.survey()? else { return Ok(Outcome::Findings) };
    match args.table.format {
        Format::Json => output::print(output::json(&serde_json::json!({
            "schema": survey.schema, "rows": survey.rows, "malformed": survey.malformed, "stops": survey.stops(),
            "trouble": survey.trouble,
        }))?)?,
        Format::Text => output::print(Text::People(told(&survey)))?,
    }
    let (stops, harms): (Vec<&Trouble>, Vec<&Trouble>) =
        survey.trouble.iter().partition(|trouble| trouble.gravity == Gravity::Stops);
    say!(
        "{} rows: {} that would stop a training, {} that would spoil one",
        grouped(survey.rows),
        counted(stops.len()),
        counted(harms.len())
    );
    Ok(if survey.stops() { Outcome::Findings } else { Outcome::Clean })
}

fn counted(things: usize) -> String {
    if things == 1 { "1 thing".to_owned() } else { format!("{things} things") }
}

fn told(survey: &Survey) -> String {
    let mut out = String::new();
    for trouble in &survey.trouble {
        let gravity = match trouble.gravity {
            Gravity::Stops => "error",
            Gravity::Harms => "warning",
        };
        let column = trouble.column.as_ref().map_or_else(String::new, |column| format!("column {column}: "));
        // To a text nothing is refused.
        let _written = writeln!(out, "{gravity}: {column}{}", trouble.what);
        for example in &trouble.examples {
            let _written = writeln!(out, "  {}: {}", example.place, example.found);
        }
        if let Some(more) = trouble.rows.map(|rows| rows - trouble.examples.len() as u64).filter(|&more| more > 0) {
            let _written = writeln!(out, "  and {} more", grouped(more));
        }
        let _written = writeln!(out, "  help: {}\n", trouble.help);
    }
    if survey.trouble.is_empty() {
        out.push_str("nothing is wrong\n");
    }
    out
}
