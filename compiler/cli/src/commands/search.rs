//! `nasrecc search`: train a supernet, search it, retrain the best.

use anyhow::Result;
use nasrec_compiler::ItemKind;

use super::Outcome;
use crate::running;

/// Search a space: for architectures in a supernet, or among such that are trained on their own
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  nasrecc search examples/quickstart.nasrec\n  \
                        nasrecc search criteo.nasrec --name day --set train.batch=1024 --out runs/day\n  \
                        nasrecc search shop.nasrec --budget 20min\n  \
                        nasrecc search --resume runs/day\n\n\
                        Ctrl-C stops at the next step and keeps everything; --resume goes on from there and ends like a \
                        run that was never stopped.")]
pub(crate) struct Args {
    #[command(flatten)]
    running: running::Args,
    /// How long it may take, such as 20min: short for --set budget=20min. For searches that train candidates on their own
    #[arg(long, value_name = "TIME", conflicts_with = "resume")]
    budget: Option<String>,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let budget = args.budget.as_ref().map(|time| format!("budget={time}"));
    running::run(&args.running, ItemKind::Search, budget)
}
