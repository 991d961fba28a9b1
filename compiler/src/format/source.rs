//! A person's source file, laid out anew.
//!
//! Layout works on tokens, so that it needs no change for most changes of the grammar; that nothing but layout has
//! changed is proved afterwards, by the grammar.

use crate::diagnostics::{Diagnostic, FileId};
use crate::syntax;

use super::groups::group;
use super::printer::print;
use super::reading::read;
use super::tokens::tokens;

/// Why a text was not formatted.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// It does not parse.
    Syntax(Vec<Diagnostic>),
    /// The proof failed: a mistake of the formatter.
    Unproved(&'static str),
}

/// Formats a text, and proves that the result has the same tree and the same comments.
pub fn format_source(file: FileId, source: &str) -> Result<String, Refusal> {
    let (_, diagnostics) = syntax::parse(file, source);
    if !diagnostics.is_empty() {
        return Err(Refusal::Syntax(diagnostics));
    }
    let before = read(source).ok_or(Refusal::Unproved("the text was parsed but cannot be read again"))?;
    let nodes = group(source, &before).ok_or(Refusal::Unproved("the text was parsed but its brackets do not match"))?;
    let formatted = print(&nodes);
    let after = read(&formatted).ok_or(Refusal::Unproved("the formatted text does not parse"))?;
    if before.outline != after.outline {
        return Err(Refusal::Unproved("the formatted text parses to another tree"));
    }
    if !comments(source).eq(comments(&formatted)) {
        return Err(Refusal::Unproved("the formatted text has other comments"));
    }
    Ok(formatted)
}

/// The comments of a text, in order, documentation included.
pub fn comments(source: &str) -> impl Iterator<Item = &str> {
    tokens(source).into_iter().filter(|token| token.is_comment()).map(|token| token.text)
}
