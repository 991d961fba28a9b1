//! `nasrecc data`: what there is to know of a table before anything is trained on it.

mod schema;

use anyhow::Result;

use super::Outcome;

/// Look at a table: what its columns are
#[derive(clap::Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:\n  nasrecc data schema visits.csv\n  nasrecc data schema visits.csv --label bought --name visits -o visits.nasrec"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Schema(schema::Args),
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    match &args.command {
        Command::Schema(args) => schema::run(args),
    }
}
