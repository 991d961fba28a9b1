//! What commands write, other than findings.
//!
//! Lives here: the one way to stdout and to files, the one JSON, the one style of tables, numbers as people read them.
//! Never: what is said; that is each command's. Findings are written in `render/`.

mod table;
mod words;

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::ValueEnum;

pub(crate) use table::{right, table};
pub(crate) use words::{grouped, mmacs};

/// How machine output is written.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

/// JSON that a person can read as well.
pub(crate) fn json(value: &impl serde::Serialize) -> Result<String> {
    Ok(format!("{}\n", serde_json::to_string_pretty(value)?))
}

/// Writes machine output to a file or to stdout.
pub(crate) fn write(out: Option<&PathBuf>, text: &str) -> Result<()> {
    match out {
        Some(path) => {
            fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
            eprintln!("wrote {}", path.display());
        }
        None => print(text)?,
    }
    Ok(())
}

/// Writes to stdout.
///
/// # Errors
/// Nobody reads it any more, or it is a file that takes no more.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).context("stdout cannot be written")
}

/// Puts a text in a file's place at once: a reader sees the old text or the new one, never a part.
pub(crate) fn replace(path: &Path, text: &str) -> Result<()> {
    // A link stays a link.
    let path = path.canonicalize()?;
    let beside = beside(&path)?;
    let written = write_new(&beside, text, &path).and_then(|()| fs::rename(&beside, &path));
    if written.is_err() {
        // What went wrong matters more than what is left lying about.
        let _removed = fs::remove_file(&beside);
    }
    Ok(written?)
}

fn beside(path: &Path) -> Result<PathBuf> {
    let name = path.file_name().context("it has no name")?.to_string_lossy();
    Ok(path.with_file_name(format!(".{name}.{}.new", std::process::id())))
}

fn write_new(path: &Path, text: &str, like: &Path) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(text.as_bytes())?;
    file.set_permissions(fs::metadata(like)?.permissions())?;
    file.sync_all()
}
