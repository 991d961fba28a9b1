//! `nasrecc test`: the claims of a file's `test` items, put to the proof.

use anyhow::Result;
use nasrec_compiler::diagnostics::{Diagnostic, Severity};
use nasrec_compiler::{ItemKind, Program};

use super::Outcome;
use crate::imports::Imports;
use crate::output::{Text, print, say, visible_line};
use crate::render;

/// Run the tests of files: claims about counts of spaces and costs of architectures
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  nasrecc test my_space.nasrec\n  nasrecc test spaces/*.nasrec\n  \
                        nasrecc test --name two_blocks my_space.nasrec\n\n\
                        A test is an item of the language:\n  test two_blocks { raw(my_space(blocks: 2)) == 9_216 }")]
pub(crate) struct Args {
    /// Files whose tests are run
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// Only the test of this name
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    imports: Imports,
    #[command(flatten)]
    shown: render::Options,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let mut shown = render::Report::new(args.shown);
    let (mut held, mut failed, mut sound) = (0usize, 0usize, true);
    for file in &args.files {
        let (program, mut diagnostics) = Program::load(file, &args.imports.disk(file));
        diagnostics.extend(program.check());
        Diagnostic::sort(&mut diagnostics);
        shown.add(&diagnostics, &program.sources)?;
        if diagnostics.iter().any(|d| d.severity == Severity::Error) {
            sound = false;
            continue;
        }
        let tests = program.items().into_iter().filter(|item| item.kind == ItemKind::Test);
        for item in tests.filter(|item| args.name.as_ref().is_none_or(|name| *name == item.name)) {
            let claims = program.test(&item).map_err(|_| anyhow::anyhow!("test `{}` has errors", item.name))?;
            for claim in claims {
                let place = format!("{}:{}", visible_line(file), program.sources.position(claim.span).0);
                let (mark, sides) = match (&claim.sides, claim.holds) {
                    (_, true) => ("ok    ", String::new()),
                    (Some((left, right)), false) => {
                        ("FAILED", format!("\n       left:  {left}\n       right: {right}"))
                    }
                    (None, false) => ("FAILED", String::new()),
                };
                *(if claim.holds { &mut held } else { &mut failed }) += 1;
                print(Text::People(format!("{mark} {}: {} ({place}){sides}\n", item.name, claim.text)))?;
            }
        }
    }
    shown.finish()?;
    if held + failed == 0 && sound {
        say!("there is no test here; a test is an item such as `test small {{ raw(my_space) == 128 }}`");
    } else {
        say!("{held} claim{} held, {failed} failed", if held == 1 { "" } else { "s" });
    }
    Ok(if sound && failed == 0 { Outcome::Clean } else { Outcome::Findings })
}
