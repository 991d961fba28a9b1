//! `nasrecc pack`: what of a run may be passed on, in one file.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use nasrec_runtime::run::Package;

use super::Outcome;
use crate::output::{self, say};

/// Pack what of a run may be passed on: the model, its source, the report and the journal
///
/// Left out is what holds your table (data.cache) or tells of your machine (run.json), and your own source files; and the
/// supernet, which is large. What is packed is told, and what is not.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  nasrecc pack runs/day\n  nasrecc pack runs/day -o day.tar.gz --with sources")]
pub(crate) struct Args {
    /// The directory of the run
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Where to write; the name of the run and .tar.gz, in the current folder, otherwise
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Pack this file or folder of the run as well; may be repeated
    #[arg(long, value_name = "NAME")]
    with: Vec<String>,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let out = args.out.clone().unwrap_or_else(|| {
        let whole = args.run.canonicalize().unwrap_or_else(|_| args.run.clone());
        let name = whole.file_name().unwrap_or("run".as_ref()).to_string_lossy().into_owned();
        Path::new(&format!("{name}.tar.gz")).to_owned()
    });
    let package = Package::of(&args.run, &args.with)?;
    if let Some(part) = package.part_at(&out) {
        bail!("-o {} would change {part} of the run itself; choose another name", out.display());
    }
    output::fill(&out, |archive| package.write(archive))?;
    let files: Vec<String> = package.files().map(|path| path.display().to_string()).collect();
    say!("packed {}", files.join(", "));
    if files.iter().any(|file| file.ends_with("/encoder.safetensors")) {
        say!(
            "best/encoder.safetensors holds values of your table: those of columns with a vocabulary, a target or a count, as they were written"
        );
    }
    for part in package.left_out() {
        match part.private {
            Some(why) => say!("left out {}: private, {why}", part.name),
            None => say!("left out {}: {}", part.name, part.holds),
        }
    }
    say!("wrote {}", out.display());
    Ok(Outcome::Clean)
}
