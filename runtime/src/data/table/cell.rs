//! What becomes of one value of a row: which bytes are written for it.

use nasrec_compiler::schema::{Label, Table, Transform, Type};
use twox_hash::XxHash3_64;

use super::dictionary::Dictionary;
use super::several::Several;
use super::value::{Value, label_of, numeric, row_of, value_of};
use crate::data::text::Moment;

/// What parts are called: training, validation, test.
const PARTS: [&[&[u8]]; 3] = [&[b"train", b"training"], &[b"valid", b"validation", b"val", b"dev"], &[b"test"]];
/// The code of a missing value.
pub(in crate::data) const MISSING: u32 = u32::MAX;
/// The code of a place of a bag that holds no value.
pub(in crate::data) const NOTHING: u32 = u32::MAX - 1;

/// What becomes of a value.
#[derive(Clone, Debug)]
pub(in crate::data) struct Cell {
    /// Index among the columns of the schema.
    pub column: usize,
    pub kind: Type,
    /// Byte of the row; of several parts that of the first.
    pub at: usize,
    pub becomes: Becomes,
    /// How the parts of a value are found that holds several.
    pub several: Option<Several>,
    /// Whether its codes are those of another column's dictionary.
    pub joins: bool,
}

#[derive(Clone, Debug)]
pub(in crate::data) enum Becomes {
    /// A number of the dense input.
    Numeric(Vec<Transform>),
    /// A row of an embedding table.
    Row(Table, u32),
    /// A number that something is learnt from.
    Number,
    /// A value of a dictionary, which something is learnt from.
    Code(usize),
    /// How many times the row counts.
    Weight,
    /// What tells rows that belong together: a hash of 64 bits.
    Group,
    /// A number that grows with time.
    Time,
    /// A part by its name.
    Part,
    /// Whether a label is true, beside the first.
    Label(Label),
}

impl Cell {
    /// Bytes that it takes of a row; of several parts each.
    pub fn width(&self) -> usize {
        match &self.becomes {
            Becomes::Number | Becomes::Group | Becomes::Time => 8,
            Becomes::Part | Becomes::Label(_) => 1,
            Becomes::Numeric(_) | Becomes::Row(..) | Becomes::Code(_) | Becomes::Weight => 4,
        }
    }

    /// Whether it is a value of a dictionary.
    pub fn is_code(&self) -> bool {
        matches!(self.becomes, Becomes::Code(_))
    }

    /// Whether a number is wanted of it; otherwise what it is called.
    pub fn is_number(&self) -> bool {
        match &self.becomes {
            Becomes::Numeric(_) | Becomes::Number | Becomes::Weight | Becomes::Time => true,
            Becomes::Row(table, _) => {
                matches!(table, Table::Enumerated(_) | Table::LogSquare | Table::LogBuckets { .. })
            }
            Becomes::Code(_) | Becomes::Group | Becomes::Part | Becomes::Label(_) => false,
        }
    }

    #[inline(always)]
    pub fn read<'t>(&self, text: &'t [u8], moment: Option<&mut Moment>) -> Result<Value<'t>, &'static str> {
        value_of(&self.kind, self.is_number(), text, moment)
    }

    #[inline(always)]
    pub fn put(
        &self,
        value: Value,
        dictionaries: &mut [Dictionary],
        row: &mut [u8],
        at: usize,
    ) -> Result<(), &'static str> {
        let mut word = |bytes: [u8; 4]| row[at..at + 4].copy_from_slice(&bytes);
        match &self.becomes {
            Becomes::Numeric(transforms) => {
                let number = match value {
                    Value::Number(number) => Some(number),
                    _ => None,
                };
                word(numeric(transforms, number)?.to_le_bytes());
            }
            Becomes::Row(table, rows) => word(row_of(table, *rows, value).to_le_bytes()),
            Becomes::Number => {
                let number = match value {
                    Value::Number(number) => number,
                    _ => f64::NAN,
                };
                row[at..at + 8].copy_from_slice(&number.to_le_bytes());
            }
            Becomes::Code(dictionary) => {
                let dictionary = &mut dictionaries[*dictionary];
                let code = match value {
                    Value::Missing | Value::Number(_) => Some(MISSING),
                    Value::Key(key) => dictionary.code(&key.to_le_bytes()),
                    Value::Text(text) => dictionary.code(text),
                };
                word(code.ok_or("fewer different values in one block of lines")?.to_le_bytes());
            }
            Becomes::Weight => match value {
                Value::Number(number) if number >= 0.0 && (number as f32).is_finite() => {
                    word((number as f32).to_le_bytes());
                }
                _ => return Err("how many times the row counts, a number of at least 0"),
            },
            Becomes::Time => match value {
                Value::Number(number) => row[at..at + 8].copy_from_slice(&number.to_le_bytes()),
                _ => return Err("when the row came about"),
            },
            Becomes::Group => {
                let text = match value {
                    Value::Text(text) => text,
                    _ => &[],
                };
                row[at..at + 8].copy_from_slice(&XxHash3_64::oneshot(text).to_le_bytes());
            }
            Becomes::Label(label) => {
                let found = match value {
                    Value::Text(text) => label_of(label, text, false),
                    _ => label_of(label, &[], true),
                };
                row[at] = u8::from(found?);
            }
            Becomes::Part => {
                let text = match value {
                    Value::Text(text) => text,
                    _ => &[],
                };
                let part = PARTS.iter().position(|names| names.iter().any(|name| text.eq_ignore_ascii_case(name)));
                row[at] = part.ok_or("the row's part: `train`, `valid` or `test`")? as u8;
            }
        }
        Ok(())
    }
}
