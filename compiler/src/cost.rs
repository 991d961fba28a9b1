//! What can be counted of an architecture, and how much of it there is.

use serde::{Deserialize, Serialize};

/// A cost of the live graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cost {
    /// Multiply-accumulates a sample.
    Macs,
    /// All arithmetic of one sample.
    Ops,
    /// Active values of all parameters but embedding tables. Statistics are no parameters.
    DenseParams,
    /// Values of the embedding tables, all rows.
    EmbeddingParams,
    /// Bytes of all values that are computed for one sample, as 32-bit numbers: what training keeps.
    ActivationBytes,
    /// Bytes of the dense parameters, as 32-bit numbers.
    WeightBytes,
}

impl Cost {
    /// Every cost, in the order of the enum.
    pub const ALL: [Cost; 6] =
        [Cost::Macs, Cost::Ops, Cost::DenseParams, Cost::EmbeddingParams, Cost::ActivationBytes, Cost::WeightBytes];

    /// As the language writes it.
    pub fn words(self) -> &'static str {
        match self {
            Cost::Macs => "macs",
            Cost::Ops => "ops",
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

    /// So much of it, such as `7,136 macs`.
    pub(crate) fn told(self, value: u64) -> String {
        format!("{} {}", grouped(value), self.words())
    }

    /// How much of it there is, by what regions count of it: for bytes of weights, their number.
    pub(crate) fn counted(self, count: u64) -> u64 {
        if self == Cost::WeightBytes { count.saturating_mul(4) } else { count }
    }

    /// Whether it is counted in bytes.
    pub(crate) fn is_bytes(self) -> bool {
        matches!(self, Cost::ActivationBytes | Cost::WeightBytes)
    }
}

/// A number with a comma before every third digit from its end.
pub(crate) fn grouped(number: impl ToString) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// What one node, or several, cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Costs {
    /// Multiply-accumulates a sample.
    pub macs: u64,
    /// All arithmetic of one sample.
    pub ops: u64,
    /// Active values of all parameters but embedding tables.
    pub dense_params: u64,
    /// Values of the embedding tables, all rows.
    pub embedding_params: u64,
    /// Bytes of the values that are computed for one sample.
    pub activation_bytes: u64,
}

impl Costs {
    /// Adds each cost to its own.
    pub fn add(&mut self, other: Costs) {
        self.macs = self.macs.saturating_add(other.macs);
        self.ops = self.ops.saturating_add(other.ops);
        self.dense_params += other.dense_params;
        self.embedding_params += other.embedding_params;
        self.activation_bytes += other.activation_bytes;
    }

    /// One of them.
    pub fn of(&self, cost: Cost) -> u64 {
        match cost {
            Cost::Macs => self.macs,
            Cost::Ops => self.ops,
            Cost::DenseParams => self.dense_params,
            Cost::EmbeddingParams => self.embedding_params,
            Cost::ActivationBytes => self.activation_bytes,
            Cost::WeightBytes => 4 * self.dense_params,
        }
    }
}

/// Bytes of one sample's value of this shape, as 32-bit numbers.
pub(crate) fn value_bytes(shape: &[usize]) -> u64 {
    4 * shape.iter().map(|&size| size as u64).product::<u64>()
}
