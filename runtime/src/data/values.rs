//! The values of a line, one after the other, read fast where they look as they nearly always do.

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

/// Eight hexadecimal digits as their number, all at once in one register: each byte is a digit.
#[inline]
fn hex(digits: [u8; 8]) -> Option<u32> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * ONES;
    let text = u64::from_be_bytes(digits);
    let lower = text | 0x20 * ONES;
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
    let nibbles = (text & 0x0f * ONES) + 9 * (text >> 6 & ONES);
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

    proptest! {
        #[test]
        fn numbers_come_back(value: u32, short in 0u64..1_000_000_000_000_000) {
            prop_assert_eq!(Values::of(format!("{value:08x}").as_bytes()).eight_hex_digits(), Some(value));
            prop_assert_eq!(Values::of(format!("{value:08X}\t").as_bytes()).eight_hex_digits(), Some(value));
            prop_assert_eq!(Values::of(short.to_string().as_bytes()).integer(), Some(short));
        }
    }
}
