//! From text to a syntax tree.
//!
//! Lives here: joining lines, the grammar's pairs made into a tree, and syntax errors in words. Never: names
//! resolved, kinds, sizes. Parsing never fails: it returns what it understood and diagnostics.

mod expressions;
mod items;
mod lines;
pub mod tree;

use nasrec_grammar::{NasrecParser, Rule, describe, is_keyword};
use pest::Parser;
use pest::error::{ErrorVariant, InputLocation};
use pest::iterators::Pair;

use crate::diagnostics::{Code, Diagnostic, FileId, Span};

/// The language version that this compiler speaks.
pub const LANGUAGE_VERSION: u32 = 1;

/// Largest file, in bytes.
const MAX_BYTES: usize = 16 << 20;
/// Deepest nesting of brackets.
const MAX_NESTING: usize = 64;

/// What a pair consists of, without its keywords.
trait Parts<'a> {
    fn parts(self) -> impl Iterator<Item = Pair<'a, Rule>>;
}

impl<'a> Parts<'a> for Pair<'a, Rule> {
    fn parts(self) -> impl Iterator<Item = Pair<'a, Rule>> {
        self.into_inner().filter(|pair| !is_keyword(pair.as_rule()))
    }
}

/// The reading of one file.
pub(crate) struct Reader {
    file: FileId,
    diagnostics: Vec<Diagnostic>,
}

/// Parses one file.
pub fn parse(file: FileId, source: &str) -> (tree::File, Vec<Diagnostic>) {
    nasrec_grammar::limit_work();
    let mut reader = Reader { file, diagnostics: Vec::new() };
    let mut tree = tree::File::default();
    if source.len() > MAX_BYTES {
        let message = format!("this file has {} bytes; at most {MAX_BYTES} are read", source.len());
        return (tree, vec![Diagnostic::error(Code::TooLarge, message).label(Span::new(file, 0, 0), "here")]);
    }
    let joined = lines::join(source);
    if let Some(at) = too_deep(&joined.text) {
        let message = format!("brackets are nested more than {MAX_NESTING} deep");
        return (
            tree,
            vec![Diagnostic::error(Code::TooLarge, message).label(Span::new(file, at, at + 1), "too deep from here")],
        );
    }
    for unbalanced in &joined.unbalanced {
        let bracket = unbalanced.bracket as char;
        let message = match bracket {
            '(' | '[' | '{' => format!("this `{bracket}` is never closed"),
            _ => format!("this `{bracket}` closes nothing"),
        };
        let span = Span::new(file, unbalanced.at, unbalanced.at + 1);
        reader.diagnostics.push(Diagnostic::error(Code::Unbalanced, message).label(span, "no partner"));
    }
    for (index, range) in joined.items.iter().enumerate() {
        // A bracket error has been told; what else the grammar would say of this item is its echo.
        if joined.unbalanced.iter().any(|u| u.item == index) {
            continue;
        }
        reader.item(&joined.text[range.clone()], range.start, index, &mut tree);
    }
    (tree, reader.diagnostics)
}

/// Parses `a.b=value`, the argument of `--set`.
pub fn parse_override(file: FileId, source: &str) -> Result<tree::Setting, Diagnostic> {
    nasrec_grammar::limit_work();
    let mut reader = Reader { file, diagnostics: Vec::new() };
    let parsed = if too_deep(source).is_none() {
        NasrecParser::parse(Rule::one_override, source)
    } else {
        return Err(Diagnostic::error(Code::TooLarge, "brackets are nested too deep"));
    };
    match parsed {
        Ok(mut pairs) => {
            let setting = reader.override_setting(pairs.next().expect("the rule was matched"), 0);
            match reader.diagnostics.pop() {
                Some(diagnostic) => Err(diagnostic),
                None => Ok(setting),
            }
        }
        Err(error) => Err(reader.syntax_error(error, source, 0)),
    }
}

fn too_deep(text: &str) -> Option<usize> {
    let mut depth = 0usize;
    text.bytes().enumerate().find_map(|(at, byte)| {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        (depth > MAX_NESTING).then_some(at)
    })
}

impl Reader {
    fn span(&self, pair: &Pair<'_, Rule>, offset: usize) -> Span {
        let span = pair.as_span();
        let trimmed = span.as_str().trim_end().len();
        Span::new(self.file, offset + span.start(), offset + span.start() + trimmed)
    }

    /// pest's error in words; `offset` is where the parsed text starts in the file.
    fn syntax_error(&self, error: pest::error::Error<Rule>, text: &str, offset: usize) -> Diagnostic {
        let start = match error.location {
            InputLocation::Pos(at) | InputLocation::Span((at, _)) => at.min(text.len()),
        };
        let rest = &text[start..];
        let found: String = match rest.chars().next() {
            Some(c) if c.is_alphanumeric() || c == '_' => {
                rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
            }
            Some(c) => c.to_string(),
            None => String::new(),
        };
        let mut expected: Vec<&str> = match &error.variant {
            ErrorVariant::ParsingError { positives, .. } => positives.iter().filter_map(|&r| describe(r)).collect(),
            ErrorVariant::CustomError { .. } => {
                let span = Span::new(self.file, offset + start, offset + start);
                return Diagnostic::error(Code::TooLarge, "this is too much for one item to parse").label(span, "here");
            }
        };
        expected.sort_unstable();
        expected.dedup();
        let what = match found.trim() {
            "" if rest.is_empty() || rest.trim().is_empty() => "unexpected end".to_owned(),
            "" => "unexpected end of the line".to_owned(),
            found => format!("unexpected `{found}`"),
        };
        let span = Span::new(self.file, offset + start, offset + start + found.trim().len());
        let label = match expected.as_slice() {
            [] => "not understood here".to_owned(),
            [one] => format!("expected {one}"),
            [all @ .., last] => format!("expected {} or {last}", all.join(", ")),
        };
        Diagnostic::error(Code::Syntax, what).label(span, label)
    }
}
