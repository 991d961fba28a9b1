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
                    self.report(self.syntax_error(&error, &text, offset));
                }
                // Where a body goes on after its value, that value is what has to go.
                let before = text[..at].trim_end().len();
                let after_value = follows_a_value(&error, &text, at) && before > 0;
                let statements = if after_value { self::statements(&text, before - 1) } else { statements };
                let lost = statements.into_iter().find(|s| !s.is_empty() && !is_lost(s))?;
                self.lost.insert((offset + lost.start) as u32, names(&text[lost.clone()]));
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

    /// The names that a lost statement may have defined.
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
        if line.is_empty() || at >= line.end || innermost(&text[..at]) != Some(b'{') {
            return None;
        }
        // A label without its colon: `other fc(x, w)`.
        let label = text.get(line.start..at).is_some_and(|first| {
            let (word, gap) = (first.trim_end(), first.len() - first.trim_end().len());
            gap > 0 && !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        });
        if label {
            let before = text[..at].trim_end().len();
            let mut labelled = text.to_owned();
            labelled.replace_range(before..=before, ":");
            self.parsed_again += text.len();
            if stops_at(rule, &labelled) >= line.end {
                return Some((labelled, Fix::insert(self.file, offset + before, ":")));
            }
        }
        let mut separated = text.to_owned();
        let mut next = at;
        let mut first = None;
        for _ in 0..MAX_SEPARATORS {
            let before = separated[..next].trim_end_matches([' ', '\t']).len();
            let comma = separated.as_bytes().get(next) == Some(&b',');
            if innermost(&separated[..next]) != Some(b'{') || before <= line.start || !comma && before == next {
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
        let word = found(&text[at..]);
        let comma = word == ",";
        let span = Span::new(self.file, offset + at, offset + at + word.len());
        let label = if comma {
            "expected `;` or a line break"
        } else if fix.replacement == ":" {
            "expected `:` before it"
        } else {
            "expected `;` or a line break before it"
        };
        Diagnostic::error(Code::Syntax, format!("unexpected `{word}`"))
            .label(span, label)
            .help_if((fix.replacement == ";").then(|| "between `{ }`, a line break or `;` separates".to_owned()))
            .fix_if(Some(fix))
    }
}

/// What a statement may have defined: its first words, and what follows a word that defines.
fn names(text: &str) -> Vec<String> {
    let mut names = first_words(text);
    let words: Vec<&str> =
        text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).filter(|word| !word.is_empty()).collect();
    let defined = words.windows(2).filter(|pair| ["let", "width", "input", "block"].contains(&pair[0]));
    names.extend(defined.map(|pair| pair[1].to_owned()));
    // `let (a, b) = …` would have defined both.
    if let Some((several, _)) =
        text.strip_prefix("let").and_then(|rest| rest.trim_start().strip_prefix('(')?.split_once(')'))
    {
        names.extend(several.split(',').map(|name| name.trim().to_owned()));
    }
    names
}

/// Whether a place can only be the end of a body: a value has just ended on a line before.
pub(super) fn follows_a_value(error: &Error<Rule>, text: &str, at: usize) -> bool {
    let ErrorVariant::ParsingError { positives, .. } = &error.variant else { return false };
    let before = text[..at].trim_end();
    positives.iter().all(|&rule| rule == Rule::end)
        && text[before.len()..at].contains('\n')
        && innermost(before) == Some(b'{')
}

/// The word, or the sign, that a text begins with.
pub(super) fn found(rest: &str) -> &str {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    match rest.find(|c| !word(c)) {
        Some(0) => &rest[..rest.chars().next().map_or(0, char::len_utf8)],
        Some(end) => &rest[..end],
        None => rest,
    }
}

/// The innermost bracket that is open after this text.
pub(super) fn innermost(before: &str) -> Option<u8> {
    open_brackets(before).last().map(|&at| before.as_bytes()[at])
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
fn open_brackets(before: &str) -> Vec<usize> {
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
