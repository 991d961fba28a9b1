//! `nasrecc export`: a model in the form of something else.

use std::path::PathBuf;

use anyhow::{Result, anyhow, bail};
use nasrec_runtime::Error;
use nasrec_runtime::export::{EXPORTERS, Exporter};
use nasrec_runtime::model::ModelError;

use super::Outcome;
use crate::model;
use crate::output::say;

/// Write a model as what other programs take: as C, which needs nothing else, as ONNX, PyTorch, for candle or for Triton
///
/// What is written has the encoder in it: a raw row goes in, and a probability comes out. An example goes with it that says what is expected;
/// --verify runs it, where there is what runs it: a C compiler, or a Python with onnxruntime or torch (PYTHON names another one than python3);
/// for candle nothing else is needed.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  nasrecc export runs/day --format c -o day_c --verify\n  nasrecc export runs/day --format onnx -o day_onnx --verify\n  nasrecc export runs/shop --format c --label buy -o buy_c\n  cd day_onnx && python3 predict.py example.tsv"
)]
pub(crate) struct Args {
    /// The directory of a run, or of a model
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// The format: c, candle, onnx, torch or triton
    #[arg(long, value_name = "FORMAT")]
    format: String,
    /// Of a model of several labels, the one that is to be predicted
    #[arg(long, value_name = "NAME")]
    label: Option<String>,
    /// The folder to write to, which is new, empty, or holds such an export
    #[arg(short, long, value_name = "DIR")]
    out: PathBuf,
    /// Run what was written on its example, and compare
    #[arg(long)]
    verify: bool,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let Some(exporter) = Exporter::named(&args.format) else {
        let known: Vec<String> = EXPORTERS.iter().map(|one| format!("{} ({})", one.name, one.writes)).collect();
        bail!("there is no format `{}`; expected one of {}", args.format, known.join(", "));
    };
    let (model, directory) = model::load(&args.model)?;
    if args.out == directory || args.out == args.model {
        bail!("-o {} is where the model is; choose another folder", args.out.display());
    }
    let model = match &args.label {
        Some(label) => model.of_label(label)?,
        None => model,
    };
    let exported = exporter.export(&model, &args.out).map_err(|error| match error {
        Error::Model(error @ ModelError::Labels { .. }) => anyhow!("{error}, with --label"),
        error => error.into(),
    })?;
    let files: Vec<String> = exported.files.iter().map(|path| path.display().to_string()).collect();
    say!("wrote {}", files.join(", "));
    if args.verify {
        let verified = exporter.verify(&args.out)?;
        let near = verified.within.map_or("to the last bit".to_owned(), |within| format!("within {within:e}"));
        say!("{}: {} rows of the example came out as expected, {near}", verified.by, verified.rows);
    }
    Ok(Outcome::Clean)
}
