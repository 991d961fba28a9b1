//! What the columns of a file look like.

use std::io::Read;

use nasrec_compiler::schema::{Format, Lines, List, TimeFormat};

use super::{columnar, pairs};
use crate::data::source::{Kind, LOOKED_AT, Located, Unpacked, open};
use crate::data::table::Dictionary;
use crate::data::text::{
    Moment, Records, bool_of, first_record, first_values, hex_of, int_of, number_of, recognised_pairs, whole_records,
};
use crate::error::DataError;
use crate::{Error, Result};

/// Most rows that are looked at.
pub(super) const MOST_ROWS: u64 = 1_000_000;
/// Bytes that are read at a time, and most of a line.
pub(super) const BLOCK: usize = 1 << 20;
/// Different values of a column that are counted each.
const MOST_VALUES: usize = 200_000;
/// Most columns of a file that is described.
pub(super) const MOST_COLUMNS: usize = 5_000;
/// Lines by which separator and header are found.
const FIRST_LINES: usize = 50;

/// Texts that stand for missing values wherever they are, and those that do where numbers are.
const MARKS: [&str; 9] = ["NA", "N/A", "NULL", "null", "\\N", "nan", "NaN", "NAN", "None"];
const MARKS_OF_NUMBERS: [&str; 4] = ["-", "?", ".", "none"];

/// Patterns of times, the more exact first.
pub(super) const PATTERNS: [&str; 9] = [
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M:%S.%f",
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%d.%m.%Y",
    "%m/%d/%Y",
    "%d/%m/%Y",
];

/// A file, and what its columns look like.
pub(super) struct Look {
    /// How it is written.
    pub format: Format,
    pub columns: Vec<Column>,
    pub rows: u64,
    /// Whether those are all rows of the file.
    pub all: bool,
    /// What stands for missing values.
    pub marks: Vec<&'static str>,
}

/// What a column looks like. A property holds of all its values that are not missing.
pub(super) struct Column {
    pub name: String,
    /// Its different values and how often each was seen; not all, where there are very many.
    pub values: Dictionary,
    pub counts: Vec<u64>,
    pub more: bool,
    pub missing: u64,
    pub is: Is,
    pub least: f64,
    pub greatest: f64,
    pub sum: f64,
    /// Values that are there.
    pub count: u64,
    /// Rows with several values, by what stands between them.
    pub lists: [u64; 3],
}

/// What all values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Is {
    pub number: bool,
    pub whole: bool,
    pub hex: bool,
    pub truth: bool,
    /// The first pattern that reads all.
    pub patterns: [bool; PATTERNS.len()],
    /// `%y%m%d%H`
    pub hours: bool,
}

/// What may stand between the values of a list.
pub(super) const BETWEEN: [u8; 3] = [List::WITHIN.as_bytes()[0], b'|', b'^'];

impl Look {
    pub fn at(located: &Located) -> Result<Self> {
        let path = &located.path;
        let (mut file, _) = open(path)?;
        let mut first = Vec::new();
        if located.is_regular() {
            file.by_ref().take(LOOKED_AT as u64).read_to_end(&mut first).map_err(Error::io("read", path))?;
            if Kind::of(&first) == Kind::Parquet {
                return columnar::look(located);
            }
            (file, _) = open(path)?;
        }
        let mut input = Unpacked::new(file, path)?;
        let (mut bytes, mut ended) = (Vec::new(), false);
        let mut read_on = |bytes: &mut Vec<u8>| {
            let before = bytes.len();
            input.by_ref().take(BLOCK as u64).read_to_end(bytes).map_err(Error::io(input.action(), path))?;
            Ok::<bool, Error>(bytes.len() == before)
        };
        ended |= read_on(&mut bytes)?;
        if bytes.starts_with(b"\xef\xbb\xbf") {
            bytes.drain(..3);
        }
        if bytes.is_empty() {
            return Err(DataError::Empty { path: path.clone() }.into());
        }
        if let Some((is, remedy)) = Kind::inside(&bytes[..bytes.len().min(LOOKED_AT)]) {
            return Err(DataError::NoTable { path: path.clone(), is, remedy }.into());
        }
        if let Some(written) = recognised_pairs(&bytes) {
            return pairs::look(written, bytes, read_on, path);
        }
        let lines = dialect(&bytes);
        let first = first_record(&bytes, lines).unwrap_or(bytes.len());
        let names = values(&bytes[..first], lines);
        let second = values(&bytes[first..], lines);
        let header = is_header(&names, &second);
        if names.len() > MOST_COLUMNS {
            return Err(DataError::TooManyColumns { path: path.clone(), found: names.len(), most: MOST_COLUMNS }.into());
        }
        let name =
            |(place, name): (usize, &String)| if header { name.trim().to_owned() } else { format!("c{}", place + 1) };
        let columns = names.iter().enumerate().map(name).map(Column::new).collect();
        let format = Format::Lines(Lines { header, ..lines });
        let mut look = Self { format, columns, rows: 0, all: true, marks: Vec::new() };
        if header {
            bytes.drain(..first);
        }
        let mut records = Records::of_lines(lines);
        loop {
            let whole = if ended { bytes.len() } else { whole_records(&bytes, lines) };
            records.each(&bytes[..whole], |_, record| {
                if record.len() == look.columns.len() && look.rows < MOST_ROWS {
                    look.rows += 1;
                    look.columns.iter_mut().enumerate().for_each(|(index, column)| column.add(record.value(index)));
                }
            });
            bytes.drain(..whole);
            if ended || look.rows >= MOST_ROWS {
                look.all = ended;
                break;
            }
            if bytes.len() > BLOCK {
                return Err(DataError::LongLine { path: path.clone(), most: BLOCK }.into());
            }
            ended = read_on(&mut bytes)?;
        }
        if look.rows == 0 {
            return Err(DataError::Empty { path: path.clone() }.into());
        }
        look.take_marks();
        Ok(look)
    }

    /// Whether the file names its columns.
    pub fn header(&self) -> bool {
        match self.format {
            Format::Lines(lines) => lines.header,
            Format::Pairs(_) => false,
            Format::Parquet => true,
        }
    }

    /// Takes texts that stand for missing values out of what columns are.
    pub fn take_marks(&mut self) {
        for column in &mut self.columns {
            let plain = column.find(&MARKS);
            let of_numbers = column.find(&[&MARKS[..], &MARKS_OF_NUMBERS].concat());
            column.look(&of_numbers);
            let marks = if column.is.number || column.is.is_time() || column.is.truth {
                of_numbers
            } else {
                column.look(&plain);
                plain
            };
            for code in marks {
                let text = column.values.value(code);
                let known = MARKS.iter().chain(&MARKS_OF_NUMBERS).find(|mark| mark.as_bytes() == text);
                self.marks.extend(known.filter(|mark| !self.marks.contains(mark)));
            }
        }
    }
}

impl Is {
    pub fn is_time(&self) -> bool {
        self.patterns.contains(&true)
    }
}

impl Column {
    pub fn new(name: String) -> Self {
        Self {
            name,
            values: Dictionary::default(),
            counts: Vec::new(),
            more: false,
            missing: 0,
            is: ANY,
            least: f64::INFINITY,
            greatest: f64::NEG_INFINITY,
            sum: 0.0,
            count: 0,
            lists: [0; 3],
        }
    }

    pub fn add(&mut self, value: &[u8]) {
        if value.is_empty() {
            self.missing += 1;
            return;
        }
        self.count += 1;
        for (count, byte) in self.lists.iter_mut().zip(BETWEEN) {
            *count += u64::from(value.contains(&byte));
        }
        let known = self.values.find(value);
        match known {
            Some(code) => self.counts[code as usize] += 1,
            None if self.counts.len() < MOST_VALUES => {
                if self.values.code(value).is_some() {
                    self.counts.push(1);
                }
            }
            // What it looks like is known by now.
            None => self.more = true,
        }
    }

    /// So many rows that all have this value.
    pub fn add_alike(&mut self, value: &[u8], rows: u64) {
        if rows == 0 {
            return;
        }
        self.add(value);
        match self.values.find(value) {
            Some(code) => self.counts[code as usize] += rows - 1,
            None => self.more = true,
        }
        self.count += rows - 1;
    }

    /// The codes of some texts.
    fn find(&self, texts: &[&str]) -> Vec<u32> {
        texts.iter().filter_map(|text| self.values.find(text.as_bytes())).collect()
    }

    /// What all values but some are.
    fn look(&mut self, without: &[u32]) {
        let mut is = ANY;
        let mut moments = PATTERNS.map(|pattern| Moment::new(&TimeFormat::Pattern(pattern.to_owned())));
        let mut hours = Moment::new(&TimeFormat::Pattern("%y%m%d%H".to_owned()));
        (self.least, self.greatest, self.sum) = (f64::INFINITY, f64::NEG_INFINITY, 0.0);
        let mut there = 0;
        for (code, &count) in (0..).zip(&self.counts) {
            if without.contains(&code) {
                continue;
            }
            there += 1;
            let value = self.values.value(code);
            match number_of(value) {
                Ok(number) if is.number => {
                    self.least = self.least.min(number);
                    self.greatest = self.greatest.max(number);
                    self.sum += number * count as f64;
                }
                _ => is.number = false,
            }
            is.whole &= int_of(value).is_ok();
            is.hex &= value.len() >= 4 && hex_of(value).is_ok();
            is.truth &= bool_of(value).is_ok();
            is.hours = is.hours && value.len() == 8 && hours.read(value).is_ok();
            for (holds, moment) in is.patterns.iter_mut().zip(&mut moments) {
                *holds = *holds && moment.read(value).is_ok();
            }
        }
        let marks: u64 = without.iter().map(|&code| self.counts[code as usize]).sum();
        // A column of nothing is nothing.
        self.is = if there == 0 { NOTHING } else { is };
        self.count -= marks;
        self.missing += marks;
        for &code in without {
            self.counts[code as usize] = 0;
        }
    }

    /// How many different values there are, missing ones aside; at least so many, where there are more than are counted.
    pub fn different(&self) -> usize {
        self.counts.iter().filter(|&&count| count > 0).count()
    }

    /// The values as texts, the most frequent first.
    pub fn by_count(&self) -> Vec<(String, u64)> {
        let all = (0..).zip(&self.counts).filter(|&(_, &count)| count > 0);
        let mut all: Vec<(String, u64)> =
            all.map(|(code, &count)| (String::from_utf8_lossy(self.values.value(code)).into_owned(), count)).collect();
        all.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        all
    }

    /// Share of rows without a value.
    pub fn share_missing(&self, rows: u64) -> f64 {
        self.missing as f64 / rows.max(1) as f64
    }
}

const ANY: Is = Is { number: true, whole: true, hex: true, truth: true, patterns: [true; PATTERNS.len()], hours: true };
const NOTHING: Is =
    Is { number: false, whole: false, hex: false, truth: false, patterns: [false; PATTERNS.len()], hours: false };

/// What stands between values, whether some are in quotes, and whether something is escaped.
fn dialect(text: &[u8]) -> Lines {
    let lines: Vec<&[u8]> =
        text.split(|&byte| byte == b'\n').take(FIRST_LINES).filter(|line| !line.is_empty()).collect();
    let score = |separator: u8| {
        let counts: Vec<usize> = lines.iter().map(|line| memchr::memchr_iter(separator, line).count()).collect();
        let least = counts.iter().min().copied().unwrap_or(0);
        let alike = counts.iter().filter(|&&count| Some(&count) == counts.first()).count();
        (least > 0, alike, least)
    };
    let separator =
        [b',', b'\t', b';', b'|'].into_iter().max_by_key(|&separator| (score(separator), separator == b','));
    let separator = separator.filter(|&separator| score(separator).0).unwrap_or(b',');
    let quoted = lines.iter().any(|line| {
        let mut values = line.split(|&byte| byte == separator);
        values.any(|value| value.first() == Some(&b'"'))
    });
    let plain = Lines { separator, header: false, quotes: quoted || separator == b',', escape: None };
    let escaped = Lines { escape: Some(b'\\'), ..plain };
    // Lines have as many values with it, and do not without.
    let looked_at = memchr::memchr_iter(b'\n', text).nth(FIRST_LINES).map_or(text.len(), |at| at + 1);
    let text = &text[..looked_at];
    if alike(text, escaped) && !alike(text, plain) { escaped } else { plain }
}

/// Whether all records of a text have as many values.
fn alike(text: &[u8], lines: Lines) -> bool {
    let (mut first, mut alike) = (None, true);
    let whole = whole_records(text, lines);
    Records::of_lines(lines).each(&text[..whole], |_, record| {
        alike &= *first.get_or_insert(record.len()) == record.len();
    });
    alike && first.is_some()
}

fn values(text: &[u8], lines: Lines) -> Vec<String> {
    first_values(text, lines).iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect()
}

/// Whether a line names the columns of those below it: no value of it is a number, none is there twice, and none is nothing,
/// but below it something is a number.
fn is_header(first: &[String], second: &[String]) -> bool {
    let is_number = |value: &String| number_of(value.as_bytes()).is_ok();
    let mut sorted: Vec<&String> = first.iter().collect();
    sorted.sort();
    sorted.dedup();
    let names = sorted.len() == first.len() && first.iter().all(|name| !name.trim().is_empty() && !is_number(name));
    names
        && (second.iter().any(is_number)
            || second.is_empty()
            || first.iter().all(|name| name.len() < 40) && first != second)
}
