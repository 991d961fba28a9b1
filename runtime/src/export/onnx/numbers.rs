//! Arithmetic on columns as nodes: steps of numbers, and rows of tables that are no vocabulary.

use nasrec_compiler::schema::{Part, Table, TimeFormat, Type};

use super::graph::{Writing, int};
use super::inputs::MISSING;
use super::proto::Kind;
use super::times;
use crate::export::logarithms;

/// Milliseconds as seconds.
pub(super) fn seconds(to: &mut Writing, kind: &Type, x: String) -> String {
    if *kind != Type::Time(TimeFormat::Milliseconds) {
        return x;
    }
    let thousand = to.double(1e3);
    to.op("Div", &[&x, &thousand])
}

/// Bounds of columns side by side, which take the place of what is no number too.
pub(super) fn bounded(to: &mut Writing, x: &str, bounds: &[f64], comparison: &str) -> String {
    let bound = to.doubles(bounds);
    let within = to.op(comparison, &[x, &bound]);
    to.either(&within, x, &bound)
}

/// `ln(1 + x)`, near 0 too: what `1 + x` lost to rounding is made good by the quotient (Kahan).
pub(super) fn log1p(to: &mut Writing, x: &str) -> String {
    let one = to.double(1.0);
    let u = to.op("Add", &[x, &one]);
    let (log, beyond) = (to.op("Log", &[&u]), to.op("Sub", &[&u, &one]));
    let same = to.op("Equal", &[&u, &one]);
    let divisor = to.either(&same, &one, &beyond);
    let share = to.op("Div", &[x, &divisor]);
    let exact = to.op("Mul", &[&log, &share]);
    to.either(&same, x, &exact)
}

/// `v mod (rows - 1) + 1` of 64 bits without a sign, of columns side by side, or of one table.
pub(super) fn modulo(to: &mut Writing, x: &str, rows: &[usize], missing: i64) -> String {
    let divisors: Vec<u64> = rows.iter().map(|&rows| rows as u64 - 1).collect();
    // What 2^64 leaves: so much is a negative number short of what its bits are without a sign.
    let rests: Vec<i64> = divisors.iter().map(|by| ((u64::MAX % by + 1) % by) as i64).collect();
    let divisors: Vec<i64> = divisors.iter().map(|&by| by as i64).collect();
    let (divided, zero, one) = (to.ints(&divisors), to.int(0), to.int(1));
    let (rest, none) = (to.ints(&rests), to.int(missing));
    let signed = to.op("Mod", &[x, &divided]);
    let negative = to.op("Less", &[x, &zero]);
    let more = to.either(&negative, &rest, &zero);
    let sum = to.op("Add", &[&signed, &more]);
    let unsigned = to.op("Mod", &[&sum, &divided]);
    let row = to.op("Add", &[&unsigned, &one]);
    let stands = to.int(MISSING);
    let is_missing = to.op("Equal", &[x, &stands]);
    to.either(&is_missing, &none, &row)
}

/// The row of a number in a table of numbers.
pub(super) fn row_of_number(to: &mut Writing, x: &str, table: &Table, edges: &[f64], missing: i64) -> String {
    let (zero, none, one) = (to.double(0.0), to.int(missing), to.int(1));
    let is_missing = to.op("IsNaN", &[x]);
    let x = to.either(&is_missing, &zero, x);
    let row = match table {
        Table::Quantiles => {
            let (edges, wide) = (to.doubles(edges), to.unsqueeze(&x, 2));
            let reached = to.op("LessOrEqual", &[&edges, &wide]);
            let (reached, axes) = (to.cast(&reached, Kind::Int64), to.ints(&[2]));
            let count = to.call("count", "ReduceSum", &[&reached, &axes], vec![int("keepdims", 0)]);
            to.op("Add", &[&count, &one])
        }
        Table::LogSquare => log_square(to, &x),
        Table::LogBuckets { base } => log_buckets(to, &x, *base),
        Table::Enumerated(Part::Truth) => {
            let (is_zero, two) = (to.op("Equal", &[&x, &zero]), to.int(2));
            to.either(&is_zero, &one, &two)
        }
        Table::Enumerated(part) => {
            let index = times::part(to, &x, *part);
            to.op("Add", &[&index, &one])
        }
        Table::Modulo | Table::Hash { .. } | Table::Vocabulary { .. } | Table::Cross { .. } => none.clone(),
    };
    to.either(&is_missing, &none, &row)
}

/// See [`Table::LogSquare`].
fn log_square(to: &mut Writing, x: &str) -> String {
    let bucket = |x: f64| Table::LogSquare.row_of_number(x).unwrap_or_default();
    let two = to.double(2.0);
    let large = to.op("Greater", &[x, &two]);
    let (least, first) = (to.double(Table::LEAST), bucket(0.0));
    let greatest = to.double(Table::GREATEST);
    // Small numbers: their whole part.
    let small = to.op("Min", &[x, &two]);
    let small = to.op("Max", &[&small, &least]);
    let small = to.cast(&small, Kind::Int64);
    // Large ones.
    let size = to.either(&large, x, &two);
    let size = to.op("Min", &[&size, &greatest]);
    let log = to.op("Log", &[&size]);
    let square = to.op("Mul", &[&log, &log]);
    let guess = to.op("Floor", &[&square]);
    let reached = reached(to, &size, &guess, &logarithms::edges(&Table::LogSquare));
    let bucket = to.either(&large, &reached, &small);
    let first = to.int(first as i64);
    to.op("Add", &[&bucket, &first])
}

/// See [`Table::LogBuckets`].
fn log_buckets(to: &mut Writing, x: &str, base: f64) -> String {
    let table = Table::LogBuckets { base };
    let row = |x: f64| table.row_of_number(x).unwrap_or_default();
    let first = row(0.0);
    let (size, greatest, one) = (to.op("Abs", &[x]), to.double(Table::GREATEST), to.double(1.0));
    let size = to.op("Min", &[&size, &greatest]);
    let more = to.op("Add", &[&size, &one]);
    let (log, of_base) = (to.op("Log", &[&more]), to.double(base.ln()));
    let quotient = to.op("Div", &[&log, &of_base]);
    let guess = to.op("Floor", &[&quotient]);
    let bucket = reached(to, &size, &guess, &logarithms::edges(&table));
    let (zero, negated) = (to.double(0.0), to.op("Neg", &[&bucket]));
    let negative = to.op("Less", &[x, &zero]);
    let bucket = to.either(&negative, &negated, &bucket);
    let first = to.int(first as i64);
    to.op("Add", &[&bucket, &first])
}

/// How many of the edges behind the first one are reached, where a logarithm that another library may round in another way guessed it
/// up to one.
fn reached(to: &mut Writing, x: &str, guess: &str, edges: &[f64]) -> String {
    let last = edges.len() as i64 - 1;
    let edges: Vec<f64> = edges.iter().copied().chain([f64::INFINITY]).collect();
    let (edges, zero, one, last) = (to.doubles(&edges), to.int(0), to.int(1), to.int(last));
    let guess = to.cast(guess, Kind::Int64);
    let guess = to.op("Max", &[&guess, &zero]);
    let guess = to.op("Min", &[&guess, &last]);
    let edge = to.gather("edge", &edges, &guess, 0);
    let short = to.op("Less", &[x, &edge]);
    let less = to.op("Sub", &[&guess, &one]);
    let less = to.op("Max", &[&less, &zero]);
    let below = to.either(&short, &less, &guess);
    let more = to.op("Add", &[&below, &one]);
    let edge = to.gather("edge", &edges, &more, 0);
    let beyond = to.op("GreaterOrEqual", &[x, &edge]);
    to.either(&beyond, &more, &below)
}
