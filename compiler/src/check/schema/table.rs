//! What a schema says of the whole table: its format, what is missing, and the label.

use super::columns::names;
use super::{Reading, Says, called, one, only};
use crate::check::settings::number;
use crate::diagnostics::{Code, Diagnostic, nearest};
use crate::schema::{Comparand, Comparison, Condition, Format, Label, Lines, Pairs};
use crate::syntax::tree::{Binary, Columns, ExprKind, SchemaLine};

/// Formats of files, and what they are.
pub(crate) const FORMATS: [(&str, &str); 6] = [
    ("csv", "values between commas, a header, quotes"),
    ("tsv", "values between tabs"),
    ("parquet", "columns with names and types"),
    ("libsvm", "a label, and index:value for what is not 0"),
    ("libffm", "a label, and field:index:value"),
    ("libfm", "a label, and category:1 for each column"),
];

/// Most bytes of a text that stands for a missing value.
const LONGEST_MARK: usize = 100;

/// Most labels of a schema.
const MAX_LABELS: usize = 16;

impl Reading {
    /// `format csv(separator: ";")`
    pub(super) fn format(&mut self, line: &SchemaLine) -> Result<(), Diagnostic> {
        const ARGS: [&str; 4] = ["separator", "header", "quotes", "escape"];
        only(line, &[Says::Arguments])?;
        let name = &one(line)?.name;
        let format = match name.text.as_str() {
            "tsv" => Format::TSV,
            "csv" => Format::Lines(Lines::CSV),
            "parquet" => Format::Parquet,
            "libsvm" => Format::Pairs(Pairs::Libsvm),
            "libffm" => Format::Pairs(Pairs::Libffm),
            "libfm" => Format::Pairs(Pairs::Libfm),
            other => {
                let known = FORMATS.map(|(name, _)| name);
                let near = nearest(other, known);
                return Err(Diagnostic::error(Code::Schema, format!("the format `{other}` is not known"))
                    .label(name.span, format!("expected {}", known.map(|name| format!("`{name}`")).join(", ")))
                    .did_you_mean(name.span, other, near));
            }
        };
        if self.formatted {
            return Err(Diagnostic::error(Code::Duplicate, "a schema has one format").label(line.span, "a second one"));
        }
        self.formatted = true;
        let called = called(name, &line.args);
        let Format::Lines(Lines { separator, header, quotes, .. }) = format else {
            self.schema.format = format;
            return called.only(&[]);
        };
        called.only(&ARGS)?;
        let separator = match called.expr(&ARGS, "separator") {
            None => separator,
            Some(given) => match &given.kind {
                ExprKind::Text(text) if text == "\\t" => b'\t',
                ExprKind::Text(text) if matches!(text.as_bytes(), [one] if is_separator(*one)) => text.as_bytes()[0],
                _ => {
                    return Err(Diagnostic::error(Code::Schema, "this cannot stand between values").label(
                        given.span,
                        "expected one character in quotes, such as \";\", and no letter, digit, quote or blank",
                    ));
                }
            },
        };
        let (header, quotes) = (called.switch(&ARGS, "header", header)?, called.switch(&ARGS, "quotes", quotes)?);
        let escape = match called.expr(&ARGS, "escape") {
            None => None,
            Some(given) => match &given.kind {
                ExprKind::Text(text) if matches!(text.as_bytes(), [one] if is_escape(*one) && *one != separator) => {
                    text.bytes().next()
                }
                _ => {
                    return Err(Diagnostic::error(
                        Code::Schema,
                        "this cannot stand before what is no separator or quote",
                    )
                    .label(given.span, "expected one character in quotes, such as \"\\\", and not the separator"));
                }
            },
        };
        self.schema.format = Format::Lines(Lines { separator, header, quotes, escape });
        Ok(())
    }

    /// `missing "NA", "?"`
    pub(super) fn missing(&mut self, line: &SchemaLine) -> Result<(), Diagnostic> {
        only(line, &[])?;
        for mark in &line.columns {
            if !mark.quoted || mark.range.is_some() || mark.name.text.len() > LONGEST_MARK {
                return Err(Diagnostic::error(Code::Schema, "what stands for a missing value is a text")
                    .label(mark.name.span, "expected a text in double quotes, such as \"NA\""));
            }
            // Nothing at all is missing in any case.
            if !mark.name.text.is_empty() && !self.schema.missing.contains(&mark.name.text) {
                self.schema.missing.push(mark.name.text.clone());
            }
        }
        Ok(())
    }

    /// `label rating >= 4`, or `label liked from rating >= 4`
    pub(super) fn label(&mut self, line: &SchemaLine) -> Result<(), Diagnostic> {
        only(line, &[Says::From, Says::Condition])?;
        let columns = one(line)?;
        let several = |columns: &Columns| {
            Diagnostic::error(Code::Duplicate, "a label is made of one column")
                .label(columns.name.span, "several columns")
                .help("each label has a line of its own")
        };
        let [called] = &names(columns)?[..] else { return Err(several(columns)) };
        let from = match &line.from {
            Some(from) => match &names(from)?[..] {
                [from] => from.clone(),
                _ => return Err(several(from)),
            },
            None => called.clone(),
        };
        let known = || self.schema.labels().filter(|label| !label.column.is_empty());
        if known().any(|label| label.name() == called) {
            let message = format!("there are two labels called `{called}`");
            return Err(Diagnostic::error(Code::Duplicate, message)
                .label(line.span, "a second one")
                .help("another name: `label loved from rating >= 5`"));
        }
        if known().count() == MAX_LABELS {
            let message = format!("more than {MAX_LABELS} labels");
            return Err(Diagnostic::error(Code::TooLarge, message).label(line.span, "one too many"));
        }
        let condition = match &line.condition {
            None => None,
            Some((binary, value)) => {
                let with = match &value.kind {
                    ExprKind::Text(text) => Comparand::Text(text.clone()),
                    _ => Comparand::Number(number(value).unwrap_or(0.0)),
                };
                let comparison = comparison(*binary);
                if matches!(with, Comparand::Text(_)) && !matches!(comparison, Comparison::Equal | Comparison::Unequal)
                {
                    return Err(Diagnostic::error(Code::Schema, "a text is equal to another or not")
                        .label(value.span, "expected a number, or `==` or `!=` before it"));
                }
                Some(Condition { comparison, with })
            }
        };
        self.mention(std::slice::from_ref(&from));
        let label = Label { called: (*called != from).then(|| called.clone()), column: from, condition };
        if self.schema.label.column.is_empty() {
            self.schema.label = label;
        } else {
            self.schema.other_labels.push(label);
        }
        Ok(())
    }
}

fn is_separator(byte: u8) -> bool {
    byte == b'\t' || is_escape(byte)
}

fn is_escape(byte: u8) -> bool {
    byte.is_ascii_punctuation() && !matches!(byte, b'"' | b'.' | b'-' | b'+' | b'_')
}

fn comparison(binary: Binary) -> Comparison {
    match binary {
        Binary::Unequal => Comparison::Unequal,
        Binary::Less => Comparison::Less,
        Binary::AtMost => Comparison::AtMost,
        Binary::Greater => Comparison::Greater,
        Binary::AtLeast => Comparison::AtLeast,
        _ => Comparison::Equal,
    }
}
