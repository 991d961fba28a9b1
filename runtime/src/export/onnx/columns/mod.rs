//! The schema's columns as nodes: from raw values to the numbers and the rows of tables that a plan reads.
//!
//! Lives here: inputs, and the rows of fields; numbers are in `dense`. Never: arithmetic (`numbers`, `times`).

mod dense;

use std::collections::HashMap;

use nasrec_compiler::schema::{List, Schema, SparseColumn, Table, Type};

use super::graph::{Writing, int, ints, strings};
use super::inputs::{Input, MISSING, Takes, kind_of};
use super::numbers::{modulo, row_of_number, seconds};
use super::proto::Kind;
use crate::Result;
use crate::data::Encoder;
use crate::error::ExportError;
use crate::model::Model;

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
    /// And by place those of sequences.
    sequences: HashMap<usize, Rows>,
    /// Those that the plan looks up.
    fields: Vec<usize>,
    /// Truths: rows that nasrecc would not read.
    pub refused: Vec<String>,
}

fn beyond(what: String, remedy: &'static str) -> crate::Error {
    ExportError::Beyond { format: "ONNX", what, remedy }.into()
}

impl<'m> Columns<'m> {
    pub fn new(model: &'m Model) -> Self {
        let (schema, encoder, plan) = (model.schema(), model.encoder(), model.plan());
        let lookups = plan
            .nodes
            .iter()
            .flat_map(|node| (0..node.params.len()).filter_map(|at| Some(node.lookup(&plan.params, at)?.field)));
        let masked = plan.nodes.iter().filter(|node| node.params.is_empty()).flat_map(|node| &node.lookups);
        let mut fields: Vec<usize> = lookups.chain(masked.map(|lookup| lookup.field)).collect();
        // What is crossed is read, too.
        fields.extend(fields.clone().into_iter().flat_map(|field| schema.crossed(field)));
        fields.sort_unstable();
        fields.dedup();
        Self {
            schema,
            encoder,
            inputs: Vec::new(),
            rows: HashMap::new(),
            sequences: HashMap::new(),
            fields,
            refused: Vec::new(),
        }
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

    /// The rows of all fields at once that are a whole number modulo something.
    fn modulos(&mut self, to: &mut Writing) {
        let schema = self.schema;
        let is = |column: &SparseColumn| {
            column.table == Table::Modulo && column.list.is_none() && category(&column.kind) == Some(Takes::Keys)
        };
        let fields: Vec<usize> = self.fields.iter().copied().filter(|&field| is(&schema.sparse[field])).collect();
        let columns: Vec<&SparseColumn> = fields.iter().map(|&field| &schema.sparse[field]).collect();
        let keys: Vec<String> = columns
            .iter()
            .map(|column| self.input(to, &column.from, (&column.kind, Takes::Keys), Several::default()))
            .collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let keys = if let [one] = keys[..] { one.to_owned() } else { to.concat("keys", &keys, 1) };
        let rows: Vec<usize> = columns.iter().map(|column| column.rows).collect();
        let ids = modulo(to, &keys, &rows, 0);
        for (place, (field, column)) in fields.into_iter().zip(columns).enumerate() {
            let place = to.ints(&[place as i64]);
            let ids = to.gather(&format!("{}.id", column.name), &ids, &place, 1);
            self.rows.insert(field, Rows { ids, there: None });
        }
    }

    /// The rows that a field looks up.
    pub fn rows(&mut self, to: &mut Writing, at: usize) -> Result<Rows> {
        if let Some(rows) = self.rows.get(&at) {
            return Ok(rows.clone());
        }
        let column = &self.schema.sparse[at];
        if let (Table::Modulo, Some(Takes::Keys), None) = (&column.table, category(&column.kind), &column.list) {
            self.modulos(to);
            return self.rows.get(&at).cloned().ok_or_else(|| {
                beyond(format!("field {} is of no lookup", column.name), "tell the authors of nasrecc")
            });
        }
        let ids = self.ids(to, at)?;
        let rows = match &column.list {
            None => Rows { ids: to.call(&format!("{}.id", column.name), "Identity", &[&ids], Vec::new()), there: None },
            Some(list) => bag(to, &column.name, &ids, list),
        };
        self.rows.insert(at, rows.clone());
        Ok(rows)
    }

    /// The rows that the places of a sequence look up, `[batch, places]`, and which of them hold something.
    pub fn places(&mut self, to: &mut Writing, at: usize) -> Result<Rows> {
        if let Some(rows) = self.sequences.get(&at) {
            return Ok(rows.clone());
        }
        let column = &self.schema.sparse[at];
        let ids = self.ids(to, at)?;
        let Some(list) = &column.list else {
            let what = format!("field {} has one category a row, and is read as a sequence", column.name);
            return Err(beyond(what, "train the model again"));
        };
        let rows = sequence(to, &column.name, &ids, list);
        self.sequences.insert(at, rows.clone());
        Ok(rows)
    }

    /// The rows of a field as they come in: of a bag any number of them, what is nothing as -1.
    fn ids(&mut self, to: &mut Writing, at: usize) -> Result<String> {
        let column = &self.schema.sparse[at];
        if column.is_crossed() {
            let of: Vec<String> =
                self.schema.crossed(at).into_iter().map(|of| Ok(self.rows(to, of)?.ids)).collect::<Result<_>>()?;
            return Ok(crossed(to, &of, column.rows));
        }
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
                modulo(to, &x, &[column.rows], nothing)
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
        Ok(ids)
    }
}

/// Several values in one: what stands between them, and how many there are.
#[derive(Default)]
struct Several {
    separator: Option<String>,
    of: Option<usize>,
    field: Option<usize>,
}

/// See [`Table::crossed`].
fn crossed(to: &mut Writing, of: &[String], rows: usize) -> String {
    let [by, within] = [Table::CROSSED_BY, Table::CROSSED_WITHIN].map(|number| to.int(number as i64));
    let mut h = to.int(0);
    for row in of {
        let product = to.op("Mul", &[&h, &by]);
        let sum = to.op("Add", &[&product, row]);
        h = to.op("Mod", &[&sum, &within]);
    }
    let (divided, one) = (to.int(rows as i64 - 1), to.int(1));
    let rest = to.op("Mod", &[&h, &divided]);
    to.op("Add", &[&rest, &one])
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

/// Which values of a bag are read, and at which place each then is, counted from 0.
fn read(to: &mut Writing, ids: &str, list: &List) -> (String, String) {
    let (zero, one, most, axis) = (to.int(0), to.int(1), to.int(list.most as i64), to.int(1));
    let there = to.op("GreaterOrEqual", &[ids, &zero]);
    let counted = to.cast(&there, Kind::Int64);
    let place = to.op("CumSum", &[&counted, &axis]);
    let mut place = to.op("Sub", &[&place, &one]);
    if list.last {
        let axes = to.ints(&[1]);
        let count = to.call("count", "ReduceSum", &[&counted, &axes], vec![int("keepdims", 1)]);
        let left_out = to.op("Sub", &[&count, &most]);
        let left_out = to.op("Max", &[&left_out, &zero]);
        place = to.op("Sub", &[&place, &left_out]);
    }
    let (early, late) = (to.op("Less", &[&place, &most]), to.op("GreaterOrEqual", &[&place, &zero]));
    let within = to.op("And", &[&early, &late]);
    (to.op("And", &[&there, &within]), place)
}

/// The values of a sequence at their places, one behind the other whatever lies between them; one that holds none holds row 0 at the first.
fn sequence(to: &mut Writing, name: &str, ids: &str, list: &List) -> Rows {
    let (held, place) = read(to, ids, list);
    let places: Vec<i64> = (0..list.most as i64).collect();
    let (zero, places, axes) = (to.int(0), to.ints(&places), to.ints(&[1]));
    let (wide, held) = (to.unsqueeze(&place, 2), to.unsqueeze(&held, 2));
    let here = to.op("Equal", &[&wide, &places]);
    let here = to.op("And", &[&here, &held]);
    let here = to.cast(&here, Kind::Int64);
    let wide = to.unsqueeze(ids, 2);
    let moved = to.op("Mul", &[&wide, &here]);
    let ids = to.call(&format!("{name}.places"), "ReduceSum", &[&moved, &axes], vec![int("keepdims", 0)]);
    let filled = to.call("filled", "ReduceSum", &[&here, &axes], vec![int("keepdims", 0)]);
    let count = to.call("count", "ReduceSum", &[&filled, &axes], vec![int("keepdims", 1)]);
    let (none, first) = (to.op("Equal", &[&count, &zero]), to.op("Equal", &[&places, &zero]));
    let missing = to.op("And", &[&none, &first]);
    let filled = to.op("Greater", &[&filled, &zero]);
    Rows { ids, there: Some(to.call(&format!("{name}.filled"), "Or", &[&filled, &missing], Vec::new())) }
}

/// A bag: of what is there the first `most`, or the row of a missing value where nothing is.
fn bag(to: &mut Writing, name: &str, ids: &str, list: &List) -> Rows {
    let zero = to.int(0);
    let (held, _) = read(to, ids, list);
    let ids = to.either(&held, ids, &zero);
    // Behind the others one more place, which is there where no other is.
    let (counted, axes) = (to.cast(&held, Kind::Int64), to.ints(&[1]));
    let count = to.call("count", "ReduceSum", &[&counted, &axes], vec![int("keepdims", 1)]);
    let none = to.op("Equal", &[&count, &zero]);
    let missing = to.op("Mul", &[&count, &zero]);
    let there = to.concat(&format!("{name}.there"), &[&held, &none], 1);
    Rows { ids: to.concat(&format!("{name}.ids"), &[&ids, &missing], 1), there: Some(there) }
}
