//! What commands write, other than findings.
//!
//! Lives here: the one way to stdout, to stderr and to files, and what keeps a terminal from obeying what it is shown; the
//! one JSON, the one style of tables, numbers and errors as people read them. Never: what is said; that is each
//! command's. Findings are written in `render/`.

mod file;
mod streams;
mod table;
mod told;
mod visible;
mod words;

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::ValueEnum;

pub(crate) use file::{fill, replace};
pub(crate) use streams::{Gone, columns, print, show, tell, unwritable};
pub(crate) use table::table;
pub(crate) use told::Told;
pub(crate) use visible::{Visible, has_hidden, visible, visible_line};
pub(crate) use words::{grouped, mmacs, mops, worded};

/// Says a line on stderr, as `println!` would. Nobody has to hear it: where stderr is closed or full nothing happens.
macro_rules! say {
    ($($words:tt)*) => { $crate::output::tell(format_args!($($words)*)) };
}
pub(crate) use say;

/// How machine output is written.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

/// What is written, by how that is kept from it which a terminal would obey.
pub(crate) enum Text {
    /// For people: such characters are shown.
    People(String),
    /// For machines: such characters, which only strings can have, are escaped, which means the same.
    Json(String),
    /// A program again: nothing is changed.
    Program(String),
}

/// JSON that a person can read as well.
pub(crate) fn json(value: &impl serde::Serialize) -> Result<Text> {
    Ok(Text::Json(format!("{}\n", serde_json::to_string_pretty(value)?)))
}

/// Writes machine output to a file, which must be none of those that were read, or to stdout.
pub(crate) fn write<'a>(out: Option<&PathBuf>, text: Text, read: impl IntoIterator<Item = &'a Path>) -> Result<()> {
    match out {
        Some(path) => {
            apart(path, read)?;
            fill(path, |file| file.write_all(text.written().as_bytes()))?;
            say!("wrote {}", path.display());
            Ok(())
        }
        None => print(text),
    }
}

/// Refuses a file for writing that is one of those that are read.
///
/// # Errors
/// It is one, by this or another path.
pub(crate) fn apart<'a>(out: &Path, read: impl IntoIterator<Item = &'a Path>) -> Result<()> {
    match read.into_iter().find(|read| file::same(out, read)) {
        Some(read) if read == out => {
            anyhow::bail!("-o {} would overwrite what is read; choose another name", out.display())
        }
        Some(read) => {
            anyhow::bail!("-o {} would overwrite what is read, {}; choose another name", out.display(), read.display())
        }
        None => Ok(()),
    }
}

impl Text {
    fn written(&self) -> std::borrow::Cow<'_, str> {
        match self {
            Self::People(text) => visible(text),
            Self::Json(text) => visible::escaped_in_json(text),
            Self::Program(text) => text.into(),
        }
    }
}
