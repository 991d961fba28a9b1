//! What can be wrong with a file before anybody asks what is in it.

use std::path::PathBuf;

/// What can be wrong with a file before anybody asks what is in it.
#[allow(missing_docs, reason = "the message of a variant says what it is and what its values are")]
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    #[error("{} is {what}; expected a regular file", path.display())]
    Kind { path: PathBuf, what: &'static str },
    #[error("{} is a link; expected a folder of the run itself: put that in its place, or remove the link", path.display())]
    Linked { path: PathBuf },
    /// `most`: bytes.
    #[error("{} has more than {most} bytes, the most that such a file may have", path.display())]
    TooLong { path: PathBuf, most: u64 },
    /// The file is not what was written there. `remedy`: what to do about it.
    #[error("{} cannot be used: {what}; {remedy}", path.display())]
    Changed { path: PathBuf, what: String, remedy: String },
}

impl FileError {
    /// See [`crate::Error::code`].
    pub fn code(&self) -> &'static str {
        match self {
            FileError::Kind { .. } => "R0701",
            FileError::TooLong { .. } => "R0702",
            FileError::Changed { .. } => "R0703",
            FileError::Linked { .. } => "R0704",
        }
    }
}
