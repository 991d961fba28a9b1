//! `nasrecc evaluate`: how good a model is on the rows of a table, and how far one is ahead of another.

mod figures;
mod told;

use std::path::PathBuf;

use anyhow::{Result, anyhow, bail};
use nasrec_compiler::plan::Head;
use nasrec_runtime::backend::Backend;
use nasrec_runtime::data::{DataError, Located, Malformed, STANDARD_INPUT, Unreadable};
use nasrec_runtime::model::{Model, Rows};
use nasrec_runtime::train::{Resamples, Scores};
use nasrec_runtime::{Error, Stop};

use super::Outcome;
use crate::output::{self, Format, Text, say};
use crate::running::{self, Progress};
use crate::{device, model};
use figures::{Compared, Found};

/// Fewest and most resamples.
const RESAMPLES: std::ops::RangeInclusive<usize> = 40..=100_000;

/// Show how good a model is on the labelled rows of a table, or which of two models is better there
///
/// The rows are read as for `nasrecc predict`, with their labels, and their groups where the schema has a group. Of two models,
/// which may read the table in different ways, the differences are told with paired 95 % intervals over a hundred blocks of
/// consecutive rows; with --bootstrap, over resamples of the rows. Of a model of several labels all this is of the first; of the
/// others log loss and AUC are told beside it.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  nasrecc evaluate runs/day --data tomorrow.csv\n  nasrecc evaluate runs/day --data tomorrow.csv --bootstrap 1000 --format json\n  nasrecc evaluate runs/day runs/week --data tomorrow.parquet"
)]
pub(crate) struct Args {
    /// The directory of a run, or of a model
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// Another one, which the first is compared with
    #[arg(value_name = "MODEL2")]
    other: Option<PathBuf>,
    #[command(flatten)]
    rows: model::Where,
    /// Draw so many resamples of the rows, and tell between what figures are on 95 % of them
    #[arg(long, value_name = "N")]
    bootstrap: Option<usize>,
    /// What becomes of a row that cannot be read: it ends the command, or is left out
    #[arg(long, value_enum, default_value = "refuse")]
    malformed: OnMalformed,
    /// How it is written
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
enum OnMalformed {
    Refuse,
    LeaveOut,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    if let Some(times) = args.bootstrap.filter(|times| !RESAMPLES.contains(times)) {
        bail!("--bootstrap {times}: expected {} to {} resamples", RESAMPLES.start(), RESAMPLES.end());
    }
    let (device, located) = args.rows.found()?;
    if args.other.is_some() && located.iter().any(|located| located.name == STANDARD_INPUT || !located.is_regular()) {
        bail!(
            "two models are compared on rows that are read once for each: write what comes through the pipe to a file, and name that"
        );
    }
    let models = [Some(&args.model), args.other.as_ref()].into_iter().flatten();
    let models = models.map(|path| args.rows.load(path)).collect::<Result<Vec<_>>>()?;
    let stop = running::stopped_by_signals("stopping")?;
    let mut found: Vec<Found> = Vec::new();
    for (model, directory) in models {
        let (name, groups) = (model.name.clone(), model.schema().group.is_some());
        let label = model.schema().label.column.clone();
        let heads = model.heads();
        let (main, names) = (Head::main(heads), heads.iter().map(|head| head.called(model.schema()).to_owned()));
        let names: Vec<String> = names.collect();
        let scored = device.run(Scoring { model, located: &located, malformed: args.malformed, stop });
        match scored {
            Ok((scores, malformed)) => {
                let mut others: Vec<(String, Scores)> = names.into_iter().zip(scores).collect();
                let (_, scores) = others.remove(main);
                found.push(Found { name, directory, groups, scores, others, malformed });
            }
            Err(Error::Stopped) => {
                say!("stopped");
                return Ok(Outcome::Stopped);
            }
            Err(error) => return Err(unlabelled(error, &label)),
        }
    }
    if let [own, other] = &found[..] {
        same_rows(own, other)?;
    }
    let resamples = args.bootstrap.map(|times| {
        let scores: Vec<&Scores> = found.iter().map(|found| &found.scores).collect();
        Resamples::of(&scores, times)
    });
    let compared = Compared::of(&found, resamples.as_ref());
    match args.format {
        Format::Json => output::print(output::json(&compared)?)?,
        Format::Text => output::print(Text::People(told::told(&compared, output::columns(None))))?,
    }
    Ok(Outcome::Clean)
}

/// What is wrong with a table, and what to do where it has no label.
fn unlabelled(error: Error, label: &str) -> anyhow::Error {
    if matches!(&error, Error::Data(DataError::NoColumn { column, .. }) if column == label) {
        return anyhow!("{error}; `nasrecc evaluate` compares with this label, and `nasrecc predict` needs none");
    }
    error.into()
}

/// Refuses to compare what was not said of the same rows.
fn same_rows(own: &Found, other: &Found) -> Result<()> {
    let (mine, theirs) = (own.scores.labels.len(), other.scores.labels.len());
    let (first, second) = (own.directory.display(), other.directory.display());
    if mine != theirs {
        bail!(
            "{first} reads {mine} rows of this table and {second} reads {theirs}: they cannot be compared on the same rows"
        );
    }
    if own.scores.labels != other.scores.labels {
        bail!(
            "{first} and {second} do not call the same rows clicks: their schemas say another label, and nothing can be compared"
        );
    }
    Ok(())
}

/// The work itself, wherever it computes.
struct Scoring<'a> {
    model: Model,
    located: &'a [Located],
    malformed: OnMalformed,
    stop: &'a Stop,
}

impl device::Work for Scoring<'_> {
    type Done = nasrec_runtime::Result<(Vec<Scores>, Malformed)>;

    fn on(self, backend: &impl Backend) -> Self::Done {
        let unreadable = match self.malformed {
            OnMalformed::Refuse => Unreadable::Refused,
            OnMalformed::LeaveOut => Unreadable::LeftOut,
        };
        let rows = Rows { located: self.located, keep: &[], stored: false, unreadable };
        self.model.ready(backend)?.scores(rows, &Progress::new(), self.stop)
    }
}
