//! `nasrecc rank`: how well a supernet, and what else may say something of architectures, orders them.

use anyhow::Result;

use super::Outcome;
use crate::running;

/// Measure how well a supernet orders the architectures of a search
///
/// Architectures that differ are drawn uniformly from the space of a search and trained, each on its own as the search trains
/// the best, with several seeds. Their order is what is so. Against it stands what the supernet of the search says of
/// them, as it is, with the head trained and with all weights trained, and what other supernets say (--vary); what can be
/// said before anything is trained; and what a model of other trainings expects. Of each: Kendall's tau, Spearman's and
/// Pearson's correlation with 95 % intervals over architectures, and how far the best that it finds is behind the best there is.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  nasrecc rank examples/quickstart.nasrec --architectures 20 --seeds 2\n  \
                        nasrecc rank examples/quickstart.nasrec --vary 'adam=train.optimiser=adam(lr: 0.001)' \
                        --vary 'long=train.epochs=12,evaluate.validate=15'\n  \
                        nasrecc rank examples/quickstart.nasrec --vary again=seed=2 --out runs/ranked --format json\n  \
                        nasrecc rank --resume runs/ranked\n\n\
                        Ctrl-C stops at the next step and keeps everything; --resume goes on from there and comes to the same \
                        figures.")]
pub(crate) struct Args {
    #[command(flatten)]
    running: running::Args,
    #[command(flatten)]
    asked: running::Asked,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    running::rank(&args.running, &args.asked)
}
