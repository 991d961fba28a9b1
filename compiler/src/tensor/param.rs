//! What is said of a parameter before it has values.

use serde::{Deserialize, Serialize};

/// How a stored parameter is drawn. Xavier's fans come from the stored shape `[fan_out, fan_in]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Init {
    /// Uniform within `±sqrt(6 / (fan_in + fan_out))` (Glorot and Bengio, AISTATS 2010).
    XavierUniform,
    /// Uniform within `±sqrt(3 / fan_in)`, so with variance `1 / fan_in` (LeCun et al., Efficient BackProp, 1998): Xavier's where a
    /// layer is as wide as what it reads, and the same for matrices that are stored one below the other.
    LecunUniform,
    /// Normal with variance `2 / (fan_in + fan_out)`, from the same paper.
    XavierNormal,
    /// Normal with this deviation.
    Normal(f64),
    /// This value everywhere.
    Constant(f64),
}

/// Whether a primitive has one parameter or one table for each field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemplateKind {
    /// One parameter.
    Dense,
    /// One that is not trained: what is kept of the values that passed through.
    Statistic,
    /// One table for each categorical field, its axes without the rows.
    Tables,
}
