//! `nasrecc import`: what others have written down, as source; what others have trained, as a model.
//!
//! Lives here: a file for each notation. Never: how a notation of architectures is read (`nasrec_compiler::import`), or weights
//! (`nasrec_runtime::interop`).

mod elsewhere;
mod fuxictr;
mod nasrec;

use anyhow::Result;
use nasrec_runtime::export::Elsewhere;

use super::Outcome;

/// Import an architecture and its weights, the description of a table, or weights that were trained elsewhere
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    from: From,
}

#[derive(clap::Subcommand)]
enum From {
    Nasrec(nasrec::Args),
    Fuxictr(fuxictr::Args),
    /// From weights that were trained further in PyTorch, where `nasrecc export --format torch` took the model
    ///
    /// The weights are a file of safetensors with the tensors of the module's `state_dict()`, of 32 bits: none missing, none more, each of its
    /// shape, every number finite. The encoder and the calibration stay those of the model. Figures of how good it was are left out: `nasrecc
    /// evaluate` finds those of the new weights.
    #[command(after_help = "Examples:\n  nasrecc export runs/day --format torch -o day_torch\n  \
                      nasrecc import torch runs/day --weights day_torch/trained.safetensors -o day_trained\n  \
                      nasrecc evaluate day_trained --data new.csv")]
    Torch(elsewhere::Args),
    /// From weights that were trained further in candle, where `nasrecc export --format candle` took the model
    ///
    /// The weights are a file of safetensors as `VarMap::save` writes it, of 32 bits: no tensor missing, none more, each of its shape, every
    /// number finite. The encoder and the calibration stay those of the model. Figures of how good it was are left out: `nasrecc evaluate`
    /// finds those of the new weights.
    #[command(after_help = "Examples:\n  nasrecc export runs/day --format candle -o day_candle\n  \
                      nasrecc import candle runs/day --weights trained.safetensors -o day_trained\n  \
                      nasrecc evaluate day_trained --data new.csv")]
    Candle(elsewhere::Args),
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    match &args.from {
        From::Nasrec(args) => nasrec::run(args),
        From::Fuxictr(args) => fuxictr::run(args),
        From::Torch(args) => elsewhere::run(args, Elsewhere::Torch),
        From::Candle(args) => elsewhere::run(args, Elsewhere::Candle),
    }
}
