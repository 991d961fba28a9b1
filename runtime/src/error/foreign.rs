//! What can be wrong with weights that another implementation wrote.

use safetensors::Dtype;

/// What can be wrong with weights that another implementation wrote.
#[allow(missing_docs, reason = "the message of a variant says what it is and what its values are")]
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ForeignError {
    #[error("nothing is known to correspond to parameter {parameter}")]
    Unnamed { parameter: String },
    #[error("the file has no recorded `logit` to compare with")]
    NothingRecorded,
    #[error("`input.sparse` should be 64-bit integers, for at least one sample")]
    Ids,
    #[error("`logit` has {logits} values for {rows} samples")]
    Logits { logits: usize, rows: usize },
    #[error("the file has no tensor `{name}`")]
    NoTensor { name: String },
    #[error("tensor `{name}` is {dtype:?} {found:?}, expected F32 {expected:?}")]
    Tensor { name: String, dtype: Dtype, found: Vec<usize>, expected: Option<Vec<usize>> },
}

impl ForeignError {
    /// See [`crate::Error::code`].
    pub fn code(&self) -> &'static str {
        match self {
            ForeignError::Unnamed { .. } => "R0601",
            ForeignError::NothingRecorded => "R0602",
            ForeignError::Ids => "R0603",
            ForeignError::Logits { .. } => "R0604",
            ForeignError::NoTensor { .. } => "R0605",
            ForeignError::Tensor { .. } => "R0606",
        }
    }
}
