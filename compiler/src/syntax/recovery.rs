//! Going on after a mistake: the statement that holds it is blotted out, and its item is parsed again.
//!
//! What a statement is does not matter: a line of a space, an operator's body, a schema, a search or an architecture is
//! what stands between line breaks and `;` inside the innermost `{ }`. The grammar takes a blotted one (its rule `lost`)
//! wherever it takes a statement; where it takes none, the next `{ }` outwards gives up its statement, and says nothing.

use std::ops::Range;

use nasrec_grammar::{NasrecParser, Rule};
use pest::Parser;
use pest::error::{Error, ErrorVariant, InputLocation};

use super::items::first_words;
use super::lines::Joined;
use super::{MAX_FINDINGS, Reader};
use crate::diagnostics::{Code, Diagnostic, Fix, Span};

/// What a lost statement is overwritten with: as many bytes as it had, so that places stay what they are.
const BLOT: u8 = 1;
/// Most bytes of a file that are parsed again.
const MAX_PARSED_AGAIN: usize = 16 << 20;
/// Most separators that are put into one statement.
const MAX_SEPARATORS: usize = 16;

/// A blot that is in the file already is no lost statement.
pub(super) fn without_blots(mut joined: Joined) -> Joined {
    if joined.text.as_bytes().contains(&BLOT) {
        joined.text = joined.text.replace(char::from(BLOT), "\u{2}");
    }
    joined
}

impl Reader {
    /// Reports the syntax errors of an item, `error` first, and returns its text without the statements that hold them;
    /// `None` where that leaves nothing to read.
    pub(super) fn repair(&mut self, rule: Rule, text: &str, offset: usize, error: Error<Rule>) -> Option<String> {
        let mut text = text.to_owned();
        let mut error = error;
        loop {
            let at = place(&error).min(text.len());
            let parsed = matches!(error.variant, ErrorVariant::ParsingError { .. });
            let statements: Vec<Range<usize>> = if parsed { statements(&text, at) } else { Vec::new() };
            let innermost = statements.first().cloned().unwrap_or_default();
            if let Some((separated, fix)) = self.separate(rule, &text, at, &innermost, offset) {
                self.report(self.not_separated(&text, at, offset, fix));
                text = separated;
            } else {
                let is_lost = |s: &Range<usize>| text.as_bytes()[s.clone()].iter().all(|&byte| byte == BLOT);
                let echo = statements.iter().any(|s| !s.is_empty() && is_lost(s));
                if !echo {
                    self.report(self.syntax_error(error, &text, offset));
                }
                let lost = statements.into_iter().find(|s| !s.is_empty() && !is_lost(s))?;
                self.lost.insert((offset + lost.start) as u32, first_words(&text[lost.clone()]));
                text = blotted(&text, &lost);
            }
            self.parsed_again += text.len();
            if self.diagnostics.len() >= MAX_FINDINGS || self.parsed_again > MAX_PARSED_AGAIN {
                return None;
            }
            match NasrecParser::parse(rule, &text) {
                Ok(_) => return Some(text),
                Err(next) => error = next,
            }
        }
    }

    /// The first words of a lost statement.
    pub(super) fn lost_words(&self, span: Span) -> Vec<String> {
        self.lost.get(&span.start).cloned().unwrap_or_default()
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Two statements or more on one line with nothing, or a comma, between them: the text with `;` there, and what puts
    /// the first place right. `None` where that is no better than to lose the line.
    fn separate(
        &mut self,
        rule: Rule,
        text: &str,
        at: usize,
        line: &Range<usize>,
        offset: usize,
    ) -> Option<(String, Fix)> {
        let mut separated = text.to_owned();
        let mut next = at;
        let mut first = None;
        for _ in 0..MAX_SEPARATORS {
            let opened = open_brackets(&separated[..next]).last().map(|&open| separated.as_bytes()[open]);
            let before = separated[..next].trim_end_matches([' ', '\t']).len();
            let comma = separated.as_bytes().get(next) == Some(&b',');
            if opened != Some(b'{') || before <= line.start || !comma && before == next {
                return None;
            }
            let (place, fix) = if comma {
                (next, Fix::replace(Span::new(self.file, offset + next, offset + next + 1), ";"))
            } else {
                (before, Fix::insert(self.file, offset + before, ";"))
            };
            first.get_or_insert(fix);
            separated.replace_range(place..=place, ";");
            self.parsed_again += 2 * text.len();
            let stops = stops_at(rule, &separated);
            if stops >= line.end {
                return (stops >= stops_at(rule, &blotted(text, line))).then_some((separated, first?));
            }
            if stops <= next {
                return None;
            }
            next = stops;
        }
        None
    }

    fn not_separated(&self, text: &str, at: usize, offset: usize, fix: Fix) -> Diagnostic {
        let word: String = text[at..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let comma = text[at..].starts_with(',');
        let span = Span::new(self.file, offset + at, offset + at + word.len().max(1));
        let (message, label) = if comma {
            ("a comma between statements".to_owned(), "expected `;` or a line break")
        } else {
            (format!("`{word}` is on the line of the statement before"), "expected `;` or a line break before this")
        };
        Diagnostic::error(Code::Syntax, message)
            .label(span, label)
            .help_if(comma.then(|| "between `{ }`, a line break or `;` separates".to_owned()))
            .fix_if(Some(fix))
    }
}

fn place(error: &Error<Rule>) -> usize {
    match error.location {
        InputLocation::Pos(at) | InputLocation::Span((at, _)) => at,
    }
}

fn stops_at(rule: Rule, text: &str) -> usize {
    NasrecParser::parse(rule, text).err().map_or(usize::MAX, |error| place(&error))
}

fn blotted(text: &str, lost: &Range<usize>) -> String {
    let mut blotted = text.to_owned();
    blotted.replace_range(lost.clone(), &char::from(BLOT).to_string().repeat(lost.len()));
    blotted
}

/// Where code is: not in a text in quotes, nor in documentation.
fn code(text: &str, from: usize) -> impl Iterator<Item = (usize, u8)> {
    let bytes = text.as_bytes();
    let mut at = from;
    std::iter::from_fn(move || {
        while at < bytes.len() {
            let here = at;
            at += 1;
            match bytes[here] {
                b'"' => {
                    let rest = bytes[at..].iter().position(|&byte| byte == b'"' || byte == b'\n');
                    at = rest.map_or(bytes.len(), |rest| at + rest + usize::from(bytes[at + rest] == b'"'));
                }
                b'/' if bytes[at..].starts_with(b"//") => {
                    at = bytes[at..].iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |rest| at + rest);
                }
                byte => return Some((here, byte)),
            }
        }
        None
    })
}

/// The places of the brackets that are open after this text, from the outside in.
pub(super) fn open_brackets(before: &str) -> Vec<usize> {
    let mut open = Vec::new();
    for (at, byte) in code(before, 0) {
        match byte {
            b'(' | b'[' | b'{' => open.push(at),
            b')' | b']' | b'}' => {
                open.pop();
            }
            _ => {}
        }
    }
    open
}

/// The statements around a place, from the inside out, without the white space around them; one is empty where nothing
/// stands before the place.
fn statements(text: &str, at: usize) -> Vec<Range<usize>> {
    let braces = open_brackets(&text[..at]).into_iter().rev().filter(|&open| text.as_bytes()[open] == b'{');
    braces.map(|open| statement(text, open + 1, at)).collect()
}

/// The statement that holds a place, of those that start at `from`.
fn statement(text: &str, from: usize, at: usize) -> Range<usize> {
    let (mut start, mut end, mut depth) = (from, text.len(), 0usize);
    for (here, byte) in code(text, from) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' if depth > 0 => depth -= 1,
            b'}' | b'\n' | b';' if depth == 0 => {
                if here >= at || byte == b'}' {
                    end = here;
                    break;
                }
                start = here + 1;
            }
            _ => {}
        }
    }
    // Documentation belongs to the statement, but is no reason to lose it.
    let held = &text[start..end];
    let start = start + held.len() - held.trim_start().len();
    start..start + text[start..end].trim_end().len()
}
