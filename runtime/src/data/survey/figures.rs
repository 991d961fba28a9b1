//! Figures of a column, from what was kept of it.

use nasrec_compiler::schema::{Schema, Table};
use serde::Serialize;

use super::Survey;
use super::auc::{Scored, auc};
use super::tally::{Count, Numbers, Of, Tally, Values};
use super::trouble::Trouble;

/// Values, or buckets of numbers, that are told one by one.
const GROUPS: usize = 10;
/// Rows that a label rate of all rows counts for, where that of a value is tried on other rows.
const PRIOR: f64 = 5.0;
/// Times from 1990 to 2100, in seconds since 1970.
const TIMES: std::ops::Range<f64> = 6.3e8..4.2e9;

/// What a column of the schema is made of.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ColumnFigures {
    /// As the schema calls it.
    pub name: String,
    /// The column of the file behind it.
    pub from: String,
    /// `number`, or how a value becomes a row: `vocabulary`, `modulo`, `hash`, `quantiles`, or `part` of a time or truth.
    pub becomes: &'static str,
    /// Rows whose value is there, and rows where it is missing.
    pub there: u64,
    /// See `there`.
    pub missing: u64,
    /// Different values.
    pub distinct: u64,
    /// Whether that is counted; otherwise it is about right.
    pub exact: bool,
    /// How much of the rows the most frequent values have; of categories.
    pub head: Option<Head>,
    /// Of numbers.
    pub range: Option<Range>,
    /// The most frequent values, or tenths of the numbers, with their clicks; missing values last.
    pub groups: Vec<Group>,
    /// How well it tells the label alone, between 0.5 (not at all) and 1 (always).
    pub auc: Option<f64>,
    /// Share of missing values in the first and in the last part of the file.
    pub missing_drift: Option<Drift>,
    /// Mean of the numbers there.
    pub mean_drift: Option<Drift>,
    /// Share of the last part's rows whose value no row before had; of categories.
    pub new_at_the_end: Option<f64>,
    /// Values that share rows of the table; of `modulo` and `hash`.
    pub collisions: Option<Collisions>,
    /// Whether nearly every row has a value of its own.
    pub is_id: bool,
    /// Whether the numbers may be seconds or milliseconds since 1970.
    pub is_time: bool,
}

/// Shares of the rows that have a value.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Head {
    /// Of the most frequent value.
    pub top_1: f64,
    /// Of the ten most frequent.
    pub top_10: f64,
    /// Of the hundred most frequent.
    pub top_100: f64,
}

/// Numbers, as they stand and as the steps leave them that learn nothing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Range {
    /// Of the file.
    pub least: f64,
    /// Of the file.
    pub greatest: f64,
    /// After the steps before the first that learns something.
    pub after: [f64; 2],
    /// After those.
    pub mean: f64,
    /// After those.
    pub deviation: f64,
}

/// Rows that are alike.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// A value, or a range of numbers.
    pub name: String,
    /// How many; of numbers, among those that were sampled.
    pub rows: u64,
    /// How many of them are clicks.
    pub clicks: u64,
}

/// A figure at the two ends of a file.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Drift {
    /// In its first part.
    pub first: f64,
    /// In its last part.
    pub last: f64,
}

/// How values share the rows of a table.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Collisions {
    /// Different values.
    pub values: u64,
    /// Rows of the table that they have together.
    pub rows: u64,
    /// Rows that the table has for values.
    pub size: u64,
    /// Rows that as many values would have, were they spread by chance.
    pub by_chance: u64,
    /// Values in the most crowded row; none where not all values were kept.
    pub most: Option<u64>,
}

/// Of a table whose label is not there.
pub(super) fn nothing_read(schema: &Schema, trouble: Vec<Trouble>) -> Survey {
    let click_rate = Drift { first: 0.0, last: 0.0 };
    Survey { schema: schema.name.clone(), rows: 0, malformed: 0, clicks: 0, click_rate, columns: Vec::new(), trouble }
}

/// `rows`: those whose label could be read; `rate`: the share of clicks among them.
pub(super) fn of_column(name: &str, from: &str, tally: Tally, rows: u64, rate: f64) -> ColumnFigures {
    let Tally { missing, there, parts, distinct, of } = tally;
    let share = |part: u64, of: u64| part as f64 / of.max(1) as f64;
    let mut figures = ColumnFigures {
        name: name.to_owned(),
        from: from.to_owned(),
        becomes: "number",
        there,
        missing: missing.all(),
        distinct: distinct.count(),
        exact: false,
        head: None,
        range: None,
        groups: Vec::new(),
        auc: None,
        missing_drift: None,
        mean_drift: None,
        new_at_the_end: None,
        collisions: None,
        is_id: false,
        is_time: false,
    };
    if let Some((first, last)) = parts.ends(rows) {
        figures.missing_drift =
            Some(Drift { first: share(first.missing, first.rows), last: share(last.missing, last.rows) });
        match of {
            Of::Numbers(_) => {
                let mean = |part: &super::tally::Held| part.sum / (part.rows - part.missing).max(1) as f64;
                figures.mean_drift = Some(Drift { first: mean(first), last: mean(last) });
            }
            Of::Values(ref values) if values.complete() => {
                figures.new_at_the_end = Some(share(last.new, last.rows - last.missing));
            }
            Of::Values(_) => {}
        }
    }
    match of {
        Of::Numbers(numbers) => of_numbers(&mut figures, numbers),
        Of::Values(values) => of_values(&mut figures, &values, missing, rate),
    }
    if figures.missing > 0 {
        let (rows, clicks) = (missing.all(), missing.all_clicks());
        figures.groups.push(Group { name: "(missing)".to_owned(), rows, clicks });
    }
    figures.is_id =
        there > 100 && figures.distinct * 10 > there * 9 && (figures.becomes != "number" || figures.is_time);
    figures
}

fn of_numbers(figures: &mut ColumnFigures, mut numbers: Numbers) {
    if figures.there == 0 {
        return;
    }
    let Numbers { least, greatest, after, mean, .. } = numbers;
    let deviation = (numbers.squares / figures.there as f64).max(0.0).sqrt();
    figures.range = Some(Range { least, greatest, after, mean, deviation });
    let thousand = |number: f64| TIMES.contains(&(number / 1e3));
    figures.is_time =
        numbers.whole && (TIMES.contains(&least) && TIMES.contains(&greatest) || thousand(least) && thousand(greatest));
    let scored = numbers.sample.iter().map(|&(score, click)| Scored { score, rows: 1, clicks: u64::from(click) });
    figures.auc = auc(scored.collect()).map(|auc| auc.max(1.0 - auc));
    numbers.sample.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let sample = &numbers.sample;
    if sample.len() as u64 == figures.there {
        figures.distinct = sample.chunk_by(|a, b| a.0 == b.0).count() as u64;
        figures.exact = true;
    }
    // Tenths, of which none splits a number that is there often.
    let mut begin = 0;
    for tenth in 1..=GROUPS {
        let mut end = tenth * sample.len() / GROUPS;
        while end > begin && end < sample.len() && sample[end].0 == sample[end - 1].0 {
            end += 1;
        }
        let Some(group) = sample.get(begin..end).filter(|group| !group.is_empty()) else { continue };
        let (least, greatest) = (group[0].0, group[group.len() - 1].0);
        let name = if least == greatest { shown(least) } else { format!("{} to {}", shown(least), shown(greatest)) };
        let clicks = group.iter().filter(|(_, click)| *click).count() as u64;
        figures.groups.push(Group { name, rows: group.len() as u64, clicks });
        begin = end;
    }
}

/// A number with as many digits as tell it.
fn shown(number: f64) -> String {
    if number == number.trunc() && number.abs() < 1e15 { format!("{number}") } else { format!("{number:.4}") }
}

fn of_values(figures: &mut ColumnFigures, values: &Values, missing: Count, rate: f64) {
    figures.becomes = match values.table {
        Table::Modulo => "modulo",
        Table::Hash { .. } => "hash",
        Table::Vocabulary { .. } => "vocabulary",
        Table::Quantiles => "quantiles",
        Table::LogSquare => "log_square",
        Table::LogBuckets { .. } => "log_buckets",
        Table::Enumerated(_) => "part",
        Table::Cross { .. } => "cross",
    };
    if values.complete() {
        (figures.distinct, figures.exact) = (values.counts.len() as u64, true);
    }
    let mut by_count: Vec<u32> = (0..values.counts.len() as u32).collect();
    by_count.sort_by_key(|&code| (std::cmp::Reverse(values.counts[code as usize].all()), code));
    let top = |many: usize| {
        let rows: u64 = by_count.iter().take(many).map(|&code| values.counts[code as usize].all()).sum();
        rows as f64 / figures.there.max(1) as f64
    };
    figures.head = Some(Head { top_1: top(1), top_10: top(10), top_100: top(100) });
    figures.groups = by_count
        .iter()
        .take(GROUPS)
        .map(|&code| {
            let count = values.counts[code as usize];
            Group { name: values.shown(code), rows: count.all(), clicks: count.all_clicks() }
        })
        .collect();
    // What one half of the rows says of a value is tried on the other half.
    let all = values.counts.iter().chain([&values.others, &missing]);
    let scored = all.filter(|count| count.all() > 0).map(|count| Scored {
        score: (count.clicks[0] as f64 + PRIOR * rate) / (count.rows[0] as f64 + PRIOR),
        rows: count.rows[1],
        clicks: count.clicks[1],
    });
    figures.auc = auc(scored.collect()).map(|auc| auc.max(1.0 - auc));
    if matches!(values.table, Table::Modulo | Table::Hash { .. }) && figures.there > 0 {
        figures.collisions = Some(collisions(figures.distinct, values));
    }
}

fn collisions(distinct: u64, values: &Values) -> Collisions {
    let found = Collisions::of(values.rows.clone(), u64::from(values.size));
    if values.complete() {
        return found;
    }
    let by_chance = spread(distinct, found.size);
    Collisions { values: distinct, rows: values.distinct_rows.count(), by_chance, most: None, ..found }
}

impl Collisions {
    /// Of values by the row of each, in a table with so many rows, the missing one among them.
    pub(in crate::data) fn of(mut rows: Vec<u32>, size: u64) -> Self {
        rows.sort_unstable();
        let shared = rows.chunk_by(|a, b| a == b).map(|alike| alike.len() as u64);
        let (used, most) = shared.fold((0, 0), |(used, most), shared| (used + 1, most.max(shared)));
        let (values, size) = (rows.len() as u64, size.saturating_sub(1));
        Self { values, rows: used, size, by_chance: spread(values, size), most: Some(most) }
    }
}

/// How many of `size` rows so many values have that are spread by chance.
fn spread(values: u64, size: u64) -> u64 {
    let size = size as f64;
    (size * (1.0 - (1.0 - 1.0 / size.max(1.0)).powf(values as f64))).round() as u64
}
