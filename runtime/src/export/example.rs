//! Rows that an export is shown and checked by: made of what the schema says of its columns, as no row of the table is at hand, with
//! values that are missing and values that training never saw.

use std::path::Path;

use nasrec_compiler::schema::{Format, Lines, Schema, TimeFormat, Type};

use super::scalar::Scalar;
use crate::data::{Asked, Located, Unreadable, stream};
use crate::model::Model;
use crate::{Result, Silent, Stop, files};

/// Rows that are made; those that cannot be read are left out.
const ROWS: usize = 60;

/// The rows as lines of the schema's columns with tabs between, and the probability of each.
pub(super) struct Example {
    pub lines: String,
    pub probabilities: Vec<f32>,
}

impl Example {
    /// What a model says of such rows, number by number. They go through the file at `scratch`, as any table is read.
    pub fn of(model: &Model, scratch: &Path) -> Result<Self> {
        let schema = Schema { format: Format::Lines(Lines::TSV), ..model.schema().clone() };
        let lines: Vec<String> = (0..ROWS).map(|row| line(model, row)).collect();
        files::replace(scratch, |file| std::io::Write::write_all(file, (lines.join("\n") + "\n").as_bytes()))?;
        let located = [Located { name: scratch.display().to_string(), path: scratch.to_owned() }];
        let asked = Asked {
            schema: &schema,
            encoder: model.encoder(),
            located: &located,
            keep: &[],
            labelled: false,
            unreadable: Unreadable::Blank,
            rows: ROWS,
        };
        let (scalar, mut example) = (Scalar::new(model), Self { lines: String::new(), probabilities: Vec::new() });
        let read = stream(&asked, &Silent, &Stop::new(), |portion| {
            for (row, &probability) in scalar.probabilities(&portion.batch).iter().enumerate() {
                if !portion.blank.contains(&(row as u32)) {
                    example.lines.push_str(&lines[row]);
                    example.lines.push('\n');
                    example.probabilities.push(probability);
                }
            }
            Ok(())
        });
        files::remove(scratch)?;
        read.map(|_| example)
    }
}

fn line(model: &Model, row: usize) -> String {
    let schema = model.schema();
    let values = schema.columns.iter().enumerate().map(|(at, column)| value(model, column, row, at));
    values.collect::<Vec<_>>().join("\t")
}

/// What stands in a column of the file.
fn value(model: &Model, column: &str, row: usize, at: usize) -> String {
    let schema = model.schema();
    let turn = row + 3 * at;
    let dense = schema.dense.iter().filter(|one| one.from == column);
    let sparse = schema.sparse.iter().enumerate().filter(|(_, one)| one.from == column);
    if let Some(element) = dense.clone().find_map(|one| one.element.as_ref()) {
        let numbers = (0..element.of).map(|index| format!("{}.5", (turn + index) % 7));
        return if turn % 9 == 8 { String::new() } else { numbers.collect::<Vec<_>>().join(&element.separator) };
    }
    // Every kind that the column is read as has to take it: the narrowest decides.
    let kinds = dense.map(|one| &one.kind).chain(sparse.clone().map(|(_, one)| &one.kind));
    let Some(kind) = kinds.min_by_key(|kind| narrowness(kind)) else { return String::new() };
    let known = sparse.clone().find_map(|(field, _)| model.encoder()?.known(schema, field));
    let known: Vec<&[u8]> = known.unwrap_or_default();
    let one = |turn: usize| match known.get(turn % known.len().max(1)) {
        Some(value) if !turn.is_multiple_of(5) => as_written(kind, value),
        _ => of_kind(kind, turn),
    };
    if turn % 9 == 8 {
        return String::new();
    }
    match sparse.filter_map(|(_, one)| one.list.as_ref()).next() {
        Some(list) => (0..turn % 4).map(|index| one(turn + 7 * index)).collect::<Vec<_>>().join(&list.separator),
        None => one(turn),
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
