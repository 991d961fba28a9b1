//! Rows that an export is shown and checked by: made of what the schema says of its columns, as no row of the table is at hand, with
//! values that are missing and values that training never saw.

use std::path::Path;

use nasrec_compiler::schema::{DenseColumn, Format, Lines, Schema, TimeFormat, Transform, Type};

use super::scalar::Scalar;
use crate::data::{Asked, Located, Portion, Unreadable, stream};
use crate::model::Model;
use crate::{Result, Silent, Stop, files};

/// The rows, in a folder.
pub(super) const ROWS: &str = "example.tsv";
/// The probability of each.
pub(super) const EXPECTED: &str = "expected.txt";
/// How far a probability may be from the one that is expected, where sums are added up in another order.
pub(super) const WITHIN: f32 = 1e-5;
/// Rows that are made; those that cannot be read are left out.
const COUNT: usize = 60;

/// The rows as lines of the schema's columns with tabs between, and the probability of each.
pub(super) struct Example {
    pub lines: String,
    pub probabilities: Vec<f32>,
    /// Of each row the rows of tables that are looked up for it.
    pub ids: Vec<Vec<u32>>,
}

impl Example {
    /// What a model says of such rows, number by number. They go through the file at `scratch`, as any table is read.
    pub fn of(model: &Model, scratch: &Path) -> Result<Self> {
        Self::of_rows(model, &rows(model, COUNT), scratch)
    }

    /// The same of other rows.
    fn of_rows(model: &Model, lines: &[String], scratch: &Path) -> Result<Self> {
        let schema = Schema { format: Format::Lines(Lines::TSV), ..model.schema().clone() };
        files::replace(scratch, |file| std::io::Write::write_all(file, (lines.join("\n") + "\n").as_bytes()))?;
        let located = [Located { name: scratch.display().to_string(), path: scratch.to_owned() }];
        let asked = Asked {
            schema: &schema,
            encoder: model.encoder(),
            located: &located,
            keep: &[],
            stored: false,
            labelled: false,
            unreadable: Unreadable::Blank,
            rows: lines.len(),
        };
        let (scalar, mut example) =
            (Scalar::new(model), Self { lines: String::new(), probabilities: Vec::new(), ids: Vec::new() });
        let read = stream(
            &asked,
            &Silent,
            &Stop::new(),
            (1, |portion: &mut Portion| Ok(std::mem::take(portion))),
            |portion| {
                for (row, &probability) in scalar.probabilities(&portion.batch).iter().enumerate() {
                    if !portion.blank.contains(&(row as u32)) {
                        example.lines.push_str(&lines[row]);
                        example.lines.push('\n');
                        example.probabilities.push(probability);
                        let ids = portion.batch.ids.iter().skip(row).step_by(portion.batch.rows);
                        example.ids.push(ids.copied().collect());
                    }
                }
                Ok(())
            },
        );
        files::remove(scratch)?;
        read.map(|_| example)
    }

    /// The probabilities, a line each.
    pub fn expected(&self) -> String {
        self.probabilities.iter().map(|&probability| shortest(probability) + "\n").collect()
    }
}

/// Those of some rows that a model reads, lines of the schema's columns with tabs between, and what the reference says of each, which every
/// export is held against: one row computed number by number, each sum in the order of its terms.
///
/// # Errors
/// There is no place for temporary files.
pub fn reference(model: &Model, lines: &[String], scratch: &Path) -> Result<(Vec<String>, Vec<String>)> {
    let example = Example::of_rows(model, lines, scratch)?;
    let expected = example.expected();
    Ok([example.lines, expected].map(|text| text.lines().map(str::to_owned).collect()).into())
}

/// A number as the C library writes it: with as few digits as it takes to read it back.
fn shortest(number: f32) -> String {
    let text = format!("{number:e}");
    let Some((digits, power)) = text.split_once('e') else { return text };
    let (sign, power) = power.strip_prefix('-').map_or(('+', power), |power| ('-', power));
    format!("{digits}e{sign}{power:0>2}")
}

/// So many rows of the columns that a model's schema names, tabs between: values that training saw, and missing, unknown and extreme
/// ones. Some may be of what cannot be read.
pub fn rows(model: &Model, count: usize) -> Vec<String> {
    let schema = model.schema();
    let known: Vec<Vec<&[u8]>> = schema.columns.iter().map(|column| known(model, column)).collect();
    let line = |row: usize| {
        let values =
            schema.columns.iter().enumerate().map(|(at, column)| value(model, column, &known[at], row + 3 * at));
        values.collect::<Vec<_>>().join("\t")
    };
    (0..count).map(line).collect()
}

/// The values that training saw in a column of the file, of one field that is made of it.
fn known<'m>(model: &'m Model, column: &str) -> Vec<&'m [u8]> {
    let schema = model.schema();
    let fields = schema.sparse.iter().enumerate().filter(|(_, one)| one.from == column);
    fields.into_iter().find_map(|(field, _)| model.encoder()?.known(schema, field)).unwrap_or_default()
}

/// What stands in a column of the file.
fn value(model: &Model, column: &str, known: &[&[u8]], turn: usize) -> String {
    let schema = model.schema();
    let dense = schema.dense.iter().filter(|one| one.from == column);
    let sparse = schema.sparse.iter().filter(|one| one.from == column);
    if let Some(element) = dense.clone().find_map(|one| one.element.as_ref()) {
        let numbers = (0..element.of).map(|index| format!("{}.5", (turn + index) % 7));
        return if turn % 9 == 8 { String::new() } else { numbers.collect::<Vec<_>>().join(&element.separator) };
    }
    // Every kind that the column is read as has to take it: the narrowest decides.
    let bounded = dense.clone().all(is_bounded);
    let kinds = dense.map(|one| &one.kind).chain(sparse.clone().map(|one| &one.kind));
    let Some(kind) = kinds.min_by_key(|kind| narrowness(kind)) else { return String::new() };
    let one = |turn: usize| match known.get(turn % known.len().max(1)) {
        _ if bounded && turn % 13 == 7 => extreme(kind, turn / 13).unwrap_or_else(|| of_kind(kind, turn)),
        Some(value) if !turn.is_multiple_of(5) => as_written(kind, value),
        _ => of_kind(kind, turn),
    };
    if turn % 9 == 8 {
        return String::new();
    }
    match sparse.filter_map(|one| one.list.as_ref()).next() {
        // Now and then more than are read.
        Some(list) => (0..if turn % 11 == 10 { list.most.min(64) + 2 } else { turn % 4 })
            .map(|index| one(turn + 7 * index))
            .collect::<Vec<_>>()
            .join(&list.separator),
        None => one(turn),
    }
}

/// Whether a number, however large, becomes none that products of numbers of 32 bits could not hold.
fn is_bounded(column: &DenseColumn) -> bool {
    column.encoding.is_some() || column.transforms.iter().any(|one| matches!(one, Transform::Log1p | Transform::MinMax))
}

/// A value at the end of what a type takes.
fn extreme(kind: &Type, turn: usize) -> Option<String> {
    const NUMBERS: [&str; 8] =
        ["1e300", "-1e300", "1e-300", "9007199254740993", "-0.0", "2.0000000000000004", "1", "-1"];
    const INTS: [&str; 4] =
        ["9223372036854775807", "18446744073709551615", "-9223372036854775807", "9223372036854775809"];
    match kind {
        Type::Number => Some(NUMBERS[turn % NUMBERS.len()].to_owned()),
        Type::Int => Some(INTS[turn % INTS.len()].to_owned()),
        Type::Hex => Some(["ffffffffffffffff", "0", "8000000000000001"][turn % 3].to_owned()),
        Type::Time(TimeFormat::Seconds | TimeFormat::Milliseconds) => Some(NUMBERS[turn % 6].to_owned()),
        Type::Text | Type::Bool | Type::Time(TimeFormat::Pattern(_)) => None,
    }
}

fn narrowness(kind: &Type) -> usize {
    match kind {
        Type::Time(TimeFormat::Pattern(_)) => 0,
        Type::Bool => 1,
        Type::Int => 2,
        Type::Hex => 3,
        Type::Time(_) => 4,
        Type::Number => 5,
        Type::Text => 6,
    }
}

/// A value of a dictionary as files have it, where it can stand in a line.
fn as_written(kind: &Type, value: &[u8]) -> String {
    let key = value.as_array::<8>().map(|bytes| u64::from_le_bytes(*bytes));
    match (kind, key) {
        (Type::Int, Some(key)) => key.cast_signed().to_string(),
        (Type::Hex, Some(key)) => format!("{key:x}"),
        _ => {
            let text = String::from_utf8_lossy(value);
            if text.contains(['\t', '\n', '\r', '\0']) { String::new() } else { text.into_owned() }
        }
    }
}

fn of_kind(kind: &Type, turn: usize) -> String {
    const NUMBERS: [&str; 9] = ["0", "1", "-1.5", "3.25", "1e3", ".001", "12345.678", " 7 ", "+2."];
    let seconds = 1_400_000_000 + 98_765_433 * (turn as u64 % 8);
    match kind {
        Type::Number => NUMBERS[turn % NUMBERS.len()].to_owned(),
        Type::Int => ["0", "17", "-4", "3.0", "123456789012345678", "4096"][turn % 6].to_owned(),
        Type::Hex => format!("{:x}", 0x9e37_79b9u64 * (turn as u64 + 1)),
        Type::Bool => ["true", "0", "No", "1.0"][turn % 4].to_owned(),
        Type::Time(TimeFormat::Seconds) => seconds.to_string(),
        Type::Time(TimeFormat::Milliseconds) => format!("{seconds}250"),
        Type::Time(TimeFormat::Pattern(pattern)) => written(pattern, seconds),
        // Of every length that a hash treats in its own way.
        Type::Text => {
            "text of some length, ".repeat(20)[..[1, 3, 5, 8, 12, 16, 40, 130, 241, 400][turn % 10]].to_owned()
        }
    }
}

/// A time as a pattern has it.
fn written(pattern: &str, seconds: u64) -> String {
    let time = jiff::Timestamp::from_second(seconds.cast_signed()).map(|time| time.to_zoned(jiff::tz::TimeZone::UTC));
    time.map_or_else(|_| String::new(), |time| jiff::fmt::strtime::format(pattern, &time).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_written_with_as_few_digits_as_it_takes() {
        assert_eq!([0.483_293_12, 1.0, 1e-9, 0.0].map(shortest), ["4.8329312e-01", "1e+00", "1e-09", "0e+00"]);
    }
}
