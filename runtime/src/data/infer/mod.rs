//! A schema for a table that nobody has described.
//!
//! Lives here: what the columns of a file look like, what each is then taken for and why, and that as source with a comment a
//! column. Never: anything that a person could not correct in what is printed.

mod columnar;
mod guess;
mod look;
mod pairs;
mod source;

use std::path::Path;

pub use guess::Guess;

use self::look::Look;
use crate::Result;
use crate::data::source::Located;
use crate::error::DataError;

/// A schema as source, and what there is to know of the table.
#[derive(Clone, Debug)]
pub struct Inferred {
    /// Of the schema: `schema visits { … }`, with a comment a column.
    pub source: String,
    /// Its name.
    pub name: String,
    /// Rows that were looked at.
    pub rows: u64,
    /// Whether those are all.
    pub all: bool,
    /// Numeric and categorical columns that it makes.
    pub columns: (usize, usize),
    /// Lines that it does not have, and which may make models better: click rates and counts of categories as numbers.
    pub worth_a_try: Vec<String>,
}

/// Looks at the first of some files, up to a million rows of it, and says what its columns seem to be. `label`: the column to
/// predict, where it is known. `name`: of the schema.
///
/// # Errors
/// It cannot be read, is no table, nothing tells which column is the label ([`crate::data::DataError::WhichLabel`]), or there is
/// nothing to learn from beside it ([`crate::data::DataError::NothingToLearn`]).
pub fn infer(located: &Located, label: Option<&str>, name: Option<&str>) -> Result<Inferred> {
    let look = Look::at(located)?;
    let guess = Guess::of(&look, label)?;
    let name = name.map_or_else(|| name_of(&located.path), str::to_owned);
    let columns = guess.columns();
    if columns == (0, 0) {
        let (label, columns) = guess.left_out(&look);
        return Err(DataError::NothingToLearn { path: located.path.clone(), label, columns }.into());
    }
    let source = source::write(&look, &guess, &name, &located.name);
    let worth_a_try = guess.worth_a_try(&look);
    Ok(Inferred { source, name, rows: look.rows, all: look.all, columns, worth_a_try })
}

/// A name for the schema of a file.
fn name_of(path: &Path) -> String {
    let stem = path.file_name().unwrap_or_default().to_string_lossy();
    let stem = stem.split('.').next().unwrap_or_default();
    let word: String =
        stem.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect();
    let word = word.trim_matches('_');
    if word.starts_with(|c: char| c.is_ascii_alphabetic()) { format!("{word}_table") } else { "table".to_owned() }
}
