//! `nasrecc quantise`: a model whose tables take less room.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use nasrec_compiler::recipe::Storage;
use nasrec_runtime::machine::Bytes;
use nasrec_runtime::model::Model;

use super::Outcome;
use crate::model;
use crate::output::say;

/// Write a model whose embedding tables take about a half or a quarter of the room
///
/// bf16 keeps eight significant bits of each value; int8 keeps a number from -127 to 127, and for each row four bytes of what its numbers are
/// multiplied with: of wide rows a quarter, of rows of one value nothing is saved. Everything else of the model is as it was, but what is known of how good it is:
/// `nasrecc evaluate` with both models tells what the smaller one loses.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  nasrecc quantise runs/day --tables int8 -o day_int8\n  nasrecc evaluate day_int8 runs/day --data tomorrow.csv"
)]
pub(crate) struct Args {
    /// The directory of a run, or of a model
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// How the values of tables are stored
    #[arg(long, value_enum)]
    tables: Tables,
    /// The directory to write to, which is new, empty, or that of a model
    #[arg(short, long, value_name = "DIR")]
    out: PathBuf,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Tables {
    Bf16,
    Int8,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let storage = match args.tables {
        Tables::Bf16 => Storage::Bf16,
        Tables::Int8 => Storage::Int8,
    };
    let (model, directory) = model::load(&args.model)?;
    if [&args.model, &directory].into_iter().any(|taken| is_same(taken, &args.out)) {
        bail!("-o {} is where the model is; choose another directory", args.out.display());
    }
    model.quantised(storage)?.save(&args.out)?;
    let [before, after] = [&directory, &args.out].map(|directory| size(directory));
    let name = storage.name();
    say!("wrote {}: its tables in {name}, {} where it was {}", args.out.display(), Bytes(after?), Bytes(before?));
    say!("what that loses is told by: nasrecc evaluate {} {} --data FILE", args.out.display(), args.model.display());
    Ok(Outcome::Clean)
}

/// Whether two paths name one directory.
fn is_same(one: &Path, other: &Path) -> bool {
    one == other || matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// Bytes of the files of a model.
fn size(directory: &Path) -> Result<u64> {
    let files = Model::FILES.iter().map(|name| directory.join(name)).filter(|path| path.exists());
    files.map(|path| Ok(fs::metadata(path)?.len())).sum()
}
