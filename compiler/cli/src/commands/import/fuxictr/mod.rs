//! `nasrecc import fuxictr`: a schema from the configuration of a data set.
//!
//! Lives here: which files are read (`mod.rs`), what they say (`config`), and that as source (`source`).

mod config;
mod source;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use nasrec_compiler::Program;
use nasrec_compiler::diagnostics::FileId;
use nasrec_compiler::format::format_source;
use nasrec_compiler::loader::{Memory, read_named};

use crate::commands::Outcome;
use crate::output::{self, Text, say};
use config::{Dataset, FeatureMap};

/// What a configuration is called in its folder.
const CONFIG: &str = "dataset_config.yaml";
/// What FuxiCTR writes once it has read the table.
const MAP: &str = "feature_map.json";

/// From the configuration of a FuxiCTR data set: its schema, with a comment where something cannot be said
///
/// Columns, types, missing values, minimum counts and normalisers become what a schema says of them. Where FuxiCTR has written
/// a feature_map.json, vocabularies get the rows that it counted. A sequence is a bag, whose embeddings are pooled; functions of
/// preprocessing, and models that read sequences in their order, cannot be said.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  nasrecc import fuxictr config/ -o frappe.nasrec\n  nasrecc import fuxictr config/dataset_config.yaml --dataset frappe_x1"
)]
pub(crate) struct Args {
    /// The folder that holds dataset_config.yaml, or that file
    #[arg(value_name = "CONFIG_DIR")]
    config: PathBuf,
    /// Which data set, where the file has several
    #[arg(long, value_name = "ID")]
    dataset: Option<String>,
    /// Write to this file instead of stdout
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let file = if args.config.is_dir() { args.config.join(CONFIG) } else { args.config.clone() };
    let text = read(&file)?.with_context(|| format!("there is no {}", file.display()))?;
    let mut all = config::datasets(&text).with_context(|| file.display().to_string())?;
    let id = match (&args.dataset, all.len()) {
        (Some(id), _) => id.clone(),
        (None, 1) => all.keys().next().cloned().unwrap_or_default(),
        (None, 0) => bail!("{} describes no data set", file.display()),
        (None, _) => bail!("{} has the data sets {}: say which with --dataset", file.display(), listed(&all)),
    };
    let Some(described) = all.remove(&id) else {
        bail!("{} has no data set `{id}`; it has {}", file.display(), listed(&all));
    };
    let dataset = Dataset::of(described).with_context(|| format!("{}, {id}", file.display()))?;
    let folder = file.parent().unwrap_or(Path::new(""));
    let map = map(folder, &dataset, &id)?;
    let written = source::schema(&id, &dataset, map.as_ref());
    let source = sound(&written)?;
    output::write(args.out.as_ref(), Text::Program(source), [file.as_path()])?;
    let (columns, left) = (written.columns, written.left_out);
    say!("{columns} columns; {left} of the configuration cannot be said, as the comments tell");
    Ok(Outcome::Clean)
}

fn listed<T>(all: &std::collections::BTreeMap<String, T>) -> String {
    all.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn read(path: &Path) -> Result<Option<String>> {
    read_named(path).map_err(|why| anyhow::anyhow!("cannot read {}: {why}", path.display()))
}

/// What FuxiCTR counted, from where it writes that: beside the encoded table, or beside the configuration.
fn map(folder: &Path, dataset: &Dataset, id: &str) -> Result<Option<FeatureMap>> {
    let beside = dataset.data_root.as_ref().map(|root| folder.join(root).join(id).join(MAP));
    for path in beside.into_iter().chain([folder.join(MAP)]) {
        if path.is_file()
            && let Some(text) = read(&path)?
        {
            say!("rows of vocabularies are those of {}", path.display());
            return Ok(Some(FeatureMap::read(&text).with_context(|| path.display().to_string())?));
        }
    }
    Ok(None)
}

/// The source, laid out, once it is sound.
fn sound(written: &source::Written) -> Result<String> {
    let (program, found) = Program::load("schema.nasrec", &Memory::new([("schema.nasrec", written.text.as_str())]));
    if let Some(wrong) = found.into_iter().chain(program.check()).next() {
        bail!("no schema can be written for this data set: {}", wrong.message);
    }
    format_source(FileId(0), &written.text)
        .map_err(|_| anyhow::anyhow!("no schema can be written for this data set; rename its columns"))
}
