//! The records of a text: of lines whose values may be in quotes (RFC 4180) or escaped, or of pairs.

use csv::{ByteRecord, Reader, ReaderBuilder};
use nasrec_compiler::schema::{Format, Lines, Schema};

use super::escaped;
use super::pairs::{Found, Pairs, Torn};
use super::values::{Line, Values};
use crate::data::malformed::MOST_COLUMNS;

/// The records of a text, one after the other. Used again for other texts, it allocates little.
pub(in crate::data) struct Records {
    how: How,
    values: Values,
    record: ByteRecord,
}

enum How {
    Lines(Lines),
    Pairs(Pairs),
}

/// The values of a record.
#[derive(Clone, Copy)]
pub(in crate::data) enum Record<'t> {
    /// As they stand in the text.
    Plain(Line<'t>),
    /// With their quotes and escapes taken off.
    Taken(&'t ByteRecord),
    /// Those that are wanted of a line of pairs.
    Pairs(Found<'t>),
    /// None: a line of pairs that is none.
    Torn(&'t Torn),
}

impl<'t> Record<'t> {
    /// How many values there are.
    #[inline(always)]
    pub fn len(&self) -> usize {
        match self {
            Self::Plain(line) => line.len(),
            Self::Taken(record) => record.len(),
            Self::Pairs(found) => found.len(),
            // So many a record never has to have.
            Self::Torn(_) => usize::MAX,
        }
    }

    /// # Panics
    /// When there are not that many.
    #[inline(always)]
    pub fn value(&self, index: usize) -> &'t [u8] {
        match self {
            Self::Plain(line) => line.value(index),
            Self::Taken(record) => &record[index],
            Self::Pairs(found) => found.value(index),
            Self::Torn(_) => &[],
        }
    }
}

impl Records {
    /// Those of lines.
    pub fn of_lines(lines: Lines) -> Self {
        Self { how: How::Lines(lines), values: Values::default(), record: ByteRecord::new() }
    }

    /// Those of a table of lines or pairs.
    pub fn of(schema: &Schema) -> Self {
        match schema.format {
            Format::Lines(lines) => Self::of_lines(lines),
            Format::Pairs(pairs) => Self { how: How::Pairs(Pairs::new(pairs, schema)), ..Self::of_lines(Lines::TSV) },
            // Which has none.
            Format::Parquet => Self::of_lines(Lines::TSV),
        }
    }

    /// The same, of records that may lack a label.
    pub fn unlabelled(self) -> Self {
        let how = match self.how {
            How::Pairs(pairs) => How::Pairs(pairs.unlabelled()),
            lines @ How::Lines(_) => lines,
        };
        Self { how, ..self }
    }

    /// Finds the lines of a text that [is plain](is_plain), each with its number from 1, and how many lines there are; none where they
    /// are pairs. Empty lines of a text that could have quotes are no records.
    #[inline(always)]
    pub fn lines<'r>(&'r mut self, text: &'r [u8]) -> Option<(u64, impl Iterator<Item = (u64, Line<'r>)>)> {
        let How::Lines(lines) = self.how else { return None };
        self.values.find(text, lines.separator);
        let empty = move |line: &Line| lines.quotes && line.len() == 1 && line.value(0).is_empty();
        let lines = (1..).zip(self.values.lines(text)).filter(move |(_, line)| !empty(line));
        Some((self.values.count() as u64, lines))
    }

    fn is_plain(&self, text: &[u8]) -> bool {
        match self.how {
            How::Lines(lines) => is_plain(text, lines),
            How::Pairs(_) => false,
        }
    }

    /// Gives the records of `text` to `each`, with the number of the line that each begins on, from 1. Empty lines of a text
    /// with quotes or pairs are none; of another they have one value, which is empty.
    pub fn each(&mut self, text: &[u8], mut each: impl FnMut(u64, Record)) {
        if self.is_plain(text)
            && let Some((_, lines)) = self.lines(text)
        {
            return lines.for_each(|(number, line)| each(number, Record::Plain(line)));
        }
        let lines = match &mut self.how {
            How::Lines(lines) => *lines,
            How::Pairs(pairs) => return pairs.each(text, each),
        };
        if lines.escape.is_some_and(|escape| memchr::memchr(escape, text).is_some()) {
            return escaped::each(text, lines, &mut self.record, |line, record| each(line, Record::Taken(record)));
        }
        let mut reader = reader(text, lines.separator);
        let (mut line, mut counted) = (1, 0);
        // Of memory there is no error, and records may have any length.
        while let Ok(true) = reader.read_byte_record(&mut self.record) {
            // A record is said to begin behind the last value, before what ends that line and any that are empty.
            let begins = self.record.position().map_or(0, |position| position.byte() as usize);
            let ends = text[begins..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            line += memchr::memchr_iter(b'\n', &text[counted..begins + ends]).count() as u64;
            counted = begins + ends;
            each(line, Record::Taken(&self.record));
        }
    }
}

fn reader(text: &[u8], separator: u8) -> Reader<&[u8]> {
    ReaderBuilder::new().delimiter(separator).has_headers(false).flexible(true).from_reader(text)
}

/// The values of the first record of a text.
pub(in crate::data) fn first_values(text: &[u8], lines: Lines) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let length = first(text, lines).unwrap_or(text.len());
    Records::of_lines(lines).each(&text[..length], |_, record| {
        if found.is_empty() {
            found = (0..record.len().min(MOST_COLUMNS)).map(|index| record.value(index).to_vec()).collect();
        }
    });
    found
}

/// Where the quotes of a text lie open.
struct Open<'t> {
    text: &'t [u8],
    separator: u8,
    /// What is behind it was not looked at.
    at: usize,
}

impl Iterator for Open<'_> {
    /// Where a value in quotes begins and ends; none where its end is not in the text.
    type Item = (usize, Option<usize>);

    fn next(&mut self) -> Option<Self::Item> {
        let Self { text, separator, .. } = *self;
        loop {
            let quote = self.at + memchr::memchr(b'"', text.get(self.at..)?)?;
            self.at = quote + 1;
            // Elsewhere it is a character as any other.
            if quote == 0 || [separator, b'\n', b'\r'].contains(&text[quote - 1]) {
                let mut end = quote + 1;
                let closed = loop {
                    let Some(found) = memchr::memchr(b'"', &text[end..]) else { break None };
                    end += found + 1;
                    if text.get(end) != Some(&b'"') {
                        break Some(end);
                    }
                    end += 1;
                };
                self.at = closed.unwrap_or(text.len());
                return Some((quote, closed));
            }
        }
    }
}

/// Whether values stand in a text as they are, without quotes around them or escapes in them.
pub(in crate::data) fn is_plain(text: &[u8], lines: Lines) -> bool {
    let has = |byte: u8| memchr::memchr(byte, text).is_some();
    !(lines.escape.is_some_and(has) || lines.quotes && has(b'"'))
}

/// How many bytes of a text are whole records. It begins with a record, and goes on in a way that is not known.
pub(in crate::data) fn whole(text: &[u8], lines: Lines) -> usize {
    let feed = |text: &[u8]| memchr::memrchr(b'\n', text).map(|at| at + 1);
    if lines.escape.is_some() {
        return escaped::Ends::new(text, lines).last().unwrap_or(0);
    }
    if !lines.quotes {
        return feed(text).unwrap_or(0);
    }
    let (mut whole, mut outside) = (0, 0);
    for (begin, end) in (Open { text, separator: lines.separator, at: 0 }) {
        if let Some(at) = feed(&text[outside..begin]) {
            whole = outside + at;
        }
        match end {
            // A quote at the very end may be the first of two.
            Some(end) if end < text.len() => outside = end,
            _ => return whole,
        }
    }
    feed(&text[outside..]).map_or(whole, |at| outside + at)
}

/// How long the first record of a text is, its line end included; none where its end is not in the text.
pub(in crate::data) fn first(text: &[u8], lines: Lines) -> Option<usize> {
    let feed = |text: &[u8]| memchr::memchr(b'\n', text).map(|at| at + 1);
    if lines.escape.is_some() {
        return escaped::Ends::new(text, lines).next();
    }
    if !lines.quotes {
        return feed(text);
    }
    let mut outside = 0;
    for (begin, end) in (Open { text, separator: lines.separator, at: 0 }) {
        if let Some(at) = feed(&text[outside..begin]) {
            return Some(outside + at);
        }
        outside = end?;
    }
    feed(&text[outside..]).map(|at| outside + at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(text: &str) -> Vec<(u64, Vec<String>)> {
        let (mut records, mut found) = (Records::of_lines(Lines::CSV), Vec::new());
        records.each(text.as_bytes(), |line, record| {
            let values = (0..record.len()).map(|at| String::from_utf8_lossy(record.value(at)).into_owned()).collect();
            found.push((line, values));
        });
        found
    }

    #[test]
    fn quotes_hold_separators_quotes_and_line_ends() {
        let found = all("a,\"b,c\",\"d\"\"e\"\r\n\"f\ng\",h,5\"\n");
        assert_eq!(found[0], (1, vec!["a".to_owned(), "b,c".to_owned(), "d\"e".to_owned()]));
        assert_eq!(found[1], (2, vec!["f\ng".to_owned(), "h".to_owned(), "5\"".to_owned()]));
        let lines: Vec<u64> = all("\"a\"\n\n\nb\n\"c\nd\"\ne\n").into_iter().map(|(line, _)| line).collect();
        assert_eq!(lines, [1, 4, 5, 7]);
        assert_eq!(all("1,5\" disk\n2,\n").len(), 2, "a quote inside a value is a character");
    }

    proptest! {
        /// Cut anywhere, a text is read as it is whole.
        #[test]
        fn cut_texts_are_read_as_whole_ones(
            values in prop::collection::vec(prop::collection::vec("[ab\",\n\r]{0,4}", 1..4), 1..8), cut in 0usize..200,
        ) {
            let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
            for record in &values {
                writer.write_record(record).expect("memory");
            }
            let text = String::from_utf8(writer.into_inner().expect("memory")).expect("as it was given");
            let cut = cut.min(text.len());
            let head = whole(&text.as_bytes()[..cut], Lines::CSV);
            prop_assert!(head <= cut);
            let only = |all: Vec<(u64, Vec<String>)>| all.into_iter().map(|(_, values)| values).collect::<Vec<_>>();
            let parts = [only(all(&text[..head])), only(all(&text[head..]))].concat();
            prop_assert_eq!(&parts, &only(all(&text)));
            let length = first(text.as_bytes(), Lines::CSV).unwrap_or(text.len());
            let alone = only(all(&text[..length]));
            prop_assert_eq!(alone.first(), parts.first());
        }
    }
}
