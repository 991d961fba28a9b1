//! The schema's columns as nodes: from raw values to the numbers and the rows of tables that a plan reads.

use std::collections::HashMap;

use nasrec_compiler::schema::{Fill, Schema, SparseColumn, Table, Transform, Type};

use super::graph::{Writing, int, ints, strings};
use super::inputs::{Input, MISSING, Takes, kind_of};
use super::numbers::{bounded, log1p, modulo, row_of_number, seconds};
use super::proto::Kind;
use crate::Result;
use crate::data::Encoder;
use crate::error::ExportError;
use crate::model::Model;

/// From here on a number of 64 bits is infinite as one of 32.
const INFINITE: f64 = 340_282_356_779_733_661_637_539_395_458_142_568_448.0;

/// The rows that a field looks up.
#[derive(Clone)]
pub(super) struct Rows {
    /// `[batch, values]`, whole numbers.
    pub ids: String,
    /// Of a bag which of them are there, `[batch, values]` of truths.
    pub there: Option<String>,
}

/// See the [module](self).
pub(super) struct Columns<'m> {
    schema: &'m Schema,
    encoder: Option<&'m Encoder>,
    pub inputs: Vec<Input>,
    rows: HashMap<usize, Rows>,
    /// Truths: rows that nasrecc would not read.
    pub refused: Vec<String>,
}

fn beyond(what: String, remedy: &'static str) -> crate::Error {
    ExportError::Beyond { format: "ONNX", what, remedy }.into()
}

impl<'m> Columns<'m> {
    pub fn new(model: &'m Model) -> Self {
        let (schema, encoder) = (model.schema(), model.encoder());
        Self { schema, encoder, inputs: Vec::new(), rows: HashMap::new(), refused: Vec::new() }
    }

    /// The numeric input, `[batch, width]`.
    pub fn numeric(&mut self, to: &mut Writing, called: &str) -> Result<String> {
        let columns: Vec<String> = (0..self.schema.dense.len()).map(|at| self.dense(to, at)).collect::<Result<_>>()?;
        if columns.is_empty() {
            // One column of zeros, as many as there are rows.
            let Rows { ids, .. } = self.rows(to, 0)?;
            let (first, axes) = (to.int(0), to.ints(&[1]));
            let first = to.gather("first", &ids, &first, 1);
            let first = to.op("Unsqueeze", &[&first, &axes]);
            let zeros = to.op("Sub", &[&first, &first]);
            return Ok(to.cast(&zeros, Kind::Float));
        }
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        Ok(to.concat(called, &columns, 1))
    }

    /// An input, which several columns may share.
    fn input(&mut self, to: &mut Writing, column: &str, (kind, takes): (&Type, Takes), several: Several) -> String {
        let (kind, pattern) = kind_of(kind);
        // These are all read as a number is.
        let kind =
            if matches!(kind, "int" | "seconds" | "milliseconds") && takes == Takes::Numbers { "number" } else { kind };
        let name = self.name_of(column, kind, (takes, &several));
        let input = Input {
            name,
            column: column.to_owned(),
            takes,
            kind: kind.to_owned(),
            pattern: pattern.map(str::to_owned),
            field: several.field,
            of: several.of,
            separator: several.separator,
        };
        if let Some(known) =
            self.inputs.iter().find(|known| Input { name: input.name.clone(), ..(*known).clone() } == input)
        {
            return known.name.clone();
        }
        let input = Input { name: to.name(&input.name), ..input };
        to.input(&input.name, input.tensor(), input.length(), input.says(self.schema));
        self.inputs.push(input.clone());
        input.name
    }

    /// What an input is called: as its column is where it is read in one way, else with the way behind it.
    fn name_of(&self, column: &str, kind: &str, (takes, several): (Takes, &Several)) -> String {
        if takes == Takes::Rows {
            let field = several.field.and_then(|field| self.schema.sparse.get(field));
            return format!("{}.row", field.map_or(column, |field| field.name.as_str()));
        }
        let dense = self.schema.dense.iter().filter(|dense| dense.from == column);
        let dense = dense.map(|dense| way(&dense.kind, dense.encoding.is_none(), dense.element.is_some()));
        let sparse = self.schema.sparse.iter().filter(|sparse| sparse.from == column && !is_hashed(sparse));
        let sparse = sparse.map(|sparse| way(&sparse.kind, is_number(&sparse.table), sparse.list.is_some()));
        let mut ways: Vec<_> = dense.chain(sparse).collect();
        ways.dedup();
        if ways.len() < 2 { column.to_owned() } else { format!("{column}.{}", said(takes, kind)) }
    }

    /// A numeric column, `[batch, 1]` numbers of 32 bits.
    fn dense(&mut self, to: &mut Writing, at: usize) -> Result<String> {
        let (schema, encoder) = (self.schema, self.encoder);
        let column = &schema.dense[at];
        let (mut x, mut there) = match encoder.filter(|_| column.encoding.is_some()) {
            Some(encoder) => (self.encoded(to, at, encoder)?, None),
            None => {
                let separator = column.element.as_ref().map(|element| element.separator.clone());
                let several = Several { separator, of: column.element.as_ref().map(|element| element.of), field: None };
                let mut x = self.input(to, &column.from, (&column.kind, Takes::Numbers), several);
                if let Some(element) = &column.element {
                    let index = to.ints(&[element.index as i64]);
                    x = to.gather(&column.name, &x, &index, 1);
                }
                self.whole(to, &column.kind, &x);
                let x = seconds(to, &column.kind, x);
                let missing = to.op("IsNaN", &[&x]);
                (x, Some(to.op("Not", &[&missing])))
            }
        };
        let learnt = encoder.map(|encoder| encoder.steps(at)).unwrap_or_default();
        for (step, transform) in column.transforms.iter().enumerate() {
            let [a, b] = learnt.get(step).copied().unwrap_or_default();
            match *transform {
                Transform::Max(bound) => x = bounded(to, &x, bound, "GreaterOrEqual"),
                Transform::Min(bound) => x = bounded(to, &x, bound, "LessOrEqual"),
                Transform::Log1p => x = log1p(to, &x),
                Transform::Missing(fill) => {
                    let fill = to.double(if let Fill::Constant(fill) = fill { fill } else { a });
                    if let Some(there) = there.take() {
                        x = to.either(&there, &x, &fill);
                    }
                }
                Transform::Standardise | Transform::MinMax => {
                    let (shift, scale) = (to.double(a), to.double(b));
                    x = to.op("Sub", &[&x, &shift]);
                    x = to.op("Mul", &[&x, &scale]);
                }
            }
            if *transform == Transform::MinMax {
                // Not Clip: what is no number stays none.
                let (least, most) = (to.double(0.0), to.double(1.0));
                let (below, above) = (to.op("Less", &[&x, &least]), to.op("Greater", &[&x, &most]));
                x = to.either(&below, &least, &x);
                x = to.either(&above, &most, &x);
            }
        }
        let zero = to.double(0.0);
        if let Some(there) = there {
            x = to.either(&there, &x, &zero);
        }
        let (size, infinite) = (to.op("Abs", &[&x]), to.double(INFINITE));
        let finite = to.op("Less", &[&size, &infinite]);
        if !column.is_fitted() {
            let refused = to.op("Not", &[&finite]);
            self.refused.push(refused);
        }
        let x = to.either(&finite, &x, &zero);
        Ok(to.call(&column.name, "Cast", &[&x], vec![int("to", Kind::Float as i64)]))
    }

    /// Where a column is of whole numbers, rows that have another one are refused.
    fn whole(&mut self, to: &mut Writing, kind: &Type, x: &str) {
        if *kind == Type::Int {
            let (whole, missing) = (to.op("Floor", &[x]), to.op("IsNaN", &[x]));
            let same = to.op("Equal", &[&whole, x]);
            let sound = to.op("Or", &[&same, &missing]);
            let refused = to.op("Not", &[&sound]);
            let refused = any(to, &refused);
            self.refused.push(refused);
        }
    }

    /// The number of a category.
    fn encoded(&mut self, to: &mut Writing, at: usize, encoder: &Encoder) -> Result<String> {
        let column = &self.schema.dense[at];
        let Some(numbers) = encoder.numbers_of(self.schema, at) else {
            return Err(beyond(
                format!("column {} has learnt nothing", column.name),
                "export a model that was trained",
            ));
        };
        let takes = category(&column.kind);
        let Some(takes) = takes.filter(|_| sayable(&column.kind, numbers.known.iter().map(|(value, _)| *value))) else {
            let what = match takes {
                Some(Takes::Texts) => format!("column {} has a category that is no UTF-8", column.name),
                Some(_) => {
                    format!("column {} has the category {MISSING}, which stands for a missing one there", column.name)
                }
                None => format!("column {} is made of categories, and its type has none", column.name),
            };
            return Err(beyond(what, "leave that column out, or export the model as torch or C"));
        };
        let x = self.input(to, &column.from, (&column.kind, takes), Several::default());
        let count = numbers.known.len() as i64;
        let known: Vec<(&[u8], i64)> = numbers.known.iter().map(|(value, _)| *value).zip(0..).collect();
        let place = self.look_up(to, &x, takes, &known, (count, count + 1));
        let becomes: Vec<f64> =
            numbers.known.iter().map(|(_, number)| *number).chain([numbers.missing, numbers.unknown]).collect();
        let becomes = to.doubles(&becomes);
        Ok(to.gather(&column.name, &becomes, &place, 0))
    }

    /// What values are told to be, the missing one and any other.
    fn look_up(
        &self,
        to: &mut Writing,
        x: &str,
        takes: Takes,
        known: &[(&[u8], i64)],
        (missing, unknown): (i64, i64),
    ) -> String {
        let mut values: Vec<i64> = known.iter().map(|(_, place)| *place).collect();
        let keys = if takes == Takes::Keys {
            let key = |value: &[u8]| value.first_chunk().map_or(MISSING, |bytes| i64::from_le_bytes(*bytes));
            values.push(missing);
            ints("keys_int64s", known.iter().map(|(value, _)| key(value)).chain([MISSING]).collect())
        } else {
            let marks = self.schema.missing.iter().filter(|mark| !mark.is_empty()).map(|mark| mark.as_bytes().to_vec());
            let keys: Vec<Vec<u8>> =
                known.iter().map(|(value, _)| value.to_vec()).chain([Vec::new()]).chain(marks).collect();
            values.resize(keys.len(), missing);
            strings("keys_strings", keys)
        };
        to.call(
            "category",
            "LabelEncoder",
            &[x],
            vec![keys, ints("values_int64s", values), int("default_int64", unknown)],
        )
    }

    /// The rows that a field looks up.
    pub fn rows(&mut self, to: &mut Writing, at: usize) -> Result<Rows> {
        if let Some(rows) = self.rows.get(&at) {
            return Ok(rows.clone());
        }
        let column = &self.schema.sparse[at];
        let several =
            Several { separator: column.list.as_ref().map(|list| list.separator.clone()), of: None, field: None };
        let nothing = if column.list.is_some() { -1 } else { 0 };
        let known = match (&column.table, self.encoder) {
            (Table::Vocabulary { .. }, Some(encoder)) => encoder.known(self.schema, at),
            _ => None,
        };
        let takes = category(&column.kind);
        let ids = match (&column.table, takes) {
            (Table::Modulo, Some(Takes::Keys)) => {
                let x = self.input(to, &column.from, (&column.kind, Takes::Keys), several);
                modulo(to, &x, column.rows as u64, nothing)
            }
            (Table::Vocabulary { .. }, Some(takes))
                if known.as_ref().is_some_and(|known| sayable(&column.kind, known.iter().copied())) =>
            {
                let x = self.input(to, &column.from, (&column.kind, takes), several);
                let known: Vec<(&[u8], i64)> = known.unwrap_or_default().into_iter().zip(2..).collect();
                self.look_up(to, &x, takes, &known, (nothing, 1))
            }
            (Table::Hash { .. } | Table::Vocabulary { .. }, Some(_)) => {
                let x =
                    self.input(to, &column.from, (&column.kind, Takes::Rows), Several { field: Some(at), ..several });
                if column.list.is_none() {
                    // A negative one would be counted from the end of the table.
                    let zero = to.int(0);
                    let refused = to.op("Less", &[&x, &zero]);
                    self.refused.push(refused);
                    to.op("Max", &[&x, &zero])
                } else {
                    x
                }
            }
            (Table::Modulo | Table::Hash { .. } | Table::Vocabulary { .. }, _) => {
                let what = format!("field {} takes categories of a column that has none", column.name);
                return Err(beyond(what, "give that column a type of categories"));
            }
            (table, _) => {
                let x = self.input(to, &column.from, (&column.kind, Takes::Numbers), several);
                self.whole(to, &column.kind, &x);
                let x = seconds(to, &column.kind, x);
                let edges = self.encoder.and_then(|encoder| encoder.edges(at)).unwrap_or_default();
                row_of_number(to, &x, table, edges, nothing)
            }
        };
        let rows = match &column.list {
            None => Rows { ids: to.call(&format!("{}.id", column.name), "Identity", &[&ids], Vec::new()), there: None },
            Some(list) => bag(to, &column.name, &ids, list.most),
        };
        self.rows.insert(at, rows.clone());
        Ok(rows)
    }
}

/// Several values in one: what stands between them, and how many there are.
#[derive(Default)]
struct Several {
    separator: Option<String>,
    of: Option<usize>,
    field: Option<usize>,
}

fn is_hashed(column: &SparseColumn) -> bool {
    matches!(column.table, Table::Hash { .. })
}

fn is_number(table: &Table) -> bool {
    !matches!(table, Table::Modulo | Table::Hash { .. } | Table::Vocabulary { .. })
}

/// How a category of a type comes in; none where the type has no categories.
fn category(kind: &Type) -> Option<Takes> {
    match kind {
        Type::Text => Some(Takes::Texts),
        Type::Int | Type::Hex => Some(Takes::Keys),
        Type::Number | Type::Bool | Type::Time(_) => None,
    }
}

/// How a column is read: columns that are read alike share an input.
fn way(kind: &Type, number: bool, several: bool) -> (String, bool) {
    let takes = if number { Takes::Numbers } else { category(kind).unwrap_or(Takes::Numbers) };
    let (kind, pattern) = kind_of(kind);
    (format!("{} {}", said(takes, kind), pattern.unwrap_or_default()), several)
}

fn said(takes: Takes, kind: &str) -> &'static str {
    match (takes, kind) {
        (Takes::Numbers, "bool") => "truth",
        (Takes::Numbers, "time") => "time",
        (Takes::Numbers, _) => "number",
        (Takes::Keys, "hex") => "hex",
        (Takes::Keys, _) => "key",
        (Takes::Texts, _) => "text",
        (Takes::Rows, _) => "row",
    }
}

/// Whether all values of a dictionary can be keys of a graph, and are not what stands for a missing one.
fn sayable<'a>(kind: &Type, values: impl IntoIterator<Item = &'a [u8]>) -> bool {
    values.into_iter().all(|value| match kind {
        Type::Text => std::str::from_utf8(value).is_ok(),
        _ => value.first_chunk().is_some_and(|bytes| i64::from_le_bytes(*bytes) != MISSING),
    })
}

/// Whether one of the values of a row is true, `[batch, 1]`.
fn any(to: &mut Writing, truths: &str) -> String {
    let (numbers, axes) = (to.cast(truths, Kind::Int64), to.ints(&[1]));
    let sum = to.call("sum", "ReduceSum", &[&numbers, &axes], vec![int("keepdims", 1)]);
    to.cast(&sum, Kind::Bool)
}

/// A bag: of what is there the first `most`, or the row of a missing value where nothing is.
fn bag(to: &mut Writing, name: &str, ids: &str, most: usize) -> Rows {
    let (zero, most, axis) = (to.int(0), to.int(most as i64), to.int(1));
    let held = to.op("GreaterOrEqual", &[ids, &zero]);
    let counted = to.cast(&held, Kind::Int64);
    let place = to.op("CumSum", &[&counted, &axis]);
    let early = to.op("LessOrEqual", &[&place, &most]);
    let held = to.op("And", &[&held, &early]);
    let ids = to.either(&held, ids, &zero);
    // Behind the others one more place, which is there where no other is.
    let (counted, axes) = (to.cast(&held, Kind::Int64), to.ints(&[1]));
    let count = to.call("count", "ReduceSum", &[&counted, &axes], vec![int("keepdims", 1)]);
    let none = to.op("Equal", &[&count, &zero]);
    let missing = to.op("Mul", &[&count, &zero]);
    let there = to.concat(&format!("{name}.there"), &[&held, &none], 1);
    Rows { ids: to.concat(&format!("{name}.ids"), &[&ids, &missing], 1), there: Some(there) }
}
