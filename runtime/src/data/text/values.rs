//! Where the values of many lines lie: one pass over the text finds every separator and line end, so that reading a value
//! waits for no other.

use crate::data::wide::{TOGETHER, Texts};

/// Bytes looked at together, one bit each.
const WINDOW: usize = 64;

/// Where the values of a text of lines end. Used again for other texts, it allocates nothing.
#[derive(Default)]
pub(in crate::data) struct Values {
    /// Position of the separator behind each value; what is behind those of the lines means nothing.
    ends: Vec<u32>,
    lines: Vec<Span>,
}

/// A line: its first byte, and its values among the ends.
struct Span {
    start: u32,
    first: u32,
    last: u32,
}

impl Values {
    /// Finds the values of `text`: they end at a separator, `\n`, `\r\n`, or the end of the text. A line has at least one.
    ///
    /// # Panics
    /// When `text` has `2^32` bytes or more.
    #[inline(always)]
    pub fn find(&mut self, text: &[u8], separator: u8) {
        assert!(u32::try_from(text.len()).is_ok(), "a text whose positions have 32 bits");
        // As many as there can be ends, and a window's slots behind them; pages that are never used cost nothing.
        let slots = text.len() + 1 + WINDOW;
        if self.ends.len() < slots {
            self.ends = vec![0; slots];
        }
        self.lines.clear();
        let mut found = Found { text, separator, values: self, count: 0, line: 0, first: 0 };
        let (windows, rest) = text.as_chunks();
        for (index, window) in windows.iter().enumerate() {
            found.window(index * WINDOW, window);
        }
        let mut last = [0; WINDOW];
        last[..rest.len()].copy_from_slice(rest);
        found.window(text.len() - rest.len(), &last);
        if found.line < text.len() {
            found.values.ends[found.count] = text.len() as u32;
            found.count += 1;
            found.end_line(text.len(), found.count);
        }
    }

    /// How many lines were found.
    pub fn count(&self) -> usize {
        self.lines.len()
    }

    /// The lines of `text`, which they were found in.
    #[inline(always)]
    pub fn lines<'v, 't: 'v>(&'v self, text: &'t [u8]) -> impl Iterator<Item = Line<'v>> {
        let line = |span: &Span| Line {
            text,
            start: span.start as usize,
            count: (span.last - span.first) as usize,
            ends: &self.ends[span.first as usize..],
        };
        self.lines.iter().map(line)
    }
}

/// What was found so far.
struct Found<'a> {
    text: &'a [u8],
    separator: u8,
    values: &'a mut Values,
    /// Values.
    count: usize,
    /// Where the line that has not ended begins, and its first value.
    line: usize,
    first: usize,
}

impl Found<'_> {
    #[inline(always)]
    fn window(&mut self, at: usize, window: &[u8; WINDOW]) {
        let (separators, mut feeds) = (places(window, self.separator), places(window, b'\n'));
        let all = separators | feeds;
        let mut rest = all;
        // Eight at a time, wanted or not: how many there are is not foreseen, whether more than eight mostly is.
        for slots in self.values.ends[self.count..self.count + WINDOW].as_chunks_mut::<8>().0 {
            for slot in slots {
                *slot = at as u32 + rest.trailing_zeros();
                rest &= rest.wrapping_sub(1);
            }
            if rest == 0 {
                break;
            }
        }
        while feeds != 0 {
            let place = feeds.trailing_zeros();
            let before = (all & ((1 << place) - 1)).count_ones() as usize;
            self.end_line(at + place as usize, self.count + before + 1);
            feeds &= feeds - 1;
        }
        self.count += all.count_ones() as usize;
    }

    /// Ends the line before `place`, whose values are before the `last`.
    #[inline(always)]
    fn end_line(&mut self, place: usize, last: usize) {
        if place > self.line && self.text[place - 1] == b'\r' {
            self.values.ends[last - 1] = place as u32 - 1;
        }
        self.values.lines.push(Span { start: self.line as u32, first: self.first as u32, last: last as u32 });
        (self.line, self.first) = (place + 1, last);
    }
}

/// The values of a line.
#[derive(Clone, Copy)]
pub(in crate::data) struct Line<'t> {
    text: &'t [u8],
    start: usize,
    /// Of the line's values, how many of them there are, and of those that follow.
    ends: &'t [u32],
    count: usize,
}

impl<'t> Line<'t> {
    /// How many values there are.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.count
    }

    /// # Panics
    /// When there are not that many.
    #[inline(always)]
    pub fn value(&self, index: usize) -> &'t [u8] {
        let (start, end) = self.span(index);
        &self.text[start..end]
    }

    /// Where a value begins and ends in the text.
    #[inline(always)]
    fn span(&self, index: usize) -> (usize, usize) {
        assert!(index < self.count, "value {index} of {}", self.count);
        let start = if index == 0 { self.start } else { self.ends[index - 1] as usize + 1 };
        (start, self.ends[index] as usize)
    }

    /// The values of these, at most [`TOGETHER`]. None where the text ends less than eight bytes after one begins.
    ///
    /// # Panics
    /// When there are not that many.
    #[inline(always)]
    pub fn texts_at(&self, of: &[usize]) -> Option<Texts> {
        let mut texts = Texts::EMPTY;
        for ((&index, bytes), length) in of.iter().zip(&mut texts.bytes).zip(&mut texts.lengths) {
            let (start, end) = self.span(index);
            *bytes = u64::from_le_bytes(*self.text.get(start..start + 8)?.first_chunk()?);
            *length = (end - start) as u32;
        }
        Some(texts)
    }

    /// [`TOGETHER`] values from `first`, which is not 0, on; those behind the line's mean nothing. None where the text
    /// ends less than eight bytes after one begins.
    ///
    /// # Panics
    /// When `first` is not one of the line's.
    #[inline(always)]
    pub fn texts(&self, first: usize) -> Option<Texts> {
        let mut texts = Texts::EMPTY;
        let ends: &[u32; TOGETHER + 1] = self.ends[first - 1..].first_chunk()?;
        for index in 0..TOGETHER {
            let start = ends[index] + 1;
            let (from, to) = (start as usize, start as usize + 8);
            texts.bytes[index] = u64::from_le_bytes(*self.text.get(from..to)?.first_chunk()?);
            texts.lengths[index] = ends[index + 1].wrapping_sub(start);
        }
        Some(texts)
    }
}

/// Which bytes are `wanted`, the first one's bit the lowest.
#[inline(always)]
fn places(window: &[u8; WINDOW], wanted: u8) -> u64 {
    // Every x86-64 has SSE2, but no loop is made its instruction that gathers the bits.
    #[cfg(target_arch = "x86_64")]
    if let Some(sse2) = pulp::core_arch::x86::Sse2::try_new() {
        let (words, _) = window.as_chunks();
        let (pairs, _) = words.as_chunks();
        return pairs.iter().rev().fold(0, |places, pair| {
            let [low, high] = pair.map(i64::from_le_bytes);
            let equal = sse2._mm_cmpeq_epi8(sse2._mm_set_epi64x(high, low), sse2._mm_set1_epi8(wanted as i8));
            places << 16 | u64::from(sse2._mm_movemask_epi8(equal) as u16)
        });
    }
    window.iter().rev().fold(0, |places, &byte| places << 1 | u64::from(byte == wanted))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn find(text: &str) -> Vec<Vec<String>> {
        let mut values = Values::default();
        // What was found before must not be seen again.
        values.find(b"those\tof\tanother\ntext\n", b'\t');
        values.find(text.as_bytes(), b'\t');
        let string = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        values.lines(text.as_bytes()).map(|line| (0..line.len()).map(|at| string(line.value(at))).collect()).collect()
    }

    #[test]
    fn values_are_what_is_between_tabs_and_line_ends() {
        assert!(find("").is_empty());
        assert_eq!(find("a"), [["a"]]);
        assert_eq!(find("\n\t"), [vec![""], vec!["", ""]]);
        assert_eq!(find("a\t\tb\r\nc\rd\t\r\n\r"), [vec!["a", "", "b"], vec!["c\rd", ""], vec![""]]);
    }

    #[test]
    fn a_byte_is_found_in_every_place_beside_every_other() {
        for byte in (0..=255).filter(|&byte| byte != b'\t') {
            for place in 0..WINDOW {
                let mut window = [byte; WINDOW];
                window[place] = b'\t';
                assert_eq!(places(&window, b'\t'), 1 << place, "{byte} around {place}");
            }
        }
        assert_eq!(places(&[b'\t'; WINDOW], b'\t'), u64::MAX);
    }

    #[test]
    fn texts_go_beyond_a_value_but_not_beyond_the_end() {
        let text = "1\t23\t4567\t\t89\n".to_owned() + &"1234567\t".repeat(TOGETHER);
        let (mut values, expected) = (Values::default(), [*b"23\t4567\t", *b"4567\t\t89", *b"\t89\n1234"]);
        values.find(text.as_bytes(), b'\t');
        let line = values.lines(text.as_bytes()).next().expect("a line");
        let texts = line.texts(1).expect("eight bytes each");
        assert_eq!(
            (&texts.bytes[..3], &texts.lengths[..4]),
            (&expected.map(u64::from_le_bytes)[..], &[2, 4, 0, 2][..])
        );
        let short = &text[..text.len() - 8 * (TOGETHER - 3)];
        values.find(short.as_bytes(), b'\t');
        assert!(values.lines(short.as_bytes()).next().expect("a line").texts(1).is_none());
    }

    proptest! {
        #[test]
        fn values_are_those_of_splitting(
            lines in prop::collection::vec(prop::collection::vec("[a-c]{0,9}|[a-c]{90}", 1..50), 1..9), windows: bool, ended: bool,
        ) {
            let end = if windows { "\r\n" } else { "\n" };
            let text = lines.iter().map(|line| line.join("\t")).collect::<Vec<_>>().join(end) + if ended { end } else { "" };
            let mut expected: Vec<Vec<String>> = text.split('\n').map(|line| {
                line.strip_suffix('\r').unwrap_or(line).split('\t').map(str::to_owned).collect()
            }).collect();
            if text.is_empty() || text.ends_with('\n') {
                expected.pop();
            }
            prop_assert_eq!(find(&text), expected);
        }
    }
}
