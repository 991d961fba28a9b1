//! The values of a line, one after the other, read fast where they look as they nearly always do.

/// Eight bytes of 1, and of the highest bit.
const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x80 * ONES;

/// Most values that are read at once.
pub(super) const TOGETHER: usize = 32;

/// Walks over the tab-separated values of a line.
#[derive(Clone)]
pub(super) struct Values<'l> {
    line: &'l [u8],
    /// Where the next value begins; past the end once there is none.
    at: usize,
}

impl<'l> Values<'l> {
    pub fn of(line: &'l [u8]) -> Self {
        Self { line, at: 0 }
    }

    /// Takes as many of the next `count` values as end within 64 bytes, and returns how many. Each is handed on with its
    /// [`index`], if it has one. All ends are found at once, so that no value has to wait for those before it.
    #[inline]
    pub fn each_counted<E>(
        &mut self,
        count: usize,
        mut hand_on: impl FnMut(usize, Option<usize>, &'l [u8]) -> Result<(), E>,
    ) -> Result<usize, E> {
        let Some(rest) = self.line.get(self.at..) else { return Ok(0) };
        let (Some(window), mut start) = (rest.first_chunk(), 0) else { return Ok(0) };
        let mut tabs = tabs(window);
        for taken in 0..count {
            let end = tabs.trailing_zeros() as usize;
            let Some(text) = rest[start..].first_chunk().filter(|_| tabs != 0) else {
                self.at += start;
                return Ok(taken);
            };
            hand_on(taken, index(*text, end - start), &rest[start..end])?;
            tabs &= tabs - 1;
            start = end + 1;
        }
        self.at += start;
        Ok(count)
    }

    /// The next value, if it is a short unsigned integer; otherwise nothing has been taken.
    #[inline]
    pub fn integer(&mut self) -> Option<u64> {
        let (mut end, mut value) = (self.at, 0u64);
        while let Some(digit) = self.line.get(end).map(|byte| byte.wrapping_sub(b'0')).filter(|&digit| digit < 10) {
            // What wraps is too long, and is not returned.
            value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
            end += 1;
        }
        let sound = (1..=15).contains(&(end - self.at)) && self.ends(end);
        sound.then(|| {
            self.at = end + 1;
            value
        })
    }

    /// The next value, if it is eight hexadecimal digits; otherwise nothing has been taken.
    #[inline]
    pub fn eight_hex_digits(&mut self) -> Option<u32> {
        let digits = self.line.get(self.at..)?.first_chunk::<8>()?;
        let value = hex(*digits)?;
        let end = self.at + 8;
        self.ends(end).then(|| {
            self.at = end + 1;
            value
        })
    }

    /// The next values, one a number, if each is eight hexadecimal digits or nothing: the bits say which were nothing.
    /// Otherwise none has been taken. At most [`TOGETHER`] at once, because then vectors can do it.
    #[inline]
    pub fn eight_hex_digits_each(&mut self, numbers: &mut [u32]) -> Option<u32> {
        let (mut at, mut missing) = (self.at, 0);
        let mut texts = [[b'0'; 8]; TOGETHER];
        for (index, text) in texts[..numbers.len()].iter_mut().enumerate() {
            match self.line.get(at..)? {
                [] | [b'\t', ..] => {
                    missing |= 1 << index;
                    at += 1;
                }
                rest => {
                    *text = *rest.first_chunk()?;
                    if !matches!(rest[8..], [] | [b'\t', ..]) {
                        return None;
                    }
                    at += 9;
                }
            }
        }
        let mut others = 0;
        for byte in texts.as_flattened_mut() {
            let (decimal, letter) = (byte.wrapping_sub(b'0'), (*byte | 0x20).wrapping_sub(b'a'));
            others |= u8::from(decimal > 9) & u8::from(letter > 5);
            *byte = if decimal < 10 { decimal } else { letter.wrapping_add(10) };
        }
        if others != 0 {
            return None;
        }
        let mut all = [0; TOGETHER];
        for (number, nibbles) in all.iter_mut().zip(texts) {
            let nibbles = u64::from_le_bytes(nibbles);
            let bytes = (nibbles << 4 | nibbles >> 8) & 0x00ff_00ff_00ff_00ff;
            let pairs = (bytes << 8 | bytes >> 16) & 0x0000_ffff_0000_ffff;
            *number = (pairs << 16 | pairs >> 32) as u32;
        }
        numbers.copy_from_slice(&all[..numbers.len()]);
        self.at = at;
        Some(missing)
    }

    /// Whether the next value is there and is nothing; it is taken then.
    #[inline]
    pub fn nothing(&mut self) -> bool {
        let nothing = self.at <= self.line.len() && self.ends(self.at);
        self.at += usize::from(nothing);
        nothing
    }

    fn ends(&self, at: usize) -> bool {
        self.line.get(at).is_none_or(|&byte| byte == b'\t')
    }
}

impl<'l> Iterator for Values<'l> {
    type Item = &'l [u8];

    fn next(&mut self) -> Option<&'l [u8]> {
        let rest = self.line.get(self.at..)?;
        let value = memchr::memchr(b'\t', rest).map_or(rest, |tab| &rest[..tab]);
        self.at += value.len() + 1;
        Some(value)
    }
}

/// Which of these bytes are tabs, the first one's bit the lowest.
#[inline]
fn tabs(window: &[u8; 64]) -> u64 {
    let mut tabs = 0;
    for (index, bytes) in window.as_chunks::<8>().0.iter().enumerate() {
        let others = u64::from_le_bytes(*bytes) ^ (u64::from(b'\t') * ONES);
        // The high bit of each byte that is 0, and of no other; then all of them side by side.
        let high = !(((others & !HIGH) + !HIGH) | others | !HIGH);
        tabs |= (high >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56 << (8 * index);
    }
    tabs
}

/// The value at the start of `text`, `length` bytes before a tab, as an index: 0 where it is nothing, `n + 1` where it is
/// the integer `n` of at most seven digits. Without a loop over its digits, whose end no processor foresees.
#[inline]
fn index(text: [u8; 8], length: usize) -> Option<usize> {
    let digits = u64::from_le_bytes(text) ^ (u64::from(b'0') * ONES);
    // The high bit of each byte that is no digit. What a byte carries into the next concerns none before it.
    let others = (digits.wrapping_add(0x76 * ONES) | digits) & HIGH;
    let bits = others.trailing_zeros() & !7;
    if length > 7 || bits != 8 * length as u32 {
        return None;
    }
    // Zeros go before the first digit; then neighbours are made one: digits, pairs, fours.
    let digits = (digits << 8) << (56 - bits);
    let pairs = (digits.wrapping_mul(10) + (digits >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul(100) + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    let value = (fours.wrapping_mul(10_000) + (fours >> 32)) as u32;
    Some(if bits == 0 { 0 } else { value as usize + 1 })
}

/// Eight hexadecimal digits as their number, all at once in one register: each byte is a digit.
#[inline]
fn hex(digits: [u8; 8]) -> Option<u32> {
    let text = u64::from_be_bytes(digits);
    let lower = text | (0x20 * ONES);
    // A byte below 0x80 plus `0x80 - c` has its high bit set from `c` on, and carries nothing into the next.
    let from = |bytes: u64, first: u8| bytes + u64::from(0x80 - first) * ONES;
    if text & HIGH != 0 {
        return None;
    }
    let decimal = from(text, b'0') & !from(text, b'9' + 1);
    let letter = from(lower, b'a') & !from(lower, b'f' + 1);
    if (decimal | letter) & HIGH != HIGH {
        return None;
    }
    // Letters, and they alone, have the bit 0x40: `a` is 0x61, and 1 + 9 is ten.
    let nibbles = (text & (0x0f * ONES)) + 9 * (text >> 6 & ONES);
    let bytes = (nibbles | nibbles >> 4) & 0x00ff_00ff_00ff_00ff;
    let pairs = (bytes | bytes >> 8) & 0x0000_ffff_0000_ffff;
    Some((pairs | pairs >> 16) as u32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_are_what_is_between_tabs() {
        for (line, expected) in
            [(&b""[..], &[&b""[..]][..]), (b"a", &[b"a"]), (b"\t", &[b"", b""]), (b"a\t\tb", &[b"a", b"", b"b"])]
        {
            assert_eq!(Values::of(line).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn what_is_read_fast_is_taken_whole_or_not_at_all() {
        let mut values = Values::of(b"12\t-3\t\t0123abCD\t123456789\t1234567890123456\t7");
        assert_eq!(values.integer(), Some(12));
        assert_eq!((values.integer(), values.eight_hex_digits(), values.nothing()), (None, None, false));
        assert_eq!(values.next(), Some(&b"-3"[..]));
        assert_eq!((values.integer(), values.eight_hex_digits(), values.nothing()), (None, None, true));
        assert_eq!((values.integer(), values.eight_hex_digits()), (None, Some(0x0123_abcd)));
        assert_eq!((values.eight_hex_digits(), values.integer()), (None, Some(123_456_789)));
        assert_eq!((values.integer(), values.next()), (None, Some(&b"1234567890123456"[..])));
        assert_eq!(values.integer(), Some(7));
        assert_eq!(
            (values.integer(), values.eight_hex_digits(), values.nothing(), values.next()),
            (None, None, false, None)
        );
    }

    #[test]
    fn a_value_may_end_the_line_or_be_missing_there() {
        let mut values = Values::of(b"1\t");
        assert_eq!((values.integer(), values.nothing(), values.nothing(), values.next()), (Some(1), true, false, None));
        assert_eq!(Values::of(b"89abcdef").eight_hex_digits(), Some(0x89ab_cdef));
    }

    #[test]
    fn every_byte_that_is_no_hexadecimal_digit_is_refused_in_every_place() {
        for place in 0..8 {
            for byte in 0..=255u8 {
                let mut digits = *b"5a0F9c1E";
                digits[place] = byte;
                let text = std::str::from_utf8(&digits).ok().filter(|_| byte.is_ascii_hexdigit());
                assert_eq!(
                    hex(digits),
                    text.map(|text| u32::from_str_radix(text, 16).expect("digits")),
                    "{byte} at {place}"
                );
            }
        }
    }

    /// What is handed on of up to nine values, and what is left.
    fn counted(line: &str) -> (Vec<(Option<usize>, String)>, Option<String>) {
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let (mut values, mut found) = (Values::of(line.as_bytes()), Vec::new());
        let taken = values.each_counted(9, |at, index, value| {
            assert_eq!(at, found.len());
            found.push((index, text(value)));
            Ok::<_, ()>(())
        });
        assert_eq!(taken, Ok(found.len()));
        (found, values.next().map(text))
    }

    #[test]
    fn what_has_no_index_is_handed_on_without() {
        let line = format!("\t0\t1234567\t12345678\t-1\t1 2\t00042\t\u{b9}\t7\tthe rest{}", "\t1".repeat(40));
        let (found, rest) = counted(&line);
        let indices: Vec<_> = found.iter().map(|(index, _)| *index).collect();
        assert_eq!(indices, [Some(0), Some(1), Some(1_234_568), None, None, None, Some(43), None, Some(8)]);
        assert_eq!(found[3..6].iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), ["12345678", "-1", "1 2"]);
        assert_eq!(rest.as_deref(), Some("the rest"));
        let error = Values::of(line.as_bytes()).each_counted(9, |at, _, _| if at < 4 { Ok(()) } else { Err(at) });
        assert_eq!(error, Err(4));
    }

    #[test]
    fn values_are_handed_on_as_far_as_their_ends_are_seen() {
        let (found, rest) = counted(&format!("1\t2\t{}\t4\t5{}", "3".repeat(61), "\t".repeat(40)));
        assert_eq!((found.len(), rest), (2, Some("3".repeat(61))));
        assert_eq!(counted("1\t2\t3\t4\t5\t6\t7\t8\t9").0.len(), 0, "too short to be read so");
        assert_eq!(Values::of(b"").each_counted(9, |_, _, _| Err(())), Ok(0));
    }

    #[test]
    fn a_tab_is_found_in_every_place_beside_every_byte() {
        for byte in (0..=255).filter(|&byte| byte != b'\t') {
            for place in 0..64 {
                let mut window = [byte; 64];
                window[place] = b'\t';
                assert_eq!(tabs(&window), 1 << place, "{byte} around {place}");
            }
        }
        assert_eq!(tabs(&[b'\t'; 64]), u64::MAX);
    }

    proptest! {
        #[test]
        fn indices_come_back(numbers in prop::collection::vec(prop::option::of(0usize..10_000_000), 20)) {
            let text = |number: &Option<usize>| number.map(|number| number.to_string()).unwrap_or_default();
            let line = numbers.iter().map(text).collect::<Vec<_>>().join("\t") + &"\t".repeat(64);
            let (found, _) = counted(&line);
            prop_assert!(found.len() >= 7);
            for ((index, shown), number) in found.into_iter().zip(&numbers) {
                prop_assert_eq!(index, Some(number.map_or(0, |number| number + 1)));
                prop_assert_eq!(shown, text(number));
            }
        }

        #[test]
        fn many_hexadecimal_values_are_read_as_each_is(
            values in prop::collection::vec(prop::option::weighted(0.8, any::<u32>()), 1..TOGETHER),
            spoilt in prop::option::weighted(0.3, (any::<prop::sample::Index>(), any::<u8>())), upper: bool,
        ) {
            let text = |value: &Option<u32>| match value {
                Some(value) if upper => format!("{value:08X}"),
                Some(value) => format!("{value:08x}"),
                None => String::new(),
            };
            let mut line = values.iter().map(text).collect::<Vec<_>>().join("\t").into_bytes();
            if let Some((at, byte)) = spoilt.filter(|_| !line.is_empty()) {
                let at = at.index(line.len());
                line[at] = byte;
            }
            let mut one_by_one = Values::of(&line);
            let each: Option<Vec<u32>> = (0..values.len())
                .map(|_| if one_by_one.nothing() { Some(0) } else { one_by_one.eight_hex_digits() })
                .collect();
            let (mut together, mut numbers) = (Values::of(&line), vec![0; values.len()]);
            let missing = together.eight_hex_digits_each(&mut numbers);
            prop_assert_eq!(missing.map(|_| numbers), each);
            prop_assert_eq!(together.at, missing.map_or(0, |_| one_by_one.at));
            if spoilt.is_none() {
                let expected = (0..values.len()).filter(|&index| values[index].is_none()).map(|index| 1u32 << index);
                prop_assert_eq!(missing, Some(expected.sum()));
            }
        }

        #[test]
        fn numbers_come_back(value: u32, short in 0u64..1_000_000_000_000_000) {
            prop_assert_eq!(Values::of(format!("{value:08x}").as_bytes()).eight_hex_digits(), Some(value));
            prop_assert_eq!(Values::of(format!("{value:08X}\t").as_bytes()).eight_hex_digits(), Some(value));
            prop_assert_eq!(Values::of(short.to_string().as_bytes()).integer(), Some(short));
        }
    }
}
