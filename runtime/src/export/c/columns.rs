//! The schema's columns as statements of C: from the texts of a row to numbers and rows of tables.

use std::fmt::Write as _;
use std::io::{self, Write};

use nasrec_compiler::schema::{
    DenseColumn, Element, Fill, List, Part, Schema, SparseColumn, Table, TimeFormat, Transform, Type,
};

use super::pieces::Pieces;
use super::{comment, literal};
use crate::data::Encoder;
use crate::export::logarithms;
use crate::export::sections::Sections;
use crate::model::Model;

/// Where lies what columns have learnt: of each dense and of each sparse column its sorted values or its edges, and how many there are.
/// Tables of logarithms have edges too, so that no logarithm of a library says which row a number has.
#[derive(Default)]
pub(super) struct Learnt {
    dense: Vec<Option<Found>>,
    sparse: Vec<Option<Found>>,
}

/// Where a dictionary lies, or edges; and behind a dictionary what each value becomes.
#[derive(Clone, Copy)]
struct Found {
    at: u64,
    count: usize,
    becomes: u64,
}

impl Learnt {
    /// Writes it behind the parameters.
    pub fn write(model: &Model, to: &mut Sections<impl Write>) -> io::Result<Self> {
        let (schema, mut learnt) = (model.schema(), Self::default());
        let encoder = model.encoder();
        for (at, column) in schema.dense.iter().enumerate() {
            let numbers =
                encoder.filter(|_| column.encoding.is_some()).and_then(|encoder| encoder.numbers_of(schema, at));
            learnt.dense.push(match numbers {
                None => None,
                Some(numbers) => {
                    let mut all: Vec<(&[u8], f64)> = numbers.known;
                    all.sort_unstable_by(|a, b| a.0.cmp(b.0));
                    let place = dictionary(all.iter().map(|(value, _)| *value), to)?;
                    let becomes = to.begin()?;
                    all.iter().try_for_each(|(_, number)| to.write_all(&number.to_le_bytes()))?;
                    Some(Found { at: place, count: all.len(), becomes })
                }
            });
        }
        for (at, column) in schema.sparse.iter().enumerate() {
            let owner = schema.owner(at);
            learnt.sparse.push(match (&column.table, encoder) {
                (Table::Quantiles, Some(encoder)) => {
                    let (edges, place) = (encoder.edges(at).unwrap_or_default(), to.begin()?);
                    edges.iter().try_for_each(|edge| to.write_all(&edge.to_le_bytes()))?;
                    Some(Found { at: place, count: edges.len(), becomes: 0 })
                }
                (table @ (Table::LogSquare | Table::LogBuckets { .. }), _) => {
                    let (edges, place) = (logarithms::edges(table), to.begin()?);
                    edges.iter().try_for_each(|edge| to.write_all(&edge.to_le_bytes()))?;
                    Some(Found { at: place, count: edges.len(), becomes: 0 })
                }
                (Table::Vocabulary { .. }, Some(_)) if owner != at => learnt.sparse[owner],
                (Table::Vocabulary { .. }, Some(encoder)) => {
                    let known = encoder.known(schema, at).unwrap_or_default();
                    let mut all: Vec<(&[u8], u32)> = known.into_iter().zip(2..).collect();
                    all.sort_unstable_by(|a, b| a.0.cmp(b.0));
                    let place = dictionary(all.iter().map(|(value, _)| *value), to)?;
                    let becomes = to.begin()?;
                    all.iter().try_for_each(|(_, row)| to.write_all(&row.to_le_bytes()))?;
                    Some(Found { at: place, count: all.len(), becomes })
                }
                _ => None,
            });
        }
        Ok(learnt)
    }
}

/// Where each of some sorted values ends, and their bytes.
fn dictionary<'v>(values: impl Iterator<Item = &'v [u8]> + Clone, to: &mut Sections<impl Write>) -> io::Result<u64> {
    let (place, mut end) = (to.begin()?, 0u32);
    for value in values.clone() {
        end += value.len() as u32;
        to.write_all(&end.to_le_bytes())?;
    }
    for value in values {
        to.write_all(value)?;
    }
    Ok(place)
}

/// The functions that read columns, and the one that reads all of them.
pub(super) fn encode(model: &Model, learnt: &Learnt, pieces: &mut Pieces) -> String {
    let schema = model.schema();
    let index = |name: &str| schema.columns.iter().position(|column| column == name).unwrap_or_default();
    let mut writing =
        Writing { schema, encoder: model.encoder(), pieces, functions: String::new(), body: String::new() };
    writing.pieces.need("missing");
    for (at, column) in schema.dense.iter().enumerate() {
        writing.dense(at, column, index(&column.from), learnt.dense[at]);
    }
    for (at, (column, slots)) in schema.sparse.iter().zip(schema.slots()).enumerate() {
        if column.is_crossed() {
            writing.crossed(at, column, slots.start);
            continue;
        }
        writing.sparse(at, column, index(&column.from), slots.start, learnt.sparse[at]);
    }
    let Writing { functions, body, .. } = writing;
    let number = if body.contains("number.there") { "    struct number number;\n" } else { "" };
    let rest = if body.contains("next_part") { "    struct text rest, part;\n" } else { "" };
    let unused: String = [("model", "(model,"), ("numbers", "numbers["), ("ids", "ids")]
        .iter()
        .filter(|(_, what)| !body.contains(what))
        .map(|(name, _)| format!("    (void){name};\n"))
        .collect();
    let text = if body.is_empty() { "    (void)fields;\n" } else { "    struct text text;\n" };
    format!(
        "{functions}/* From the texts of a row to what is computed with; 0, or the number of the column that cannot be read. */\n\
         static int encode(const struct nasrec_model *model, const char *const *fields, float *numbers, uint32_t *ids) {{\n\
         {text}{number}{rest}{unused}{body}    return 0;\n}}\n\n"
    )
}

struct Writing<'a, 'p> {
    schema: &'a Schema,
    encoder: Option<&'a Encoder>,
    pieces: &'p mut Pieces,
    functions: String,
    body: String,
}

impl Writing<'_, '_> {
    /// The condition that a text is read as a number of a type, which `into` then is.
    fn reads_number(&mut self, kind: &Type, text: &str, into: &str) -> String {
        let name = match kind {
            Type::Number | Type::Text | Type::Hex | Type::Time(TimeFormat::Seconds) => "number",
            Type::Int => "whole",
            Type::Bool => "truth",
            Type::Time(TimeFormat::Milliseconds) => "milliseconds",
            Type::Time(TimeFormat::Pattern(pattern)) => {
                self.pieces.need("time");
                return format!("read_time({}, {text}, {into})", literal(pattern));
            }
        };
        self.pieces.need(name);
        format!("read_{name}({text}, {into})")
    }

    fn dense(&mut self, at: usize, column: &DenseColumn, from: usize, learnt: Option<Found>) {
        self.pieces.need("dense_number");
        let wrong = from + 1;
        let mut lines = vec![
            format!("/* {} from {} */", comment(&column.name), comment(&column.from)),
            format!("text = field(fields, {from});"),
        ];
        if let Some(found) = learnt {
            let numbers = self.encoder.and_then(|encoder| encoder.numbers_of(self.schema, at));
            let (missing, unknown) = numbers.map_or((0.0, 0.0), |numbers| (numbers.missing, numbers.unknown));
            let function = self.encoded(at, column, (found, missing, unknown));
            lines.push(format!("number.there = 1, number.value = {missing:?};"));
            lines.push(format!("if (!is_missing(text) && !{function}(model, text, &number.value)) return {wrong};"));
        } else if let Some(Element { separator, index, of }) = &column.element {
            lines.extend(self.element(&column.kind, (separator, *index, *of), wrong));
        } else {
            let reads = self.reads_number(&column.kind, "text", "&number.value");
            lines.push("number.there = !is_missing(text);".to_owned());
            lines.push(format!("if (number.there && !{reads}) return {wrong};"));
        }
        let learnt = self.encoder.map(|encoder| encoder.steps(at)).unwrap_or_default();
        for (step, transform) in column.transforms.iter().enumerate() {
            let [a, b] = learnt.get(step).copied().unwrap_or_default();
            lines.push(match *transform {
                // A bound takes the place of what is no number, too.
                Transform::Max(bound) => {
                    format!("if (number.there && !(number.value >= {bound:?})) number.value = {bound:?};")
                }
                Transform::Min(bound) => {
                    format!("if (number.there && !(number.value <= {bound:?})) number.value = {bound:?};")
                }
                Transform::Log1p => {
                    self.pieces.need("log1p");
                    "if (number.there) number.value = log1p_of(number.value);".to_owned()
                }
                Transform::Missing(fill) => {
                    let fill = if let Fill::Constant(fill) = fill { fill } else { a };
                    format!("if (!number.there) number.there = 1, number.value = {fill:?};")
                }
                Transform::Standardise | Transform::MinMax => {
                    format!("if (number.there) number.value = (number.value - {a:?}) * {b:?};")
                }
            });
            if *transform == Transform::MinMax {
                lines.push("if (number.there && number.value < 0.0) number.value = 0.0;".to_owned());
                lines.push("if (number.there && number.value > 1.0) number.value = 1.0;".to_owned());
            }
        }
        lines.push(format!("numbers[{at}] = number.there ? (float)number.value : 0.0f;"));
        // What training would have refused; what was learnt makes of it what is missing.
        lines.push(match column.is_fitted() {
            true => format!("if (!isfinite(numbers[{at}])) numbers[{at}] = 0.0f;"),
            false => format!("if (!isfinite(numbers[{at}])) return {wrong};"),
        });
        self.add(&lines);
    }

    /// One of a list of numbers.
    fn element(&mut self, kind: &Type, (separator, index, of): (&str, usize, usize), wrong: usize) -> Vec<String> {
        self.pieces.need("next_part");
        let reads = self.reads_number(kind, "part", "&number.value");
        let blank = separator.trim_ascii().is_empty();
        let skip = if blank { "if (part.length == 0) continue; " } else { "" };
        let blanks = if blank { "part = trimmed(part); " } else { "" };
        let trim = if blank { "" } else { "part = trimmed(part); " };
        vec![
            "number.there = 0;".to_owned(),
            "if (!is_missing(text)) {".to_owned(),
            "    size_t count = 0;".to_owned(),
            "    rest = text;".to_owned(),
            "    if (rest.length > 1 && rest.at[0] == '[' && rest.at[rest.length - 1] == ']') rest.at++, rest.length -= 2;".to_owned(),
            format!("    while (next_part(&rest, {}, &part)) {{", literal(separator)),
            format!("        {blanks}{skip}{trim}"),
            format!("        if (count++ != {index} || is_missing(part)) continue;"),
            format!("        if (!{reads}) return {wrong};"),
            "        number.there = 1;".to_owned(),
            "    }".to_owned(),
            format!("    if (count != {of}) return {wrong};"),
            "}".to_owned(),
        ]
    }

    fn sparse(&mut self, at: usize, column: &SparseColumn, from: usize, slot: usize, learnt: Option<Found>) {
        let wrong = from + 1;
        let function = self.row(at, column, learnt);
        let mut lines = vec![
            format!("/* {} from {} */", comment(&column.name), comment(&column.from)),
            format!("text = field(fields, {from});"),
        ];
        match &column.list {
            None => {
                lines.push(format!("ids[{slot}] = 0;"));
                lines.push(format!("if (!is_missing(text) && !{function}(model, text, &ids[{slot}])) return {wrong};"));
            }
            Some(List { separator, most, last, .. }) => {
                self.pieces.need("next_part");
                let separator = literal(separator);
                lines.extend(["{".to_owned(), "    size_t count = 0;".to_owned()]);
                if *last {
                    lines.extend([
                        "    size_t before = 0;".to_owned(),
                        "    rest = text;".to_owned(),
                        format!("    while (!is_missing(text) && next_part(&rest, {separator}, &part)) before += !is_missing(part);"),
                        format!("    before = before > {most} ? before - {most} : 0;"),
                    ]);
                }
                lines.extend([
                    "    rest = text;".to_owned(),
                    format!(
                        "    while (count < {most} && !is_missing(text) && next_part(&rest, {separator}, &part)) {{"
                    ),
                    "        if (is_missing(part)) continue;".to_owned(),
                ]);
                if *last {
                    lines.push("        if (before > 0) { before--; continue; }".to_owned());
                }
                lines.extend([
                    format!("        if (!{function}(model, part, &ids[{slot} + count++])) return {wrong};"),
                    "    }".to_owned(),
                    format!("    if (count == 0) ids[{slot} + count++] = 0;"),
                    format!("    for (; count < {most}; count++) ids[{slot} + count] = UINT32_MAX;"),
                    "}".to_owned(),
                ]);
            }
        }
        self.add(&lines);
    }

    /// See [`Table::crossed`].
    fn crossed(&mut self, at: usize, column: &SparseColumn, slot: usize) {
        let slots: Vec<_> = self.schema.slots().collect();
        let of = self.schema.crossed(at);
        let names = of.iter().map(|&of| comment(&self.schema.sparse[of].name)).collect::<Vec<_>>().join(" and ");
        let mut lines = vec![format!("/* {} of {names} */", comment(&column.name)), "{".to_owned()];
        lines.push("    uint64_t h = 0;".to_owned());
        let (by, within) = (Table::CROSSED_BY, Table::CROSSED_WITHIN);
        lines.extend(of.iter().map(|&of| format!("    h = (h * {by}u + ids[{}]) % {within}u;", slots[of].start)));
        lines.push(format!("    ids[{slot}] = (uint32_t)(h % {}u) + 1u;", column.rows - 1));
        lines.push("}".to_owned());
        self.add(&lines);
    }

    fn add(&mut self, lines: &[String]) {
        lines.iter().for_each(|line| self.body.extend(["    ", line.trim_end(), "\n"]));
        self.body.push('\n');
    }

    /// Statements that make `text` what a category is called, where its type is not text; none of a type that has no categories.
    fn key(&mut self, kind: &Type) -> Option<Vec<String>> {
        let name = match kind {
            Type::Text => return Some(Vec::new()),
            Type::Int => "int",
            Type::Hex => "hex",
            Type::Number | Type::Bool | Type::Time(_) => return None,
        };
        self.pieces.need(&format!("{name}_key"));
        Some(vec!["uint64_t key;".to_owned(), format!("if (!read_{name}(text, &key)) return 0;")])
    }

    /// The same, and the bytes of the key in place of the text.
    fn key_bytes(&mut self, kind: &Type) -> Option<Vec<String>> {
        let mut lines = self.key(kind)?;
        if !lines.is_empty() {
            self.pieces.need("key_text");
            lines.extend(["char room[8];".to_owned(), "text = key_text(key, room);".to_owned()]);
        }
        Some(lines)
    }

    /// A function that says which number a category becomes; its name.
    fn encoded(&mut self, at: usize, column: &DenseColumn, (found, missing, unknown): (Found, f64, f64)) -> String {
        let lines = match self.key_bytes(&column.kind) {
            Some(mut lines) => {
                self.pieces.need("known");
                let Found { at, count, becomes } = found;
                lines.push(format!("uint32_t place = known(model, {at}u, {count}u, text);"));
                lines.push(format!("*number = {unknown:?};"));
                lines.push(format!(
                    "if (place < {count}u) memcpy(number, model->bytes + {becomes}u + 8 * (size_t)place, 8);"
                ));
                lines
            }
            None => vec![format!("*number = {missing:?};")],
        };
        self.function(&format!("encoded_{at}"), &column.name, "double *number", &lines)
    }

    /// A function that says which row of its table a value becomes; its name.
    fn row(&mut self, at: usize, column: &SparseColumn, learnt: Option<Found>) -> String {
        let rows = column.rows;
        let mut lines = Vec::new();
        let found = learnt.unwrap_or(Found { at: 0, count: 0, becomes: 0 });
        match &column.table {
            Table::Modulo => match self.key(&column.kind).filter(|lines| !lines.is_empty()) {
                Some(key) => {
                    self.pieces.need("modulo");
                    lines.extend(key);
                    lines.push(format!("*row = modulo(key, {rows}u);"));
                }
                None => lines.push("*row = 0;".to_owned()),
            },
            Table::Hash { seed } => match self.key_bytes(&column.kind) {
                Some(key) => {
                    self.pieces.need("hashed");
                    lines.extend(key);
                    lines.push(format!("*row = hashed(text, {seed}u, {rows}u);"));
                }
                None => lines.push("*row = 0;".to_owned()),
            },
            Table::Vocabulary { .. } => match self.key_bytes(&column.kind) {
                Some(key) => {
                    self.pieces.need("known");
                    let Found { at, count, becomes } = found;
                    lines.extend(key);
                    lines.push(format!("uint32_t place = known(model, {at}u, {count}u, text);"));
                    lines.push(format!(
                        "*row = place < {count}u ? read_32(model->bytes + {becomes}u + 4 * (size_t)place) : 1u;"
                    ));
                }
                None => lines.push("*row = 0;".to_owned()),
            },
            table => {
                let reads = self.reads_number(&column.kind, "text", "&number");
                lines.extend(["double number;".to_owned(), format!("if (!{reads}) return 0;")]);
                lines.push(self.row_of_number(table, found));
            }
        }
        self.function(&format!("row_{at}"), &column.name, "uint32_t *row", &lines)
    }

    fn row_of_number(&mut self, table: &Table, Found { at, count, .. }: Found) -> String {
        let (piece, row) = match table {
            Table::Quantiles => ("reached", format!("reached(model, {at}u, {count}u, number) + 1")),
            Table::LogSquare | Table::LogBuckets { .. } => {
                let name = if *table == Table::LogSquare { "log_square" } else { "log_buckets" };
                let zero = table.row_of_number(0.0).unwrap_or_default();
                (name, format!("{name}(model, {at}u, {count}u, {zero}u, number)"))
            }
            Table::Enumerated(part) => {
                let letter = match part {
                    Part::Truth => "",
                    Part::Hour => "'h'",
                    Part::Weekday => "'w'",
                    Part::Weekend => "'e'",
                    Part::Day => "'d'",
                    Part::Month => "'m'",
                };
                if letter.is_empty() {
                    ("truth_row", "truth_row(number)".to_owned())
                } else {
                    ("part_of_time", format!("part_of_time({letter}, number)"))
                }
            }
            Table::Modulo | Table::Hash { .. } | Table::Vocabulary { .. } | Table::Cross { .. } => {
                return "*row = 0;".to_owned();
            }
        };
        self.pieces.need(piece);
        format!("*row = {row};")
    }

    fn function(&mut self, name: &str, column: &str, result: &str, lines: &[String]) -> String {
        let body: String = lines.iter().map(|line| format!("    {line}\n")).collect();
        let unused = ["model", "text"].into_iter().filter(|name| !body.contains(name));
        let unused: String = unused.map(|name| format!("    (void){name};\n")).collect();
        let _written = writeln!(
            self.functions,
            "/* {} */\nstatic int {name}(const struct nasrec_model *model, struct text text, {result}) {{\n{unused}{body}    return 1;\n}}\n",
            comment(column)
        );
        name.to_owned()
    }
}
