//! What the machine does not give.

/// What the machine does not give.
#[allow(missing_docs, reason = "the message of a variant says what it is and what its values are")]
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MachineError {
    #[error("cannot start {threads} threads: {cause}")]
    Threads { threads: usize, cause: rayon::ThreadPoolBuildError },
    /// `purpose`: such as `read batches ahead`.
    #[error("cannot start a thread to {purpose}: {cause}")]
    Thread { purpose: &'static str, cause: std::io::Error },
    #[error("`{text}` is not an amount of memory: expected such as 4GiB, 1.5GB or 800MiB")]
    Amount { text: String },
}

impl MachineError {
    /// See [`crate::Error::code`].
    pub fn code(&self) -> &'static str {
        match self {
            MachineError::Threads { .. } => "R0501",
            MachineError::Thread { .. } => "R0502",
            MachineError::Amount { .. } => "R0503",
        }
    }
}
