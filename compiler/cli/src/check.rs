//! `nasrecc check`: are these files sound?

use anyhow::Result;
use nasrec_compiler::Program;
use nasrec_compiler::diagnostics::{Diagnostic, Severity};

use crate::files::Disk;
use crate::{Outcome, render};

/// Check files: syntax, names, kinds and shapes over all choices
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  nasrecc check my_space.nasrec\n  nasrecc check spaces/*.nasrec")]
pub(crate) struct Args {
    /// Files to check
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let mut sound = true;
    for file in &args.files {
        let (program, mut diagnostics) = Program::load(file, &Disk);
        diagnostics.extend(program.check());
        Diagnostic::sort(&mut diagnostics);
        render::show(&diagnostics, &program.sources);
        if diagnostics.iter().any(|d| d.severity == Severity::Error) {
            sound = false;
        } else {
            let count = program.items().len();
            eprintln!("{file}: {count} item{} checked", if count == 1 { "" } else { "s" });
        }
    }
    Ok(if sound { Outcome::Clean } else { Outcome::Findings })
}
