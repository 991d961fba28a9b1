//! How the values of a column are written.

use super::called;
use crate::diagnostics::{Code, Diagnostic, nearest};
use crate::schema::{TimeFormat, Type};
use crate::syntax::tree::Written;

/// Their names, and what they say.
pub(crate) const TYPES: [(&str, &str); 7] = [
    ("number", "any decimal number"),
    ("int", "a whole number, negative or not"),
    ("hex", "at most 16 hexadecimal digits"),
    ("text", "any text"),
    ("bool", "0 or 1, true or false, yes or no"),
    ("seconds", "seconds since 1970"),
    ("milliseconds", "milliseconds since 1970"),
];

/// Longest pattern of a time, in bytes.
const LONGEST_PATTERN: usize = 100;

pub(super) fn read(written: &Written) -> Result<Type, Diagnostic> {
    if written.quoted {
        return pattern(written);
    }
    called(&written.name, &written.args).only(&[])?;
    Ok(match written.name.text.as_str() {
        "number" => Type::Number,
        "int" => Type::Int,
        "hex" => Type::Hex,
        "text" => Type::Text,
        "bool" => Type::Bool,
        "seconds" => Type::Time(TimeFormat::Seconds),
        "milliseconds" => Type::Time(TimeFormat::Milliseconds),
        other => {
            let known = TYPES.map(|(name, _)| name);
            let near = nearest(other, known);
            return Err(Diagnostic::error(Code::Schema, format!("the type `{other}` is not known"))
                .label(written.name.span, format!("expected {}, or a pattern such as \"%Y-%m-%d\"", known.join(", ")))
                .did_you_mean(written.name.span, other, near));
        }
    })
}

/// What stands behind a `%` in a pattern.
pub(crate) const DIRECTIVES: [char; 15] = ['Y', 'y', 'm', 'd', 'H', 'M', 'S', 'f', 'b', 'B', 'j', 'z', 'T', 'F', '%'];

fn pattern(written: &Written) -> Result<Type, Diagnostic> {
    let text = &written.name.text;
    let mut letters = text.chars();
    let mut directives = 0;
    while let Some(letter) = letters.next() {
        if letter != '%' {
            continue;
        }
        directives += 1;
        let found = letters.next();
        if !found.is_some_and(|letter| DIRECTIVES.contains(&letter)) {
            let known = DIRECTIVES.map(|letter| format!("%{letter}")).join(" ");
            let found = found.map_or_else(|| "%".to_owned(), |letter| format!("%{letter}"));
            return Err(Diagnostic::error(
                Code::Schema,
                format!("`{found}` is not understood in the pattern of a time"),
            )
            .label(written.name.span, format!("expected {known}")));
        }
    }
    if directives == 0 || text.len() > LONGEST_PATTERN {
        return Err(Diagnostic::error(Code::Schema, "this is no pattern of a time")
            .label(written.name.span, "expected a text such as \"%Y-%m-%d %H:%M:%S\""));
    }
    Ok(Type::Time(TimeFormat::Pattern(text.clone())))
}
