//! What can be wrong with a table, or with how it is to be read.

use std::path::{Path, PathBuf};

/// What can be wrong with a table, or with how it is to be read.
#[allow(missing_docs, reason = "the message of a variant says what it is and what its values are")]
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    #[error("the recipe names no data file; expected at least one")]
    NoFile,
    #[error("{} is a directory; expected {expected}", path.display())]
    Directory { path: PathBuf, expected: &'static str },
    #[error("{} is empty; expected a line a sample", path.display())]
    Empty { path: PathBuf },
    #[error("{} has a header and nothing behind it; expected a line a sample", path.display())]
    OnlyHeader { path: PathBuf },
    /// `most`: bytes.
    #[error("{} has a line, or a value in quotes, of more than {most} bytes; expected lines of values", path.display())]
    LongLine { path: PathBuf, most: usize },
    /// `row`: how the row begins that it is in.
    #[error(
        "{} has a quote that nothing closes, in the row that begins with {row}: all behind it is lost; close it, or say \
         `quotes: off` in the schema's `format`",
        path.display()
    )]
    OpenQuote { path: PathBuf, row: String },
    /// More lines are malformed than the share `tolerated` of those that were read; `half_way`: so many that the rest was
    /// not read. `described` says how many, which were the first of them, and what is expected of a line.
    #[error("{described}")]
    Malformed { lines: u64, malformed: u64, half_way: bool, tolerated: f64, described: String },
    /// All rows have one label: `clicks` of `rows` are 1.
    #[error("{}", one_label(*rows, *clicks, label))]
    OneLabel { rows: u64, clicks: u64, label: String },
    #[error("the table has more than {most} rows, the most that are supported")]
    TooManyRows { most: u32 },
    /// The embedding table of a column is too small or too large to be addressed.
    #[error(
        "column {column} of schema {schema} has a table of {rows} rows whose row {missing} stands for a missing value; \
         expected 2 to {} rows, the missing one among them",
        u32::MAX
    )]
    ColumnTable { column: String, schema: String, rows: usize, missing: usize },
    #[error("the split {} leaves nothing to train on; expected shares such as 8:1:1", ratio(*shares))]
    NothingToTrain { shares: [u32; 3] },
    #[error("{rows} rows split {} leave no row for {part}; supply more rows, or a larger share", ratio(*shares))]
    EmptyPart { rows: usize, shares: [u32; 3], part: &'static str },
    /// `why`: what is there in its place.
    #[error("no row is for {part}: {why}")]
    NoneForPart { part: &'static str, why: String },
    #[error(
        "{rows} rows cannot be cut into batches of {size}; expected at least one row, and a batch size of at least 1"
    )]
    NoBatches { rows: usize, size: usize },
    /// Neither the cache nor the sources give the rows that were read before; `rows`: what the sources give now.
    #[error(
        "the rows that this was begun with are lost: {} does not hold them any more, and the {rows} rows that its source \
         gives now are not the same; put the one or the other back, or start anew",
        cache.display()
    )]
    OtherRows { cache: PathBuf, rows: u64 },
    #[error("{} is {is}; expected lines of text, packed with gzip or zstd or not: {remedy}", path.display())]
    NoTable { path: PathBuf, is: &'static str, remedy: &'static str },
    /// `row`: where it is, what was found there and what was expected.
    #[error("{row}; correct the row or, where its place may stay empty, ask for that (--malformed)")]
    Row { row: String },
    /// `near`: what may be meant.
    #[error("there is no column {column:?} whose values could be kept{near}; the schema names {columns}")]
    NoKept { column: String, near: String, columns: String },
    #[error("there is no data file {}", path.display())]
    Missing { path: PathBuf },
    #[error("`{name}` is an address, and data is read from files, folders and pipes: {remedy}")]
    Address { name: String, remedy: String },
    /// `what`: what the storage says, or the way there.
    #[error("cannot read `{name}`: {what}")]
    Storage { name: String, what: String },
    #[error("no file matches `{pattern}`")]
    NoMatch { pattern: String },
    #[error("`{pattern}` is no pattern of files: {what}")]
    Pattern { pattern: String, what: String },
    #[error("the folder {} holds no data files; expected at least one that is not hidden", path.display())]
    EmptyFolder { path: PathBuf },
    #[error("`{name}` and the names before it stand for more than {most} files")]
    TooManyFiles { name: String, most: usize },
    /// `near`: what may be meant; `remedy`: what to do.
    #[error("{file} has no column {column:?}{near}; its header names {header}; {remedy}")]
    NoColumn { file: String, column: String, near: String, header: String, remedy: &'static str },
    #[error("{file} has two columns {column:?}, {first} and {second}; give one of them another name")]
    TwoColumns { file: String, column: String, first: usize, second: usize },
    /// `format`: what a schema would say.
    #[error(
        "the header of {name} has no {expected}, but has a {found} between its names: say `{format}` in the schema"
    )]
    OneColumn { name: String, expected: String, found: String, format: String },
    #[error(
        "column {column} has more than {values} different values, for which there is not enough memory; take \
         `hash(rows: …)` in place of `vocabulary`"
    )]
    TooManyValues { column: String, values: usize },
    #[error("{} was shortened by somebody while it was read", path.display())]
    Shortened { path: PathBuf },
    #[error("what was learnt of the training rows cannot be used: {what}")]
    Encoder { what: String },
    #[error("{what}; say which column is the label, of {columns}")]
    WhichLabel { what: String, columns: String },
    /// `label`: its column; `columns`: what was found of each of the others.
    #[error("{}", nothing_to_learn(path, label, columns))]
    NothingToLearn { path: PathBuf, label: String, columns: Vec<String> },
    #[error("{} has {found} columns, of which no schema can be inferred; at most {most} are looked at", path.display())]
    TooManyColumns { path: PathBuf, found: usize, most: usize },
    #[error("{} is {is}, and no Parquet file: {remedy}", path.display())]
    NotParquet { path: PathBuf, is: &'static str, remedy: &'static str },
    #[error("{} is not a sound Parquet file: {what}", path.display())]
    Unsound { path: PathBuf, what: String },
    #[error(
        "{name} cannot be read as Parquet, whose columns are found by what is at its end: write it to a file, and name that"
    )]
    NotSeekable { name: String },
    /// `is`: what it holds.
    #[error("column {column:?} of {file} is {is}; expected a value a row")]
    ColumnKind { file: String, column: String, is: &'static str },
    /// `first`: a file before it.
    #[error(
        "column {column:?} has another type in {file} than in {first}: predictions of both cannot be one Parquet file; predict them \
         one by one, or as CSV"
    )]
    OtherKind { file: String, column: String, first: String },
    /// A parameter of a drawn table makes no sense.
    #[error("synthetic data: found {parameter} = {found}, expected {expected}")]
    Synthetic { parameter: &'static str, found: String, expected: &'static str },
}

impl DataError {
    /// See [`crate::Error::code`].
    pub fn code(&self) -> &'static str {
        match self {
            DataError::NoFile => "R0101",
            DataError::Directory { .. } => "R0102",
            DataError::Empty { .. } | DataError::OnlyHeader { .. } => "R0103",
            DataError::LongLine { .. } => "R0104",
            DataError::Malformed { .. } => "R0105",
            DataError::OneLabel { .. } => "R0106",
            DataError::TooManyRows { .. } => "R0107",
            DataError::ColumnTable { .. } => "R0108",
            DataError::NothingToTrain { .. } => "R0109",
            DataError::EmptyPart { .. } => "R0110",
            DataError::NoBatches { .. } => "R0111",
            DataError::Synthetic { .. } => "R0112",
            DataError::OtherRows { .. } => "R0113",
            DataError::NoTable { .. } => "R0114",
            DataError::Missing { .. } => "R0115",
            DataError::NoMatch { .. } => "R0116",
            DataError::Pattern { .. } => "R0117",
            DataError::EmptyFolder { .. } => "R0118",
            DataError::TooManyFiles { .. } => "R0119",
            DataError::NoColumn { .. } => "R0120",
            DataError::TwoColumns { .. } => "R0121",
            DataError::OneColumn { .. } => "R0122",
            DataError::TooManyValues { .. } => "R0123",
            DataError::Shortened { .. } => "R0124",
            DataError::Encoder { .. } => "R0125",
            DataError::WhichLabel { .. } => "R0126",
            DataError::TooManyColumns { .. } => "R0127",
            DataError::NotParquet { .. } => "R0140",
            DataError::Unsound { .. } => "R0141",
            DataError::NotSeekable { .. } => "R0142",
            DataError::ColumnKind { .. } => "R0143",
            DataError::OpenQuote { .. } => "R0144",
            DataError::OtherKind { .. } => "R0145",
            DataError::NoneForPart { .. } => "R0128",
            DataError::Address { .. } => "R0130",
            DataError::Storage { .. } => "R0133",
            DataError::Row { .. } => "R0131",
            DataError::NoKept { .. } => "R0132",
            DataError::NothingToLearn { .. } => "R0129",
        }
    }
}

fn one_label(rows: u64, clicks: u64, label: &str) -> String {
    let (found, missing) = match clicks {
        _ if rows == 0 => ("no sound row at all".to_owned(), "no label"),
        0 => (format!("label 0 in all {rows} rows"), "no click"),
        _ => (format!("label 1 in all {rows} rows"), "no non-click"),
    };
    format!("there is {missing} to learn from: found {found}; expected both labels 0 and 1 in column {label}")
}

fn nothing_to_learn(path: &Path, label: &str, columns: &[String]) -> String {
    /// Columns that are told one by one.
    const TOLD: usize = 20;
    let path = path.display();
    let [_, ..] = columns else {
        return format!(
            "{path} has the label {label} and no other column; expected columns that say something of a row before its label is \
             known: add them to the table"
        );
    };
    let told = columns.iter().take(TOLD).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = columns.len().saturating_sub(TOLD);
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    format!(
        "{path} has no column to learn the label {label} from: {told}{more}; expected one at least whose values several rows share, \
         or that holds numbers: add such columns to the table, say which column is the label (--label), or write a schema by hand \
         that reads one of these all the same"
    )
}

fn ratio([train, validation, test]: [u32; 3]) -> String {
    format!("{train}:{validation}:{test}")
}
