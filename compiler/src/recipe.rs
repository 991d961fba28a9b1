//! A recipe: how a search reads data, trains, evaluates, searches and retrains. Every value has the
//! paper's default where it has one; what ran is written down whole.

mod tune;

use serde::{Deserialize, Serialize};

pub use tune::{Domain, KNOBS, Knob, SCHEDULES, Tune};

/// A checked `search` body.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// The one seed that every random stream of the run derives from.
    pub seed: u64,
    /// What it learns from: the section `data`.
    pub data: Data,
    /// The section `embeddings`.
    #[serde(default)]
    pub embeddings: Embeddings,
    /// How the supernet is trained: the section `train`.
    pub train: Train,
    /// How candidates are evaluated: the section `evaluate`.
    pub evaluate: Evaluate,
    /// How candidates are found: `method`, or the section `evolve`, `random` or `trials`.
    pub method: Method,
    /// Seconds that the run may take, all of it; not of a way that has a supernet, and `None` for as long as what is said elsewhere
    /// takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<f64>,
    /// What candidates must be and may cost, as written; the constraints themselves are the space's.
    #[serde(default)]
    pub require: Vec<String>,
    /// How the best candidates, and the baselines, are trained on their own: the section `retrain`.
    pub retrain: Retrain,
    /// What of that is tuned for each of them: the section `tune`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tune: Option<Tune>,
}

/// The section `data`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Data {
    /// Where rows come from: `data.files` or `data.synthetic`. The one setting without a default, unless all parts are given.
    pub source: Source,
    /// Files whose rows are a part as they are, named as those of [`Source::Files`].
    #[serde(default, skip_serializing_if = "Given::is_empty")]
    pub given: Given,
    /// Shares of training, validation and test, such as 8:1:1, in which the rows of `source` are shared out; 0 for a part
    /// that files are given for.
    pub split: [u32; 3],
    /// What tells which row is in which part.
    #[serde(default, skip_serializing_if = "By::is_chance")]
    pub by: By,
    /// Split clicks and non-clicks separately, so that each part has the same click rate.
    pub stratified: bool,
    /// How many blocks of the training part take the place of the validation part in turn, when the best of a search are trained with
    /// further seeds (`data.folds`, 4 by default); 0 for none.
    #[serde(default)]
    pub folds: usize,
    /// Of the split only (`data.seed`, 2018 by default), so that runs of other seeds have the same parts.
    pub seed: u64,
    /// The largest share of malformed lines that is tolerated, of all lines read.
    pub max_malformed: f64,
}

impl Data {
    /// The files that are split, and those of training, validation and test; nothing of drawn data.
    pub fn files(&self) -> [&[String]; 4] {
        let split = match &self.source {
            Source::Files(files) => files.as_slice(),
            Source::Synthetic(_) => &[],
        };
        let [train, valid, test] = self.given.each();
        [split, train, valid, test]
    }
}

/// Files of each part: `data.train`, `data.valid`, `data.test`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// What is learnt from, beside what the split makes of `data.files`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub train: Vec<String>,
    /// The validation part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub valid: Vec<String>,
    /// The test part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub test: Vec<String>,
}

impl Given {
    /// Whether no part is given.
    pub fn is_empty(&self) -> bool {
        self.each().iter().all(|files| files.is_empty())
    }

    /// Of training, validation and test.
    pub fn each(&self) -> [&[String]; 3] {
        [&self.train, &self.valid, &self.test]
    }
}

/// What tells which row is in which part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// A shuffle; the default, where the schema names none of the others.
    #[default]
    Chance,
    /// `by_time`: the earliest rows are learnt from, the latest are the test part; rows of one time are in one part.
    Time,
    /// `by_group`: groups are shuffled, and the rows of one are in one part.
    Group,
    /// `by_part`: a column says so, in words.
    Part,
}

impl By {
    fn is_chance(&self) -> bool {
        matches!(self, Self::Chance)
    }
}

/// Where the rows come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Paths, relative to the file that names them; what is packed is unpacked as it is read. None, where all parts are given.
    Files(Vec<String>),
    /// Drawn, for measurements that need no real data.
    Synthetic(Synthetic),
}

/// A planted click model: see the runtime's `data/synthetic/`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Synthetic {
    /// Rows to draw, of all three parts together; 100,000 by default.
    pub rows: u64,
    /// Of the planted model and its rows: another one gives another model.
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

/// An update rule and its numbers; the runtime's `supernet/optimiser.rs` has the formulas.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Optimiser {
    /// The paper's, and the default of `train`.
    Adagrad {
        /// The learning rate after warm-up: by default 0.12 in `train`, 0.16 in `retrain`.
        lr: f64,
        /// Added to the root of the sum of squares; 0.01 by default.
        eps: f64,
        /// One sum of squares a row of an embedding table, instead of one a value.
        #[serde(default, skip_serializing_if = "is_false")]
        rowwise: bool,
    },
    /// The default of `retrain`. What is not active in a step does not move, and neither do its moments.
    Adam {
        /// The learning rate after warm-up; 0.001 by default.
        lr: f64,
        /// Decay of the mean of gradients, at least 0 and below 1; 0.9 by default.
        beta1: f64,
        /// Decay of the mean of their squares, at least 0 and below 1; 0.999 by default.
        beta2: f64,
        /// Added to the root of that mean; 1e-8 by default.
        eps: f64,
        /// `adam(weight_decay)` or `adamw(weight_decay)`.
        #[serde(default, skip_serializing_if = "Decay::is_none")]
        decay: Decay,
    },
    /// Gradient descent. What is not active in a step keeps its momentum.
    Sgd {
        /// The learning rate after warm-up; 0.01 by default.
        lr: f64,
        /// Decay of the sum of gradients, at least 0 and below 1; by default 0, where nothing is remembered.
        momentum: f64,
        /// `sgd(weight_decay)`.
        #[serde(default, skip_serializing_if = "Decay::is_none")]
        decay: Decay,
    },
}

/// How weights decay, all that a step trains: dense parameters, those of norms and biases too, and of tables the rows that
/// the batch looks up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decay {
    /// They do not; the default.
    #[default]
    None,
    /// Gradients, once they are clipped, grow by this times the weights.
    L2(f64),
    /// Weights shrink by this times the learning rate, whatever their gradients are (Loshchilov and Hutter, arXiv 1711.05101).
    Decoupled(f64),
}

impl Decay {
    fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }
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

    /// The learning rate after warm-up.
    pub fn lr(self) -> f64 {
        match self {
            Optimiser::Adagrad { lr, .. } | Optimiser::Adam { lr, .. } | Optimiser::Sgd { lr, .. } => lr,
        }
    }
}

/// How embedding tables are kept and trained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Embeddings {
    /// `embeddings.l2`.
    pub l2: L2,
    /// `embeddings.storage`.
    pub storage: Storage,
}

/// An L2 penalty on embedding tables, of which rows: their gradients grow by its weight times their values.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum L2 {
    /// Those that a batch looks up; 0 by default. A row decays as often as it is seen, and the others stay as they are.
    Batch(f64),
    /// All of the tables that a step trains, in every step.
    Tables {
        /// `table(0.05)`: FuxiCTR's `embedding_regularizer`, whose loss grows by half of this times the sum of squares.
        table: f64,
    },
}

impl Default for L2 {
    fn default() -> Self {
        Self::Batch(0.0)
    }
}

/// What the values of embedding tables are stored as; they are computed with in `f32`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Storage {
    /// Four bytes a value.
    #[default]
    F32,
    /// Two bytes a value, eight significant bits. What the optimiser remembers stays in `f32`.
    Bf16,
    /// One byte a value, a number from -127 to 127, and four bytes for what all of a row are multiplied with. Of models that are trained no
    /// more: no recipe asks for it.
    Int8,
}

impl Storage {
    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::Int8 => "int8",
        }
    }

    /// Bits of a value.
    pub fn bits(self) -> u32 {
        match self {
            Self::F32 => 32,
            Self::Bf16 => 16,
            Self::Int8 => 8,
        }
    }
}

/// The learning rate after warm-up.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// It stays.
    Constant,
    /// It falls to almost 0 at the last step, along half a cosine; the default.
    Cosine,
    /// It stays, and is cut after epochs in which the metric of [`Retrain::stop`] did not improve; only in `retrain`.
    Plateau {
        /// What it is multiplied by, above 0 and below 1; 0.1 by default.
        factor: f64,
        /// How many epochs in a row are let pass before; 0 by default.
        patience: u64,
    },
}

/// What keeps gradients small.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Clip {
    /// All are scaled together, to at most this norm.
    Norm(f64),
    /// Each on its own.
    Value {
        /// `value(1.0)`: it is brought to between minus this and this.
        value: f64,
    },
}

/// When a training ends before its epochs are over.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Early {
    /// So many epochs in a row without an improvement end it; 2 by default, at least 1.
    pub patience: u64,
    /// Of what; `log_loss` by default.
    pub metric: Metric,
}

/// What epochs are compared by, on the validation part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Mean cross-entropy: less is better.
    LogLoss,
    /// Area under the ROC curve: more is better.
    Auc,
    /// Mean of that within each group of the schema.
    GroupAuc,
}

/// A length in steps, or a share of all steps.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Length {
    /// So many, however many there are in all.
    Steps(u64),
    /// Of all steps, 0 to 1: `10%` is 0.1.
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

/// The section `train`: how the supernet is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Train {
    /// Passes over the training part, at least 1.
    pub epochs: u64,
    /// Samples a step; 512 by default.
    pub batch: usize,
    /// Of dense parameters and embedding tables alike.
    pub optimiser: Optimiser,
    /// How long the learning rate rises linearly from almost 0; a tenth by default.
    pub warmup: Length,
    /// What the learning rate does then.
    pub schedule: Schedule,
    /// Keeps gradients small; a norm of 5 by default, `None` for `off`.
    pub clip: Option<Clip>,
    /// How the path of a step is drawn.
    pub paths: Paths,
    /// How long the full path is mixed in, its probability falling linearly from 1 to 0 (language rule 10).
    pub full_path: Length,
    /// What share of its labels a path learns from the largest one, which says what it holds likely of the batch; none by default
    /// (inplace distillation, Yu and Huang, arXiv 1903.05134).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub distill: f64,
}

/// How a training step samples its path.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Paths {
    /// One operator a branch and any number of connections (NASRec, section 3).
    SingleOperatorAnyConnection {
        /// `binomial(0.5)` by default.
        counts: Counts,
    },
    /// Every option of a choice as often as any other, within every so many steps in which the choice is there (FairNAS,
    /// arXiv 1907.01845).
    Fair,
    /// The largest path, the smallest and some at random, in turn (Yu and Huang, arXiv 1903.05134; BigNAS, arXiv 2003.11142).
    Sandwich {
        /// How many random paths follow the largest and the smallest; 2 by default, at least 1.
        random: u64,
        /// Of the random ones: `binomial(0.5)` by default.
        counts: Counts,
    },
}

impl Paths {
    /// How many sources a multi-pick takes where a candidate is drawn: as where a path is.
    pub fn counts(self) -> Counts {
        match self {
            Paths::SingleOperatorAnyConnection { counts } | Paths::Sandwich { counts, .. } => counts,
            Paths::Fair => Counts::Uniform,
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

/// The section `evaluate`: how candidates are evaluated with the supernet's weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluate {
    /// What of a candidate is trained before.
    pub finetune: Finetune,
    /// Most validation batches that a candidate is evaluated on, the same for all; 150 by default.
    pub validate: u64,
    /// Samples of such a batch; 8192 by default.
    pub batch: usize,
    /// Batches of `train.batch` samples of the training part that a candidate's statistics are found on, where it has
    /// any; 20 by default.
    #[serde(default = "recalibrate", skip_serializing_if = "is_usual")]
    pub recalibrate: u64,
}

/// The default of [`Evaluate::recalibrate`].
pub(crate) const RECALIBRATE: u64 = 20;

fn recalibrate() -> u64 {
    RECALIBRATE
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_usual(recalibrate: &u64) -> bool {
    *recalibrate == RECALIBRATE
}

/// What is trained of a candidate before it is evaluated, in a copy that is thrown away.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finetune {
    /// Nothing (`off`): the supernet's weights as they are.
    None,
    /// Only the head (the parameters of the `logit` statement) is trained.
    Head {
        /// Batches of `train.batch` samples of the training part; 500 by default.
        steps: u64,
        /// The learning rate after warm-up, 0.04 by default; all else of the optimiser is as in `train`.
        lr: f64,
    },
    /// All that it computes with is trained, in a copy of its own.
    All {
        /// See [`Finetune::Head`].
        steps: u64,
        /// See [`Finetune::Head`].
        lr: f64,
    },
}

impl Finetune {
    /// Over how many batches something is trained, and at which rate; none where nothing is.
    pub fn regime(self) -> Option<(u64, f64)> {
        match self {
            Self::None => None,
            Self::Head { steps, lr } | Self::All { steps, lr } => (steps > 0).then_some((steps, lr)),
        }
    }
}

/// How architectures are found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// What is best in the time that there is (`method: auto`, the default): trials, or with a [`Recipe::budget`] for few trainings
    /// candidates in a supernet. A run settles it once it is known what a training takes.
    Auto,
    /// Regularised evolution (Real et al., AAAI 2019); `method: nasrec` is that with all defaults, which are the paper's.
    Evolve {
        /// Members, all drawn at random to begin with; 128 by default.
        population: usize,
        /// Generations of children after the first population; 240 by default, may be 0.
        generations: u64,
        /// Children a generation has, and how many of the oldest leave for them; 8 by default.
        children: usize,
        /// Members that are drawn, of which the best is a parent; 64 by default.
        tournament: usize,
    },
    /// Candidates are drawn from the whole space.
    Random {
        /// How many; 2048 by default.
        samples: u64,
    },
    /// Candidates are trained on their own, as the section `retrain` says, and no supernet is. The first are drawn from the whole
    /// space; each of the others is the best of what a model of those so far holds possible.
    Trials {
        /// How many; 60 by default, or as many as there is time for with a [`Recipe::budget`].
        candidates: u64,
        /// How many of them are drawn; 20 by default, 12 with a budget.
        first: u64,
        /// With how many seeds the best are trained, so that none is chosen for its luck: the best [`Retrain::top`] twice, the better
        /// half of them a third time, and so on; 3 by default.
        seeds: u64,
    },
}

impl Method {
    /// Whether candidates are evaluated with the weights of a supernet; of [`Self::Auto`] that is not settled.
    pub fn has_supernet(&self) -> bool {
        matches!(self, Self::Evolve { .. } | Self::Random { .. })
    }

    /// Trials where nothing is said of them: as many as there is time for, or 60.
    pub fn trials(budget: Option<f64>) -> Self {
        let (candidates, first) = if budget.is_some() { (10_000, 12) } else { (60, 20) };
        Self::Trials { candidates, first, seeds: 3 }
    }
}

/// The section `retrain`: how architectures are trained on their own, candidates and baselines alike.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Retrain {
    /// How many of the best are retrained from scratch and compared on validation, 15 by default; or, of trials, are trained with
    /// further seeds, 8 by default.
    pub top: usize,
    /// Passes over the training part, at least 1; the most of them where [`Retrain::stop`] may end it.
    pub epochs: u64,
    /// Whether training ends early, with the weights of the epoch that was best on the validation part; `None` for `off`,
    /// the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<Early>,
    /// Whether the winner and the baselines are trained once more on the training and the validation part, for as many steps
    /// as were found best, before they are told on the test part; `on` by default. Else they are told as they are.
    #[serde(default = "on", skip_serializing_if = "is_on")]
    pub refit: bool,
    /// With how many seeds the winner and the baselines are told on the test part, from 1 to [`Retrain::MOST_TESTS`]; `None`, the default, for as
    /// many as a budget has time for, else 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tests: Option<u64>,
    /// Samples a step; 256 by default.
    pub batch: usize,
    /// Of dense parameters and embedding tables alike.
    pub optimiser: Optimiser,
    /// How long the learning rate rises linearly from almost 0; a tenth by default.
    pub warmup: Length,
    /// What the learning rate does then.
    pub schedule: Schedule,
    /// Keeps gradients small; a norm of 5 by default, `None` for `off`.
    pub clip: Option<Clip>,
    /// How much of a label is spread over both, from 0, the default, to below 1: clicks are learnt as `1 - s / 2`, others as
    /// `s / 2`. What is told of a model is against the labels as they are.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub label_smoothing: f64,
    /// How many times the loss of a click counts, above 0; 1 by default.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub positive_weight: f64,
    /// How much of a moving average of all weights stays in each step, above 0 and below 1: what is evaluated and kept is the
    /// average. `None` for `off`, the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ema: Option<f64>,
    /// How the outputs of a trained model are calibrated, on the validation part; `None` for `off`, the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibrate: Option<Calibrate>,
}

impl Retrain {
    /// The most seeds that one may be told on the test part with.
    pub const MOST_TESTS: u64 = 20;
}

/// What is fitted on the validation part, behind the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Calibrate {
    /// A scale and an offset of the logit.
    Platt,
    /// A scale alone, the inverse of a temperature.
    Temperature,
}

fn one() -> f64 {
    1.0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_one(value: &f64) -> bool {
    *value == 1.0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

fn on() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_on(value: &bool) -> bool {
    *value
}
