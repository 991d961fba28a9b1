//! A schema: the columns of a table and how each is encoded.

use serde::{Deserialize, Serialize};

/// A checked `schema` item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schema {
    /// Of the item: `day` of `schema day`.
    pub name: String,
    /// How its files are read.
    pub format: Format,
    /// Name of the column of clicks, 0 or 1.
    pub label: String,
    /// Numeric columns, in file order after the label.
    pub dense: Vec<DenseColumn>,
    /// Categorical columns, in file order after the numeric ones.
    pub sparse: Vec<SparseColumn>,
}

/// How files are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Tab-separated, no header: the label, then the dense, then the sparse columns. Empty is missing.
    Tsv,
}

/// A numeric column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DenseColumn {
    /// Of one column: `I2` of `I[1..13]`.
    pub name: String,
    /// Applied in order; a missing value is 0 after them.
    pub transforms: Vec<Transform>,
}

/// What is done to a number `v` of a file.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transform {
    /// `max(v, bound)`
    Max(f64),
    /// `min(v, bound)`
    Min(f64),
    /// `ln(1 + v)`
    Log1p,
}

/// A categorical column: one field, with one embedding table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SparseColumn {
    /// Of one column: `C2` of `C[1..26]`.
    pub name: String,
    /// How a value is read as a number.
    pub encoding: Encoding,
    /// Rows of the embedding table: a value `v` becomes row `v mod (rows - 1) + 1`.
    pub rows: usize,
    /// The row of a missing value: row 0.
    pub missing: usize,
}

/// How a value of a categorical column is written in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// Hexadecimal digits, at most 16.
    Hex,
    /// A decimal integer that is not negative.
    Int,
}

impl Schema {
    /// Width of the numeric input: a table without numeric columns supplies one column of zeros.
    pub fn numeric_width(&self) -> usize {
        self.dense.len().max(1)
    }
}
