//! What puts a finding right without thought: a text in place of another.

use super::{FileId, Span};

/// A replacement that a machine may make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// Empty where something is inserted.
    pub span: Span,
    /// What is to stand there; empty where something is taken out.
    pub replacement: String,
    /// What it does, for a person.
    pub title: String,
}

impl Fix {
    pub(crate) fn replace(span: Span, replacement: impl Into<String>) -> Self {
        let replacement = replacement.into();
        let title = format!("write `{replacement}`");
        Self { span, replacement, title }
    }

    pub(crate) fn insert(file: FileId, at: usize, text: impl Into<String>) -> Self {
        let replacement = text.into();
        let title = format!("insert `{}`", replacement.trim());
        Self { span: Span::new(file, at, at), replacement, title }
    }

    #[must_use]
    pub(crate) fn titled(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }
}

/// Makes the replacements in the text of their one file and tells which were made: one that touches an earlier one is
/// left for the next time.
pub fn apply<'a>(text: &str, fixes: impl IntoIterator<Item = &'a Fix>) -> (String, Vec<&'a Fix>) {
    let mut fixes: Vec<&Fix> = fixes.into_iter().collect();
    fixes.sort_by_key(|fix| (fix.span, &fix.replacement));
    let (mut out, mut made, mut at) = (String::with_capacity(text.len()), Vec::<&Fix>::new(), 0);
    for fix in fixes {
        let (start, end) = (fix.span.start as usize, fix.span.end as usize);
        if made.last().is_some_and(|last| last.span.start == fix.span.start || start < at) {
            continue;
        }
        out.push_str(&text[at..start]);
        out.push_str(&fix.replacement);
        at = end;
        made.push(fix);
    }
    out.push_str(&text[at..]);
    (out, made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_overlaps_waits() {
        let place = |start, end| Span::new(FileId(0), start, end);
        let fixes = [
            Fix::replace(place(4, 7), "two"),
            Fix::replace(place(0, 3), "one"),
            Fix::replace(place(2, 5), "no"),
            Fix::insert(FileId(0), 7, "!"),
            Fix::insert(FileId(0), 7, "?"),
        ];
        let (text, made) = apply("uno dos", &fixes);
        assert_eq!(text, "one two!");
        assert_eq!(made.len(), 3);
    }
}
