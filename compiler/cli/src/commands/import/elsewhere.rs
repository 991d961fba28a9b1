//! `nasrecc import torch` and `import candle`: weights that were trained there, as a model.

use std::path::PathBuf;

use anyhow::{Result, bail};
use nasrec_runtime::export::{Elsewhere, retrained};

use crate::commands::Outcome;
use crate::model;
use crate::output::say;

#[derive(clap::Args)]
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

pub(crate) fn run(args: &Args, from: Elsewhere) -> Result<Outcome> {
    let (exported, directory) = model::load(&args.model)?;
    if args.out == directory || args.out == args.model {
        bail!("-o {} is where the model is; choose another folder", args.out.display());
    }
    let mut model = retrained(exported, from, &args.weights)?;
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
