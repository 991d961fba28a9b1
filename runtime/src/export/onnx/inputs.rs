//! The inputs of a graph: one for each column of the file and each way in which it is read.

use nasrec_compiler::schema::{Schema, TimeFormat, Type};
use serde::Serialize;

use super::proto::{Kind, Length};

/// What stands for a missing whole number, as no number of these is none.
pub(in crate::export) const MISSING: i64 = i64::MIN;

/// How a column comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::export) enum Takes {
    /// A number of 64 bits; NaN is missing.
    Numbers,
    /// A whole number as 64 bits, those beyond `2^63` less `2^64`; [`MISSING`] is missing.
    Keys,
    /// A text; an empty one is missing.
    Texts,
    /// The row of its table, as a hash has no form in ONNX; 0 is missing.
    Rows,
}

/// An input of the graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(in crate::export) struct Input {
    pub name: String,
    /// Of the file.
    pub column: String,
    pub takes: Takes,
    /// How the column is written.
    pub kind: String,
    /// Of a time that is written by a pattern.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// Of rows, index among the sparse columns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<usize>,
    /// Numbers of a list in every row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<usize>,
    /// Of a list and of a bag, what stands between two values in the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub separator: Option<String>,
}

impl Input {
    /// Of its tensor.
    pub(super) fn tensor(&self) -> Kind {
        match self.takes {
            Takes::Numbers => Kind::Double,
            Takes::Keys | Takes::Rows => Kind::Int64,
            Takes::Texts => Kind::String,
        }
    }

    /// Of its second axis; none where it is a bag's.
    pub fn width(&self) -> Option<usize> {
        if self.separator.is_none() { Some(1) } else { self.of }
    }

    pub(super) fn length(&self) -> Length {
        // Each bag has its own: one may have more values than another.
        self.width().map_or(Length::Named(format!("values of {}", self.name)), |width| Length::Known(width as i64))
    }

    /// What a caller has to know.
    pub fn says(&self, schema: &Schema) -> String {
        let bag = self.width().is_none();
        let values = if bag { "the values of" } else { "" };
        let missing = |what: &str| match bag {
            true => format!("behind the last one {what}"),
            false => format!("{what} where it is missing"),
        };
        let column = format!("{values} column {}", self.column);
        let column = column.trim_start();
        match self.takes {
            Takes::Numbers if self.of.is_some() => {
                format!(
                    "the {} numbers of column {}, NaN where one is missing",
                    self.of.unwrap_or_default(),
                    self.column
                )
            }
            Takes::Numbers => {
                let unit = match self.kind.as_str() {
                    "bool" => ", 1 for true and 0 for false",
                    "time" => ", in seconds since 1970",
                    _ => "",
                };
                format!("{column}{unit}; {}", missing("NaN"))
            }
            Takes::Keys => {
                let hex = if self.kind == "hex" { " (its hexadecimal digits as a number)" } else { "" };
                format!("{column}{hex}; {}", missing(&MISSING.to_string()))
            }
            Takes::Texts => format!("{column}; {}", missing("an empty text")),
            Takes::Rows => {
                let name =
                    self.field.and_then(|field| schema.sparse.get(field)).map_or("", |field| field.name.as_str());
                let missing =
                    if bag { "behind the last one -1, and one 0 where there is none" } else { "0 where it is missing" };
                format!("the row of field {name}, which encoder.py works out of column {}; {missing}", self.column)
            }
        }
    }
}

/// How a type is written: its name, and its pattern where it has one.
pub(in crate::export) fn kind_of(kind: &Type) -> (&'static str, Option<&str>) {
    match kind {
        Type::Number => ("number", None),
        Type::Int => ("int", None),
        Type::Hex => ("hex", None),
        Type::Text => ("text", None),
        Type::Bool => ("bool", None),
        Type::Time(TimeFormat::Seconds) => ("seconds", None),
        Type::Time(TimeFormat::Milliseconds) => ("milliseconds", None),
        Type::Time(TimeFormat::Pattern(pattern)) => ("time", Some(pattern)),
    }
}
