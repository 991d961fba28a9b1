//! `nasrecc data`: what there is to know of a table before anything is trained on it.

mod check;
pub(crate) mod schema;
mod stats;
mod surveyed;

use anyhow::Result;

use super::Outcome;

/// Look at a table: what its columns are and hold, and what is wrong with it
#[derive(clap::Args)]
#[command(
    arg_required_else_help = true,
    after_help = "Examples:\n  nasrecc data schema visits.csv\n  nasrecc data schema visits.csv --label bought --name visits -o visits.nasrec\n  \
                  nasrecc data check visits.csv --schema visits.nasrec\n  nasrecc data stats visits.csv --schema visits.nasrec"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Schema(schema::Args),
    Check(check::Args),
    Stats(stats::Args),
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    match &args.command {
        Command::Schema(args) => schema::run(args),
        Command::Check(args) => check::run(args),
        Command::Stats(args) => stats::run(args),
    }
}
