//! `nasrecc fmt`: files laid out in the one style of the language.

mod lines;

use std::path::Path;

use anyhow::{Context, Result, bail};
use nasrec_compiler::diagnostics::{FileId, SourceFile, Sources};
use nasrec_compiler::format::{Refusal, format_source};
use nasrec_compiler::loader;

use super::Outcome;
use crate::output::{self, Text, say};
use crate::render;
use lines::diff;

/// Lay files out in the style of the language
///
/// Rewrites files in place. Comments stay, and a file is written only after its new text is known to parse to the same
/// tree. Files with syntax errors are left alone and their errors shown.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  nasrecc fmt my_space.nasrec\n  nasrecc fmt --check spaces/*.nasrec\n  \
                  nasrecc fmt - < my_space.nasrec")]
pub(crate) struct Args {
    /// Write nothing; show what would change, and exit with 1 if anything would
    #[arg(long)]
    check: bool,
    /// Files to format; `-` reads from stdin and writes to stdout
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
}

const STDIN: &str = "-";

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let mut clean = true;
    for file in &args.files {
        clean &= one(file, args.check)?;
    }
    Ok(if clean { Outcome::Clean } else { Outcome::Findings })
}

/// Formats one file; whether there is nothing to say about it.
fn one(file: &str, check: bool) -> Result<bool> {
    let source = read(file)?;
    let formatted = match format_source(FileId(0), &source) {
        Ok(formatted) => formatted,
        Err(Refusal::Syntax(diagnostics)) => {
            let mut sources = Sources::default();
            sources.add(SourceFile { name: shown(file).to_owned(), text: source.as_str().into(), built_in: false });
            render::show(&diagnostics, &sources)?;
            return Ok(false);
        }
        Err(Refusal::Unproved(what)) => {
            bail!("{}: {what}; this is a mistake of nasrecc, and nothing was written", shown(file))
        }
    };
    if check {
        if formatted != source {
            say!("{} is not formatted:", shown(file));
            // Each of its lines begins with a mark.
            output::show(&output::visible(&format!("{}\n", diff(&source, &formatted))));
        }
        return Ok(formatted == source);
    }
    if file == STDIN {
        output::print(Text::Program(formatted))?;
    } else if formatted != source {
        output::replace(Path::new(file), &formatted).with_context(|| format!("{file} cannot be written"))?;
        say!("{file}: formatted");
    }
    Ok(true)
}

fn shown(file: &str) -> &str {
    if file == STDIN { "<stdin>" } else { file }
}

fn read(file: &str) -> Result<String> {
    let read = match file {
        STDIN => loader::read_from(std::io::stdin().lock()).map(Some),
        _ => loader::read_named(Path::new(file)),
    };
    match read {
        Ok(Some(text)) => Ok(text),
        Ok(None) => bail!("{file} cannot be read: there is no such file"),
        Err(why) => bail!("{} cannot be read: {why}", shown(file)),
    }
}
