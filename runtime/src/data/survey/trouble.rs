//! What is wrong with a table, or bodes ill for a training on it: each kind once, with how often and where.

use std::collections::BTreeMap;

use nasrec_compiler::diagnostics::nearest;
use nasrec_compiler::schema::{Format, Label, List, Pairs, Schema, Transform};
use serde::Serialize;

use super::figures::{Collisions, ColumnFigures, Range};
use crate::data::quote::quote;
use crate::data::text::separator_name;

/// Examples of each kind.
const EXAMPLES: usize = 3;
/// Numbers that large after all steps keep a model from learning.
const LARGE: f64 = 1e3;
/// A column that tells the label so well alone tells what is not known beforehand.
const LEAK: f64 = 0.99;
/// Rows of either label from which on that means something.
const ENOUGH: u64 = 20;

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Gravity {
    /// A training would not begin.
    Stops,
    /// A training would begin, and be the worse for it.
    Harms,
}

/// One kind of trouble, of one column or of all.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trouble {
    /// How bad it is.
    pub gravity: Gravity,
    /// Its kind, a word for programs: `missing_column`, `two_columns`, `ragged`, `unreadable`, `label`, `one_label`, `no_rows`,
    /// `cut`, `empty`, `constant`, `id`, `time`, `scale`, `collisions`, `leak`.
    pub kind: &'static str,
    /// The column, of the file or of the schema.
    pub column: Option<String>,
    /// What is wrong, as a sentence.
    pub what: String,
    /// What to do.
    pub help: String,
    /// In how many rows, where it is rows.
    pub rows: Option<u64>,
    /// The first of them.
    pub examples: Vec<Example>,
}

/// A place where something is wrong.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Example {
    /// The file and the line.
    pub place: String,
    /// What stands there.
    pub found: String,
}

/// Rows with one fault: how many, and the first.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults {
    rows: u64,
    last: u64,
    first: Vec<Example>,
}

impl Faults {
    /// A row, which counts once.
    pub fn add(&mut self, row: u64, example: impl FnOnce() -> Example) {
        if self.last == row {
            return;
        }
        self.last = row;
        self.rows += 1;
        if self.first.len() < EXAMPLES {
            self.first.push(example());
        }
    }
}

fn trouble(gravity: Gravity, kind: &'static str, column: Option<&str>, what: String, help: String) -> Trouble {
    Trouble { gravity, kind, column: column.map(str::to_owned), what, help, rows: None, examples: Vec::new() }
}

/// What is wrong with a header; gives the columns of the schema that cannot be found by it.
pub(super) fn of_header(schema: &Schema, file: &str, names: &[String], found: &mut Vec<Trouble>) -> Vec<String> {
    let mut lost = Vec::new();
    for column in &schema.columns {
        match names.iter().filter(|name| *name == column).count() {
            1 => continue,
            0 => {
                let near = nearest(column, names.iter().map(String::as_str));
                let near = near.map_or_else(
                    || format!("its header has {}", listed(names)),
                    |near| format!("did you mean {}?", quote(near.as_bytes())),
                );
                let what = format!("{file} has no such column, which the schema names");
                found.push(trouble(Gravity::Stops, "missing_column", Some(column), what, near));
            }
            times => {
                let what = format!("{file} has {times} columns of this name");
                let help = "give all but one of them other names".to_owned();
                found.push(trouble(Gravity::Stops, "two_columns", Some(column), what, help));
            }
        }
        lost.push(column.clone());
    }
    let mut others: Vec<&String> = names.iter().filter(|name| !schema.columns.contains(name)).collect();
    others.sort();
    for twice in others.chunk_by(|a, b| a == b).filter(|alike| alike.len() > 1) {
        let what = format!("{file} has {} columns of this name; they are not read", twice.len());
        found.push(trouble(
            Gravity::Harms,
            "two_columns",
            Some(twice[0]),
            what,
            "give them names of their own".to_owned(),
        ));
    }
    lost
}

fn listed(names: &[String]) -> String {
    let first: Vec<String> = names.iter().take(12).map(|name| quote(name.as_bytes())).collect();
    let more = if names.len() > 12 { format!(" and {} more", names.len() - 12) } else { String::new() };
    first.join(", ") + &more
}

/// What is wrong with rows, and with labels beside the first, of which it is told in how many rows they are true; `stops`: so many rows are malformed that training would not begin.
pub(super) fn of_rows(
    schema: &Schema,
    ([rows, sound, clicks], others): ([u64; 3], &[(&Label, u64)]),
    ragged: Faults,
    faults: BTreeMap<(usize, &'static str), Faults>,
    stops: bool,
) -> Vec<Trouble> {
    let gravity = if stops { Gravity::Stops } else { Gravity::Harms };
    let label = &schema.label.column;
    let is_label = |name: &String| schema.labels().any(|label| label.column == *name);
    let mut found = Vec::new();
    let counted =
        |trouble: Trouble, faults: Faults| Trouble { rows: Some(faults.rows), examples: faults.first, ..trouble };
    if ragged.rows > 0 {
        let (what, help) = of_lines(schema, ragged.rows, rows);
        found.push(counted(trouble(gravity, "ragged", None, what, help), ragged));
    }
    for ((column, expected), faults) in faults {
        let name = &schema.columns[column];
        let is_label = is_label(name);
        let what = format!("{} of {rows} rows have a value that cannot be read: expected {expected}", faults.rows);
        let help = if is_label {
            "say which values are clicks, such as `label rating >= 4` or `label answer == \"yes\"`"
        } else {
            "say what stands for missing values (`missing \"NA\"`), or give the column another type"
        };
        let kind = if is_label { "label" } else { "unreadable" };
        found.push(counted(trouble(gravity, kind, Some(name), what, help.to_owned()), faults));
    }
    if sound == 0 {
        let what = "there is no row whose label can be read".to_owned();
        found.push(trouble(Gravity::Stops, "no_rows", None, what, "see what is said of the rows".to_owned()));
    } else if clicks == 0 || clicks == sound {
        let what =
            format!("all {sound} rows have the label {}, so that there is nothing to learn", u8::from(clicks > 0));
        let help = "predict another column, or say which values are clicks (`label NAME >= …`)".to_owned();
        found.push(trouble(Gravity::Stops, "one_label", Some(label), what, help));
    }
    for (label, count) in others.iter().filter(|&&(_, count)| sound > 0 && (count == 0 || count == sound)) {
        let what =
            format!("all {sound} rows have the label {} here: nothing is to be learnt of it", u8::from(*count > 0));
        let help = "leave it out, or say which values count (`label NAME >= …`)".to_owned();
        found.push(trouble(Gravity::Harms, "one_label", Some(&label.column), what, help));
    }
    found
}

/// What is left out of bags, of which so many categories are read, the first or the last.
pub(super) fn of_bag(column: &str, bag: (usize, bool), (rows, longest): (Faults, usize)) -> Option<Trouble> {
    let (what, help) = cut(rows.rows, bag, longest)?;
    let trouble = trouble(Gravity::Harms, "cut", Some(column), what, help);
    Some(Trouble { rows: Some(rows.rows), examples: rows.first, ..trouble })
}

/// What is said of bags of which so many rows hold more than are read, and the longest so many.
pub(in crate::data) fn cut(rows: u64, (most, last): (usize, bool), longest: usize) -> Option<(String, String)> {
    if rows == 0 {
        return None;
    }
    let (end, argument) = if last { ("last", "last") } else { ("first", "most") };
    let what = match rows {
        1 => format!("1 row holds more than {most} categories, of which the {end} {most} are read"),
        _ => format!("{rows} rows hold more than {most} categories, of which the {end} {most} are read"),
    };
    let (read, all) =
        if longest > List::MOST_SLOTS { (List::MOST_SLOTS, "as many as can be") } else { (longest, "all") };
    Some((what, format!("the longest holds {longest}: `list(\"…\", {argument}: {read})` reads {all}")))
}

/// What is said of lines that are no rows.
fn of_lines(schema: &Schema, ragged: u64, rows: u64) -> (String, String) {
    let pairs = |pair: &str| {
        let what = format!("{ragged} of {rows} lines are no label with `{pair}` behind it");
        (what, "correct the lines, or the schema's `format`".to_owned())
    };
    let (separator, header) = match schema.format {
        Format::Lines(lines) => (lines.separator, lines.header),
        Format::Pairs(Pairs::Libsvm) => return pairs("index:value"),
        Format::Pairs(Pairs::Libffm) => return pairs("field:index:value"),
        Format::Pairs(Pairs::Libfm) | Format::Parquet => (b' ', false),
    };
    let expected = if header { "as the header has names".to_owned() } else { schema.columns.len().to_string() };
    let what = format!("{ragged} of {rows} lines have another number of values than {expected}");
    let between = separator_name(separator);
    (what, format!("values have a {between} between them; correct the lines, or the schema's `format`"))
}

/// What bodes ill in the figures of a column, the `at`th of the dense and then the sparse ones.
pub(super) fn of_column(schema: &Schema, at: usize, column: &ColumnFigures, clicks: u64) -> Vec<Trouble> {
    let mut found = Vec::new();
    let mut harms = |kind, what: String, help: String| {
        found.push(trouble(Gravity::Harms, kind, Some(&column.name), what, help));
    };
    let rows = column.there + column.missing;
    let out = format!(
        "leave it out: `skip` in place of it{}",
        if schema.format.names_columns() { ", or nothing" } else { "" }
    );
    if rows == 0 {
        return found;
    }
    if column.there == 0 {
        harms("empty", "nothing is in it".to_owned(), out);
        return found;
    }
    if column.distinct == 1 && column.missing == 0 {
        harms("constant", "it is the same in every row".to_owned(), out);
        return found;
    }
    let others = rows - clicks.min(rows);
    if let Some(auc) = column.auc.filter(|&auc| auc > LEAK && clicks.min(others) >= ENOUGH) {
        let how = if auc == 1.0 { "always".to_owned() } else { format!("with an AUC of {auc:.4}") };
        harms(
            "leak",
            format!("it tells the label alone, {how}: is it known before the label is?"),
            format!("if not, {out}"),
        );
    }
    if column.is_id {
        let about = if column.exact { "" } else { "about " };
        harms(
            "id",
            format!(
                "{about}{} different values in {} rows: it tells rows apart, and nothing of new ones",
                column.distinct, column.there
            ),
            out,
        );
    }
    if let (Some(range), Some(dense)) = (&column.range, schema.dense.get(at)) {
        if column.is_time && range.after == [range.least, range.greatest] && dense.transforms.is_empty() {
            let unit = if range.greatest > 1e11 { "milliseconds" } else { "seconds" };
            harms(
                "time",
                format!("numbers from {} to {} look like {unit} since 1970", range.least, range.greatest),
                format!("take parts of it: `sparse {}_hour from {}: {unit} | hour`", dense.name, dense.from),
            );
        }
        let after = fitted(range, &dense.transforms);
        if let Some((what, help)) = after.and_then(|(after, mean)| scale(after, mean, &dense.transforms)) {
            harms("scale", what, help);
        }
    }
    if let Some((what, help)) = column.collisions.as_ref().and_then(crowded) {
        harms("collisions", what, help);
    }
    found
}

/// The range and the mean of numbers after all steps, as far as that can be told of what they are before the first that learns
/// something.
fn fitted(range: &Range, steps: &[Transform]) -> Option<([f64; 2], f64)> {
    match steps.iter().find(|step| matches!(step, Transform::Standardise | Transform::MinMax)) {
        None => Some((range.after, range.mean)),
        Some(Transform::Standardise) if range.deviation > 0.0 => {
            Some((range.after.map(|number| (number - range.mean) / range.deviation), 0.0))
        }
        Some(_) => None,
    }
}

/// Why numbers in this range and of this mean are too large for a model, if they are; and what to say in the schema.
/// `steps`: those that they have been through.
pub(in crate::data) fn scale([least, greatest]: [f64; 2], mean: f64, steps: &[Transform]) -> Option<(String, String)> {
    let largest = least.abs().max(greatest.abs());
    if largest <= LARGE {
        return None;
    }
    if steps.contains(&Transform::Standardise) {
        return Some((
            format!("once standardised, its furthest number is {} deviations from the mean", short(largest)),
            "say `| log1p` before it, or `| clip(a, b)` with bounds that nearly all are between".to_owned(),
        ));
    }
    let step = if least >= 0.0 && greatest > 8.0 * mean { "log1p" } else { "standardise" };
    let what = format!(
        "it goes into the model as numbers from {} to {}; beside numbers near 1, that keeps all of it from learning",
        short(least),
        short(greatest)
    );
    Some((what, format!("say `| {step}` behind it")))
}

fn short(number: f64) -> String {
    if number.abs() >= 1e6 { format!("{number:.3e}") } else { format!("{number}") }
}

/// Why too many values share rows, if they do; and what to say in the schema.
pub(in crate::data) fn crowded(found: &Collisions) -> Option<(String, String)> {
    let Collisions { values, rows, size, by_chance, most } = *found;
    if values < 10 {
        return None;
    }
    let most = most.map_or_else(String::new, |most| format!(", up to {most} in one"));
    let what = format!("{values} different values share {rows} of the table's {size} rows{most}");
    // A table of which a hash would use far more.
    if rows * 5 < by_chance * 4 {
        return Some((
            what,
            format!("`hash(rows: {})` would spread them over about {by_chance}; or take a `vocabulary`", size + 1),
        ));
    }
    (rows * 2 < values)
        .then(|| (what, "give the table more rows, or take a `vocabulary`, in which rare values share one".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_too_large_are_told_with_what_helps() {
        assert_eq!(scale([0.0, 900.0], 3.0, &[]), None);
        let (_, help) = scale([0.0, 90_000.0], 3.0, &[]).expect("large");
        assert_eq!(help, "say `| log1p` behind it");
        let (_, help) = scale([8e8, 9e8], 8.5e8, &[]).expect("large");
        assert_eq!(help, "say `| standardise` behind it");
        let range = |after, mean, deviation| Range { least: 0.0, greatest: 0.0, after, mean, deviation };
        let standardised = |range: Range| {
            let steps = [Transform::Standardise];
            fitted(&range, &steps).and_then(|(after, mean)| scale(after, mean, &steps))
        };
        assert_eq!(standardised(range([8e8, 9e8], 8.5e8, 1e7)), None);
        let (what, help) = standardised(range([0.0, 1e9], 1.0, 10.0)).expect("far from the others");
        assert!(what.ends_with("is 1.000e8 deviations from the mean"), "{what}");
        assert!(help.starts_with("say `| log1p` before it"), "{help}");
        assert_eq!(fitted(&range([0.0, 1e9], 1.0, 10.0), &[Transform::MinMax]), None);
    }

    #[test]
    fn values_that_share_rows_are_told_where_a_hash_would_spread_them() {
        let of = |values, rows, by_chance| Collisions { values, rows, size: 1_000, by_chance, most: Some(9) };
        assert_eq!(crowded(&of(500, 390, 394)), None);
        assert!(crowded(&of(500, 5, 394)).is_some_and(|(_, help)| help.contains("hash(rows: 1001)")));
        assert!(crowded(&of(9_000, 990, 999)).is_some_and(|(_, help)| help.contains("more rows")));
    }
}
