//! A recipe: how a search reads data, trains, evaluates, searches and retrains. Every value has the
//! paper's default where it has one; what ran is written down whole.

use serde::{Deserialize, Serialize};

/// A checked `search` body.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// The one seed that every random stream of the run derives from.
    pub seed: u64,
    pub data: Data,
    #[serde(default)]
    pub embeddings: Embeddings,
    pub train: Train,
    pub evaluate: Evaluate,
    pub method: Method,
    /// What candidates must be and may cost, as written; the constraints themselves are the space's.
    #[serde(default)]
    pub require: Vec<String>,
    pub retrain: Retrain,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Data {
    pub source: Source,
    /// Shares of training, validation and test, such as 8:1:1.
    pub split: [u32; 3],
    /// Split clicks and non-clicks separately, so that each part has the same click rate.
    pub stratified: bool,
    pub seed: u64,
    /// The largest share of malformed lines that is tolerated, of all lines read.
    pub max_malformed: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Paths, relative to the file that names them; `.gz` is unpacked as it is read.
    Files(Vec<String>),
    Synthetic(Synthetic),
}

/// A planted click model: see the runtime's `data/synthetic/`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Synthetic {
    pub rows: u64,
    pub seed: u64,
    /// Standard deviation of the linear part of the planted logit.
    pub linear: f64,
    /// Standard deviation of the pairwise interactions.
    pub pairwise: f64,
    /// Standard deviation of the interactions of three columns.
    pub higher: f64,
    /// Standard deviation of the noise that no feature explains.
    pub noise: f64,
    /// Zipf exponent of the categories.
    pub tail: f64,
    /// Mean of the planted click probability, approximately.
    pub click_rate: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Optimiser {
    /// Rowwise: one sum of squares a row of an embedding table.
    Adagrad {
        lr: f64,
        eps: f64,
        #[serde(default, skip_serializing_if = "is_false")]
        rowwise: bool,
    },
    Adam {
        lr: f64,
        beta1: f64,
        beta2: f64,
        eps: f64,
    },
    Sgd {
        lr: f64,
        momentum: f64,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_false(value: &bool) -> bool {
    !value
}

impl Optimiser {
    /// The same with another learning rate.
    #[must_use]
    pub fn with_lr(mut self, new: f64) -> Self {
        match &mut self {
            Optimiser::Adagrad { lr, .. } | Optimiser::Adam { lr, .. } | Optimiser::Sgd { lr, .. } => *lr = new,
        }
        self
    }

    pub fn lr(self) -> f64 {
        match self {
            Optimiser::Adagrad { lr, .. } | Optimiser::Adam { lr, .. } | Optimiser::Sgd { lr, .. } => lr,
        }
    }
}

/// How embedding tables are kept and trained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Embeddings {
    /// The weight of an L2 penalty on the rows that a batch looks up: their gradients grow by this times their values.
    pub l2: f64,
    pub storage: Storage,
}

/// What the values of embedding tables are stored as; they are computed with in `f32`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Storage {
    #[default]
    F32,
    Bf16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    Constant,
    Cosine,
}

/// A length in steps, or a share of all steps.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Length {
    Steps(u64),
    Share(f64),
}

impl Length {
    /// In steps, of a whole of `total`.
    pub fn steps(self, total: u64) -> u64 {
        match self {
            Length::Steps(steps) => steps,
            Length::Share(share) => (share * total as f64).round() as u64,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Train {
    pub epochs: u64,
    pub batch: usize,
    pub optimiser: Optimiser,
    pub warmup: Length,
    pub schedule: Schedule,
    /// Gradients are scaled to at most this norm; none where absent.
    pub clip: Option<f64>,
    pub paths: Paths,
    /// How long the full path is mixed in, its probability falling linearly from 1 to 0.
    pub full_path: Length,
}

/// How a training step samples its path.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Paths {
    SingleOperatorAnyConnection { counts: Counts },
}

impl Paths {
    /// How many sources a multi-pick takes where a candidate is drawn: as where a path is.
    pub fn counts(self) -> Counts {
        match self {
            Paths::SingleOperatorAnyConnection { counts } => counts,
        }
    }
}

/// How many sources a multi-pick takes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counts {
    /// `lo + Binomial(hi - lo, p)`
    Binomial(f64),
    /// Uniform over `lo..=hi`.
    Uniform,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluate {
    pub finetune: Finetune,
    /// Validation batches a candidate is evaluated on.
    pub validate: u64,
    pub batch: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finetune {
    None,
    /// Only the head (the parameters of the `logit` statement) is trained.
    Head {
        steps: u64,
        lr: f64,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    Evolve { population: usize, generations: u64, children: usize, tournament: usize },
    Random { samples: u64 },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Retrain {
    /// How many of the best are retrained from scratch and compared on validation.
    pub top: usize,
    pub epochs: u64,
    pub batch: usize,
    pub optimiser: Optimiser,
    pub warmup: Length,
    pub schedule: Schedule,
    pub clip: Option<f64>,
}
