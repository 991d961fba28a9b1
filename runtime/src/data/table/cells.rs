//! Which value of a row becomes what: right away what a model reads, or what it is learnt from.

use nasrec_compiler::schema::{Comparand, Comparison, Fill, Label, Part, Schema, Table, Transform, Type};
use twox_hash::XxHash3_64;

use super::dictionary::Dictionary;
use super::several::Several;
use crate::data::record::Layout;
use crate::data::text::{Moment, bool_of, hex_of, int_of, number_of};
use crate::error::DataError;

/// What parts are called: training, validation, test.
const PARTS: [&[&[u8]]; 3] = [&[b"train", b"training"], &[b"valid", b"validation", b"val", b"dev"], &[b"test"]];
/// Seconds of a day.
const DAY: i64 = 86_400;
/// The code of a missing value.
pub(in crate::data) const MISSING: u32 = u32::MAX;
/// The code of a place of a bag that holds no value.
pub(in crate::data) const NOTHING: u32 = u32::MAX - 1;

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

/// What is kept of the rows of a table: a record as of the cache, without what is still to be learnt, and behind it the
/// values that this is learnt from.
#[derive(Clone, Debug)]
pub(in crate::data) struct Cells {
    layout: Layout,
    pub(super) cells: Vec<Cell>,
    pub(super) label: Label,
    /// Index of the label among the columns of the schema.
    pub(super) label_column: usize,
    /// Whether it is 0 or 1 as it stands there.
    is_label_plain: bool,
    pub(super) missing: Vec<Vec<u8>>,
    /// Bytes of a row.
    stride: usize,
    dictionaries: usize,
    /// Where the value behind each dense and each sparse column lies, of those that are still to be learnt.
    learnt: [Vec<Option<usize>>; 2],
    /// The dictionary of each dense and each sparse column that has one.
    coded: [Vec<Option<usize>>; 2],
}

/// What becomes of a value.
#[derive(Clone, Debug)]
pub(in crate::data) struct Cell {
    /// Index among the columns of the schema.
    pub column: usize,
    pub kind: Type,
    /// Byte of the row; of several parts that of the first.
    pub at: usize,
    pub becomes: Becomes,
    /// How the parts of a value are found that holds several.
    pub several: Option<Several>,
    /// Whether its codes are those of another column's dictionary.
    joins: bool,
}

#[derive(Clone, Debug)]
pub(in crate::data) enum Becomes {
    /// A number of the dense input.
    Numeric(Vec<Transform>),
    /// A row of an embedding table.
    Row(Table, u32),
    /// A number that something is learnt from.
    Number,
    /// A value of a dictionary, which something is learnt from.
    Code(usize),
    /// How many times the row counts.
    Weight,
    /// What tells rows that belong together: a hash of 64 bits.
    Group,
    /// A number that grows with time.
    Time,
    /// A part by its name.
    Part,
}

/// What is learnt of a value.
#[derive(Clone, Copy)]
enum Learns {
    Numbers,
    /// By a dictionary of its own, or by this one of another column.
    Categories(Option<usize>),
}

/// The dictionaries of the cells that have one.
pub(in crate::data) type Dictionaries = Vec<Dictionary>;

/// Reads the values of cells, and remembers the last times that it read.
#[derive(Clone, Debug, Default)]
pub(in crate::data) struct Reading {
    moments: Vec<Option<Moment>>,
    /// The last list of numbers.
    pub(super) numbers: Vec<Option<f64>>,
}

/// What is wrong with a value, and of which column of the schema.
pub(in crate::data) struct Wrong {
    pub column: usize,
    pub expected: &'static str,
}

impl Cells {
    /// # Errors
    /// [`DataError::ColumnTable`] where a column's table is too small or too large to be addressed.
    pub fn new(schema: &Schema) -> crate::Result<Self> {
        for column in &schema.sparse {
            if !(2..=u32::MAX as usize).contains(&column.rows) || column.missing >= column.rows {
                return Err(DataError::ColumnTable {
                    column: column.name.clone(),
                    schema: schema.name.clone(),
                    rows: column.rows,
                    missing: column.missing,
                }
                .into());
            }
        }
        let index = |name: &str| schema.columns.iter().position(|column| column == name).unwrap_or_default();
        let layout = Layout::of(schema, false);
        let mut made = Self {
            layout,
            cells: Vec::new(),
            label: schema.label.clone(),
            label_column: index(&schema.label.column),
            is_label_plain: schema.label.condition.is_none() && schema.missing.is_empty(),
            missing: schema.missing.iter().map(|mark| mark.clone().into_bytes()).collect(),
            stride: layout.stride(),
            dictionaries: 0,
            learnt: [vec![None; schema.dense.len()], vec![None; schema.sparse.len()]],
            coded: [vec![None; schema.dense.len()], vec![None; schema.sparse.len()]],
        };
        for (at, column) in schema.dense.iter().enumerate() {
            let several = column.element.as_ref().map(Several::numbers);
            let (from, index) = (index(&column.from), column.element.as_ref().map_or(0, |element| element.index));
            let read = (from, &column.kind, &several);
            if column.encoding.is_some() {
                let place = made.learn(read, Learns::Categories(None));
                (made.learnt[0][at], made.coded[0][at]) = (Some(place), made.dictionary_at(place));
            } else if column.is_fitted() {
                made.learnt[0][at] = Some(made.learn(read, Learns::Numbers) + 8 * index);
            } else if index == 0 {
                // The others of a list are read with the first.
                let becomes = Becomes::Numeric(column.transforms.clone());
                let kind = column.kind.clone();
                made.cells.push(Cell { column: from, kind, at: 4 * at, becomes, several, joins: false });
            }
        }
        for (at, (column, slots)) in schema.sparse.iter().zip(schema.slots()).enumerate() {
            let several = column.list.as_ref().map(Several::bag);
            let from = index(&column.from);
            let read = (from, &column.kind, &several);
            match column.table {
                Table::Quantiles => made.learnt[1][at] = Some(made.learn(read, Learns::Numbers)),
                Table::Vocabulary { .. } => {
                    let owner = schema.owner(at);
                    let dictionary = if owner == at { None } else { made.coded[1][owner] };
                    let place = made.learn(read, Learns::Categories(dictionary));
                    (made.learnt[1][at], made.coded[1][at]) = (Some(place), made.dictionary_at(place));
                }
                _ => {
                    let becomes = Becomes::Row(column.table.clone(), column.rows as u32);
                    let (at, kind) = (4 * (layout.numeric + slots.start), column.kind.clone());
                    made.cells.push(Cell { column: from, kind, at, becomes, several, joins: false });
                }
            }
        }
        made.rows(schema, &index);
        Ok(made)
    }

    /// What is said of each row beside what a model reads.
    fn rows(&mut self, schema: &Schema, index: &impl Fn(&str) -> usize) {
        let layout = self.layout;
        let time = schema.time.as_ref();
        let said = [
            (schema.weight.as_ref(), Type::Number, layout.weight_at(), Becomes::Weight),
            (schema.group.as_ref(), Type::Text, layout.group_at(), Becomes::Group),
            (
                time.map(|time| &time.column),
                time.map_or(Type::Number, |time| time.kind.clone()),
                layout.time_at(),
                Becomes::Time,
            ),
            (schema.part.as_ref(), Type::Text, layout.part_at(), Becomes::Part),
        ];
        for (column, kind, at, becomes) in said {
            let cell = |column: &String| Cell { column: index(column), kind, at, becomes, several: None, joins: false };
            self.cells.extend(column.map(cell));
        }
    }

    /// A place for a value that something is learnt from: one for all that are learnt from the same.
    fn learn(&mut self, (column, kind, several): (usize, &Type, &Option<Several>), learns: Learns) -> usize {
        let alike = |cell: &&Cell| {
            let same = match (&cell.becomes, learns) {
                (Becomes::Number, Learns::Numbers) => true,
                (Becomes::Code(_), Learns::Categories(None)) => !cell.joins,
                (Becomes::Code(dictionary), Learns::Categories(Some(other))) => *dictionary == other,
                _ => false,
            };
            same && cell.column == column && cell.kind == *kind && cell.several == *several
        };
        if let Some(known) = self.cells.iter().find(alike) {
            return known.at;
        }
        let (at, slots) = (self.stride, several.as_ref().map_or(1, Several::slots));
        let (becomes, joins) = match learns {
            Learns::Numbers => (Becomes::Number, false),
            Learns::Categories(Some(dictionary)) => (Becomes::Code(dictionary), true),
            Learns::Categories(None) => {
                self.dictionaries += 1;
                (Becomes::Code(self.dictionaries - 1), false)
            }
        };
        let cell = Cell { column, kind: kind.clone(), at, becomes, several: several.clone(), joins };
        self.stride += slots * cell.width();
        self.cells.push(cell);
        at
    }

    /// The dictionary whose codes lie at a byte of a row.
    fn dictionary_at(&self, place: usize) -> Option<usize> {
        self.codes().find(|(_, at)| *at == place).map(|(dictionary, _)| dictionary)
    }

    /// Bytes of a row.
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// The record that the cache has of a row.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Whether nothing is to be learnt: a row is its record.
    pub fn is_record(&self) -> bool {
        self.stride == self.layout.stride()
    }

    /// Empty dictionaries, one for each cell that has one.
    pub fn dictionaries(&self) -> Dictionaries {
        vec![Dictionary::default(); self.dictionaries]
    }

    /// Where the number or code lies that dense column `column` is learnt from.
    pub fn source_of_dense(&self, column: usize) -> Option<usize> {
        self.learnt[0][column]
    }

    /// The dictionary of a dense column that is made of categories.
    pub fn dictionary_of_dense(&self, column: usize) -> Option<usize> {
        self.coded[0][column]
    }

    /// Where the number or code lies that sparse column `column` is learnt from.
    pub fn source_of_sparse(&self, column: usize) -> Option<usize> {
        self.learnt[1][column]
    }

    /// The dictionary of a sparse column that has a vocabulary.
    pub fn dictionary_of(&self, column: usize) -> Option<usize> {
        self.coded[1][column]
    }

    /// Where the codes of each dictionary lie: each place with its dictionary.
    pub fn codes(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.cells.iter().flat_map(|cell| {
            let (dictionary, slots) = match cell.becomes {
                Becomes::Code(dictionary) => (dictionary, cell.several.as_ref().map_or(1, Several::slots)),
                _ => (0, 0),
            };
            (0..slots).map(move |slot| (dictionary, cell.at + 4 * slot))
        })
    }

    /// The column of the schema that a dictionary is of.
    pub fn column_of(&self, dictionary: usize) -> Option<usize> {
        let of = |cell: &&Cell| matches!(cell.becomes, Becomes::Code(known) if known == dictionary);
        self.cells.iter().find(of).map(|cell| cell.column)
    }

    pub fn reading(&self) -> Reading {
        let moment = |cell: &Cell| match &cell.kind {
            Type::Time(format) => Some(Moment::new(format)),
            _ => None,
        };
        Reading { moments: self.cells.iter().map(moment).collect(), numbers: Vec::new() }
    }

    /// Writes a row. `value` gives the text of a column of the schema.
    ///
    /// # Errors
    /// The first value that cannot be read: the label, then what dense and then what sparse columns are made of.
    ///
    /// # Panics
    /// When `row` is not of [`stride`](Self::stride) bytes.
    #[inline(always)]
    pub fn write<'t>(
        &self,
        reading: &mut Reading,
        value: impl Fn(usize) -> &'t [u8],
        dictionaries: &mut [Dictionary],
        row: &mut [u8],
    ) -> Result<(), Wrong> {
        assert_eq!(row.len(), self.stride, "a row has its length");
        self.write_label(value(self.label_column), row).map_err(|expected| self.wrong(self.label_column, expected))?;
        for (index, cell) in self.cells.iter().enumerate() {
            self.write_cell(index, reading, value(cell.column), dictionaries, row)
                .map_err(|expected| self.wrong(cell.column, expected))?;
        }
        Ok(())
    }

    /// Writes what the label says.
    ///
    /// # Errors
    /// What was expected in place of the text.
    #[inline(always)]
    pub fn write_label(&self, text: &[u8], row: &mut [u8]) -> Result<(), &'static str> {
        row[self.layout.stride() - 1] = match text {
            b"0" if self.is_label_plain => 0,
            b"1" if self.is_label_plain => 1,
            _ => u8::from(label_of(&self.label, text, self.is_missing(text))?),
        };
        Ok(())
    }

    /// Writes what the `index`th cell makes of its column's text.
    ///
    /// # Errors
    /// What was expected in place of the text.
    #[inline(always)]
    pub fn write_cell(
        &self,
        index: usize,
        reading: &mut Reading,
        text: &[u8],
        dictionaries: &mut [Dictionary],
        row: &mut [u8],
    ) -> Result<(), &'static str> {
        let cell = &self.cells[index];
        if let Some(several) = &cell.several {
            return self.put_several((cell, several), reading, text, dictionaries, row);
        }
        let moment = &mut reading.moments[index];
        let value = if self.is_missing(text) { Value::Missing } else { cell.read(text, moment.as_mut())? };
        cell.put(value, dictionaries, row, cell.at)
    }

    /// The cells, in the order in which they are written.
    pub fn each(&self) -> &[Cell] {
        &self.cells
    }

    /// What is a missing value beside an empty one.
    pub fn missing(&self) -> &[Vec<u8>] {
        &self.missing
    }

    /// Index of the label among the columns of the schema.
    pub fn label_column(&self) -> usize {
        self.label_column
    }

    pub(super) fn is_missing(&self, text: &[u8]) -> bool {
        text.is_empty() || self.missing.iter().any(|mark| mark == text)
    }

    #[cold]
    fn wrong(&self, column: usize, expected: &'static str) -> Wrong {
        Wrong { column, expected }
    }
}

impl Cell {
    /// Bytes that it takes of a row; of several parts each.
    pub fn width(&self) -> usize {
        match &self.becomes {
            Becomes::Number | Becomes::Group | Becomes::Time => 8,
            Becomes::Part => 1,
            Becomes::Numeric(_) | Becomes::Row(..) | Becomes::Code(_) | Becomes::Weight => 4,
        }
    }

    /// Whether it is a value of a dictionary.
    pub fn is_code(&self) -> bool {
        matches!(self.becomes, Becomes::Code(_))
    }

    /// Whether a number is wanted of it; otherwise what it is called.
    pub fn is_number(&self) -> bool {
        match &self.becomes {
            Becomes::Numeric(_) | Becomes::Number | Becomes::Weight | Becomes::Time => true,
            Becomes::Row(table, _) => {
                matches!(table, Table::Enumerated(_) | Table::LogSquare | Table::LogBuckets { .. })
            }
            Becomes::Code(_) | Becomes::Group | Becomes::Part => false,
        }
    }

    #[inline(always)]
    pub fn read<'t>(&self, text: &'t [u8], moment: Option<&mut Moment>) -> Result<Value<'t>, &'static str> {
        value_of(&self.kind, self.is_number(), text, moment)
    }

    #[inline(always)]
    pub fn put(
        &self,
        value: Value,
        dictionaries: &mut [Dictionary],
        row: &mut [u8],
        at: usize,
    ) -> Result<(), &'static str> {
        let mut word = |bytes: [u8; 4]| row[at..at + 4].copy_from_slice(&bytes);
        match &self.becomes {
            Becomes::Numeric(transforms) => {
                let number = match value {
                    Value::Number(number) => Some(number),
                    _ => None,
                };
                word(numeric(transforms, number)?.to_le_bytes());
            }
            Becomes::Row(table, rows) => word(row_of(table, *rows, value).to_le_bytes()),
            Becomes::Number => {
                let number = match value {
                    Value::Number(number) => number,
                    _ => f64::NAN,
                };
                row[at..at + 8].copy_from_slice(&number.to_le_bytes());
            }
            Becomes::Code(dictionary) => {
                let dictionary = &mut dictionaries[*dictionary];
                let code = match value {
                    Value::Missing | Value::Number(_) => Some(MISSING),
                    Value::Key(key) => dictionary.code(&key.to_le_bytes()),
                    Value::Text(text) => dictionary.code(text),
                };
                word(code.ok_or("fewer different values in one block of lines")?.to_le_bytes());
            }
            Becomes::Weight => match value {
                Value::Number(number) if number >= 0.0 && (number as f32).is_finite() => {
                    word((number as f32).to_le_bytes());
                }
                _ => return Err("how many times the row counts, a number of at least 0"),
            },
            Becomes::Time => match value {
                Value::Number(number) => row[at..at + 8].copy_from_slice(&number.to_le_bytes()),
                _ => return Err("when the row came about"),
            },
            Becomes::Group => {
                let text = match value {
                    Value::Text(text) => text,
                    _ => &[],
                };
                row[at..at + 8].copy_from_slice(&XxHash3_64::oneshot(text).to_le_bytes());
            }
            Becomes::Part => {
                let text = match value {
                    Value::Text(text) => text,
                    _ => &[],
                };
                let part = PARTS.iter().position(|names| names.iter().any(|name| text.eq_ignore_ascii_case(name)));
                row[at] = part.ok_or("the row's part: `train`, `valid` or `test`")? as u8;
            }
        }
        Ok(())
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

/// A number after transforms that learn nothing, or what was expected instead.
pub(in crate::data) fn numeric(transforms: &[Transform], number: Option<f64>) -> Result<f32, &'static str> {
    let value = transforms.iter().fold(number, |value, transform| match *transform {
        Transform::Max(bound) => value.map(|value| value.max(bound)),
        Transform::Min(bound) => value.map(|value| value.min(bound)),
        Transform::Log1p => value.map(f64::ln_1p),
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
        let of = |condition| Label { column: "rating".to_owned(), condition };
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
