//! What stops a plan from being executed.

use nasrec_compiler::plan::sound::Damage;

/// What stops a plan from being executed.
#[allow(missing_docs, reason = "the message of a variant says what it is and what its values are")]
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// The plan, or the graph that several were merged into, is not sound.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// What is to be trained was chosen for a plan with other parameters.
    #[error("what is to be trained was chosen for another plan")]
    OtherTrainable,
    /// The values of this parameter have another length than the plan's.
    #[error("{parameter} was gathered for another plan")]
    OtherValues { parameter: String },
    /// A merged graph that was put together by hand.
    #[error("the trained parameters of merged plans are not listed plan by plan")]
    Interleaved,
    #[error("the batch does not fit the plan: {mismatch}")]
    Batch { mismatch: String },
    /// A copy of weights holds no tables.
    #[error("fine-tuning a copy cannot train embedding tables")]
    CopiedTables,
    #[error("the copy to fine-tune was gathered for a program that trains less")]
    CopiedTooLittle,
    /// The device is not one that this build can compute on.
    #[error("this nasrecc was built without CUDA: build it with `cargo build --release --features cuda`")]
    WithoutCuda,
}

impl ProgramError {
    /// See [`crate::Error::code`].
    pub fn code(&self) -> &'static str {
        match self {
            ProgramError::Damaged(_) => "R0301",
            ProgramError::OtherTrainable => "R0302",
            ProgramError::OtherValues { .. } => "R0303",
            ProgramError::Interleaved => "R0304",
            ProgramError::Batch { .. } => "R0305",
            ProgramError::CopiedTables => "R0306",
            ProgramError::CopiedTooLittle => "R0307",
            ProgramError::WithoutCuda => "R0308",
        }
    }
}
