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
    #[error("{} is a file; expected a directory, or nothing yet", path.display())]
    NotADirectory { path: PathBuf },
    #[error("there is no directory {}", path.display())]
    NoDirectory { path: PathBuf },
    /// `record`: the file that makes a directory that of a run.
    #[error("{} does not hold a run: there is no {record} in it", path.display())]
    NoRun { path: PathBuf, record: &'static str },
    #[error("another nasrecc works in {}: wait until it ends", path.display())]
    InUse { path: PathBuf },
    #[error(
        "{} was moved or removed while it was worked in; what was done is in the directory, wherever that is now, and \
         --resume goes on with it there",
        path.display()
    )]
    Moved { path: PathBuf },
    #[error(
        "{} was started by nasrecc {there}, and this is {here}: go on with that version, or start anew in \
         another directory", path.display()
    )]
    OtherVersion { path: PathBuf, there: String, here: String },
    #[error(
        "{} is of another run than the {record} beside it: put back the one that belongs here, or start anew in another \
         directory",
        path.display(), record = "run.json"
    )]
    OtherJournal { path: PathBuf },
    /// Half of a run on each of two devices would be a run on neither.
    #[error(
        "the run of {} computes on {on}, and this is {now}: go on with --device {on}, or start anew", path.display()
    )]
    OtherDevice { path: PathBuf, on: String, now: String },
    /// What was trained again is not what was trained before.
    #[error(
        "{} was trained again and came out otherwise than before: this is another machine than the one that began this \
         run, or another build of nasrecc; go on there, or start anew",
        path.display()
    )]
    OtherMachine { path: PathBuf },
    #[error("a run has no part `{name}`; it has {known}")]
    NoPart { name: String, known: String },
    /// A run's record is text, and names its folder.
    #[error(
        "the name of {path:?} is not UTF-8, and a run could not write it down: rename it, or search from elsewhere"
    )]
    NotText { path: PathBuf },
    /// A program that was not read from files, or a record that does not say which.
    #[error("there are no source files to go on from")]
    NoSources,
    /// The copied sources no longer mean what they meant: `described` says the first finding.
    #[error("the sources of {} are no longer sound: {described}; start anew from your own files", path.display())]
    Sources { path: PathBuf, described: String },
    /// The journal's candidate with this index was found by another search.
    #[error(
        "the journal's candidate {candidate} is not the one that this search comes to: another build of nasrecc wrote it, \
         or another strategy; go on with that one, or start anew"
    )]
    OtherSearch { candidate: usize },
    /// The run writes up to `needed` bytes, and the disk has room for `free`. `described` says so, and what to do.
    #[error("{described}")]
    Disk { needed: u64, free: u64, described: String },
    /// The search needs up to `needed` bytes, and may take `budget` bytes. `described` says of what, and what to change.
    #[error("{described}")]
    Memory { needed: u64, budget: u64, described: String },
    /// `remedy`: what may help.
    #[error("{title}: the loss was not finite for {steps} steps in a row, at step {step}; {remedy}")]
    Diverged { title: String, step: u64, steps: u64, remedy: &'static str },
    /// `why`: the proof.
    #[error("no architecture of {space} meets what is required, {required}: {why}")]
    NoneAllowed { space: String, required: String, why: String },
    /// `tried`: what was done, and what is proved.
    #[error(
        "no architecture of {space} was found that meets what is required, {required}: {tried}; loosen what is required \
         (nothing was read or trained)"
    )]
    NoneFound { space: String, required: String, tried: String },
    /// A strategy proposed what is no architecture of the space.
    #[error(
        "what the strategy proposes is no architecture of {space}: it needs a place for each choice, and in it a value \
         that the choice has"
    )]
    NotOfSpace { space: String },
    /// `what`: what it is that does not hold.
    #[error("what is asked of a ranking cannot be done: {what}")]
    Ranking { what: String },
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
            RunError::OtherSearch { .. } => "R0207",
            RunError::Memory { .. } => "R0208",
            RunError::Diverged { .. } => "R0209",
            RunError::NoneAllowed { .. } => "R0210",
            RunError::NoneFound { .. } => "R0226",
            RunError::NotOfSpace { .. } => "R0211",
            RunError::Ranking { .. } => "R0227",
            RunError::Architecture(_) => "R0212",
            RunError::Schema(_) => "R0213",
            RunError::NotADirectory { .. } => "R0214",
            RunError::NoDirectory { .. } => "R0215",
            RunError::Moved { .. } => "R0216",
            RunError::OtherVersion { .. } => "R0217",
            RunError::OtherJournal { .. } => "R0218",
            RunError::OtherDevice { .. } => "R0219",
            RunError::OtherMachine { .. } => "R0220",
            RunError::NoSources => "R0221",
            RunError::Sources { .. } => "R0222",
            RunError::Disk { .. } => "R0223",
            RunError::NoPart { .. } => "R0224",
            RunError::NotText { .. } => "R0225",
        }
    }
}
