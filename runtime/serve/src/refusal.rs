//! Why a request has no answer.

use std::fmt;

/// What is said in place of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Of HTTP.
    pub status: u16,
    /// What was found, what was expected, and what to do.
    pub message: String,
    /// After how many seconds it is worth another try; none where the same request has no answer ever.
    pub again: Option<u32>,
}

impl Refusal {
    /// The request is not what its address takes.
    pub fn bad(message: impl Into<String>) -> Self {
        Self { status: 400, message: message.into(), again: None }
    }

    /// The request is not what may be asked of this server.
    pub fn of(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), again: None }
    }

    /// There is more to do than there is room for.
    pub fn busy(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), again: Some(1) }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}
