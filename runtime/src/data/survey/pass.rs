//! One pass over the rows of a table: each value read as training reads it, and whatever is wrong counted.

use std::collections::{BTreeMap, BTreeSet};

use nasrec_compiler::schema::{Format, Label, Lines, Schema, Type};

use super::figures::{self, Drift};
use super::tally::{Parts, Row, Sum, Tally};
use super::trouble::{self, Example, Faults, Trouble};
use super::{Survey, columns};
use crate::data::quote::quote;
use crate::data::source::{Located, Reader, Unpacked, open, total_size};
use crate::data::table::{Several, Value, label_of, numeric, value_of};
use crate::data::text::{Heading, Moment, Record, Records, first_values};
use crate::{Error, Observer, Result, Stage, Stop};

/// Bytes in which the end of a header is looked for.
const LONGEST_HEADER: u64 = 1 << 20;

/// Clicks of a part of a file.
#[derive(Clone, Copy, Debug, Default)]
struct Clicks {
    rows: u64,
    clicks: u64,
}

impl Sum for Clicks {
    fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.clicks += other.clicks;
    }
}

/// A column of the schema and what it is made of.
struct Use<'s> {
    /// Index among [`Schema::columns`].
    column: usize,
    kind: &'s Type,
    moment: Option<Moment>,
    /// Of a dense column that learns nothing: what must come out finite.
    steps: Option<&'s [nasrec_compiler::schema::Transform]>,
    number: bool,
    /// How the parts of a value are found that holds several; of a dense column, which of them it is.
    several: Option<(Several, usize)>,
    /// Rows of a bag that hold more than are read, and the most that one holds.
    cut: (Faults, usize),
    tally: Tally,
}

impl Use<'_> {
    /// Gives `each` what stands in a row of the column, one by one.
    fn values(
        &mut self,
        text: &[u8],
        is_missing: impl Fn(&[u8]) -> bool,
        mut each: impl FnMut(&mut Self, &[u8]),
    ) -> usize {
        match self.several.clone() {
            _ if is_missing(text) => each(self, &[]),
            None => each(self, text),
            Some((several @ Several::Numbers { .. }, index)) => {
                each(self, several.parts(text).nth(index).filter(|part| !is_missing(part)).unwrap_or_default());
            }
            Some((several @ Several::Bag { .. }, _)) => {
                let parts = || several.parts(text).filter(|part| !is_missing(part));
                let count = parts().count();
                parts().skip(several.left_out(count)).take(several.slots()).for_each(|part| each(self, part));
                if count == 0 {
                    each(self, &[]);
                }
                return count;
            }
        }
        1
    }
}

/// Reads all rows of some files with a schema and says what there is to know of them. `limit`: the share of malformed rows
/// that training tolerates.
///
/// # Errors
/// A file that cannot be read, or is no table as the schema says; a stop.
pub fn survey(
    schema: &Schema,
    located: &[Located],
    limit: f64,
    observer: &dyn Observer,
    stop: &Stop,
) -> Result<Survey> {
    let mut trouble = Vec::new();
    // What is not there is told once, and all else looked at without it.
    let lacking = match schema.format {
        Format::Lines(lines) => headers(schema, lines, located, &mut trouble)?,
        Format::Pairs(_) => BTreeSet::new(),
        Format::Parquet => columns::names(schema, located, &mut trouble)?,
    };
    if schema.labels().any(|label| lacking.contains(&label.column)) {
        return Ok(figures::nothing_read(schema, trouble));
    }
    let schema = &without(schema, &lacking);
    let mut walk = Walk::new(schema);
    observer.begin(Stage { name: "read data".to_owned(), total: Some(total_size(located)), unit: "bytes" });
    let outcome = match schema.format {
        Format::Parquet => columns::walk(&mut walk, located, observer, stop),
        Format::Lines(_) | Format::Pairs(_) => lines(&mut walk, located, observer, stop),
    };
    observer.end();
    outcome?;
    Ok(walk.survey(trouble, limit))
}

/// Walks over the rows of files of lines.
fn lines(walk: &mut Walk, located: &[Located], observer: &dyn Observer, stop: &Stop) -> Result<()> {
    let heading = Heading::new(walk.schema);
    let (mut reader, mut bytes) = (Reader::new(located, &heading, stop), Vec::new());
    let mut records = Records::of(walk.schema);
    let (mut file, mut read) = (usize::MAX, 0);
    loop {
        stop.check()?;
        let Some(block) = reader.next(&mut bytes)? else { return Ok(()) };
        if block.file != file {
            (file, read) = (block.file, block.places.before);
        }
        let (text, places, name) = (&bytes[..block.len], &block.places, &located[block.file].name);
        records.each(text, |line, record| {
            let place = || format!("{name}, line {}", read + line);
            if record.len() == places.count {
                walk.row(|column| Stands { text: record.value(places.of[column]), seconds: None }, &place);
            } else {
                walk.ragged(&record, &place);
            }
        });
        read += memchr::memchr_iter(b'\n', text).count() as u64;
        observer.progress(block.done, "");
    }
}

/// What stands in a row for a column.
#[derive(Clone, Copy)]
pub(super) struct Stands<'t> {
    pub text: &'t [u8],
    /// Since 1970, of a time that is none by its text.
    pub seconds: Option<f64>,
}

pub(super) struct Walk<'s> {
    pub(super) schema: &'s Schema,
    label: usize,
    /// The labels beside the first, with their columns, and in how many rows each is true.
    others: Vec<(usize, &'s Label, u64)>,
    missing: Vec<&'s [u8]>,
    uses: Vec<Use<'s>>,
    rows: u64,
    malformed: u64,
    sound: u64,
    clicks: u64,
    by_part: Parts<Clicks>,
    /// By the column, and what was expected there.
    faults: BTreeMap<(usize, &'static str), Faults>,
    ragged: Faults,
}

impl<'s> Walk<'s> {
    fn new(schema: &'s Schema) -> Self {
        let index = |name: &str| schema.columns.iter().position(|column| column == name).unwrap_or_default();
        let moment = |kind: &Type| match kind {
            Type::Time(format) => Some(Moment::new(format)),
            _ => None,
        };
        let dense = schema.dense.iter().map(|column| Use {
            column: index(&column.from),
            kind: &column.kind,
            moment: moment(&column.kind),
            steps: (!column.transforms.iter().any(|step| step.is_fitted())).then_some(&column.transforms[..]),
            number: true,
            several: column.element.as_ref().map(|element| (Several::numbers(element), element.index)),
            cut: Default::default(),
            tally: Tally::numbers(&column.transforms),
        });
        let sparse = schema.sparse.iter().filter(|column| !column.is_crossed()).map(|column| {
            use nasrec_compiler::schema::Table;
            let quantiles = matches!(column.table, Table::Quantiles);
            Use {
                column: index(&column.from),
                kind: &column.kind,
                moment: moment(&column.kind),
                steps: None,
                number: quantiles || matches!(column.table, Table::Enumerated(_)),
                several: column.list.as_ref().map(|list| (Several::bag(list), 0)),
                cut: Default::default(),
                tally: if quantiles { Tally::numbers(&[]) } else { Tally::values(column) },
            }
        });
        Self {
            schema,
            label: index(&schema.label.column),
            others: schema.other_labels.iter().map(|label| (index(&label.column), label, 0)).collect(),
            missing: schema.missing.iter().map(|mark| mark.as_bytes()).collect(),
            uses: dense.chain(sparse).collect(),
            rows: 0,
            malformed: 0,
            sound: 0,
            clicks: 0,
            by_part: Parts::default(),
            faults: BTreeMap::new(),
            ragged: Faults::default(),
        }
    }

    /// A row that has not as many values as it should, or is none. `place`: where it is, as a person finds it.
    fn ragged(&mut self, record: &Record, place: &dyn Fn() -> String) {
        self.rows += 1;
        self.malformed += 1;
        self.ragged.add(self.rows, || {
            let found = match record {
                Record::Torn(torn) => quote(&torn.found),
                record => format!("{} value{}", record.len(), if record.len() == 1 { "" } else { "s" }),
            };
            Example { place: place(), found }
        });
    }

    /// A row; `stands`: what it has for a column of the schema. `place`: where it is, as a person finds it.
    pub(super) fn row<'t>(&mut self, stands: impl Fn(usize) -> Stands<'t>, place: &dyn Fn() -> String) {
        self.rows += 1;
        let value = |column: usize| stands(column).text;
        let is_missing = |text: &[u8]| text.is_empty() || self.missing.contains(&text);
        let (row, faults) = (self.rows, &mut self.faults);
        let mut wrong = |column: usize, expected: &'static str| {
            let found = || Example { place: place(), found: quote(value(column)) };
            faults.entry((column, expected)).or_default().add(row, found);
        };
        let text = value(self.label);
        let click =
            label_of(&self.schema.label, text, is_missing(text)).map_err(|expected| wrong(self.label, expected));
        let mut sound = click.is_ok();
        for (column, label, count) in &mut self.others {
            let text = value(*column);
            match label_of(label, text, is_missing(text)) {
                Ok(truth) => *count += u64::from(truth && click.is_ok()),
                Err(expected) => {
                    sound = false;
                    wrong(*column, expected);
                }
            }
        }
        let tallied = click.ok().map(|click| Row { index: self.sound, click });
        for column in &mut self.uses {
            let place_of = column.column;
            let Stands { text, seconds } = stands(place_of);
            let count = column.values(text, is_missing, |column, text| {
                let read = if is_missing(text) {
                    Ok(Value::Missing)
                } else if let (Some(seconds), Type::Time(_)) = (seconds, column.kind) {
                    Ok(Value::Number(seconds))
                } else {
                    value_of(column.kind, column.number, text, column.moment.as_mut())
                };
                let steps = column.steps;
                let finite = read.and_then(|read| match (steps, read) {
                    (Some(steps), Value::Number(number)) => numeric(steps, Some(number)).map(|_| read),
                    _ => Ok(read),
                });
                match (finite, tallied) {
                    (Ok(read), Some(row)) => column.tally.add(row, read),
                    (Ok(_), None) => {}
                    (Err(expected), _) => {
                        sound = false;
                        wrong(place_of, expected);
                    }
                }
            });
            if let Some((several, _)) = &column.several
                && count > several.slots()
            {
                column.cut.1 = column.cut.1.max(count);
                column.cut.0.add(row, || Example { place: place(), found: quote(text) });
            }
        }
        self.malformed += u64::from(!sound);
        if let Some(row) = tallied {
            self.sound += 1;
            self.clicks += u64::from(row.click);
            let part = self.by_part.of(row);
            part.rows += 1;
            part.clicks += u64::from(row.click);
        }
    }

    fn survey(self, mut found: Vec<Trouble>, limit: f64) -> Survey {
        let Self { schema, rows, malformed, sound, clicks, .. } = self;
        let share = |part: &Clicks| part.clicks as f64 / part.rows.max(1) as f64;
        let overall = clicks as f64 / sound.max(1) as f64;
        let ends = self.by_part.ends(sound).map(|(first, last)| Drift { first: share(first), last: share(last) });
        let names = schema.dense.iter().map(|column| (&column.name, &column.from));
        let names = names.chain(schema.sparse.iter().map(|column| (&column.name, &column.from)));
        let columns: Vec<_> = names
            .zip(self.uses)
            .map(|((name, from), column)| {
                let bag =
                    column.several.as_ref().map_or((1, false), |(several, _)| (several.slots(), several.is_last()));
                found.extend(trouble::of_bag(name, bag, column.cut));
                figures::of_column(name, from, column.tally, sound, overall)
            })
            .collect();
        let stops = malformed as f64 > limit * rows as f64;
        let others: Vec<_> = self.others.iter().map(|&(_, label, count)| (label, count)).collect();
        found.extend(trouble::of_rows(schema, ([rows, sound, clicks], &others), self.ragged, self.faults, stops));
        found
            .extend(columns.iter().enumerate().flat_map(|(at, column)| trouble::of_column(schema, at, column, clicks)));
        found.sort_by_key(|trouble| trouble.gravity);
        Survey {
            schema: schema.name.clone(),
            rows,
            malformed,
            clicks,
            click_rate: ends.unwrap_or(Drift { first: overall, last: overall }),
            columns,
            trouble: found,
        }
    }
}

/// What is wrong with the headers of the files; the columns of the schema that some file lacks, or has twice.
fn headers(schema: &Schema, lines: Lines, located: &[Located], found: &mut Vec<Trouble>) -> Result<BTreeSet<String>> {
    let mut lacking = BTreeSet::new();
    // What can be read once only is not opened for its header alone.
    for Located { name, path } in located.iter().filter(|file| lines.header && file.is_regular()) {
        let (file, _) = open(path)?;
        let mut start = Vec::new();
        let mut input = Unpacked::new(file, path)?;
        let read = std::io::Read::read_to_end(&mut std::io::Read::take(&mut input, LONGEST_HEADER), &mut start);
        read.map_err(Error::io("read", path))?;
        let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&start);
        let names = first_values(text, lines);
        let names: Vec<String> = names.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect();
        // That there is another separator is said by who reads the rows.
        if names.len() > 1 || schema.columns.len() == 1 {
            lacking.extend(trouble::of_header(schema, name, &names, found));
        }
    }
    Ok(lacking)
}

/// The schema without what is made of these columns of the file.
fn without(schema: &Schema, columns: &BTreeSet<String>) -> Schema {
    let mut schema = schema.clone();
    schema.columns.retain(|column| !columns.contains(column));
    schema.dense.retain(|column| !columns.contains(&column.from));
    schema.sparse.retain(|column| !columns.contains(&column.from));
    schema
}
