//! `nasrecc search`: train a supernet, search it, retrain the best.

use anyhow::Result;
use nasrec_compiler::ItemKind;

use super::Outcome;
use crate::running;

/// Search a space: train its supernet, evolve architectures, retrain the best
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  nasrecc search examples/quickstart.nasrec\n  \
                        nasrecc search criteo.nasrec --name day --set train.batch=1024 --out runs/day\n  \
                        nasrecc search --resume runs/day\n\n\
                        Ctrl-C stops at the next step and keeps everything; --resume goes on from there and ends like a \
                        run that was never stopped.")]
pub(crate) struct Args {
    #[command(flatten)]
    running: running::Args,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    running::run(&args.running, ItemKind::Search)
}
