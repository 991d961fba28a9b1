//! `nasrecc new`: a project for a table that runs as it is.
//!
//! Lives here: what is asked for, and how its files are put in place (`mod.rs`), and what the search says for so many rows
//! (`recipe`). Never: what a column is taken for, which `nasrecc data schema` tells as well.

mod recipe;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use nasrec_compiler::diagnostics::FileId;
use nasrec_compiler::format::format_source;
use nasrec_compiler::loader::Memory;
use nasrec_compiler::{ItemKind, Program};
use nasrec_runtime::data::{Inferred, Located, expected_rows, infer, is_address};

use super::Outcome;
use super::data::schema;
use crate::output::say;
use crate::rows;
use recipe::Recipe;

const SCHEMA: &str = "schema.nasrec";
const SEARCH: &str = "search.nasrec";
const README: &str = "README.md";

/// Make a project for a table: a schema, a search that fits its rows, baselines, and what to do next
///
/// The schema is that of `nasrecc data schema`, the recipe one for so many rows: candidates that are trained on their own, for as long
/// as `budget` says, in epochs that end early; where that is a few trainings only, candidates in a supernet. It runs without an edit. The table
/// stays where it is. Nothing is overwritten.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  nasrecc new visits --data visits.csv && nasrecc search visits/search.nasrec\n  nasrecc new ratings --data parts/ --label rating"
)]
pub(crate) struct Args {
    /// The folder of the project, which is made where it is not there
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// A table: CSV or TSV, with or without a header, plain, gzip or zstd; a folder of such files, or a pattern
    #[arg(long, value_name = "FILE")]
    data: String,
    /// The column to predict, where its name does not tell
    #[arg(long, value_name = "COLUMN")]
    label: Option<String>,
    /// What the schema and the search are called; after the folder otherwise
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let taken = [SCHEMA, SEARCH, README].map(|name| args.dir.join(name));
    if let Some(taken) = taken.iter().find(|path| path.symlink_metadata().is_ok()) {
        bail!("{} is there already, and nothing is overwritten: choose another folder", taken.display());
    }
    let name = match &args.name {
        Some(name) => name.clone(),
        None => named_after(&args.dir),
    };
    let located = rows::files(std::slice::from_ref(&args.data))?;
    let first = located.first().context("there is no such file")?;
    if !first.is_regular() {
        bail!("{} can be read once only; write it to a file first", args.data);
    }
    let inferred = infer(first, args.label.as_deref(), Some(&format!("{name}_table")))?;
    let rows = rows(&located, &inferred);
    let recipe = Recipe::of(rows);
    let schema = schema::formatted(&inferred)?;
    // Where the folder will be is known before it is there.
    let files = path_of(&args.data, &args.dir)?;
    let search = recipe.search(&name, &inferred.name, &files, inferred.columns);
    let search = sound(&schema, &search, &name)?;
    fs::create_dir_all(&args.dir).with_context(|| format!("cannot make the folder {}", args.dir.display()))?;
    let dir = args.dir.display().to_string();
    let readme = recipe.readme(&name, &args.data, rows, &dir, &inferred);
    for (path, text) in taken.iter().zip([&schema, &search, &readme]) {
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(path)
            .with_context(|| format!("cannot write {}", path.display()))?;
        std::io::Write::write_all(&mut file, text.as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    schema::tell(&inferred);
    say!("wrote {}", taken.map(|path| path.display().to_string()).join(", "));
    say!("next: nasrecc search {}", args.dir.join(SEARCH).display());
    Ok(Outcome::Clean)
}

/// How many rows the files have, roughly where not all of them were looked at.
fn rows(located: &[Located], inferred: &Inferred) -> u64 {
    if located.len() == 1 && inferred.all {
        return inferred.rows;
    }
    expected_rows(located).unwrap_or(0).max(inferred.rows)
}

/// A name for what is in a folder.
fn named_after(dir: &Path) -> String {
    let whole = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    let last = whole.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let word: String = last.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let word = word.trim_matches('_');
    if word.starts_with(|c: char| c.is_ascii_alphabetic()) { word.to_owned() } else { "first".to_owned() }
}

/// The path of the table as a file in `dir` names it: from there where it is near, else all of it.
fn path_of(data: &str, dir: &Path) -> Result<String> {
    if is_address(data) && !data.contains(['"', '\n', '\r']) {
        return Ok(data.to_owned());
    }
    let data = Path::new(data);
    // A pattern is none of a file; what it is in is there.
    let parent = data.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let parent = parent.canonicalize().with_context(|| format!("cannot find {}", parent.display()))?;
    let whole = match data.file_name() {
        Some(name) => parent.join(name),
        None => data.canonicalize().with_context(|| format!("cannot find {}", data.display()))?,
    };
    let dir = real(dir)?;
    let near = match (whole.strip_prefix(&dir), dir.parent().map(|above| whole.strip_prefix(above))) {
        (Ok(inside), _) => inside.to_owned(),
        (_, Some(Ok(beside))) => Path::new("..").join(beside),
        _ => whole,
    };
    let Some(text) = near.to_str() else { bail!("{} is no text, as a file has to name it", near.display()) };
    // A text of the language ends with its line and has no way to hold a quote.
    if text.contains(['"', '\n', '\r']) {
        bail!("no file can say the path {text:?}; give it another name");
    }
    Ok(text.replace('\\', "/"))
}

/// Where a folder is, or will be, links followed.
fn real(dir: &Path) -> Result<PathBuf> {
    let whole = std::path::absolute(dir).with_context(|| format!("cannot find {}", dir.display()))?;
    for above in whole.ancestors() {
        if let Ok(found) = above.canonicalize() {
            let rest = whole.strip_prefix(above).unwrap_or(Path::new(""));
            return Ok(found.join(rest));
        }
    }
    Ok(whole)
}

/// The search, laid out, once it is sound.
fn sound(schema: &str, search: &str, name: &str) -> Result<String> {
    let wrong = |what: String| {
        anyhow::anyhow!("no project can be made of this table: {what}; take another --name, or rename its columns")
    };
    let search = format_source(FileId(0), search).map_err(|_| wrong(format!("`{name}` is no name")))?;
    let (program, found) = Program::load(SEARCH, &Memory::new([(SEARCH, search.as_str()), (SCHEMA, schema)]));
    if let Some(wrong_there) = found.into_iter().chain(program.check()).next() {
        return Err(wrong(wrong_there.message));
    }
    match program.find(ItemKind::Search, name) {
        Some(_) => Ok(search),
        None => Err(wrong(format!("`{name}` is no name"))),
    }
}
