//! Values that come with a type: what they are as text, and what becomes of them.
//!
//! Such a value becomes what its text would become, where a program writes the same table as CSV (pandas does, as
//! `to_csv(index=False)`), but for times, which need no pattern.

use std::io::Write;

use nasrec_compiler::schema::{TimeFormat, Type};

use super::cells::{Becomes, Cell, Cells, MISSING, NOTHING, Value, label_of};
use super::dictionary::Dictionary;
use super::several::Several;
use crate::data::batch::EMPTY;
use crate::data::text::Moment;

/// Whole numbers up to here are exact as a number, and no program writes them with an exponent.
const PLAIN: f64 = 1e15;

/// A value with a type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::data) enum Scalar<'t> {
    Missing,
    Text(&'t [u8]),
    Truth(bool),
    Int(i64),
    Unsigned(u64),
    Single(f32),
    Real(f64),
    Decimal { unscaled: i128, scale: u32 },
    Uuid([u8; 16]),
    Instant(Instant),
}

/// A time: seconds and nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::data) struct Instant {
    pub seconds: i64,
    pub nanos: u32,
    pub shows: Shows,
}

/// What of a time is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::data) enum Shows {
    Date,
    Clock,
    Stamp,
    /// The same, and that it is UTC.
    Zoned,
}

impl Scalar<'_> {
    /// Writes it as a program writes it that writes CSV.
    pub fn write(&self, text: &mut Vec<u8>) {
        // To memory nothing is refused.
        let _written = match *self {
            Self::Missing => Ok(()),
            Self::Text(bytes) => text.write_all(bytes),
            Self::Truth(truth) => text.write_all(if truth { b"True" } else { b"False" }),
            Self::Int(number) => write!(text, "{number}"),
            Self::Unsigned(number) => write!(text, "{number}"),
            Self::Single(number) => exponent(text, &format!("{number:?}")),
            Self::Real(number) => exponent(text, &format!("{number:?}")),
            Self::Decimal { unscaled, scale } => {
                let (digits, scale) = (unscaled.unsigned_abs().to_string(), scale as usize);
                let digits = format!("{digits:0>width$}", width = scale + 1);
                let (whole, fraction) = digits.split_at(digits.len() - scale);
                let (sign, point) = (if unscaled < 0 { "-" } else { "" }, if scale > 0 { "." } else { "" });
                write!(text, "{sign}{whole}{point}{fraction}")
            }
            Self::Uuid(bytes) => {
                let [low, high] = [&bytes[..8], &bytes[8..]]
                    .map(|half| half.iter().fold(0u64, |number, &byte| number << 8 | u64::from(byte)));
                let (a, b, c, d) = (low >> 32, low >> 16 & 0xffff, low & 0xffff, high >> 48);
                write!(text, "{a:08x}-{b:04x}-{c:04x}-{d:04x}-{:012x}", high & 0xffff_ffff_ffff)
            }
            Self::Instant(instant) => instant.write(text),
        };
    }
}

/// A number with at least two digits behind its `e` and a sign before them, as C and Python write it.
fn exponent(text: &mut Vec<u8>, number: &str) -> std::io::Result<()> {
    match number.split_once('e') {
        None => text.write_all(number.as_bytes()),
        Some((digits, power)) => {
            let (sign, power) = power.strip_prefix('-').map_or(('+', power), |power| ('-', power));
            write!(text, "{digits}e{sign}{power:0>2}")
        }
    }
}

impl Instant {
    /// Seconds since 1970, with a fraction.
    pub fn seconds(self) -> f64 {
        self.seconds as f64 + f64::from(self.nanos) / 1e9
    }

    fn write(self, text: &mut Vec<u8>) -> std::io::Result<()> {
        let stamp =
            jiff::Timestamp::new(self.seconds, 0).map(|stamp| stamp.to_zoned(jiff::tz::TimeZone::UTC).datetime());
        // Before or after the years that there are words for.
        let Ok(stamp) = stamp else { return write!(text, "{}", self.seconds) };
        if self.shows != Shows::Clock {
            write!(text, "{:04}-{:02}-{:02}", stamp.year(), stamp.month(), stamp.day())?;
        }
        if self.shows == Shows::Date {
            return Ok(());
        }
        let between = if self.shows == Shows::Clock { "" } else { " " };
        write!(text, "{between}{:02}:{:02}:{:02}", stamp.hour(), stamp.minute(), stamp.second())?;
        match self.nanos {
            0 => {}
            nanos if nanos.is_multiple_of(1_000) => write!(text, ".{:06}", nanos / 1_000)?,
            nanos => write!(text, ".{nanos:09}")?,
        }
        if self.shows == Shows::Zoned { text.write_all(b"+00:00") } else { Ok(()) }
    }
}

/// Makes of the values of one column what a row has of it: the label, or one of the cells.
pub(in crate::data) struct Maker<'a> {
    cells: &'a Cells,
    /// None: the label.
    cell: Option<usize>,
    /// What is wrong with a row is told of the first of its makers.
    pub order: usize,
    /// Of the schema.
    pub column: usize,
    /// Bytes of the row.
    pub at: usize,
    pub width: usize,
    /// The dictionary that it numbers values by.
    pub dictionary: Option<usize>,
    /// Which part of a value that holds several.
    part: usize,
    moment: Option<Moment>,
    text: Vec<u8>,
    numbers: Vec<Option<f64>>,
}

impl Cells {
    /// One for each part of a row, in the order in which what is wrong is told.
    pub fn makers(&self) -> Vec<Maker<'_>> {
        let label = Maker {
            cells: self,
            cell: None,
            order: 0,
            column: self.label_column,
            at: self.layout().stride() - 1,
            width: 1,
            dictionary: None,
            part: 0,
            moment: None,
            text: Vec::new(),
            numbers: Vec::new(),
        };
        let each = self.cells.iter().enumerate().flat_map(|(index, cell)| {
            let dictionary = match cell.becomes {
                Becomes::Code(dictionary) => Some(dictionary),
                _ => None,
            };
            let moment = match &cell.kind {
                Type::Time(format) => Some(Moment::new(format)),
                _ => None,
            };
            let parts = 0..cell.several.as_ref().map_or(1, Several::slots);
            parts.map(move |part| Maker {
                cells: self,
                cell: Some(index),
                order: index + 1,
                column: cell.column,
                at: cell.at + cell.width() * part,
                width: cell.width(),
                dictionary,
                part,
                moment: moment.clone(),
                text: Vec::new(),
                numbers: Vec::new(),
            })
        });
        std::iter::once(label).chain(each).collect()
    }
}

impl Maker<'_> {
    /// The bytes of a value, the lowest first. `dictionary`: the one that it numbers values by.
    ///
    /// # Errors
    /// What was expected.
    pub fn make(&mut self, scalar: Scalar, dictionary: Option<&mut Dictionary>) -> Result<u64, &'static str> {
        let Self { cells, cell, part, moment, text, numbers, .. } = self;
        let cell = cell.map(|index| &cells.cells[index]);
        let single = cell.filter(|cell| cell.several.is_none());
        let known =
            single.filter(|_| cells.missing.is_empty()).and_then(|cell| known(&cell.kind, cell.is_number(), scalar));
        let value = match known {
            Some(value) => value,
            None => {
                let text = if let Scalar::Text(text) = scalar {
                    text
                } else {
                    text.clear();
                    scalar.write(text);
                    &text[..]
                };
                let missing = cells.is_missing(text);
                match cell {
                    None => return label_of(&cells.label, text, missing).map(u64::from),
                    Some(cell) if cell.several.is_some() => match part_of(cells, cell, *part, text, numbers)? {
                        Some(value) => value,
                        None => return Ok(u64::from(if cell.is_code() { NOTHING } else { EMPTY })),
                    },
                    Some(_) if missing => Value::Missing,
                    Some(cell) => match (&cell.kind, scalar) {
                        (Type::Time(_), Scalar::Instant(instant)) => Value::Number(instant.seconds()),
                        _ => cell.read(text, moment.as_mut())?,
                    },
                }
            }
        };
        let Some(cell) = cell else { return Err("0 or 1") };
        if let Some(dictionary) = dictionary {
            let code = match value {
                Value::Missing | Value::Number(_) => Some(MISSING),
                Value::Key(key) => dictionary.code(&key.to_le_bytes()),
                Value::Text(text) => dictionary.code(text),
            };
            return code.map(u64::from).ok_or("fewer different values in the column");
        }
        let mut bytes = [0; 8];
        cell.put(value, &mut [], &mut bytes, 0)?;
        Ok(u64::from_le_bytes(bytes))
    }
}

/// A part of a value that holds several; nothing where it holds fewer.
fn part_of<'t>(
    cells: &'t Cells,
    cell: &'t Cell,
    part: usize,
    text: &'t [u8],
    numbers: &mut Vec<Option<f64>>,
) -> Result<Option<Value<'t>>, &'static str> {
    match &cell.several {
        None => Ok(None),
        Some(several @ Several::Numbers { .. }) => {
            cells.numbers(cell, several, text, numbers)?;
            Ok(Some(numbers[part].map_or(Value::Missing, Value::Number)))
        }
        Some(several @ Several::Bag { .. }) => match cells.categories(several, text).nth(part) {
            Some(text) => cell.read(text, None).map(Some),
            None if part == 0 => Ok(Some(Value::Missing)),
            None => Ok(None),
        },
    }
}

/// What a value is without a text in between; none where there is more to it.
#[inline]
fn known<'t>(kind: &Type, number: bool, scalar: Scalar<'t>) -> Option<Value<'t>> {
    let whole = |value: f64| value.fract() == 0.0 && value.abs() < PLAIN;
    Some(match (kind, scalar) {
        (_, Scalar::Missing) => Value::Missing,
        (Type::Int, Scalar::Int(value)) if !number => Value::Key(value.cast_unsigned()),
        (Type::Int, Scalar::Unsigned(value)) if !number => Value::Key(value),
        (Type::Int, Scalar::Real(value)) if !number && whole(value) => Value::Key((value as i64).cast_unsigned()),
        (Type::Int | Type::Number, Scalar::Int(value)) if number => Value::Number(value as f64),
        (Type::Int | Type::Number, Scalar::Unsigned(value)) if number => Value::Number(value as f64),
        (Type::Int, Scalar::Real(value)) if number && whole(value) => Value::Number(value),
        (Type::Number, Scalar::Real(value)) if value.is_finite() => Value::Number(value),
        (Type::Time(TimeFormat::Seconds), Scalar::Int(value)) => Value::Number(value as f64),
        (Type::Time(TimeFormat::Milliseconds), Scalar::Int(value)) => Value::Number(value as f64 / 1e3),
        (Type::Time(_), Scalar::Instant(instant)) => Value::Number(instant.seconds()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_as_pandas_writes_them() {
        let instant = |seconds, nanos, shows| Scalar::Instant(Instant { seconds, nanos, shows });
        for (scalar, expected) in [
            (Scalar::Missing, ""),
            (Scalar::Truth(true), "True"),
            (Scalar::Int(-7), "-7"),
            (Scalar::Unsigned(u64::MAX), "18446744073709551615"),
            (Scalar::Real(3.0), "3.0"),
            (Scalar::Real(0.1), "0.1"),
            (Scalar::Real(1e16), "1e+16"),
            (Scalar::Real(1.5e-7), "1.5e-07"),
            (Scalar::Real(1e300), "1e+300"),
            (Scalar::Real(f64::NEG_INFINITY), "-inf"),
            (Scalar::Single(0.1), "0.1"),
            (Scalar::Decimal { unscaled: -5, scale: 2 }, "-0.05"),
            (Scalar::Decimal { unscaled: 1230, scale: 2 }, "12.30"),
            (Scalar::Decimal { unscaled: 7, scale: 0 }, "7"),
            (
                Scalar::Uuid(*b"\0\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"),
                "00010203-0405-0607-0809-0a0b0c0d0e0f",
            ),
            (instant(1_494_028_801, 0, Shows::Stamp), "2017-05-06 00:00:01"),
            (instant(1_494_028_801, 500_000_000, Shows::Zoned), "2017-05-06 00:00:01.500000+00:00"),
            (instant(-1, 1, Shows::Stamp), "1969-12-31 23:59:59.000000001"),
            (instant(1_494_028_801, 0, Shows::Date), "2017-05-06"),
            (instant(3_723, 0, Shows::Clock), "01:02:03"),
        ] {
            let mut text = Vec::new();
            scalar.write(&mut text);
            assert_eq!(String::from_utf8_lossy(&text), expected, "{scalar:?}");
        }
    }
}
