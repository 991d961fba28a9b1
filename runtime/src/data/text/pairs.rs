//! Lines of a label and pairs: libsvm, libffm, libfm.

use nasrec_compiler::schema::{Pairs as Written, Schema};

/// Finds what is wanted of lines of pairs. Used again for other texts, it allocates nothing.
pub(in crate::data) struct Pairs {
    written: Written,
    /// Where the label and the query go.
    label: usize,
    query: Option<usize>,
    /// Whether the label is one of two, which many write as -1 and 1.
    truth: bool,
    /// Whether lines may begin without a label.
    optional: bool,
    /// Where the index and the value of a number go: sorted by the number.
    indices: Vec<(u32, usize)>,
    values: Vec<(u32, usize)>,
    columns: usize,
    found: Vec<Place>,
    torn: Torn,
}

/// Where a value is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    At(usize, usize),
    Nothing,
    Zero,
}

/// What was found in a line.
#[derive(Clone, Copy)]
pub(in crate::data) struct Found<'t> {
    text: &'t [u8],
    places: &'t [Place],
}

/// What of a line is no pair, or one too many.
#[derive(Clone, Debug, Default)]
pub(in crate::data) struct Torn {
    /// Which of the line, the label being 1.
    pub item: usize,
    pub found: Vec<u8>,
    pub expected: &'static str,
}

impl<'t> Found<'t> {
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    #[inline(always)]
    pub fn value(&self, index: usize) -> &'t [u8] {
        match self.places[index] {
            Place::At(start, end) => &self.text[start..end],
            Place::Nothing => b"",
            Place::Zero => b"0",
        }
    }
}

impl Pairs {
    pub fn new(written: Written, schema: &Schema) -> Self {
        let columns = &schema.columns;
        let place = |name: &str| columns.iter().position(|column| column == name);
        let numbered = |suffix: &str| {
            let number = |name: &String| name.strip_suffix(suffix)?.parse::<u32>().ok();
            let mut all: Vec<(u32, usize)> =
                columns.iter().enumerate().filter_map(|(at, name)| Some((number(name)?, at))).collect();
            all.sort_unstable();
            all
        };
        let (indices, values) = match written {
            Written::Libsvm => (Vec::new(), numbered("")),
            Written::Libffm => (numbered(""), numbered(Written::VALUE)),
            Written::Libfm => (Vec::new(), Vec::new()),
        };
        Self {
            written,
            label: if written == Written::Libfm { 0 } else { place(&schema.label.column).unwrap_or_default() },
            query: place(Written::QUERY),
            truth: schema.label.condition.is_none(),
            optional: false,
            indices,
            values,
            columns: columns.len(),
            found: Vec::new(),
            torn: Torn::default(),
        }
    }

    /// The same, of lines that may begin without a label: with a pair, which no label is.
    pub fn unlabelled(self) -> Self {
        Self { optional: true, ..self }
    }

    /// Gives the records of `text` to `each`, with the numbers of their lines, from 1. A line without a label is none.
    pub fn each(&mut self, text: &[u8], mut each: impl FnMut(u64, super::Record)) {
        let mut begin = 0;
        let ends = memchr::memchr_iter(b'\n', text).chain(std::iter::once(text.len()));
        for (line, end) in (1..).zip(ends) {
            match self.line(text, begin, end) {
                Ok(false) => {}
                Ok(true) => each(line, super::Record::Pairs(Found { text, places: &self.found })),
                Err(()) => each(line, super::Record::Torn(&self.torn)),
            }
            begin = end + 1;
        }
    }

    /// Finds what is wanted of a line; whether there is one.
    fn line(&mut self, text: &[u8], begin: usize, end: usize) -> Result<bool, ()> {
        let line = &text[begin..end];
        let end = memchr::memchr(b'#', line).map_or(end, |at| begin + at);
        let mut items = Items { text, at: begin, end };
        let Some((start, stop)) = items.next() else { return Ok(false) };
        let begins_with_pair = self.optional && text[start..stop].contains(&b':');
        let absent = if self.written == Written::Libsvm { Place::Zero } else { Place::Nothing };
        self.found.clear();
        self.found.resize(if self.written == Written::Libfm { 1 } else { self.columns }, absent);
        if let Some(label) = self.found.get_mut(self.label) {
            *label = match &text[start..stop] {
                _ if begins_with_pair => Place::Nothing,
                [b'-', rest @ ..] if self.truth && (rest == b"1" || rest == b"1.0") => Place::Zero,
                [b'+', ..] => Place::At(start + 1, stop),
                _ => Place::At(start, stop),
            };
        }
        let first = begins_with_pair.then_some((start, stop));
        for (item, (start, stop)) in (if begins_with_pair { 1 } else { 2 }..).zip(first.into_iter().chain(items)) {
            if let Err(expected) = self.item(&text[start..stop], start) {
                self.torn = Torn { item, found: text[start..stop].to_vec(), expected };
                return Err(());
            }
        }
        Ok(true)
    }

    /// Takes note of what is joined by colons, and begins at `start`.
    fn item(&mut self, item: &[u8], start: usize) -> Result<(), &'static str> {
        let colon = |from: usize| memchr::memchr(b':', &item[from..]).map(|at| from + at);
        let first = colon(0);
        let behind = |at: usize| Place::At(start + at + 1, start + item.len());
        match self.written {
            Written::Libsvm => {
                const EXPECTED: &str = "`index:value`";
                let colon = first.filter(|&at| at + 1 < item.len()).ok_or(EXPECTED)?;
                if &item[..colon] == Written::QUERY.as_bytes() {
                    return put(&mut self.found, self.query, behind(colon), "one `qid`");
                }
                let index = number(&item[..colon]).ok_or(EXPECTED)?;
                put(&mut self.found, place(&self.values, index), behind(colon), "each index once")
            }
            Written::Libffm => {
                const EXPECTED: &str = "`field:index:value`";
                let colon_1 = first.ok_or(EXPECTED)?;
                let colon_2 =
                    colon(colon_1 + 1).filter(|&at| at > colon_1 + 1 && at + 1 < item.len()).ok_or(EXPECTED)?;
                let field = number(&item[..colon_1]).ok_or(EXPECTED)?;
                let index = Place::At(start + colon_1 + 1, start + colon_2);
                put(&mut self.found, place(&self.indices, field), index, "one index of each field")?;
                put(&mut self.found, place(&self.values, field), behind(colon_2), "one value of each field")
            }
            Written::Libfm => {
                const EXPECTED: &str = "`category:1`";
                let colon = first.filter(|&at| at > 0).ok_or(EXPECTED)?;
                if !matches!(&item[colon + 1..], b"1" | b"1.0" | b"1.000000") {
                    return Err(EXPECTED);
                }
                self.found.push(Place::At(start, start + colon));
                Ok(())
            }
        }
    }
}

/// What blanks are between.
struct Items<'t> {
    text: &'t [u8],
    at: usize,
    end: usize,
}

impl Iterator for Items<'_> {
    /// Where it begins and ends.
    type Item = (usize, usize);

    fn next(&mut self) -> Option<(usize, usize)> {
        let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r');
        let start = self.at + self.text[self.at..self.end].iter().position(|byte| !is_blank(byte))?;
        let length = self.text[start..self.end].iter().position(is_blank);
        self.at = length.map_or(self.end, |length| start + length);
        Some((start, self.at))
    }
}

/// A whole number of 32 bits.
fn number(text: &[u8]) -> Option<u32> {
    let digits = !text.is_empty() && text.len() <= 10 && text.iter().all(u8::is_ascii_digit);
    let number = text.iter().filter(|_| digits).fold(0u64, |number, digit| 10 * number + u64::from(digit - b'0'));
    u32::try_from(number).ok().filter(|_| digits)
}

/// Where a number goes.
fn place(sorted: &[(u32, usize)], number: u32) -> Option<usize> {
    let at = sorted.binary_search_by_key(&number, |&(number, _)| number).ok()?;
    Some(sorted[at].1)
}

/// Puts what is wanted where it goes; once.
fn put(found: &mut [Place], at: Option<usize>, place: Place, once: &'static str) -> Result<(), &'static str> {
    let Some(slot) = at.and_then(|at| found.get_mut(at)) else { return Ok(()) };
    if matches!(slot, Place::At(..)) {
        return Err(once);
    }
    *slot = place;
    Ok(())
}

/// Which of them a text is, by its first lines: of all the same.
pub(in crate::data) fn recognised(text: &[u8]) -> Option<Written> {
    let lines = text.split(|&byte| byte == b'\n').take(LOOKED_AT);
    let mut shapes = Shapes { svm: true, ffm: true, fm: true, rows: 0, width: None, ranges: Vec::new() };
    lines.for_each(|line| shapes.add(line));
    shapes.is()
}

/// Lines by which the shape of a text is told.
const LOOKED_AT: usize = 200;

/// What a text may be yet.
struct Shapes {
    svm: bool,
    ffm: bool,
    fm: bool,
    rows: usize,
    /// Pairs of a line.
    width: Option<usize>,
    /// The least and the greatest index at each place.
    ranges: Vec<(u32, u32)>,
}

impl Shapes {
    fn add(&mut self, line: &[u8]) {
        let end = memchr::memchr(b'#', line).unwrap_or(line.len());
        let mut items = Items { text: line, at: 0, end };
        let Some((start, stop)) = items.next() else { return };
        let is_number = |text: &[u8]| super::number_of(text).is_ok() && !text.is_empty();
        let mut sound = is_number(&line[start..stop]);
        let mut count = 0;
        for (at, (start, stop)) in items.enumerate() {
            let parts: Vec<&[u8]> = line[start..stop].splitn(4, |&byte| byte == b':').collect();
            sound &= parts.iter().all(|part| is_number(part)) || parts.first() == Some(&&b"qid"[..]);
            let first = number(parts[0]);
            self.svm &= parts.len() == 2;
            self.ffm &= parts.len() == 3 && first.is_some();
            self.fm &= parts.len() == 2 && parts[1] == b"1" && first.is_some();
            if let Some(first) = first.filter(|_| self.fm) {
                match self.ranges.get_mut(at) {
                    Some((least, greatest)) => (*least, *greatest) = ((*least).min(first), (*greatest).max(first)),
                    None => self.ranges.push((first, first)),
                }
            }
            count += 1;
        }
        self.svm &= sound;
        self.ffm &= sound;
        self.fm &= sound && count > 1 && self.width.is_none_or(|width| width == count);
        self.width = Some(count.max(self.width.unwrap_or(0)));
        self.rows += 1;
    }

    fn is(mut self) -> Option<Written> {
        if self.rows == 0 || self.width == Some(0) {
            return None;
        }
        // Of columns of their own, where each has indices that no other has.
        self.ranges.sort_unstable();
        let apart = self.ranges.windows(2).all(|two| two[0].1 < two[1].0);
        match () {
            () if self.ffm => Some(Written::Libffm),
            () if self.fm && apart && self.rows > 1 => Some(Written::Libfm),
            () if self.svm => Some(Written::Libsvm),
            () => None,
        }
    }
}

/// Which columns lines of pairs have, and their values: what nobody has described.
pub(in crate::data) fn undescribed<'t>(
    written: Written,
    line: &'t [u8],
    mut each: impl FnMut(&[u8], &'t [u8]),
) -> bool {
    let end = memchr::memchr(b'#', line).unwrap_or(line.len());
    let mut items = Items { text: line, at: 0, end };
    let Some((start, stop)) = items.next() else { return false };
    let label = &line[start..stop];
    each(b"label", label.strip_prefix(b"+").unwrap_or(label));
    for (at, (start, stop)) in items.enumerate() {
        let item = &line[start..stop];
        let cut = memchr::memchr(b':', item).unwrap_or(item.len());
        let (first, rest) = (&item[..cut], item.get(cut + 1..).unwrap_or_default());
        match written {
            Written::Libsvm => each(first, rest),
            Written::Libfm => each(format!("f{}", at + 1).as_bytes(), first),
            Written::Libffm => {
                let cut = memchr::memchr(b':', rest).unwrap_or(rest.len());
                each(first, &rest[..cut]);
                each(&[first, Written::VALUE.as_bytes()].concat(), rest.get(cut + 1..).unwrap_or_default());
            }
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_by_their_shape() {
        for (text, expected) in [
            ("1 1:0.5 7:2\n-1 2:1\n", Some(Written::Libsvm)),
            ("# a comment\n+1 qid:3 1:0.5\n0 qid:3\n", Some(Written::Libsvm)),
            ("1 0:5:1 1:7:0.25\n0 0:6:1\n", Some(Written::Libffm)),
            ("-1 451:1 4149:1 5041:1\n1 20:1 4150:1 5042:1\n", Some(Written::Libfm)),
            ("1 1:1 2:1\n1 2:1 3:1\n", Some(Written::Libsvm)),
            ("1 2 3\n", None),
            ("1\n0\n", None),
            ("a 1:2\n", None),
            ("1,2:3\n", None),
            ("", None),
        ] {
            assert_eq!(recognised(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn numbers_have_32_bits() {
        assert_eq!(number(b"4294967295"), Some(u32::MAX));
        for text in ["", "4294967296", "-1", "+1", "1.0", "99999999999999999999"] {
            assert_eq!(number(text.as_bytes()), None, "{text}");
        }
    }
}
