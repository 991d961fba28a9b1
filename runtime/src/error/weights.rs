//! What can be wrong with stored parameters and their files.

use std::path::PathBuf;

/// What can be wrong with stored parameters and their files.
#[allow(missing_docs, reason = "the message of a variant says what it is and what its values are")]
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WeightsError {
    #[error("{} does not hold the weights that are asked for: {what}", path.display())]
    File { path: PathBuf, what: String },
    /// The plan stores a parameter in a shape that the store has not.
    #[error(
        "parameter {parameter} of the plan, stored as {shape:?}, is not in this store: the plan belongs to another space"
    )]
    OtherSpace { parameter: String, shape: Vec<usize> },
    #[error("there is no memory for parameter {parameter} of shape {shape:?}")]
    Memory { parameter: String, shape: Vec<usize> },
    #[error("parameter {parameter} cannot have the shape {shape:?}")]
    Shape { parameter: String, shape: Vec<usize> },
    #[error("two parameters are called {parameter}")]
    Twice { parameter: String },
    #[error("{parameter} has {expected} values, not {found}")]
    Length { parameter: String, expected: usize, found: usize },
    /// What the store remembers of each value is not what the rule of the optimiser needs.
    #[error("the store keeps {kept} for its optimiser, and the rule needs {needed}")]
    OtherOptimiser { kept: &'static str, needed: &'static str },
    /// A snapshot is of dense parameters.
    #[error("parameter {id} is not a dense parameter of this store")]
    NotDense { id: usize },
    #[error("parameter {id} of the snapshot is not in this store")]
    OtherStore { id: usize },
    /// A device counts the places of a table in 32 bits.
    #[error(
        "table {parameter} of {rows} rows of {dim} has more values than the {} that a device takes: train it on the CPU, \
         or give it fewer rows",
        u32::MAX
    )]
    TooLarge { parameter: String, rows: usize, dim: usize },
}

impl WeightsError {
    /// See [`crate::Error::code`].
    pub fn code(&self) -> &'static str {
        match self {
            WeightsError::File { .. } => "R0401",
            WeightsError::OtherSpace { .. } => "R0402",
            WeightsError::Memory { .. } => "R0403",
            WeightsError::Shape { .. } => "R0404",
            WeightsError::Twice { .. } => "R0405",
            WeightsError::Length { .. } => "R0406",
            WeightsError::OtherOptimiser { .. } => "R0407",
            WeightsError::NotDense { .. } => "R0408",
            WeightsError::OtherStore { .. } => "R0409",
            WeightsError::TooLarge { .. } => "R0410",
        }
    }
}
