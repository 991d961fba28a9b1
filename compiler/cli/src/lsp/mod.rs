//! `nasrecc lsp`: the language server, for editors.
//!
//! Lives here: messages, documents, positions and URIs. Never: what an answer says; that is `nasrec_compiler::editor`.

mod answers;
mod completion;
mod documents;
mod findings;
mod places;
mod server;
mod session;
mod shipped;
mod transport;

use anyhow::Result;

use crate::commands::Outcome;
use crate::imports::Imports;

/// Serve an editor: the language server protocol on stdin and stdout
///
/// An editor starts this command and talks to it; there is nothing to see for a person. It checks files as they are
/// typed, unsaved text before what is on disk, and offers hover, definitions, references, rename, completion, symbols,
/// formatting, quick fixes and shapes beside the source. Positions count UTF-16 code units. Stdout carries messages
/// only.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  nasrecc lsp\n  nasrecc lsp --allow-import ../shared\n\nHow to set up VS Code, Helix and Neovim: docs/editors.md"
)]
pub(crate) struct Args {
    /// Accepted because many editors add it: stdin and stdout are always what is used
    #[arg(long)]
    stdio: bool,
    #[command(flatten)]
    imports: Imports,
}

#[cfg(fuzzing)]
pub(crate) use server::hear;

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let Args { stdio: _, imports } = args;
    server::serve(imports.folders.clone())
}
