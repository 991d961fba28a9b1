//! Taking a statement out of a text.

use crate::diagnostics::Span;

/// The span of a statement together with the line that it has to itself, and with a blank line after it where there is
/// one before it too.
pub(super) fn without(text: &str, span: Span) -> Span {
    let (mut start, mut end) = (span.start as usize, span.end as usize);
    let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let line_end = text[end..].find('\n').map_or(text.len(), |at| end + at + 1);
    let alone = text[line_start..start].trim().is_empty() && text[end..line_end].trim().is_empty();
    if !alone {
        return span;
    }
    (start, end) = (line_start, line_end);
    let blank = |line: &str| line.trim().is_empty();
    let before = text[..start].strip_suffix('\n').map_or("", |rest| &rest[rest.rfind('\n').map_or(0, |at| at + 1)..]);
    let after = &text[end..text[end..].find('\n').map_or(text.len(), |at| end + at + 1)];
    if blank(before) && blank(after) {
        end += after.len();
    }
    Span::new(span.file, start, end)
}

#[cfg(test)]
mod tests {
    use super::without;
    use crate::diagnostics::{FileId, Span};

    fn left(text: &str, statement: &str) -> String {
        let at = text.find(statement).expect("it is there");
        let span = without(text, Span::new(FileId(0), at, at + statement.len()));
        format!("{}{}", &text[..span.start as usize], &text[span.end as usize..])
    }

    #[test]
    fn a_line_goes_with_its_statement() {
        assert_eq!(left("a\n\n  b\n\nc\n", "b"), "a\n\nc\n");
        assert_eq!(left("b\n\nc\n", "b"), "c\n");
        assert_eq!(left("a\n  b\nc\n", "b"), "a\nc\n");
        assert_eq!(left("a; b\nc\n", "b"), "a; \nc\n");
        assert_eq!(left("a\nb", "b"), "a\n");
    }
}
