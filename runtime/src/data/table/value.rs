//! What a value says, and what becomes of one right away, where nothing is learnt: a number, a row of a table, a label.

use nasrec_compiler::schema::{Comparand, Comparison, Fill, Label, Part, Table, Transform, Type};
use twox_hash::XxHash3_64;

use crate::data::text::{Moment, bool_of, hex_of, int_of, number_of};
use crate::elementary::log1p;

/// Seconds of a day.
const DAY: i64 = 86_400;

/// What a value says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::data) enum Value<'t> {
    Missing,
    Number(f64),
    /// A whole number, as 64 bits.
    Key(u64),
    Text(&'t [u8]),
}

impl<'t> Value<'t> {
    /// What a dictionary has of a category.
    pub fn of(kind: &Type, bytes: &'t [u8]) -> Self {
        match (kind, bytes.as_array::<8>()) {
            (Type::Int | Type::Hex, Some(&key)) => Self::Key(u64::from_le_bytes(key)),
            _ => Self::Text(bytes),
        }
    }
}

/// What a text of a type says, or what was expected instead. `number`: a number is wanted of it, not what it is called.
#[inline(always)]
pub(in crate::data) fn value_of<'t>(
    kind: &Type,
    number: bool,
    text: &'t [u8],
    moment: Option<&mut Moment>,
) -> Result<Value<'t>, &'static str> {
    Ok(match kind {
        Type::Number => Value::Number(number_of(text)?),
        Type::Int if number => {
            let value = number_of(text)?;
            if value.fract() != 0.0 {
                return Err("a whole number or nothing");
            }
            Value::Number(value)
        }
        Type::Int => Value::Key(int_of(text)?),
        Type::Hex => Value::Key(hex_of(text)?),
        Type::Text => Value::Text(text),
        Type::Bool => Value::Number(f64::from(u8::from(bool_of(text)?))),
        Type::Time(_) => Value::Number(moment.map_or(Err("a time"), |moment| moment.read(text))?),
    })
}

/// What a text says to who has no rows to make of it.
pub(crate) enum Said {
    Number(f64),
    /// A whole number, as 64 bits.
    Key(u64),
    /// What it is.
    Text,
}

/// What a text of a type says, which is not missing: as a number, or as what it is called. None where it is none of that type.
pub(crate) fn said(kind: &Type, number: bool, text: &[u8]) -> Option<Said> {
    let mut moment = if let Type::Time(format) = kind { Some(Moment::new(format)) } else { None };
    match value_of(kind, number, text, moment.as_mut()).ok()? {
        Value::Missing => None,
        Value::Number(number) => Some(Said::Number(number)),
        Value::Key(key) => Some(Said::Key(key)),
        Value::Text(_) => Some(Said::Text),
    }
}

/// A number after transforms that learn nothing, or what was expected instead.
pub(in crate::data) fn numeric(transforms: &[Transform], number: Option<f64>) -> Result<f32, &'static str> {
    let value = transforms.iter().fold(number, |value, transform| match *transform {
        Transform::Max(bound) => value.map(|value| value.max(bound)),
        Transform::Min(bound) => value.map(|value| value.min(bound)),
        Transform::Log1p => value.map(log1p),
        Transform::Missing(Fill::Constant(fill)) => value.or(Some(fill)),
        Transform::Missing(_) | Transform::Standardise | Transform::MinMax => value,
    });
    let value = value.unwrap_or(0.0) as f32;
    // `log1p` alone is undefined from -1 downwards; one such value would turn the whole model into NaN.
    if value.is_finite() { Ok(value) } else { Err("a number that is finite after the column's transforms") }
}

/// The row of an embedding table, of a value that nothing need be learnt for.
pub(in crate::data) fn row_of(table: &Table, rows: u32, value: Value) -> u32 {
    let modulo = |hash: u64| (hash % u64::from(rows - 1) + 1) as u32;
    match (table, value) {
        (Table::Modulo, Value::Key(key)) => modulo(key),
        (Table::Hash { seed }, Value::Key(key)) => modulo(XxHash3_64::oneshot_with_seed(*seed, &key.to_le_bytes())),
        (Table::Hash { seed }, Value::Text(text)) => modulo(XxHash3_64::oneshot_with_seed(*seed, text)),
        (Table::Enumerated(part), Value::Number(number)) => part_row(*part, number),
        (table, Value::Number(number)) => table.row_of_number(number).unwrap_or_default() as u32,
        _ => 0,
    }
}

/// The row of a truth, or of a part of a time in seconds since 1970.
pub(in crate::data) fn part_row(part: Part, number: f64) -> u32 {
    let seconds = number.floor() as i64;
    let days = seconds.div_euclid(DAY);
    // 1 January 1970 was a Thursday.
    let weekday = (days + 3).rem_euclid(7);
    let date = || {
        let days = days.clamp(-3_000_000, 2_900_000);
        jiff::civil::date(1970, 1, 1).saturating_add(jiff::Span::new().days(days))
    };
    let index = match part {
        Part::Truth => i64::from(number != 0.0),
        Part::Hour => seconds.rem_euclid(DAY) / 3600,
        Part::Weekday => weekday,
        Part::Weekend => i64::from(weekday > 4),
        Part::Day => i64::from(date().day()) - 1,
        Part::Month => i64::from(date().month()) - 1,
    };
    index as u32 + 1
}

/// Whether a row is a click, or what was expected instead.
pub(in crate::data) fn label_of(label: &Label, text: &[u8], missing: bool) -> Result<bool, &'static str> {
    let Some(condition) = &label.condition else {
        return if missing { Err("0 or 1") } else { bool_of(text).map_err(|_| "0 or 1") };
    };
    if missing {
        return Err("a value, as it is the label");
    }
    match &condition.with {
        Comparand::Text(with) => Ok((text == with.as_bytes()) == (condition.comparison == Comparison::Equal)),
        Comparand::Number(with) => {
            let value = number_of(text).map_err(|_| "a number")?;
            Ok(match condition.comparison {
                Comparison::Equal => value == *with,
                Comparison::Unequal => value != *with,
                Comparison::Less => value < *with,
                Comparison::AtMost => value <= *with,
                Comparison::Greater => value > *with,
                Comparison::AtLeast => value >= *with,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_times_are_those_of_a_calendar() {
        // Saturday, 6 May 2017, 13:30:00.
        let time = 1_494_077_400.0;
        let rows = [Part::Hour, Part::Weekday, Part::Weekend, Part::Day, Part::Month].map(|part| part_row(part, time));
        assert_eq!(rows, [14, 6, 2, 6, 5]);
        // Wednesday, 31 December 1969, 23:59:59.
        let rows = [Part::Hour, Part::Weekday, Part::Weekend, Part::Day, Part::Month].map(|part| part_row(part, -1.0));
        assert_eq!(rows, [24, 3, 1, 31, 12]);
        for part in [Part::Hour, Part::Weekday, Part::Weekend, Part::Day, Part::Month] {
            for time in [f64::MAX, f64::MIN, 1e15, -1e15] {
                assert!((1..=part.values() as u32).contains(&part_row(part, time)), "{part:?} {time}");
            }
        }
    }

    #[test]
    fn a_label_may_have_a_condition() {
        let of = |condition| Label { called: None, column: "rating".to_owned(), condition };
        let at_least = of(Some(nasrec_compiler::schema::Condition {
            comparison: Comparison::AtLeast,
            with: Comparand::Number(4.0),
        }));
        assert_eq!(label_of(&at_least, b"4", false), Ok(true));
        assert_eq!(label_of(&at_least, b"3.5", false), Ok(false));
        assert_eq!(label_of(&at_least, b"good", false), Err("a number"));
        assert!(label_of(&at_least, b"", true).is_err());
        let plain = of(None);
        assert_eq!((label_of(&plain, b"1.0", false), label_of(&plain, b"false", false)), (Ok(true), Ok(false)));
        assert_eq!(label_of(&plain, b"2", false), Err("0 or 1"));
    }
}
