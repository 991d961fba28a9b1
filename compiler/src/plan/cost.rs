//! What an architecture costs, read off its plan.

use serde::{Deserialize, Serialize};

use super::Plan;

/// A cost of the live graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cost {
    /// Multiply-accumulates a sample.
    Macs,
    DenseParams,
    EmbeddingParams,
    /// Bytes of all values that are computed for one sample, as 32-bit numbers: what training keeps.
    ActivationBytes,
    /// Bytes of the dense parameters, as 32-bit numbers.
    WeightBytes,
}

impl Cost {
    pub const ALL: [Cost; 5] =
        [Cost::Macs, Cost::DenseParams, Cost::EmbeddingParams, Cost::ActivationBytes, Cost::WeightBytes];

    /// As the language writes it.
    pub fn words(self) -> &'static str {
        match self {
            Cost::Macs => "macs",
            Cost::DenseParams => "params.dense",
            Cost::EmbeddingParams => "params.embedding",
            Cost::ActivationBytes => "bytes.activations",
            Cost::WeightBytes => "bytes.weights",
        }
    }

    /// The cost that these words name.
    pub fn named(words: &str) -> Option<Cost> {
        Cost::ALL.into_iter().find(|cost| cost.words() == words)
    }

    pub fn of(self, plan: &Plan) -> u64 {
        plan.costs().of(self)
    }

    /// Whether it is counted in bytes.
    pub fn is_bytes(self) -> bool {
        matches!(self, Cost::ActivationBytes | Cost::WeightBytes)
    }
}
