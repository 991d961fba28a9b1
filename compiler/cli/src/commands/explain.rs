//! `nasrecc explain`: the page of a code.

use std::fmt::Write;

use anyhow::{Result, bail};
use nasrec_compiler::diagnostics::{Code, nearest};

use super::Outcome;
use crate::output::{self, Text};

/// Explain a code: what it means, a wrong example and the right one; without a code, list all
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  nasrecc explain E0401\n  nasrecc explain")]
pub(crate) struct Args {
    /// The code, such as E0401 or 401
    #[arg(value_name = "CODE")]
    code: Option<String>,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let text = match &args.code {
        Some(code) => find(code)?.page().to_owned(),
        None => list(),
    };
    output::print(Text::People(text))?;
    Ok(Outcome::Clean)
}

/// The code that a person means: in either case, with or without its letter and zeros.
fn find(written: &str) -> Result<Code> {
    let digits = written.trim().trim_start_matches(['E', 'e', 'W', 'w']);
    let full = format!("{digits:0>4}");
    if let Some(code) = Code::ALL.iter().find(|code| code.as_str()[1..] == full) {
        return Ok(*code);
    }
    let full = format!("E{full}");
    match nearest(&full, Code::ALL.iter().map(|code| code.as_str())) {
        Some(near) => bail!("there is no code `{written}`: did you mean {near}? `nasrecc explain` lists all"),
        None => bail!("there is no code `{written}`: `nasrecc explain` lists all"),
    }
}

fn list() -> String {
    let mut out = String::new();
    for code in Code::ALL {
        let _written = writeln!(out, "{code}  {}", code.title());
    }
    out
}
