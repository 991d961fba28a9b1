//! `nasrecc predict`: what a model says of the rows of a table.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Result, bail};
use nasrec_runtime::Error;
use nasrec_runtime::backend::Backend;
use nasrec_runtime::data::{Kinds, Lines, Located, Malformed, Portion, Unreadable, Written};
use nasrec_runtime::model::{Model, Ready, Rows};

use super::Outcome;
use crate::output::{self, grouped, say};
use crate::running::{self, Progress};
use crate::{device, model};

/// Write the probability that a model predicts for each row of a table
///
/// The rows are read as the model's training read them, by its own schema and with what that learnt: columns by name where the
/// format has names, in any order, others left; the label need not be there. What is written has a header, a line for each row in
/// the order of the rows, and the probability as its last column; a model of several labels writes one for each, such as
/// `probability_click` and `probability_buy`.
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
    /// Write to this file, whose name ends in .csv, .tsv or .parquet, instead of CSV to stdout
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
    let form = Form::of(args.out.as_deref())?;
    let (device, located) = args.rows.found()?;
    if let Some(out) = &args.out {
        output::apart(out, located.iter().map(|located| located.path.as_path()))?;
    }
    let (model, directory) = args.rows.load(&args.model)?;
    let names = model.probability_names();
    if let Some(name) = args.keep.iter().find(|name| names.contains(name)) {
        bail!("the column `{name}` is one that is written behind those that are kept; rename yours");
    }
    let kinds = form.kinds(&model, &located, &args.keep)?;
    let stop = running::stopped_by_signals("stopping")?;
    let predicting = |out: Out| device.run(Predicting { model, names: &names, args, located: &located, stop, out });
    let begun = Instant::now();
    let done = match &args.out {
        None => predicting(Out::Lines(Lines { separator: b',' }, &mut io::stdout().lock())),
        Some(path) => {
            let mut outcome = Ok(Malformed::default());
            let written = output::fill(path, |file| {
                outcome = predicting(match (form, kinds) {
                    (Form::Parquet, kinds) => Out::Parquet(kinds.unwrap_or_default(), file),
                    (Form::Lines(lines), _) => Out::Lines(lines, file),
                });
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

/// What predictions are written as.
#[derive(Clone, Copy)]
enum Form {
    Lines(Lines),
    Parquet,
}

impl Form {
    /// By the name of the file.
    fn of(out: Option<&Path>) -> Result<Self> {
        const NAMES: &str = "a name that ends in .csv, .tsv or .parquet";
        let lines = |separator| Self::Lines(Lines { separator });
        let Some(out) = out else { return Ok(lines(b',')) };
        let extension = out.extension().map(|extension| extension.to_string_lossy().to_lowercase());
        match extension.as_deref() {
            None | Some("csv") => Ok(lines(b',')),
            Some("tsv") => Ok(lines(b'\t')),
            Some("parquet") => Ok(Self::Parquet),
            Some("gz" | "zst") => {
                bail!(
                    "predictions are not packed: leave -o out, and pack what comes on stdout, as in `nasrecc predict … | gzip`"
                )
            }
            Some(other) => bail!("-o: nothing is known of `.{other}`; give it {NAMES}"),
        }
    }

    /// What the columns that are kept are in a Parquet file, where one is to be written.
    fn kinds(self, model: &Model, located: &[Located], keep: &[String]) -> Result<Option<Kinds>> {
        if !matches!(self, Self::Parquet) {
            return Ok(None);
        }
        if let Some((_, twice)) = keep.iter().enumerate().find(|(at, name)| keep[..*at].contains(name)) {
            bail!("--keep names the column `{twice}` twice, and a Parquet file has one of each name");
        }
        Ok(Some(Kinds::of(model.schema(), located, keep)?))
    }
}

/// Where predictions go.
enum Out<'a> {
    Lines(Lines, &'a mut dyn Write),
    Parquet(Kinds, &'a mut File),
}

/// The work itself, wherever it computes.
struct Predicting<'a, 'o> {
    model: Model,
    /// What its probabilities are called.
    names: &'a [String],
    args: &'a Args,
    located: &'a [Located],
    stop: &'a nasrec_runtime::Stop,
    out: Out<'o>,
}

impl device::Work for Predicting<'_, '_> {
    type Done = Result<Malformed>;

    fn on(self, backend: &impl Backend) -> Self::Done {
        let Self { model, names, args, located, stop, out } = self;
        let ready = model.ready(backend)?;
        let unreadable = match args.malformed {
            OnMalformed::Refuse => Unreadable::Refused,
            OnMalformed::Empty => Unreadable::Blank,
        };
        let stored = matches!(out, Out::Parquet(..));
        let rows = Rows { located, keep: &args.keep, stored, unreadable };
        match out {
            Out::Lines(lines, out) => {
                // The header comes with the first rows: a table that cannot be read leaves nothing on stdout.
                let mut header = Some(lines.header(&args.keep, names));
                let make = |portion: &mut Portion, probabilities: Vec<f32>| lines.of(portion, &probabilities);
                said(args, &ready, (rows, stop), make, |text| {
                    let written = header.take().map_or(Ok(()), |header| out.write_all(&header));
                    written.and_then(|()| out.write_all(&text)).and_then(|()| out.flush())
                })
            }
            Out::Parquet(kinds, file) => {
                let by = concat!("nasrecc ", env!("CARGO_PKG_VERSION"));
                let unwritable = |cause| unwritable(cause, args.out.as_deref());
                let mut written = Written::begin(file, kinds, names, by).map_err(unwritable)?;
                let make = |portion: &mut Portion, probabilities: Vec<f32>| {
                    (std::mem::take(&mut portion.kept), std::mem::take(&mut portion.blank), probabilities)
                };
                let found = said(args, &ready, (rows, stop), make, |(kept, blank, probabilities)| {
                    written.add(&kept, &probabilities, &blank)
                })?;
                written.end().map_err(unwritable)?;
                Ok(found)
            }
        }
    }
}

/// Has what is made of rows and their probabilities written, in the order of the rows.
fn said<T: Send>(
    args: &Args,
    ready: &Ready<impl Backend>,
    (rows, stop): (Rows, &nasrec_runtime::Stop),
    make: impl Fn(&mut Portion, Vec<f32>) -> T + Sync,
    mut write: impl FnMut(T) -> io::Result<()>,
) -> Result<Malformed> {
    let mut failed = None;
    let done = ready.predict_as(rows, &Progress::new(), stop, make, |made| {
        write(made).map_err(|cause| {
            failed = Some(cause);
            Error::Stopped
        })
    });
    match failed {
        Some(cause) => Err(unwritable(cause, args.out.as_deref())),
        None => Ok(done?),
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
