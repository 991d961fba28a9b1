//! `nasrecc check`: are these files sound?

mod fixes;

use anyhow::Result;
use nasrec_compiler::Program;
use nasrec_compiler::diagnostics::{Diagnostic, Severity};

use super::Outcome;
use crate::imports::Imports;
use crate::output::say;
use crate::render;

/// Most times that a file is fixed and checked anew: one fix can bring the next mistake to light.
const MAX_ROUNDS: usize = 10;

/// Check files: syntax, names, kinds and shapes over all choices; warn of what is sound and hardly meant
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  nasrecc check my_space.nasrec\n  nasrecc check spaces/*.nasrec\n  \
                        nasrecc check --deny-warnings spaces/*.nasrec\n  nasrecc check --fix my_space.nasrec\n  \
                        nasrecc check --message-format sarif my_space.nasrec > findings.sarif")]
pub(crate) struct Args {
    /// Files to check
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// Correct what needs no thought, in the files themselves: misspelt names, missing and
    /// unused imports, requirements that always hold
    #[arg(long)]
    fix: bool,
    /// End with status 1 where there are warnings too
    #[arg(long)]
    deny_warnings: bool,
    #[command(flatten)]
    imports: Imports,
    #[command(flatten)]
    shown: render::Options,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let mut sound = true;
    let mut shown = render::Report::new(args.shown);
    for file in &args.files {
        let (mut program, mut diagnostics) = checked(file, &args.imports);
        if args.fix {
            let mut made = 0;
            for _ in 0..MAX_ROUNDS {
                let now = fixes::make(&diagnostics, &program.sources)?;
                if now == 0 {
                    break;
                }
                made += now;
                (program, diagnostics) = checked(file, &args.imports);
            }
            say!("{file}: {made} fix{} made", if made == 1 { "" } else { "es" });
        }
        shown.add(&diagnostics, &program.sources)?;
        let errors = diagnostics.iter().any(|d| d.severity == Severity::Error);
        sound &= !errors && (diagnostics.is_empty() || !args.deny_warnings);
        if !errors {
            let count = program.items().len();
            say!("{file}: {count} item{} checked", if count == 1 { "" } else { "s" });
        }
    }
    shown.finish()?;
    Ok(if sound { Outcome::Clean } else { Outcome::Findings })
}

fn checked(file: &str, imports: &Imports) -> (Program, Vec<Diagnostic>) {
    let (program, mut diagnostics) = Program::load(file, &imports.disk(file));
    diagnostics.extend(program.check());
    diagnostics.extend(program.lints(&diagnostics));
    Diagnostic::sort(&mut diagnostics);
    (program, diagnostics)
}
