//! `nasrecc predict`: what a model says of the rows of a table.

mod lines;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Result, bail};
use nasrec_runtime::Error;
use nasrec_runtime::backend::Backend;
use nasrec_runtime::data::{Located, Malformed, Unreadable};
use nasrec_runtime::model::{Model, Rows};

use super::Outcome;
use crate::output::{self, grouped, say};
use crate::running::{self, Progress};
use crate::{device, model};
use lines::Lines;

/// Write the probability that a model predicts for each row of a table
///
/// The rows are read as the model's training read them, by its own schema and with what that learnt: columns by name where the
/// format has names, in any order, others left; the label need not be there. What is written has a header, a line for each row in
/// the order of the rows, and the probability as its last column.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  nasrecc predict runs/day --data today.csv -o today.predicted.csv\n  nasrecc predict best --data today.parquet --keep user,item -o today.tsv\n  zcat today.csv.gz | nasrecc predict best --data - > predicted.csv"
)]
pub(crate) struct Args {
    /// The directory of a run, or of a model
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    #[command(flatten)]
    rows: model::Where,
    /// Write to this file, whose name ends in .csv or .tsv, instead of CSV to stdout
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Columns of the table to write before the probability, as they are there
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    keep: Vec<String>,
    /// What becomes of a row that cannot be read: it ends the command, or has no probability
    #[arg(long, value_enum, default_value = "refuse")]
    malformed: OnMalformed,
}

#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
enum OnMalformed {
    Refuse,
    Empty,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let separator = separator(args.out.as_deref())?;
    if args.keep.iter().any(|name| name == lines::PROBABILITY) {
        bail!(
            "the column `{}` is the one that is written behind those that are kept; rename yours",
            lines::PROBABILITY
        );
    }
    let (device, located) = args.rows.found()?;
    if let Some(out) = &args.out {
        output::apart(out, located.iter().map(|located| located.path.as_path()))?;
    }
    let (model, directory) = model::load(&args.model)?;
    let stop = running::stopped_by_signals("stopping")?;
    let predicting = |out: &mut dyn Write| {
        let lines = Lines::new(out, separator);
        device.run(Predicting { model, args, located: &located, stop, lines })
    };
    let begun = Instant::now();
    let done = match &args.out {
        None => predicting(&mut io::stdout().lock()),
        Some(path) => {
            let mut outcome = Ok(Malformed::default());
            let written = output::fill(path, |file| {
                outcome = predicting(file);
                // What is not whole gets no name.
                if outcome.is_ok() { Ok(()) } else { Err(io::ErrorKind::Other.into()) }
            });
            match outcome {
                Ok(found) => written.map(|()| found),
                failed => failed,
            }
        }
    };
    match done {
        Ok(found) => {
            tell(&found, begun, &directory);
            if let Some(path) = &args.out {
                say!("wrote {}", path.display());
            }
            Ok(Outcome::Clean)
        }
        Err(error) if matches!(error.downcast_ref(), Some(Error::Stopped)) => {
            say!(
                "stopped; {}",
                if args.out.is_some() { "nothing was written" } else { "the rows after these were not read" }
            );
            Ok(Outcome::Stopped)
        }
        Err(error) => Err(error),
    }
}

/// What stands between values, by the name of the file.
fn separator(out: Option<&Path>) -> Result<u8> {
    let Some(extension) = out.and_then(Path::extension) else { return Ok(b',') };
    match extension.to_string_lossy().to_lowercase().as_str() {
        "csv" => Ok(b','),
        "tsv" => Ok(b'\t'),
        "parquet" => bail!("predictions are written as text, not as Parquet: give -o a name that ends in .csv or .tsv"),
        "gz" | "zst" => {
            bail!(
                "predictions are not packed: leave -o out, and pack what comes on stdout, as in `nasrecc predict … | gzip`"
            )
        }
        other => bail!("-o: nothing is known of `.{other}`; give it a name that ends in .csv or .tsv"),
    }
}

/// The work itself, wherever it computes.
struct Predicting<'a> {
    model: Model,
    args: &'a Args,
    located: &'a [Located],
    stop: &'a nasrec_runtime::Stop,
    lines: Lines<'a>,
}

impl device::Work for Predicting<'_> {
    type Done = Result<Malformed>;

    fn on(self, backend: &impl Backend) -> Self::Done {
        let Self { model, args, located, stop, mut lines } = self;
        let ready = model.ready(backend)?;
        let unreadable = match args.malformed {
            OnMalformed::Refuse => Unreadable::Refused,
            OnMalformed::Empty => Unreadable::Blank,
        };
        let rows = Rows { located, keep: &args.keep, unreadable };
        let mut failed = None;
        let done = ready.predict(rows, &Progress::new(), stop, |portion, probabilities| {
            // The header comes with the first rows: a table that cannot be read leaves nothing on stdout.
            lines.header(&args.keep).and_then(|()| lines.add(portion, probabilities)).map_err(|cause| {
                failed = Some(cause);
                Error::Stopped
            })
        });
        match failed {
            Some(cause) => Err(unwritable(cause, args.out.as_deref())),
            None => Ok(done?),
        }
    }
}

fn unwritable(cause: io::Error, out: Option<&Path>) -> anyhow::Error {
    match out {
        None => output::unwritable(cause),
        Some(path) => anyhow::Error::from(cause).context(format!("cannot write {}", path.display())),
    }
}

fn tell(found: &Malformed, begun: Instant, directory: &Path) {
    let seconds = begun.elapsed().as_secs_f64();
    let rows = grouped(found.lines);
    let rate = grouped((found.lines as f64 / seconds.max(1e-9)) as u64);
    say!("predicted {rows} rows with {} in {seconds:.1} s, {rate} a second", directory.display());
    if found.malformed > 0 {
        let rows = if found.malformed == 1 {
            "1 row has".to_owned()
        } else {
            format!("{} rows have", grouped(found.malformed))
        };
        say!("{rows} no probability, as they cannot be read; the first of them:");
        found.first.iter().for_each(|row| say!("  {row}"));
    }
}
