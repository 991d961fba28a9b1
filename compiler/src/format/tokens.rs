//! Source text as tokens that lose nothing: comments and line breaks are kept, only blanks are not.

use std::ops::Range;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Word,
    /// With its exponent, suffix and `%`.
    Number,
    Text,
    /// `//` and `///`, without the line break.
    Comment,
    Open,
    Close,
    /// Operators and punctuation.
    Sign,
}

#[derive(Clone, Debug)]
pub(crate) struct Token<'a> {
    pub kind: Kind,
    pub text: &'a str,
    pub start: usize,
    /// Line breaks between the token before and this one.
    pub breaks: usize,
}

impl Token<'_> {
    pub fn is(&self, text: &str) -> bool {
        self.text == text && !matches!(self.kind, Kind::Comment | Kind::Text)
    }

    pub fn is_comment(&self) -> bool {
        self.kind == Kind::Comment
    }

    pub fn width(&self) -> usize {
        self.text.chars().count()
    }
}

/// Signs of more than one character, longest first.
const LONG_SIGNS: [&str; 8] = ["->", "=>", "==", "!=", "<=", ">=", "..", "::"];

pub(crate) fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut out = Vec::new();
    let mut at = 0;
    let mut breaks = 0;
    while let Some(c) = source[at..].chars().next() {
        if c.is_whitespace() {
            breaks += usize::from(c == '\n');
            at += c.len_utf8();
            continue;
        }
        let (kind, end) = token(source, at, c);
        out.push(Token { kind, text: source[at..end].trim_end(), start: at, breaks });
        breaks = 0;
        at = end;
    }
    out
}

/// The token that starts at `at` with `c`, and where it ends.
fn token(source: &str, at: usize, c: char) -> (Kind, usize) {
    let rest = &source[at..];
    let until = |stop: fn(char) -> bool| rest.find(stop).map_or(source.len(), |n| at + n);
    match c {
        '/' if rest.starts_with("//") => (Kind::Comment, until(|c| c == '\n')),
        '"' => {
            let len =
                rest[1..].find(['"', '\n']).map_or(rest.len(), |n| 1 + n + usize::from(rest[1 + n..].starts_with('"')));
            (Kind::Text, at + len)
        }
        '(' | '[' | '{' => (Kind::Open, at + 1),
        ')' | ']' | '}' => (Kind::Close, at + 1),
        '0'..='9' => (Kind::Number, at + number(rest.as_bytes())),
        c if c.is_alphanumeric() || c == '_' => (Kind::Word, until(|c| !(c.is_alphanumeric() || c == '_'))),
        c => {
            let long = LONG_SIGNS.iter().find(|sign| rest.starts_with(**sign));
            (Kind::Sign, at + long.map_or(c.len_utf8(), |sign| sign.len()))
        }
    }
}

/// Length of the number that `rest` starts with. A point belongs to it only before a digit, so `1..7` has two numbers.
fn number(rest: &[u8]) -> usize {
    let run = |from: usize, member: fn(&u8) -> bool| {
        from + rest.get(from..).map_or(0, |rest| rest.iter().take_while(|&b| member(b)).count())
    };
    let digit = |at: usize| rest.get(at).is_some_and(u8::is_ascii_digit);
    let mut end = run(0, |b| b.is_ascii_digit() || *b == b'_');
    if rest.get(end) == Some(&b'.') && digit(end + 1) {
        end = run(end + 1, u8::is_ascii_digit);
    }
    if matches!(rest.get(end), Some(b'e' | b'E')) {
        let signed = end + 1 + usize::from(matches!(rest.get(end + 1), Some(b'+' | b'-')));
        if digit(signed) {
            end = run(signed, u8::is_ascii_digit);
        }
    }
    end = run(end, |b| b.is_ascii_alphanumeric() || *b == b'_');
    end + usize::from(rest.get(end) == Some(&b'%'))
}

/// What a token covers of the source.
pub(crate) fn span(token: &Token<'_>) -> Range<usize> {
    token.start..token.start + token.text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_texts_and_signs_are_told_apart() {
        let texts = |source| tokens(source).iter().map(|token| token.text).collect::<Vec<_>>();
        assert_eq!(texts("1..7 1.5e-3..2K"), ["1", "..", "7", "1.5e-3", "..", "2K"]);
        assert_eq!(texts("split: 8:1:1; x: 0.1%"), ["split", ":", "8", ":", "1", ":", "1", ";", "x", ":", "0.1%"]);
        assert_eq!(texts("a==-1 // b \r\n\"// no\"->c"), ["a", "==", "-", "1", "// b", "\"// no\"", "->", "c"]);
    }

    #[test]
    fn line_breaks_are_counted() {
        let breaks: Vec<usize> = tokens("a\n\n\nb // c\nd").iter().map(|token| token.breaks).collect();
        assert_eq!(breaks, [0, 3, 0, 1]);
    }
}
