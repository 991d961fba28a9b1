//! What can be wrong with a model.

use std::path::PathBuf;

/// What can be wrong with a model.
#[allow(missing_docs, reason = "the message of a variant says what it is and what its values are")]
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModelError {
    /// `record`: the file that makes a directory that of a model.
    #[error("{} holds no model: there is no {record} in it; name the directory of a run, or of a model such as its `best`", path.display())]
    None { path: PathBuf, record: &'static str },
    #[error("{} is a file; expected the directory of a run, or of a model such as its `best`", path.display())]
    File { path: PathBuf },
    #[error("{} holds something else than a model; choose another directory for it", path.display())]
    NotEmpty { path: PathBuf },
    /// `form`: what differs.
    #[error("the model in {} was written by nasrecc {there}{form}: read it with that version, as this is {here}, or train it anew", path.display())]
    OtherVersion { path: PathBuf, there: String, here: String, form: String },
    #[error("these do not make a model: {what}")]
    Unfit { what: String },
    #[error("the tables of this model are stored in {storage} already, and {asked} would make nothing of them smaller")]
    Quantised { storage: &'static str, asked: &'static str },
    #[error("the model predicts no label called {label}; it predicts {}", known.join(", "))]
    NoLabel { label: String, known: Vec<String> },
    #[error("the model predicts {}, and an export predicts one label; say which", labels.join(", "))]
    Labels { labels: Vec<String> },
    /// `row`: its number, from 0.
    #[error("row {} has {found} texts; expected {expected}, one for each column that the schema names", row + 1)]
    Texts { row: usize, found: usize, expected: usize },
    /// `row`: its number, from 0.
    #[error("row {} has {found} in column {column}; expected {expected}", row + 1)]
    Value { row: usize, column: String, found: String, expected: &'static str },
}

impl ModelError {
    /// See [`crate::Error::code`].
    pub fn code(&self) -> &'static str {
        match self {
            ModelError::None { .. } | ModelError::File { .. } => "R0801",
            ModelError::NotEmpty { .. } => "R0802",
            ModelError::OtherVersion { .. } => "R0803",
            ModelError::Unfit { .. } => "R0804",
            ModelError::Texts { .. } => "R0805",
            ModelError::Value { .. } => "R0806",
            ModelError::Quantised { .. } => "R0807",
            ModelError::NoLabel { .. } => "R0808",
            ModelError::Labels { .. } => "R0809",
        }
    }
}
