//! Which line breaks end a statement (language rule 11), settled before the grammar sees the text.
//!
//! The result has the same length in bytes, so places in it are places in the file: comments become spaces, and so do
//! the line breaks inside `( )` and `[ ]`, after a comma or a binary operator, and before `else`. Items are split here
//! too, so that a mistake in one cannot swallow the next.

use std::ops::Range;

/// A file, ready for the grammar.
#[derive(Debug)]
pub struct Joined {
    pub text: String,
    /// Byte ranges of the items, in order; each starts with its documentation.
    pub items: Vec<Range<usize>>,
    /// Brackets without a partner, by position.
    pub unbalanced: Vec<Unbalanced>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Unbalanced {
    pub at: usize,
    pub bracket: u8,
    /// Index into [`Joined::items`] of the item that it spoils.
    pub item: usize,
}

const ITEM_WORDS: [&str; 10] =
    ["nasrec", "import", "const", "op", "space", "schema", "search", "train", "arch", "test"];

/// Joins lines, blanks comments, splits items.
pub fn join(source: &str) -> Joined {
    let bytes = source.as_bytes();
    let mut out = bytes.to_vec();
    let mut stack: Vec<(u8, usize)> = Vec::new();
    let mut unbalanced = Vec::new();
    let mut starts: Vec<usize> = Vec::new();
    let mut doc_start: Option<usize> = None;
    let mut line_is_blank = true;
    // The last byte that is code, and its position: what decides whether a statement goes on.
    let mut last: Option<usize> = None;
    let mut at = 0;
    // The next byte that is not white space, as far as it has been looked for.
    let mut next_code = 0;
    let item = |starts: &Vec<usize>| starts.len().saturating_sub(1);
    while at < bytes.len() {
        // A bracket or a text before the first item: an item of its own, which the grammar will refuse.
        if starts.is_empty() && matches!(bytes[at], b'"' | b'(' | b'[' | b'{' | b')' | b']' | b'}') {
            starts.push(doc_start.take().unwrap_or(at));
        }
        match bytes[at] {
            b'/' if bytes[at..].starts_with(b"//") => {
                let end = bytes[at..].iter().position(|&b| b == b'\n').map_or(bytes.len(), |n| at + n);
                let documentation = bytes[at..].starts_with(b"///")
                    && !bytes[at..].starts_with(b"////")
                    && line_is_blank
                    && !matches!(stack.last(), Some((b'(' | b'[', _)));
                if documentation {
                    if stack.is_empty() && doc_start.is_none() {
                        doc_start = Some(at);
                    }
                    last = Some(end - 1);
                } else {
                    out[at..end].fill(b' ');
                }
                if documentation && end > at && bytes[end - 1] == b'\r' {
                    out[end - 1] = b' ';
                }
                at = end;
                // A documentation line never continues, whatever it ends with.
                if documentation && at < bytes.len() {
                    last = None;
                    line_is_blank = true;
                    at += 1;
                }
                continue;
            }
            b'"' => {
                let end = bytes[at + 1..]
                    .iter()
                    .position(|&b| b == b'"' || b == b'\n')
                    .map_or(bytes.len(), |n| at + 1 + n + usize::from(bytes[at + 1 + n] == b'"'));
                // A line break ends a text that nobody closed, whatever is around it; the grammar then says so.
                let unclosed = bytes.get(end) == Some(&b'\n') && (end == at + 1 || bytes[end - 1] != b'"');
                last = (!unclosed).then_some(end - 1);
                line_is_blank = unclosed;
                at = end + usize::from(unclosed);
                continue;
            }
            open @ (b'(' | b'[' | b'{') => {
                stack.push((open, at));
                last = Some(at);
                line_is_blank = false;
            }
            close @ (b')' | b']' | b'}') => {
                let partner = match close {
                    b')' => b'(',
                    b']' => b'[',
                    _ => b'{',
                };
                if let Some(depth) = stack.iter().rposition(|&(open, _)| open == partner) {
                    for (bracket, at) in stack.drain(depth..).skip(1) {
                        unbalanced.push(Unbalanced { at, bracket, item: item(&starts) });
                    }
                } else {
                    unbalanced.push(Unbalanced { at, bracket: close, item: item(&starts) });
                }
                last = Some(at);
                line_is_blank = false;
            }
            b'\n' => {
                let inside = matches!(stack.last(), Some((b'(' | b'[', _)));
                if next_code <= at {
                    let blank = bytes[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
                    next_code = at + blank;
                }
                let goes_on = last.is_some_and(|end| continues(bytes, end)) || starts_with_else(&bytes[next_code..]);
                if inside || goes_on {
                    out[at] = b' ';
                }
                line_is_blank = true;
            }
            byte if byte.is_ascii_whitespace() => {}
            byte => {
                let line_start = at == 0 || bytes[at - 1] == b'\n';
                // A word at the start of a line, outside of brackets, starts an item even if it is none of ours.
                let foreign = at > 0 && out[at - 1] == b'\n' && stack.is_empty() && byte.is_ascii_alphabetic();
                let starts_here = (stack.is_empty() || line_start) && starts_item(&bytes[at..]) || foreign;
                if line_is_blank && starts_here {
                    for (bracket, at) in stack.drain(..) {
                        unbalanced.push(Unbalanced { at, bracket, item: item(&starts) });
                    }
                    starts.push(doc_start.take().unwrap_or(at));
                    // The line break before an item always ends what came before.
                    if let Some(before) = bytes[..*starts.last().unwrap_or(&at)].iter().rposition(|&b| b == b'\n') {
                        out[before] = b'\n';
                    }
                } else if stack.is_empty() && starts.is_empty() {
                    // Text before the first item: an item of its own, which the grammar will refuse.
                    starts.push(doc_start.take().unwrap_or(at));
                }
                line_is_blank = false;
                let word = byte.is_ascii_alphanumeric() || byte == b'_';
                let end = if word {
                    bytes[at..]
                        .iter()
                        .position(|b| !(b.is_ascii_alphanumeric() || *b == b'_'))
                        .map_or(bytes.len(), |n| at + n)
                } else {
                    at + 1
                };
                last = Some(end - 1);
                at = end;
                continue;
            }
        }
        at += 1;
    }
    for (bracket, at) in stack {
        unbalanced.push(Unbalanced { at, bracket, item: item(&starts) });
    }
    let items =
        starts.iter().enumerate().map(|(i, &start)| start..starts.get(i + 1).copied().unwrap_or(bytes.len())).collect();
    let text = String::from_utf8(out).unwrap_or_else(|_| source.to_owned());
    Joined { text, items, unbalanced }
}

fn starts_item(rest: &[u8]) -> bool {
    ITEM_WORDS.iter().any(|word| {
        rest.starts_with(word.as_bytes())
            && rest.get(word.len()).is_none_or(|b| matches!(b, b' ' | b'\t' | b'"'))
            // `search: …` and the like are settings, `op = …` is a name, `train { … }` a section.
            && !rest[word.len()..].trim_ascii_start().starts_with(b":")
            && !rest[word.len()..].trim_ascii_start().starts_with(b"=")
            && !rest[word.len()..].trim_ascii_start().starts_with(b"{")
    })
}

/// Whether a statement whose code so far ends at byte `end` goes on in the next line.
fn continues(bytes: &[u8], end: usize) -> bool {
    match bytes[end] {
        b',' | b'+' | b'-' | b'*' | b'/' | b'=' | b'<' | b'|' | b':' => true,
        // `->` before a type and `>` are operators; nothing else ends in `>`.
        b'>' => true,
        b'd' | b'r' | b's' | b'n' => {
            let start =
                bytes[..=end].iter().rposition(|&b| !(b.is_ascii_alphanumeric() || b == b'_')).map_or(0, |n| n + 1);
            matches!(&bytes[start..=end], b"and" | b"or" | b"implies" | b"in")
        }
        _ => false,
    }
}

fn starts_with_else(rest: &[u8]) -> bool {
    rest.starts_with(b"else") && rest.get(4).is_none_or(|b| !(b.is_ascii_alphanumeric() || *b == b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn breaks_join_inside_brackets_after_operators_and_before_else() {
        let source = "let a = f(1,\n 2)\nlet b = a +\n 1 // why\nlet c = if x { 1 }\n else { 2 }\n";
        let joined = join(source);
        assert_eq!(joined.text.len(), source.len());
        assert_eq!(joined.text.lines().count(), 3);
        assert!(!joined.text.contains("why"));
    }

    #[test]
    fn items_split_even_when_a_brace_is_missing() {
        let joined = join("/// doc\nspace a {\n  let x = (1\n\nspace b { }\n");
        assert_eq!(joined.items.len(), 2);
        assert_eq!(joined.unbalanced.iter().filter(|u| u.item == 0).count(), 2);
        assert!(joined.text[joined.items[0].clone()].starts_with("/// doc"));
    }
}
