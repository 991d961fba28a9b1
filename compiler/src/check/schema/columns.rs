//! The names of columns, as a schema writes them.

use super::{MAX_COLUMNS, Reading, only};
use crate::check::settings::whole;
use crate::diagnostics::{Code, Diagnostic};
use crate::syntax::tree::{Columns, ExprKind, SchemaLine};

/// The names of `I[1..13]`: `I1` to `I13`.
pub(crate) fn names(columns: &Columns) -> Result<Vec<String>, Diagnostic> {
    let text = &columns.name.text;
    if text.is_empty() && (columns.quoted || columns.range.is_none()) {
        return Err(
            Diagnostic::error(Code::Schema, "a column without a name").label(columns.name.span, "nothing in it")
        );
    }
    let Some(range) = &columns.range else { return Ok(vec![text.clone()]) };
    let bounds = match &range.kind {
        ExprKind::Range { lo, hi, step: None } => whole(lo).zip(whole(hi)),
        _ => whole(range).map(|n| (n, n)),
    };
    match bounds {
        Some((lo, hi)) if lo <= hi && hi - lo < MAX_COLUMNS => Ok((lo..=hi).map(|i| format!("{text}{i}")).collect()),
        _ => Err(Diagnostic::error(Code::Schema, "these columns are not understood")
            .label(range.span, "expected a range, such as `1..13`")),
    }
}

/// The columns that a line makes, and those of the file that it makes them of.
pub(super) fn made(line: &SchemaLine) -> Result<Vec<(String, String)>, Diagnostic> {
    let names_of = |all: &[Columns]| all.iter().map(names).collect::<Result<Vec<_>, _>>().map(|all| all.concat());
    let made = names_of(&line.columns)?;
    let Some(from) = &line.from else { return Ok(made.iter().map(|name| (name.clone(), name.clone())).collect()) };
    let sources = names(from)?;
    match sources.len() {
        1 => Ok(made.into_iter().map(|name| (name, sources[0].clone())).collect()),
        len if len == made.len() => Ok(made.into_iter().zip(sources).collect()),
        len => {
            let message = format!("{} columns cannot be made of {len}", made.len());
            Err(Diagnostic::error(Code::Schema, message).label(from.name.span, "expected one each, or one for all"))
        }
    }
}

impl Reading {
    /// `skip a, b`
    pub(super) fn skip(&mut self, line: &SchemaLine) -> Result<(), Diagnostic> {
        only(line, &[])?;
        for columns in &line.columns {
            self.mention(&names(columns)?);
        }
        Ok(())
    }
}
