//! `nasrecc import torch`: weights that were trained in PyTorch, as a model.

use std::path::PathBuf;

use anyhow::{Result, bail};
use nasrec_runtime::export::retrained;

use crate::commands::Outcome;
use crate::model;
use crate::output::say;

/// From weights that were trained further in PyTorch, where `nasrecc export --format torch` took the model
///
/// The weights are a file of safetensors with the tensors of the module's `state_dict()`, of 32 bits: none missing, none more, each of its shape,
/// every number finite. The encoder and the calibration stay those of the model. Figures of how good it was are left out: `nasrecc evaluate` finds
/// those of the new weights.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  nasrecc export runs/day --format torch -o day_torch\n  \
                        nasrecc import torch runs/day --weights day_torch/trained.safetensors -o day_trained\n  \
                        nasrecc evaluate day_trained --data new.csv")]
pub(crate) struct Args {
    /// The directory of the model that was exported, or of its run
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// The weights
    #[arg(long, value_name = "FILE.safetensors")]
    weights: PathBuf,
    /// The directory to write the model to, which is new, empty, or that of a model
    #[arg(short, long, value_name = "DIR")]
    out: PathBuf,
    /// What the model is called; as the one that was exported otherwise
    #[arg(long)]
    name: Option<String>,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let (exported, directory) = model::load(&args.model)?;
    if args.out == directory || args.out == args.model {
        bail!("-o {} is where the model is; choose another folder", args.out.display());
    }
    let mut model = retrained(exported, &args.weights)?;
    if let Some(name) = &args.name {
        model.name.clone_from(name);
    }
    model.save(&args.out)?;
    say!("wrote {}: {} with the weights of {}", args.out.display(), model.name, args.weights.display());
    if model.scaling().is_some() {
        say!("its calibration is the one that was fitted to the former weights");
    }
    Ok(Outcome::Clean)
}
