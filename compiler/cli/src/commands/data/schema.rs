//! `nasrecc data schema`: a schema for a table that nobody has described.

use std::path::PathBuf;

use anyhow::{Context, Result};
use nasrec_compiler::Program;
use nasrec_compiler::diagnostics::FileId;
use nasrec_compiler::format::format_source;
use nasrec_compiler::loader::Memory;
use nasrec_runtime::data::{Inferred, infer};

use crate::commands::Outcome;
use crate::output::{self, Text, say};
use crate::rows;

/// Print a schema for a table, with a comment a column that says why: to be read, corrected and used
///
/// Separator, header and quotes are found out, and of each column whether it holds numbers, categories, times or truths, by
/// up to a million rows of the first file. Nothing is trained.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  nasrecc data schema visits.csv\n  nasrecc data schema parts/ --label rating --name ratings -o ratings.nasrec"
)]
pub(crate) struct Args {
    /// A table: CSV or TSV, with or without a header, plain, gzip or zstd; or a folder of such files
    #[arg(value_name = "FILE")]
    file: String,
    /// The column to predict, where its name does not tell
    #[arg(long, value_name = "COLUMN")]
    label: Option<String>,
    /// What the schema is called; after the file otherwise
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Write to this file instead of stdout
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let located = rows::files(std::slice::from_ref(&args.file))?;
    let first = located.first().context("there is no such file")?;
    let inferred = infer(first, args.label.as_deref(), args.name.as_deref())?;
    let source = formatted(&inferred)?;
    output::write(args.out.as_ref(), Text::Program(source), located.iter().map(|located| located.path.as_path()))?;
    tell(&inferred);
    Ok(Outcome::Clean)
}

/// The schema alone, as a file that is sound and laid out.
pub(crate) fn formatted(inferred: &Inferred) -> Result<String> {
    let text = format!("nasrec 1\n\n{}", inferred.source);
    let (program, found) = Program::load("schema.nasrec", &Memory::new([("schema.nasrec", text.as_str())]));
    let wrong = found.into_iter().chain(program.check()).next();
    if let Some(wrong) = wrong {
        anyhow::bail!("no schema can be written for this table: {}; rename its columns", wrong.message);
    }
    format_source(FileId(0), &text)
        .map_err(|_| anyhow::anyhow!("no schema can be written for this table; rename its columns"))
}

/// Says what was looked at.
pub(crate) fn tell(inferred: &Inferred) {
    let rows = output::grouped(inferred.rows);
    let rows = if inferred.all { format!("{rows} rows") } else { format!("the first {rows} rows") };
    let (dense, sparse) = inferred.columns;
    say!(
        "looked at {rows}: {dense} numeric and {sparse} categorical columns; read what it says before you train on it"
    );
}
