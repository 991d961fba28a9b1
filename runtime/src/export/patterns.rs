//! Times by a pattern, as far as encoders outside of nasrecc read them.

use nasrec_compiler::schema::{Schema, TimeFormat, Type};

use crate::Result;
use crate::error::ExportError;

/// What a pattern of a time may say.
const DIRECTIVES: &str = "YymdHMS";

/// Fails where a column is a time that a format's encoder cannot read as training did.
pub(super) fn check(schema: &Schema, format: &'static str) -> Result<()> {
    let dense = schema.dense.iter().map(|column| (&column.name, &column.kind));
    let sparse = schema.sparse.iter().map(|column| (&column.name, &column.kind));
    for (name, kind) in dense.chain(sparse) {
        let Type::Time(TimeFormat::Pattern(pattern)) = kind else { continue };
        let mut parts = pattern.split('%');
        let plain = parts.next().is_some_and(|first| !first.contains(|c: char| c.is_ascii_whitespace() && c != ' '));
        if !plain || parts.any(|part| !part.starts_with(|first| DIRECTIVES.contains(first))) {
            let what = format!("column {name} is a time written as {pattern:?}");
            let remedy = "it reads %Y, %y, %m, %d, %H, %M and %S; write times as these, or as seconds since 1970";
            return Err(ExportError::Beyond { format, what, remedy }.into());
        }
    }
    Ok(())
}
