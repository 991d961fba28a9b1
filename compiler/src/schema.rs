//! A schema: the columns of a table, and what each becomes for a model.

use serde::{Deserialize, Serialize};

/// A checked `schema` item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schema {
    /// Of the item: `day` of `schema day`.
    pub name: String,
    /// How its files are read.
    pub format: Format,
    /// What stands for a missing value, beside nothing at all.
    pub missing: Vec<String>,
    /// The columns of the file that it names, in the order in which it names them: in a table without a header that is
    /// where they are, and there are no others.
    pub columns: Vec<String>,
    /// What is predicted; where there are several labels, the first.
    pub label: Label,
    /// What else is told of each row, for models that learn several labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_labels: Vec<Label>,
    /// Numeric columns: a number of the dense input each.
    pub dense: Vec<DenseColumn>,
    /// Categorical columns: a field each.
    pub sparse: Vec<SparseColumn>,
    /// Columns that a space can ask for together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sections: Vec<Section>,
    /// A number of at least 0: how many times a row counts where it is learnt from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<String>,
    /// What rows have in common that belong together, such as a user: for splits, and for the AUC of each group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// When a row came about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<TimeColumn>,
    /// Which part a row is in: `train`, `valid` or `test`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
}

/// Columns of a schema under one name, such as those of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    /// What a space asks for.
    pub name: String,
    /// Names of dense and of sparse columns.
    pub columns: Vec<String>,
}

/// The column that orders rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimeColumn {
    /// Of the file.
    pub column: String,
    /// How it is written: a time, or any number that grows with it.
    pub kind: Type,
}

/// How files are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Lines of values.
    Lines(Lines),
    /// Lines of a label, and of what a row has that is not nothing.
    Pairs(Pairs),
    /// Columns with names and types, one after the other: Apache Parquet.
    Parquet,
}

/// Lines of values, which are quoted where they hold a separator, a quote or a line end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lines {
    /// Between two values; one byte of ASCII.
    pub separator: u8,
    /// Whether the first line of each file names its columns. Otherwise columns are told by their place.
    pub header: bool,
    /// Whether a value in double quotes is what is between them. Otherwise a quote is a character as any other.
    pub quotes: bool,
    /// What makes a separator, a quote, a line end or itself a character as any other; one byte of ASCII. Before others it is
    /// a character as any other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escape: Option<u8>,
}

impl Lines {
    /// Tab-separated, without a header or quotes: Criteo's.
    pub const TSV: Self = Self { separator: b'\t', header: false, quotes: false, escape: None };
    /// Comma-separated, with a header (RFC 4180).
    pub const CSV: Self = Self { separator: b',', header: true, quotes: true, escape: None };
}

/// Lines of a label and, with blanks between, of numbers joined by colons. What follows a `#` is a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pairs {
    /// `index:value`, and what has no pair is 0. A column is called by its index; `qid`, behind the label, is one as well.
    Libsvm,
    /// `field:index:value`. A column is called by its field, which is the index; with [`Pairs::VALUE`] behind it, the value.
    Libffm,
    /// `category:1`, as many on each line: where a column is, is what it is.
    Libfm,
}

impl Pairs {
    /// Behind the number of a field, where its value is meant.
    pub const VALUE: &str = ":value";
    /// What tells the rows of one query.
    pub const QUERY: &str = "qid";
}

impl Format {
    /// Tab-separated, without a header or quotes. A schema has it that names no format.
    pub const TSV: Self = Self::Lines(Lines::TSV);

    /// Whether columns are found by their names; otherwise by their place.
    pub fn names_columns(self) -> bool {
        match self {
            Self::Lines(lines) => lines.header,
            Self::Pairs(pairs) => pairs != Pairs::Libfm,
            Self::Parquet => true,
        }
    }
}

/// The column that is predicted: 1 is a click, 0 is none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Label {
    /// What it is called where that is not the name of its column: `liked` of `label liked from rating >= 4`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub called: Option<String>,
    /// Of the file.
    pub column: String,
    /// When a row counts as a click. Without it the column says `0` or `1` (or `0.0`, `1.0`, `true`, `false`).
    pub condition: Option<Condition>,
}

impl Label {
    /// What it is called.
    pub fn name(&self) -> &str {
        self.called.as_deref().unwrap_or(&self.column)
    }
}

/// What a value is compared with: `rating >= 4`, `answer == "yes"`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// How the two are compared.
    pub comparison: Comparison,
    /// What the column's value is compared with.
    pub with: Comparand,
}

/// The right side of a [`Condition`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparand {
    /// Values are read as numbers.
    Number(f64),
    /// Values are compared byte by byte, for being equal or not.
    Text(String),
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    Unequal,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

/// How a value of a column is written in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Type {
    /// Any finite number in decimal notation.
    Number,
    /// A whole number of 64 bits, negative or not; `3.0` is 3.
    Int,
    /// Hexadecimal digits, at most 16.
    Hex,
    /// Any bytes, as they are.
    Text,
    /// `0` or `1`, `true` or `false`, `yes` or `no`, `t` or `f`, `y` or `n`, in either case.
    Bool,
    /// A date, a time, or both.
    Time(TimeFormat),
}

/// How a date or time is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeFormat {
    /// Seconds since 1970, with or without a fraction.
    Seconds,
    /// Milliseconds since 1970.
    Milliseconds,
    /// A pattern as of `strftime`, such as `%Y-%m-%d %H:%M:%S`.
    Pattern(String),
}

/// A numeric column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DenseColumn {
    /// Of one column: `I2` of `I[1..13]`.
    pub name: String,
    /// The column of the file that it is made of.
    pub from: String,
    /// How that is written.
    pub kind: Type,
    /// What makes a number of a category; none where the file has numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<Encoding>,
    /// Which value of a list it is, where a value of the file is a list of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub element: Option<Element>,
    /// Applied in order; what is missing then is 0.
    pub transforms: Vec<Transform>,
}

/// One of several numbers that a value of the file holds, such as an embedding that somebody made before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Element {
    /// Between two of them.
    pub separator: String,
    /// Counted from 0.
    pub index: usize,
    /// How many there are in every row.
    pub of: usize,
}

/// How a category becomes a number: by the training rows that have it. A missing value is a category as any other.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// `(clicks + smoothing * rate) / (rows + smoothing)`, `rate` being that of all training rows. A training row is not
    /// told its own label: it is in one of the folds, and what it has is worked out from the others.
    Target {
        /// At least 2, at most [`Encoding::MOST_FOLDS`].
        folds: u32,
        /// How many rows at the rate of all are mixed in.
        smoothing: f64,
    },
    /// How many training rows have it.
    Count,
}

impl Encoding {
    /// As many counts are held of each value while a table is encoded.
    pub const MOST_FOLDS: u32 = 100;

    /// As a schema names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Target { .. } => "target",
            Self::Count => "count",
        }
    }

    /// Of a category that so many training rows have, so many of them clicks, where all have this rate.
    pub fn of(self, rows: u64, clicks: u64, rate: f64) -> f64 {
        match self {
            Self::Target { smoothing, .. } if rows as f64 + smoothing > 0.0 => {
                (clicks as f64 + smoothing * rate) / (rows as f64 + smoothing)
            }
            Self::Target { .. } => rate,
            Self::Count => rows as f64,
        }
    }
}

/// What is done to a number `v`. A missing one stays missing, but for [`Transform::Missing`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transform {
    /// `max(v, bound)`
    Max(f64),
    /// `min(v, bound)`
    Min(f64),
    /// `ln(1 + v)`
    Log1p,
    /// What stands for a missing number from here on.
    Missing(Fill),
    /// `(v - mean) / standard deviation`, both of the training rows; 0 where all are alike.
    Standardise,
    /// `(v - least) / (greatest - least)`, both of the training rows, and no less than 0 and no more than 1.
    MinMax,
}

impl Transform {
    /// Whether it learns from the training rows.
    pub fn is_fitted(self) -> bool {
        matches!(self, Self::Standardise | Self::MinMax | Self::Missing(Fill::Mean | Fill::Median))
    }
}

/// What stands for a missing number.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fill {
    /// This.
    Constant(f64),
    /// The mean of the training rows that have one.
    Mean,
    /// Their median: of an even number of them the lower of the two in the middle.
    Median,
}

/// A categorical column: one field, with one embedding table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SparseColumn {
    /// Of one column: `C2` of `C[1..26]`.
    pub name: String,
    /// The column of the file that it is made of; empty where it is made of other columns of the schema.
    pub from: String,
    /// How that is written.
    pub kind: Type,
    /// How a value becomes a row of the embedding table.
    pub table: Table,
    /// Rows of the embedding table.
    pub rows: usize,
    /// The row of a missing value: row 0.
    pub missing: usize,
    /// How many categories are found in one value of the file: a bag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<List>,
    /// The sparse column before it whose embedding table it is looked up in, too: what both call alike is one row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same: Option<String>,
}

/// A bag: several categories in one value of the file, whose embeddings become one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct List {
    /// Between two categories. What is empty between two separators is none.
    pub separator: String,
    /// Categories that are read of a value, the first ones, or the last ones; others are left out.
    pub most: usize,
    /// Whether it is the last ones, as of a history whose latest stand behind the others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub last: bool,
    /// How the embeddings become one.
    pub pool: Pool,
}

impl List {
    /// Categories that are read of a value where a schema does not say how many.
    pub const MOST: usize = 16;
    /// Between the values of a list that the file has as such, as Parquet does: no text has it.
    pub const WITHIN: &'static str = "\u{1f}";
    /// As many can be asked for.
    pub const MOST_SLOTS: usize = 1_000;
}

/// How several embeddings become one, number by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pool {
    /// Their sum.
    Sum,
    /// Their mean.
    Mean,
    /// The greatest.
    Max,
}

/// How a value becomes a row of its embedding table. Row 0 is for missing values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Table {
    /// `v mod (rows - 1) + 1` of a whole number, which is taken as 64 bits without a sign.
    Modulo,
    /// A hash of the value, taken likewise: which row it becomes has nothing to do with which values are near.
    Hash {
        /// Another seed, other collisions.
        seed: u64,
    },
    /// The values that are most frequent among the training rows have a row each, from row 2 on by falling count; all
    /// others, and what training never saw, share row 1.
    Vocabulary {
        /// Values that are rarer among the training rows share row 1.
        min_count: u64,
    },
    /// Numbers between two neighbouring quantiles of the training rows share a row.
    Quantiles,
    /// Numbers beyond 2 share a row with all of one `floor(ln(v)^2)`, as Criteo's benchmarks have it; others with all of one
    /// whole part, down to [`Table::LEAST`].
    LogSquare,
    /// Numbers share a row with all of one `floor(log(1 + |v|))` and one sign.
    LogBuckets {
        /// Of the logarithm.
        base: f64,
    },
    /// The number or truth itself, from row 1 on: a part of a time, or a truth.
    Enumerated(Part),
    /// A row for what other columns are together, by a hash of their rows: see [`Table::crossed`].
    Cross {
        /// Columns of the schema before it, two or more.
        of: Vec<String>,
    },
}

impl Table {
    /// Smaller numbers share a row with it in [`Table::LogSquare`].
    pub const LEAST: f64 = -10.0;
    /// Numbers that are larger, or below minus this, share a row with it in tables of logarithms.
    pub const GREATEST: f64 = 18_446_744_073_709_551_616.0;

    /// Rows that a table has, the missing one among them, where they follow from what it is.
    pub fn rows(&self) -> Option<usize> {
        match self {
            Self::Enumerated(part) => Some(1 + part.values()),
            _ => self.row_of_number(Self::GREATEST).map(|last| 1 + last),
        }
    }

    /// The row of a number in a table of logarithms.
    pub fn row_of_number(&self, number: f64) -> Option<usize> {
        let row = match *self {
            Self::LogSquare => {
                let number = number.clamp(Self::LEAST, Self::GREATEST);
                let bucket = if number > 2.0 { number.ln().powi(2).floor() } else { number.trunc() };
                1.0 + bucket - Self::LEAST
            }
            Self::LogBuckets { base } => {
                let bucket = whole_log(1.0 + number.abs().min(Self::GREATEST), base).copysign(number);
                1.0 + bucket + whole_log(1.0 + Self::GREATEST, base)
            }
            _ => return None,
        };
        Some(row as usize)
    }

    /// The row of a crossed column, from those of the columns that it is made of, in their order:
    /// `h = (2,654,435,761 h + row) mod (2^31 - 1)` for each, from 0 on, and then `h mod (rows - 1) + 1`. What is missing has row 0 and is
    /// crossed as anything else. No step needs more than 63 bits, so that whatever reads an export can count so.
    pub fn crossed(rows: usize, of: impl IntoIterator<Item = u32>) -> u32 {
        let h = of.into_iter().fold(0, |h, row| (h * Self::CROSSED_BY + u64::from(row)) % Self::CROSSED_WITHIN);
        (h % (rows as u64 - 1)) as u32 + 1
    }

    /// The factor of [`Table::crossed`], and what all is taken modulo.
    pub const CROSSED_BY: u64 = 2_654_435_761;
    /// See [`Table::CROSSED_BY`].
    pub const CROSSED_WITHIN: u64 = (1 << 31) - 1;

    /// Whether it learns from the training rows.
    pub fn is_fitted(&self) -> bool {
        matches!(self, Self::Vocabulary { .. } | Self::Quantiles)
    }
}

/// The largest whole `k` with `base^k <= number`, which the quotient of two rounded logarithms may miss by one.
fn whole_log(number: f64, base: f64) -> f64 {
    let near = (number.ln() / base.ln()).round();
    if base.powf(near) <= number { near } else { near - 1.0 }
}

/// What has few values that are known beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// False, true.
    Truth,
    /// 0 to 23.
    Hour,
    /// Monday to Sunday (ISO 8601).
    Weekday,
    /// No, yes: Saturday and Sunday.
    Weekend,
    /// 1 to 31.
    Day,
    /// 1 to 12.
    Month,
}

impl Part {
    /// How many values there are.
    pub fn values(self) -> usize {
        match self {
            Self::Truth | Self::Weekend => 2,
            Self::Hour => 24,
            Self::Weekday => 7,
            Self::Day => 31,
            Self::Month => 12,
        }
    }
}

impl DenseColumn {
    /// Whether something of it learns from the training rows.
    pub fn is_fitted(&self) -> bool {
        self.encoding.is_some() || self.transforms.iter().any(|transform| transform.is_fitted())
    }

    /// A number as it stands in the column of the same name.
    pub fn new(name: impl Into<String>, transforms: Vec<Transform>) -> Self {
        let name = name.into();
        Self { from: name.clone(), name, kind: Type::Number, encoding: None, element: None, transforms }
    }
}

impl SparseColumn {
    /// What stands in the column of the same name.
    pub fn new(name: impl Into<String>, kind: Type, table: Table, rows: usize) -> Self {
        let name = name.into();
        Self { from: name.clone(), name, kind, table, rows, missing: 0, list: None, same: None }
    }

    /// Whether it is made of other columns, and nothing is read of the file for it.
    pub fn is_crossed(&self) -> bool {
        matches!(self.table, Table::Cross { .. })
    }

    /// How many rows of its table are looked up for a sample, at most.
    pub fn slots(&self) -> usize {
        self.list.as_ref().map_or(1, |list| list.most)
    }
}

impl Schema {
    /// Of a tab-separated table without a header: the label, then the dense and then the sparse columns.
    pub fn tsv(name: impl Into<String>, label: &str, dense: Vec<DenseColumn>, sparse: Vec<SparseColumn>) -> Self {
        let mut columns = vec![label.to_owned()];
        columns.extend(dense.iter().map(|column| column.from.clone()));
        columns.extend(sparse.iter().map(|column| column.from.clone()));
        let label = Label { called: None, column: label.to_owned(), condition: None };
        let name = name.into();
        let none = (None, None, None, None);
        let (weight, group, time, part) = none;
        Self {
            name,
            format: Format::TSV,
            missing: Vec::new(),
            columns,
            label,
            other_labels: Vec::new(),
            dense,
            sparse,
            sections: Vec::new(),
            weight,
            group,
            time,
            part,
        }
    }

    /// All of its labels: the first, and the others in the order of the schema.
    pub fn labels(&self) -> impl Iterator<Item = &Label> {
        std::iter::once(&self.label).chain(&self.other_labels)
    }

    /// Width of the numeric input: a table without numeric columns supplies one column of zeros.
    pub fn numeric_width(&self) -> usize {
        self.dense.len().max(1)
    }

    /// Where the rows of each sparse column lie among all that are looked up for a sample.
    pub fn slots(&self) -> impl Iterator<Item = std::ops::Range<usize>> + '_ {
        self.sparse.iter().scan(0, |end, column| {
            let start = *end;
            *end += column.slots();
            Some(start..*end)
        })
    }

    /// How many rows of embedding tables are looked up for a sample, at most.
    pub fn looked_up(&self) -> usize {
        self.sparse.iter().map(SparseColumn::slots).sum()
    }

    /// The same without crossed columns, which stand behind all others.
    pub fn looked_up_in_file(&self) -> usize {
        self.sparse.iter().filter(|column| !column.is_crossed()).map(SparseColumn::slots).sum()
    }

    /// A crossed column that is not what a schema makes: of two columns before it or more, with one category each and none of them crossed,
    /// and behind all that are read of a file.
    pub fn unsound_cross(&self) -> Option<&SparseColumn> {
        let read = self.sparse.iter().filter(|column| !column.is_crossed()).count();
        let is_read = |name: &String| {
            let mut columns = self.sparse.iter().take(read);
            columns.any(|column| column.name == *name && !column.is_crossed() && column.list.is_none())
        };
        let is_sound = |(field, column): (usize, &SparseColumn)| match &column.table {
            Table::Cross { of } => {
                let alone = column.list.is_none() && column.same.is_none() && column.rows >= 2;
                field >= read && alone && of.len() >= 2 && of.iter().all(is_read)
            }
            _ => true,
        };
        self.sparse.iter().enumerate().find(|&crossed| !is_sound(crossed)).map(|(_, column)| column)
    }

    /// The sparse columns that a crossed one is made of; nothing of another one.
    pub fn crossed(&self, field: usize) -> Vec<usize> {
        let Some(Table::Cross { of }) = self.sparse.get(field).map(|column| &column.table) else { return Vec::new() };
        of.iter().filter_map(|name| self.sparse.iter().position(|column| column.name == *name)).collect()
    }

    /// The column whose embedding table column `field` is looked up in: itself, or the one that it names.
    pub fn owner(&self, field: usize) -> usize {
        let same = self.sparse.get(field).and_then(|column| column.same.as_ref());
        same.and_then(|same| self.sparse.iter().position(|column| column.name == *same)).unwrap_or(field)
    }

    /// Whether something of it learns from the training rows, so that the table must be split before it is encoded.
    pub fn is_fitted(&self) -> bool {
        self.dense.iter().any(DenseColumn::is_fitted) || self.sparse.iter().any(|column| column.table.is_fitted())
    }
}
