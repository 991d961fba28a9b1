//! `nasrecc import`: what others have written down, as source; what others have trained, as a model.
//!
//! Lives here: a file for each notation. Never: how a notation of architectures is read (`nasrec_compiler::import`), or weights
//! (`nasrec_runtime::interop`).

mod fuxictr;
mod nasrec;
mod torch;

use anyhow::Result;

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
    Torch(torch::Args),
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    match &args.from {
        From::Nasrec(args) => nasrec::run(args),
        From::Fuxictr(args) => fuxictr::run(args),
        From::Torch(args) => torch::run(args),
    }
}
