//! What stops a run: its directory, its journal, its limits, its strategy.

use std::path::PathBuf;

use nasrec_compiler::space::{BindError, PlanError};

/// What stops a run: its directory, its journal, its limits, its strategy.
#[allow(missing_docs, reason = "the message of a variant says what it is and what its values are")]
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    #[error("{0} holds a run already: continue it with `--resume {0}`, or choose another `--out`", path.display())]
    Occupied { path: PathBuf },
    #[error("{} is not empty and holds no run: choose another `--out`", path.display())]
    NotEmpty { path: PathBuf },
    /// `record`: the file that makes a directory that of a run.
    #[error("{} does not hold a run: there is no {record} in it", path.display())]
    NoRun { path: PathBuf, record: &'static str },
    #[error("another nasrecc works in {}: wait until it ends", path.display())]
    InUse { path: PathBuf },
    #[error("{}:{line}: this line of the journal cannot be read: {cause}", path.display())]
    Journal { path: PathBuf, line: usize, cause: serde_json::Error },
    /// The journal is of this table with so many rows, and the table is another one now.
    #[error(
        "the data has changed since {} was started: {then} rows then, {now} rows now; a run goes on with the data that \
         it began with, so put that back, or start anew", path.display()
    )]
    OtherData { path: PathBuf, then: usize, now: usize },
    /// The journal's candidate with this index was found by another search.
    #[error(
        "the journal's candidate {candidate} is not the one that this search comes to: the directory belongs to another \
         version, or was changed"
    )]
    OtherSearch { candidate: usize },
    /// The search needs up to `needed` bytes, and may take `budget` bytes. `described` says of what, and what to change.
    #[error("{described}")]
    Memory { needed: u64, budget: u64, described: String },
    #[error(
        "{title}: the loss was not finite for {steps} steps in a row, at step {step}; lower the learning rate or turn \
         clipping on"
    )]
    Diverged { title: String, step: u64, steps: u64 },
    /// The cheapest of so many architectures costs `macs`, and this constraint excludes it.
    #[error(
        "none of {tries} architectures drawn meets what is required: `{constraint}` excludes even the cheapest of them, \
         of {macs} macs"
    )]
    NoneAllowed { tries: usize, constraint: String, macs: u64 },
    /// A strategy proposed what is no architecture of the space.
    #[error(
        "what the strategy proposes is no architecture of {space}: it needs a place for each choice, and in it a value \
         that the choice has"
    )]
    NotOfSpace { space: String },
    /// An architecture without a plan.
    #[error(transparent)]
    Architecture(#[from] PlanError),
    /// A space or a baseline that the schema does not fit.
    #[error(transparent)]
    Schema(#[from] BindError),
}

impl RunError {
    /// See [`crate::Error::code`].
    pub fn code(&self) -> &'static str {
        match self {
            RunError::Occupied { .. } => "R0201",
            RunError::NotEmpty { .. } => "R0202",
            RunError::NoRun { .. } => "R0203",
            RunError::InUse { .. } => "R0204",
            RunError::Journal { .. } => "R0205",
            RunError::OtherData { .. } => "R0206",
            RunError::OtherSearch { .. } => "R0207",
            RunError::Memory { .. } => "R0208",
            RunError::Diverged { .. } => "R0209",
            RunError::NoneAllowed { .. } => "R0210",
            RunError::NotOfSpace { .. } => "R0211",
            RunError::Architecture(_) => "R0212",
            RunError::Schema(_) => "R0213",
        }
    }
}
