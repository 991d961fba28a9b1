//! Characters that a terminal obeys, or that a reader does not see, made visible.
//!
//! Names, paths and sources can come from strangers. An escape sequence in one could clear the screen, a bidirectional
//! mark could show other words than are there.

use std::borrow::Cow;
use std::fmt::Write;

/// Controls, marks of direction, separators of lines that are no line ends, and what has no width. Not line ends and
/// tabs.
fn hidden(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        '\u{ad}' | '\u{61c}' | '\u{feff}' => true,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => true,
        '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}' => true,
        c => c.is_control(),
    }
}

/// Whether something in a text would not be shown as it is.
pub(crate) fn has_hidden(text: &str) -> bool {
    text.contains(hidden)
}

/// A text with such characters shown as Rust writes them: `\u{1b}`. A line end of Windows becomes a plain one.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if has_hidden(text) { Visible::of(text).text.into() } else { text.into() }
}

/// A text that stands within a line: its line ends and tabs are shown, too.
pub(crate) fn visible_line(text: &str) -> String {
    visible(&text.replace('\n', "\\n").replace('\t', "\\t")).into_owned()
}

/// JSON with such characters escaped. Only strings can have them, and there the escape means the same.
pub(super) fn escaped_in_json(json: &str) -> Cow<'_, str> {
    if !has_hidden(json) {
        return json.into();
    }
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if hidden(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _written = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out.into()
}

/// A text made visible, which knows where each place of the text went.
pub(crate) struct Visible {
    pub text: String,
    /// Behind each character that was changed: the place in the text, and here.
    moved: Vec<(usize, usize)>,
}

impl Visible {
    pub(crate) fn of(text: &str) -> Self {
        let mut shown = Self { text: String::with_capacity(text.len()), moved: Vec::new() };
        for (at, c) in text.char_indices() {
            let end = at + c.len_utf8();
            match c {
                '\r' if text[end..].starts_with('\n') => {}
                c if hidden(c) => shown.text.extend(c.escape_unicode()),
                c => {
                    shown.text.push(c);
                    continue;
                }
            }
            shown.moved.push((end, shown.text.len()));
        }
        shown
    }

    /// Where a place of the text is here.
    pub(crate) fn place(&self, at: usize) -> usize {
        match self.moved.partition_point(|&(end, _)| end <= at).checked_sub(1).map(|last| self.moved[last]) {
            Some((end, here)) => here + (at - end),
            None => at,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_shown() {
        let text = "a\u{1b}]0;x\u{7}\u{7f}\u{9b}2J\rb\r\n\tä\u{202e}\u{2028}\u{e0041}";
        let shown = "a\\u{1b}]0;x\\u{7}\\u{7f}\\u{9b}2J\\u{d}b\n\tä\\u{202e}\\u{2028}\\u{e0041}";
        assert_eq!(visible(text), shown);
        assert_eq!(visible_line("a\nb\tc"), "a\\nb\\tc");
        assert_eq!(visible("plain, \"quoted\" \\ ä 字\n"), "plain, \"quoted\" \\ ä 字\n");
    }

    #[test]
    fn json_means_the_same() {
        let value = serde_json::json!({ "a\u{9b}": "\u{1b}[2J\u{7f}\u{2066}\u{e0041}\r\nä" });
        let text = serde_json::to_string_pretty(&value).expect("JSON");
        let escaped = escaped_in_json(&text);
        assert!(!has_hidden(&escaped) && has_hidden(&text), "{escaped}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&escaped).expect("still JSON"), value);
    }

    proptest! {
        /// A label covers the same characters, however these are written.
        #[test]
        fn places_move_with_the_text(pieces in prop::collection::vec("[a-zä字 \n\t]{0,3}|\r\n|[\r\u{1b}\u{7f}\u{9b}\u{202e}\u{2066}\u{e0041}]", 0..12)) {
            let text = pieces.concat();
            let shown = Visible::of(&text);
            prop_assert_eq!(shown.place(text.len()), shown.text.len());
            for (at, c) in text.char_indices() {
                let end = at + c.len_utf8();
                let alone = match c {
                    '\r' if text[end..].starts_with('\n') => String::new(),
                    c if hidden(c) => c.escape_unicode().to_string(),
                    c => c.to_string(),
                };
                prop_assert_eq!(&shown.text[shown.place(at)..shown.place(end)], alone.as_str());
            }
            prop_assert!(!has_hidden(&shown.text));
        }
    }
}
