//! `nasrecc train`: one model, trained as a search retrains the best.

use anyhow::Result;
use nasrec_compiler::ItemKind;

use super::Outcome;
use crate::running;

/// Train one model: an architecture, or a space without choices
///
/// The file has an item `train NAME on MODEL with SCHEMA { … }`, whose sections are those of a search but for what only a
/// search needs. It is trained, validated, stopped and tested as a search does with what it found, and leaves such a run
/// directory.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  nasrecc train examples/train.nasrec\n  \
                        nasrecc train clicks.nasrec --name deep --set retrain.epochs=3 --out runs/deep\n  \
                        nasrecc train --resume runs/deep\n\n\
                        Ctrl-C stops at the next step and keeps everything; --resume goes on from there and ends like a \
                        run that was never stopped.")]
pub(crate) struct Args {
    #[command(flatten)]
    running: running::Args,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    running::run(&args.running, ItemKind::Train, None)
}
