//! Values that come with a type: what they are as text, and what becomes of them.
//!
//! Such a value becomes what its text would become, where a program writes the same table as CSV (pandas does, as
//! `to_csv(index=False)`), but for times, which need no pattern.

use std::io::Write;

use nasrec_compiler::schema::{TimeFormat, Type};

use super::cell::{Becomes, Cell, MISSING};
use super::cells::{Cells, Reading};
use super::dictionary::Dictionary;
use super::several::Several;
use super::value::{Value, label_of};
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

impl<'t> Scalar<'t> {
    /// Its text: its own, or written to `room`.
    fn text(self, room: &'t mut Vec<u8>) -> &'t [u8] {
        if let Self::Text(text) = self {
            return text;
        }
        room.clear();
        self.write(room);
        room
    }

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
    /// Of a value that holds several: what its parts become, as a row of its own.
    several: Option<(Cell, Several, Reading)>,
    moment: Option<Moment>,
    text: Vec<u8>,
}

impl Cells {
    /// One for each part of a row, in the order in which what is wrong is told.
    pub fn makers(&self) -> Vec<Maker<'_>> {
        let maker = |cell, column, at, width| Maker {
            cells: self,
            cell,
            order: cell.map_or(0, |index| index + 1),
            column,
            at,
            width,
            dictionary: None,
            several: None,
            moment: None,
            text: Vec::new(),
        };
        let label = self.label_column.map(|label| maker(None, label, self.layout().stride() - 1, 1));
        let each = self.cells.iter().enumerate().map(|(index, cell)| {
            let slots = cell.several.as_ref().map_or(1, Several::slots);
            let mut maker = maker(Some(index), cell.column, cell.at, cell.width() * slots);
            let mut alone = cell.clone();
            alone.at = 0;
            if let Becomes::Code(dictionary) = &mut alone.becomes {
                maker.dictionary = Some(std::mem::take(dictionary));
            }
            if let Type::Time(format) = &cell.kind {
                maker.moment = Some(Moment::new(format));
            }
            maker.several = cell.several.clone().map(|several| (alone, several, Reading::default()));
            maker
        });
        label.into_iter().chain(each).collect()
    }
}

impl Maker<'_> {
    /// Whether a value holds several.
    pub fn is_several(&self) -> bool {
        self.several.is_some()
    }

    /// What a value becomes; where it holds several, as many bytes as its width, behind the others that are `wide`.
    ///
    /// # Errors
    /// What was expected.
    pub fn make_behind(
        &mut self,
        scalar: Scalar,
        dictionary: Option<&mut Dictionary>,
        wide: &mut Vec<u8>,
    ) -> Result<u64, &'static str> {
        if !self.is_several() {
            return self.make(scalar, dictionary);
        }
        let start = wide.len();
        wide.resize(start + self.width, 0);
        self.make_several(scalar, dictionary, &mut wide[start..]).map(|()| 0)
    }

    fn make_several(
        &mut self,
        scalar: Scalar,
        dictionary: Option<&mut Dictionary>,
        bytes: &mut [u8],
    ) -> Result<(), &'static str> {
        let Self { cells, several, text, .. } = self;
        let Some((cell, several, reading)) = several else { return Ok(()) };
        let text = scalar.text(text);
        let dictionaries = dictionary.map_or(&mut [][..], std::slice::from_mut);
        cells.put_several((cell, several), reading, text, dictionaries, bytes)
    }

    /// The bytes of a value, the lowest first. `dictionary`: the one that it numbers values by.
    ///
    /// # Errors
    /// What was expected.
    pub fn make(&mut self, scalar: Scalar, dictionary: Option<&mut Dictionary>) -> Result<u64, &'static str> {
        let Self { cells, cell, moment, text, .. } = self;
        let cell = cell.map(|index| &cells.cells[index]);
        if let Some(Becomes::Label(label)) = cell.map(|cell| &cell.becomes) {
            let text = scalar.text(text);
            return label_of(label, text, cells.is_missing(text)).map(u64::from);
        }
        let known =
            cell.filter(|_| cells.missing.is_empty()).and_then(|cell| known(&cell.kind, cell.is_number(), scalar));
        let value = match known {
            Some(value) => value,
            None => {
                let text = scalar.text(text);
                let missing = cells.is_missing(text);
                match cell {
                    None => return label_of(&cells.label, text, missing).map(u64::from),
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
