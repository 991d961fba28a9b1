//! `nasrecc count`: how many architectures a space has, and where they come from.

use std::path::PathBuf;

use anyhow::Result;
use nasrec_compiler::space::{Census, Tally};
use serde_json::{Value, json};

use super::Outcome;
use crate::imports::Imports;
use crate::output::{self, Format, Told, grouped, write};
use crate::render;
use crate::subject::{File, Subject};

/// Count a space: all encodings, those that its constraints allow, and the ways of each block and choice
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  nasrecc count spaces/nasrec_small.nasrec\n  \
                        nasrecc count examples/quickstart.nasrec\n  \
                        nasrecc count my_space.nasrec --with criteo --format json\n\n\
                        An encoding decides every choice that exists; encodings whose live graphs are the same are one \
                        architecture. Counts are exact unless they say `at most`.")]
pub(crate) struct Args {
    #[arg(value_name = "FILE")]
    file: String,
    /// The space, search or architecture whose space is counted, where the file has several; all of them otherwise
    #[arg(long)]
    name: Option<String>,
    /// The schema, where constraints depend on the data
    #[arg(long, value_name = "SCHEMA")]
    with: Option<String>,
    /// A table for people, or JSON
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Write to this file instead of stdout
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    imports: Imports,
    #[command(flatten)]
    shown: render::Options,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let Some(file) = File::load(&args.file, &args.imports, args.shown)? else { return Ok(Outcome::Findings) };
    let columns = output::columns(args.out.as_ref());
    let mut counted = Vec::new();
    for item in file.items(args.name.as_deref())? {
        let subject = file.subject(&item, args.with.as_deref())?;
        let census = match &subject.schema {
            Some(_) => subject.bound()?.census(),
            // What there is to choose follows from the columns.
            None if subject.space.graph.awaited().next().is_some() => subject.bound()?.census(),
            None => subject.space.graph.census(None),
        };
        counted.push(match args.format {
            Format::Text => Told::Text(table(&subject, &census, columns)),
            Format::Json => Told::Json(subject.heading(), machine(&subject, &census)),
        });
    }
    write(args.out.as_ref(), Told::all(counted)?, file.read())?;
    Ok(Outcome::Clean)
}

/// Counts can be larger than any number of JSON's, so they are texts.
fn machine(subject: &Subject, census: &Census) -> Value {
    let (valid, valid_unknown) = told(&census.valid);
    let (distinct, distinct_unknown) = told(&census.distinct);
    let (valid_estimate, distinct_estimate) = (estimate(&census.valid), estimate(&census.distinct));
    let blocks: Vec<Value> =
        census.blocks.iter().map(|(block, ways)| json!({ "block": block, "ways": ways.to_string() })).collect();
    let choices: Vec<Value> = subject
        .space
        .graph
        .choices
        .iter()
        .zip(&census.choices)
        .map(|(choice, ways)| {
            json!({
                "name": choice.name, "kind": choice.offer.word().text(), "options": choice.offer.option_count(),
                "ways": ways.to_string(), "inside": choice.parent.map(|(parent, _)| &subject.space.graph.choices[parent.index()].name),
            })
        })
        .collect();
    json!({
        "space": subject.space.name, "raw": census.raw.to_string(), "valid": valid, "valid_unknown": valid_unknown,
        "distinct": distinct, "distinct_unknown": distinct_unknown,
        "valid_estimate": valid_estimate, "distinct_estimate": distinct_estimate,
        "blocks": blocks, "choices": choices,
    })
}

/// A count as text, and why it is not known exactly.
fn told(tally: &Tally) -> (Option<String>, Option<&str>) {
    match tally {
        Tally::Exactly(count) => (Some(count.to_string()), None),
        Tally::AtMost(count, why) => (Some(count.to_string()), Some(why)),
        Tally::Between { most, why, .. } => (Some(most.to_string()), Some(why)),
        Tally::Unknown(why) => (None, Some(why)),
    }
}

fn estimate(tally: &Tally) -> Option<Value> {
    let Tally::Between { least, most, estimate, .. } = tally else { return None };
    Some(json!({
        "at_least": least.to_string(), "at_most": most.to_string(), "estimate": estimate.count.to_string(),
        "from": estimate.from.to_string(), "to": estimate.to.to_string(), "confidence": 0.95,
        "draws": estimate.draws, "allowed": estimate.allowed,
    }))
}

fn table(subject: &Subject, census: &Census, columns: Option<usize>) -> String {
    let graph = &subject.space.graph;
    let mut totals = output::table(["count", "encodings"]);
    totals.add_row(["raw".to_owned(), grouped(&census.raw)]);
    for (name, tally) in [("valid", &census.valid), ("distinct", &census.distinct)] {
        let count = match tally {
            Tally::Exactly(count) => grouped(count),
            Tally::AtMost(count, why) => format!("at most {}: {why}", grouped(count)),
            Tally::Between { least, most, estimate, why } => format!(
                "at least {}\nat most {}\nestimate {}\n95% from {}\nto {}\n{} of {} draws are allowed\n{why}",
                grouped(least),
                grouped(most),
                grouped(&estimate.count),
                grouped(&estimate.from),
                grouped(&estimate.to),
                grouped(estimate.allowed),
                grouped(estimate.draws)
            ),
            Tally::Unknown(why) => format!("unknown: {why}"),
        };
        totals.add_row([name.to_owned(), count]);
    }
    totals.right(1);

    let mut blocks = output::table(["block", "choices", "ways", "share of all, by digits"]);
    for (block, ways) in &census.blocks {
        let inside = graph.choices.iter().filter(|choice| choice.block == *block).count();
        let share = match (digits(ways), digits(&census.raw)) {
            (_, 0.0) => 0.0,
            (own, all) => own / all,
        };
        blocks.add_row([
            block.clone().unwrap_or_else(|| "outside".to_owned()),
            inside.to_string(),
            grouped(ways),
            format!("{:.1}%", 100.0 * share),
        ]);
    }
    blocks.right(1);

    let mut choices = output::table(["choice", "kind", "options", "ways with what is inside", "inside of"]);
    for (choice, ways) in graph.choices.iter().zip(&census.choices) {
        choices.add_row([
            choice.name.clone(),
            choice.offer.word().text().to_owned(),
            grouped(choice.offer.option_count()),
            grouped(ways),
            choice.parent.map_or_else(String::new, |(parent, _)| graph.choices[parent.index()].name.clone()),
        ]);
    }
    [2, 3].into_iter().for_each(|column| choices.right_only(column));
    let mut out = format!("{}\n{}\n", subject.heading(), totals.laid_out(columns));
    if !census.blocks.is_empty() {
        out.push_str(&format!("{}\n{}\n", blocks.laid_out(columns), choices.laid_out(columns)));
    }
    out
}

/// The logarithm of a count, as far as a float tells: what shares of a product are measured in.
fn digits(count: &impl ToString) -> f64 {
    let text = count.to_string();
    let (head, rest) = text.split_at(text.len().min(15));
    head.parse::<f64>().map_or(0.0, f64::log10) + rest.len() as f64
}
