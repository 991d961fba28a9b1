//! Lines in which a byte makes a separator, a quote, a line end or itself a character as any other.

use csv::ByteRecord;
use nasrec_compiler::schema::Lines;

/// Where the records of a text end, behind their line ends; none where an end is not in the text.
pub(super) struct Ends<'t> {
    text: &'t [u8],
    lines: Lines,
    /// What is behind it was not looked at.
    at: usize,
}

impl<'t> Ends<'t> {
    pub fn new(text: &'t [u8], lines: Lines) -> Self {
        Self { text, lines, at: 0 }
    }

    /// Behind the quote that closes what begins at `at`; none where it is not known to.
    fn closed(&self, escape: u8, mut at: usize) -> Option<usize> {
        loop {
            let found = at + memchr::memchr2(escape, b'"', self.text.get(at..)?)?;
            let next = self.text.get(found + 1)?;
            match self.text[found] == escape || *next == b'"' {
                true => at = found + 2,
                false => return Some(found + 1),
            }
        }
    }
}

impl Iterator for Ends<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let Self { text, lines: Lines { separator, quotes, escape, .. }, .. } = *self;
        let escape = escape?;
        // Behind what was escaped last.
        let mut plain = usize::MAX;
        loop {
            let found = self.at + memchr::memchr3(escape, b'"', b'\n', text.get(self.at..)?)?;
            self.at = found + 1;
            match text[found] {
                byte if byte == escape => {
                    self.at = found + 2;
                    plain = self.at;
                }
                b'\n' => return Some(self.at),
                _ => {
                    let begins = found == 0 || found != plain && [separator, b'\n'].contains(&text[found - 1]);
                    if quotes && begins {
                        self.at = self.closed(escape, found + 1)?;
                    }
                }
            }
        }
    }
}

/// Gives the records of `text` to `each`, with the number of the line that each begins on, from 1.
pub(super) fn each(text: &[u8], lines: Lines, record: &mut ByteRecord, mut each: impl FnMut(u64, &ByteRecord)) {
    let (mut begin, mut line, mut value) = (0, 1, Vec::new());
    // What is behind the last end is a record without one.
    let ends = Ends::new(text, lines).map(|end| (end, 1)).chain(std::iter::once((text.len(), 0)));
    for (end, feed) in ends {
        let one = &text[begin..end];
        let said = &one[..one.len() - feed];
        let is_empty = said.is_empty() || said == b"\r";
        if !(one.is_empty() || is_empty && lines.quotes) {
            taken(said, lines, record, &mut value);
            each(line, record);
        }
        line += memchr::memchr_iter(b'\n', one).count() as u64;
        begin = end;
    }
}

/// The values of a record, with what is around and before them taken off.
fn taken(text: &[u8], lines: Lines, record: &mut ByteRecord, value: &mut Vec<u8>) {
    let Lines { separator, quotes, escape, .. } = lines;
    let is_escaped = |byte: u8| [separator, b'"', b'\n', b'\r'].contains(&byte) || Some(byte) == escape;
    record.clear();
    value.clear();
    let (mut at, mut begins, mut quoted) = (0, true, false);
    while let Some(&byte) = text.get(at) {
        let next = text.get(at + 1).copied();
        at += 1;
        match byte {
            _ if Some(byte) == escape && next.is_some_and(is_escaped) => {
                value.extend(next);
                at += 1;
            }
            b'"' if quoted && next == Some(b'"') => {
                value.push(byte);
                at += 1;
            }
            b'"' if quoted => quoted = false,
            b'"' if quotes && begins => quoted = true,
            _ if byte == separator && !quoted => {
                record.push_field(value);
                value.clear();
                begins = true;
                continue;
            }
            // Of the line end.
            b'\r' if next.is_none() && !quoted => {}
            _ => value.push(byte),
        }
        begins = false;
    }
    record.push_field(value);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LINES: Lines = Lines { escape: Some(b'\\'), ..Lines::CSV };

    fn all(text: &str, lines: Lines) -> Vec<(u64, Vec<String>)> {
        let mut found = Vec::new();
        each(text.as_bytes(), lines, &mut ByteRecord::new(), |line, record| {
            found.push((line, record.iter().map(|value| String::from_utf8_lossy(value).into_owned()).collect()));
        });
        found
    }

    #[test]
    fn an_escape_makes_a_character_of_what_it_stands_before() {
        let values = |text: &str| all(text, LINES).into_iter().map(|(_, values)| values).collect::<Vec<_>>();
        assert_eq!(values("a\\,b,c\n"), [["a,b", "c"]]);
        assert_eq!(values("\\\"a,\\\\,\\N,\\\n"), [["\"a", "\\", "\\N", "\n"]]);
        assert_eq!(values("\"a\\\"b\",\"c\"\"d\",\"e,\nf\"\r\n"), [["a\"b", "c\"d", "e,\nf"]]);
        let lines: Vec<u64> = all("a\\\nb,c\n\n\"d\ne\"\nf", LINES).into_iter().map(|(line, _)| line).collect();
        assert_eq!(lines, [1, 4, 6]);
        let plain = Lines { escape: Some(b'\\'), ..Lines::TSV };
        assert_eq!(all("\"a\\\tb\t\"\n\n", plain)[0].1, ["\"a\tb", "\""]);
        assert_eq!(all("a\n\nb\n", plain).len(), 3);
    }

    proptest! {
        /// What a program writes that escapes is read, cut anywhere.
        #[test]
        fn what_is_written_is_read(
            values in prop::collection::vec(prop::collection::vec("[ab\",\n\\\\]{0,4}", 2..4), 1..8),
            quotes in prop::collection::vec(any::<bool>(), 32), cut in 0usize..200,
        ) {
            let mut quotes = quotes.iter().cycle();
            let mut text = String::new();
            for record in &values {
                for (at, value) in record.iter().enumerate() {
                    let quoted = *quotes.next().expect("endless");
                    let mark = if quoted { "\"" } else { "" };
                    text += if at > 0 { "," } else { "" };
                    text += mark;
                    for letter in value.chars() {
                        let kept = quoted && (letter == ',' || letter == '\n');
                        if !kept && !letter.is_ascii_alphabetic() {
                            text.push('\\');
                        }
                        text.push(letter);
                    }
                    text += mark;
                }
                text.push('\n');
            }
            let only = |text: &str| all(text, LINES).into_iter().map(|(_, values)| values).collect::<Vec<_>>();
            prop_assert_eq!(&only(&text), &values);
            let cut = cut.min(text.len());
            let head = Ends::new(&text.as_bytes()[..cut], LINES).last().unwrap_or(0);
            prop_assert_eq!([only(&text[..head]), only(&text[head..])].concat(), values);
        }
    }
}
