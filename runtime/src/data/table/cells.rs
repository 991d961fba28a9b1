//! Which value of a row becomes what: right away what a model reads, or what it is learnt from.

use nasrec_compiler::schema::{Label, Schema, Table, Type};

use super::cell::{Becomes, Cell};
use super::dictionary::Dictionary;
use super::several::Several;
use super::value::{Value, label_of};
use crate::data::record::Layout;
use crate::data::text::Moment;
use crate::error::DataError;

/// What is kept of the rows of a table: a record as of the cache, without what is still to be learnt, and behind it the
/// values that this is learnt from.
#[derive(Clone, Debug)]
pub(in crate::data) struct Cells {
    layout: Layout,
    pub(super) cells: Vec<Cell>,
    pub(super) label: Label,
    /// Index of the label among the columns of the schema, where it is read.
    pub(super) label_column: Option<usize>,
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
            label_column: Some(index(&schema.label.column)),
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
                // It follows from others.
                Table::Cross { .. } => {}
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

    /// The same, of rows whose label nobody asks for: it may be anything, or not be there.
    pub fn unlabelled(mut self) -> Self {
        self.cells.retain(|cell| !matches!(cell.becomes, Becomes::Label(_)));
        Self { label_column: None, ..self }
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
        for (at, label) in schema.other_labels.iter().enumerate() {
            let (column, becomes) = (index(&label.column), Becomes::Label(label.clone()));
            let at = layout.other_labels_at() + at;
            self.cells.push(Cell { column, kind: Type::Text, at, becomes, several: None, joins: false });
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
        match self.label_column {
            Some(label) => self.write_label(value(label), row).map_err(|expected| self.wrong(label, expected))?,
            None => self.write_no_label(row),
        }
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

    /// Writes that there is no label.
    #[inline(always)]
    pub fn write_no_label(&self, row: &mut [u8]) {
        row[self.layout.stride() - 1] = 0;
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

    /// Index of the label among the columns of the schema, where it is read.
    pub fn label_column(&self) -> Option<usize> {
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
