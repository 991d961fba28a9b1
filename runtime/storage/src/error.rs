//! What can be wrong with an address, a storage, or the way there.

use std::io;
use std::path::PathBuf;

/// Most objects that one address may stand for.
pub const MOST_OBJECTS: usize = 100_000;

/// What may help where access is denied.
const REMEDY: &str = "set what the storage asks for in the environment: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION (or AWS_SKIP_SIGNATURE=true for a public bucket), GOOGLE_SERVICE_ACCOUNT, or AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY";

/// What can be wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No address of an object.
    #[error("{what}; expected {expected}")]
    Address { what: String, expected: &'static str },
    /// No such object, and none below it.
    #[error("there is no such object, and none whose name begins with it and a slash")]
    Missing,
    /// A folder without objects.
    #[error("no object lies in it, but for those whose names begin with a dot or an underscore")]
    Empty,
    /// A pattern that nothing matches.
    #[error("no object matches")]
    NoMatch,
    /// Too many.
    #[error("it stands for more than {MOST_OBJECTS} objects; name fewer, or larger ones")]
    TooMany,
    /// The storage lets nobody in who says no more of himself.
    #[error("access is denied ({why}); {remedy}")]
    Denied { why: String, remedy: &'static str },
    /// The storage, or the way there, fails.
    #[error("{0}")]
    Storage(String),
    /// The object became another one meanwhile.
    #[error("it was replaced while it was read; read it again")]
    Changed,
    /// The copy cannot be written.
    #[error("cannot write {}: {cause}", path.display())]
    File { path: PathBuf, cause: io::Error },
    /// [`crate::Watch::stopped`].
    #[error("stopped")]
    Stopped,
}

/// What went wrong, for a person.
pub(crate) fn failed(error: object_store::Error) -> Error {
    match error {
        object_store::Error::NotFound { .. } => Error::Missing,
        object_store::Error::PermissionDenied { source, .. } | object_store::Error::Unauthenticated { source, .. } => {
            Error::Denied { why: cause(&*source), remedy: REMEDY }
        }
        object_store::Error::Precondition { .. } => Error::Changed,
        other => Error::Storage(cause(&other)),
    }
}

/// An error with what lies behind it, on one line, and no longer than a person reads.
fn cause(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut inner = error.source();
    while let Some(error) = inner {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        inner = error.source();
    }
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() > 500 { line.chars().take(500).chain("…".chars()).collect() } else { line }
}
