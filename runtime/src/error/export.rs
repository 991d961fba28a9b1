//! What can be wrong with a model in another form.

use std::path::PathBuf;

/// What can be wrong with a model in another form.
#[allow(missing_docs, reason = "the message of a variant says what it is and what its values are")]
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    #[error("{} holds something else than such an export; choose another directory for it", path.display())]
    NotEmpty { path: PathBuf },
    /// `what`: which part of the model.
    #[error("{what}, which {format} cannot say: {remedy}")]
    Beyond { format: &'static str, what: String, remedy: &'static str },
    #[error("{tool} cannot be started: {cause}; what was written is there, and was not verified")]
    NoTool { tool: String, cause: std::io::Error },
    #[error(
        "{python} cannot run it: {what}; what was written is there, and was not verified. Another Python is named as PYTHON"
    )]
    NoModule { python: String, what: String },
    #[error("{} is not what was expected: {what}", path.display())]
    Differs { path: PathBuf, what: String },
}

impl ExportError {
    /// See [`crate::Error::code`].
    pub fn code(&self) -> &'static str {
        match self {
            ExportError::NotEmpty { .. } => "R0901",
            ExportError::Beyond { .. } => "R0902",
            ExportError::NoTool { .. } | ExportError::NoModule { .. } => "R0903",
            ExportError::Differs { .. } => "R0904",
        }
    }
}
