//! What is kept of a column while rows go by: bounded, whatever they hold.

use nasrec_compiler::schema::{Part, SparseColumn, Table, Transform, Type};
use twox_hash::XxHash3_64;

use super::distinct::Distinct;
use super::{KEPT_BYTES, KEPT_VALUES, SAMPLED};
use crate::data::table::{Dictionary, Value, part_row, row_of};

/// Parts of a file that are told apart, at most: half of that or more once there are as many rows.
const PARTS: usize = 20;

/// How often something was seen, and how often with a click, in every other row.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Count {
    /// Of rows 0, 2, 4, … and of rows 1, 3, 5, …: what one half says of a value is tried on the other.
    pub rows: [u64; 2],
    pub clicks: [u64; 2],
}

impl Count {
    pub fn add(&mut self, row: Row) {
        let half = (row.index % 2) as usize;
        self.rows[half] += 1;
        self.clicks[half] += u64::from(row.click);
    }

    pub fn all(&self) -> u64 {
        self.rows.iter().sum()
    }

    pub fn all_clicks(&self) -> u64 {
        self.clicks.iter().sum()
    }
}

/// A sound row: its number among these, and its label.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub index: u64,
    pub click: bool,
}

/// Sums over parts of a file, all as long but for the last; they grow as the file does.
#[derive(Clone, Debug)]
pub(super) struct Parts<T> {
    /// Rows of a part.
    pub rows: u64,
    pub parts: Vec<T>,
}

impl<T: Default + Clone> Default for Parts<T> {
    fn default() -> Self {
        Self { rows: 64, parts: Vec::new() }
    }
}

/// What can be added up.
pub(super) trait Sum {
    fn add(&mut self, other: &Self);
}

impl<T: Default + Clone + Sum> Parts<T> {
    /// The part of a row.
    pub fn of(&mut self, row: Row) -> &mut T {
        while row.index >= self.rows * PARTS as u64 {
            let merged = self.parts.chunks(2).map(|two| {
                let mut sum = two[0].clone();
                two.get(1).into_iter().for_each(|second| sum.add(second));
                sum
            });
            self.parts = merged.collect();
            self.rows *= 2;
        }
        let at = (row.index / self.rows) as usize;
        if self.parts.len() <= at {
            self.parts.resize(at + 1, T::default());
        }
        &mut self.parts[at]
    }

    /// The first and the last part that is whole, or nearly; none where there is one only.
    pub fn ends(&self, rows: u64) -> Option<(&T, &T)> {
        let whole = rows / self.rows + u64::from(rows % self.rows * 2 > self.rows);
        let last = (whole as usize).min(self.parts.len()).checked_sub(1).filter(|&last| last > 0)?;
        Some((&self.parts[0], &self.parts[last]))
    }
}

/// What a part of a file holds of a column.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Held {
    pub rows: u64,
    pub missing: u64,
    /// Of numbers.
    pub sum: f64,
    /// Values that no row before had.
    pub new: u64,
}

impl Sum for Held {
    fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.missing += other.missing;
        self.sum += other.sum;
        self.new += other.new;
    }
}

/// A column as it goes by.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    pub missing: Count,
    pub there: u64,
    pub parts: Parts<Held>,
    pub distinct: Distinct,
    pub of: Of,
}

/// By what becomes of a column.
#[derive(Clone, Debug)]
pub(super) enum Of {
    Numbers(Numbers),
    Values(Values),
}

/// Numbers of a column, before what is learnt of them.
#[derive(Clone, Debug)]
pub(super) struct Numbers {
    /// The steps before the first that learns something.
    steps: Vec<Transform>,
    pub least: f64,
    pub greatest: f64,
    /// The same after those steps.
    pub after: [f64; 2],
    /// Mean, and the sum of squared differences from it, after those steps.
    pub mean: f64,
    pub squares: f64,
    /// Of evenly spaced rows; none where it is missing.
    pub sample: Vec<(f64, bool)>,
    /// Rows between two of the sample.
    spacing: u64,
    pub whole: bool,
}

/// Categories of a column.
#[derive(Clone, Debug)]
pub(super) struct Values {
    pub known: Dictionary,
    pub counts: Vec<Count>,
    /// Of values beyond those that are kept.
    pub others: Count,
    /// Rows of the table that a value has, of a table that shares them.
    pub rows: Vec<u32>,
    /// About how many such rows there are.
    pub distinct_rows: Distinct,
    pub table: Table,
    pub size: u32,
    pub kind: Type,
}

impl Tally {
    pub fn numbers(transforms: &[Transform]) -> Self {
        let steps = transforms.iter().take_while(|step| !step.is_fitted()).copied().collect();
        Self::of(Of::Numbers(Numbers {
            steps,
            least: f64::INFINITY,
            greatest: f64::NEG_INFINITY,
            after: [f64::INFINITY, f64::NEG_INFINITY],
            mean: 0.0,
            squares: 0.0,
            sample: Vec::new(),
            spacing: 1,
            whole: true,
        }))
    }

    pub fn values(column: &SparseColumn) -> Self {
        Self::of(Of::Values(Values {
            known: Dictionary::default(),
            counts: Vec::new(),
            others: Count::default(),
            rows: Vec::new(),
            distinct_rows: Distinct::default(),
            table: column.table.clone(),
            size: u32::try_from(column.rows).unwrap_or(u32::MAX),
            kind: column.kind.clone(),
        }))
    }

    fn of(of: Of) -> Self {
        Self { missing: Count::default(), there: 0, parts: Parts::default(), distinct: Distinct::default(), of }
    }

    /// A value that could be read, of a row whose label could.
    pub fn add(&mut self, row: Row, value: Value) {
        let held = self.parts.of(row);
        held.rows += 1;
        if value == Value::Missing {
            held.missing += 1;
            self.missing.add(row);
            return;
        }
        self.there += 1;
        match (&mut self.of, value) {
            (Of::Numbers(numbers), Value::Number(number)) => {
                held.sum += number;
                self.distinct.add(XxHash3_64::oneshot(&number.to_bits().to_le_bytes()));
                numbers.add(row, number, self.there);
            }
            (Of::Values(values), value) => {
                let part;
                let key;
                let bytes: &[u8] = match value {
                    Value::Text(text) => text,
                    Value::Key(whole) => {
                        key = whole.to_le_bytes();
                        &key
                    }
                    Value::Number(number) => {
                        let Table::Enumerated(of) = values.table else { return };
                        part = part_row(of, number).to_le_bytes();
                        &part
                    }
                    Value::Missing => return,
                };
                let hash = XxHash3_64::oneshot(bytes);
                self.distinct.add(hash);
                held.new += u64::from(values.add(row, bytes, value));
            }
            (Of::Numbers(_), _) => {}
        }
    }
}

impl Numbers {
    fn add(&mut self, row: Row, number: f64, count: u64) {
        self.least = self.least.min(number);
        self.greatest = self.greatest.max(number);
        self.whole &= number.fract() == 0.0;
        if let Some(after) = self.stepped(number) {
            self.after = [self.after[0].min(after), self.after[1].max(after)];
            let before = after - self.mean;
            self.mean += before / count as f64;
            self.squares += before * (after - self.mean);
        }
        if row.index.is_multiple_of(self.spacing) {
            self.sample.push((number, row.click));
            if self.sample.len() >= 2 * SAMPLED {
                let mut at = 0;
                self.sample.retain(|_| {
                    at += 1;
                    at % 2 == 1
                });
                self.spacing *= 2;
            }
        }
    }

    /// What the steps make of a number that learn nothing.
    fn stepped(&self, number: f64) -> Option<f64> {
        let after = self.steps.iter().fold(number, |value, step| match *step {
            Transform::Max(bound) => value.max(bound),
            Transform::Min(bound) => value.min(bound),
            Transform::Log1p => value.ln_1p(),
            _ => value,
        });
        after.is_finite().then_some(after)
    }
}

impl Values {
    /// Counts a value; whether it is new.
    fn add(&mut self, row: Row, bytes: &[u8], value: Value) -> bool {
        let mut new = false;
        let code = match self.known.find(bytes) {
            Some(code) => Some(code),
            None if self.counts.len() < KEPT_VALUES && self.known.parts().0.len() + bytes.len() <= KEPT_BYTES => {
                let code = self.known.code(bytes);
                if code.is_some() {
                    new = true;
                    self.counts.push(Count::default());
                    if matches!(self.table, Table::Modulo | Table::Hash { .. }) {
                        self.rows.push(row_of(&self.table, self.size, value));
                    }
                }
                code
            }
            None => None,
        };
        if matches!(self.table, Table::Modulo | Table::Hash { .. }) {
            let of_table = row_of(&self.table, self.size, value);
            self.distinct_rows.add(XxHash3_64::oneshot(&of_table.to_le_bytes()));
        }
        match code {
            Some(code) => self.counts[code as usize].add(row),
            None => self.others.add(row),
        }
        new
    }

    /// Whether all values are kept.
    pub fn complete(&self) -> bool {
        self.others.all() == 0
    }

    /// A value as a person reads it.
    pub fn shown(&self, code: u32) -> String {
        let bytes = self.known.value(code);
        let number = || bytes.first_chunk::<8>().map(|bytes| u64::from_le_bytes(*bytes));
        match (&self.kind, &self.table) {
            (_, Table::Enumerated(part)) => {
                let row = bytes.first_chunk::<4>().map_or(0, |bytes| u32::from_le_bytes(*bytes));
                part_name(*part, row)
            }
            (Type::Int, _) => number().map_or_else(String::new, |number| number.cast_signed().to_string()),
            (Type::Hex, _) => number().map_or_else(String::new, |number| format!("{number:08x}")),
            _ => String::from_utf8_lossy(bytes).into_owned(),
        }
    }
}

/// What row `row` of a part of a time, or of a truth, is called.
fn part_name(part: Part, row: u32) -> String {
    const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    let at = row.saturating_sub(1);
    match part {
        Part::Truth => if at == 0 { "false" } else { "true" }.to_owned(),
        Part::Weekend => if at == 0 { "no" } else { "yes" }.to_owned(),
        Part::Weekday => DAYS.get(at as usize).copied().unwrap_or_default().to_owned(),
        Part::Hour => format!("{at:02}:00"),
        Part::Day | Part::Month => row.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_grow_with_the_file_and_lose_nothing() {
        let mut parts = Parts::<Held>::default();
        for index in 0..10_000 {
            parts.of(Row { index, click: false }).rows += 1;
        }
        assert_eq!(parts.parts.iter().map(|part| part.rows).sum::<u64>(), 10_000);
        assert!((PARTS / 2..=PARTS).contains(&parts.parts.len()), "{}", parts.parts.len());
        let (first, last) = parts.ends(10_000).expect("two ends");
        assert_eq!(first.rows, parts.rows);
        assert!(last.rows * 2 > parts.rows);
    }

    #[test]
    fn a_sample_stays_within_its_bound_and_evenly_spaced() {
        let mut tally = Tally::numbers(&[]);
        for index in 0..3 * SAMPLED as u64 {
            tally.add(Row { index, click: false }, Value::Number(index as f64));
        }
        let Of::Numbers(numbers) = &tally.of else { panic!("numbers") };
        assert!(numbers.sample.len() < 2 * SAMPLED);
        assert!(numbers.sample.windows(2).all(|two| two[1].0 - two[0].0 == 2.0));
        assert!((numbers.mean - (3.0 * SAMPLED as f64 - 1.0) / 2.0).abs() < 1e-6);
    }

    #[test]
    fn values_beyond_the_bound_are_counted_together() {
        let column = SparseColumn::new("c", Type::Int, Table::Modulo, 11);
        let mut tally = Tally::values(&column);
        let rows = KEPT_VALUES as u64 + 50;
        for index in 0..rows {
            tally.add(Row { index, click: false }, Value::Key(index));
        }
        let Of::Values(values) = &tally.of else { panic!("values") };
        assert_eq!((values.counts.len(), values.others.all()), (KEPT_VALUES, 50));
        assert!(tally.distinct.count().abs_diff(rows) < rows / 20);
        assert_eq!(values.distinct_rows.count(), 10);
        assert_eq!(values.shown(7), "7");
    }
}
