//! Numbers from their digits: many texts at once, without a branch, so that they are read by vectors and no processor has
//! to foresee where digits end.

/// Numbers that are read at once.
pub(in crate::data) const TOGETHER: usize = 16;

/// Eight bytes of 1, of the highest bit, and of the digit zero.
const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x80 * ONES;
const ZEROS: u64 = 0x30 * ONES;

/// Short texts: the first eight bytes from the beginning of each, the first one the lowest, and its length.
#[derive(Clone, Copy)]
pub(in crate::data) struct Texts {
    pub bytes: [u64; TOGETHER],
    pub lengths: [u32; TOGETHER],
}

/// What was read of a text.
pub(in crate::data) const NOTHING: u64 = u64::MAX;
pub(in crate::data) const OTHER: u64 = u64::MAX - 1;

impl Texts {
    pub const EMPTY: Self = Self { bytes: [0; TOGETHER], lengths: [0; TOGETHER] };

    /// Integers of at most eight decimal digits; [`NOTHING`] for an empty text and [`OTHER`] for any other.
    #[inline(always)]
    pub fn decimal(&self) -> [u64; TOGETHER] {
        let mut numbers = [0; TOGETHER];
        for ((number, &bytes), &length) in numbers.iter_mut().zip(&self.bytes).zip(&self.lengths) {
            // Zeros go before the first digit, in place of what follows the last; then neighbours are made one: digits,
            // pairs, fours. Factors are sums of powers of two where vectors have no product. Only what is no digit wraps.
            let digits = (bytes ^ ZEROS).checked_shl(64 - 8 * length.min(8)).unwrap_or(0);
            // The high bit of each byte that is no digit. What a byte carries into the next has set its own.
            let others = (digits.wrapping_add(0x76 * ONES) | digits) & HIGH;
            let tens = (digits << 3).wrapping_add(digits << 1);
            let pairs = tens.wrapping_add(digits >> 8) & 0x00ff_00ff_00ff_00ff;
            let fours = ((pairs << 6) + (pairs << 5) + (pairs << 2) + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
            let eight = (fours & 0xffff) * 10_000 + (fours >> 32);
            *number = if length > 8 || others != 0 { OTHER } else { eight };
            *number = if length == 0 { NOTHING } else { *number };
        }
        numbers
    }

    /// Numbers of exactly eight hexadecimal digits; [`NOTHING`] for an empty text and [`OTHER`] for any other.
    #[inline(always)]
    pub fn hexadecimal(&self) -> [u64; TOGETHER] {
        let mut nibbles = self.bytes.map(u64::to_le_bytes);
        let mut others = [[0; 8]; TOGETHER];
        for (byte, other) in nibbles.as_flattened_mut().iter_mut().zip(others.as_flattened_mut()) {
            let (decimal, letter) = (byte.wrapping_sub(b'0'), (*byte | 0x20).wrapping_sub(b'a'));
            *other = u8::from(decimal > 9) & u8::from(letter > 5);
            *byte = if decimal < 10 { decimal } else { letter.wrapping_add(10) };
        }
        let mut numbers = [0; TOGETHER];
        for (((number, &nibbles), &others), &length) in numbers.iter_mut().zip(&nibbles).zip(&others).zip(&self.lengths)
        {
            let nibbles = u64::from_le_bytes(nibbles);
            let bytes = (nibbles << 4 | nibbles >> 8) & 0x00ff_00ff_00ff_00ff;
            let pairs = (bytes << 8 | bytes >> 16) & 0x0000_ffff_0000_ffff;
            let eight = (pairs << 16 | pairs >> 32) & 0xffff_ffff;
            *number = if length != 8 || u64::from_le_bytes(others) != 0 { OTHER } else { eight };
            *number = if length == 0 { NOTHING } else { *number };
        }
        numbers
    }
}

/// An unsigned integer of at most fifteen digits.
pub(in crate::data) fn integer(text: &[u8]) -> Option<u64> {
    if !(1..=15).contains(&text.len()) {
        return None;
    }
    text.iter().try_fold(0, |value, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit < 10).then(|| 10 * value + u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// All texts the same, each before a tab and more.
    fn texts(value: &str) -> Texts {
        let text = format!("{value}\t9876543");
        let bytes = u64::from_le_bytes(*text.as_bytes().first_chunk().expect("eight bytes"));
        Texts { bytes: [bytes; TOGETHER], lengths: [value.len() as u32; TOGETHER] }
    }

    #[test]
    fn decimal_numbers_have_at_most_eight_digits() {
        for (value, expected) in
            [("", NOTHING), ("0", 0), ("1234567", 1_234_567), ("00042", 42), ("7", 7), ("99999999", 99_999_999)]
        {
            assert_eq!(texts(value).decimal(), [expected; TOGETHER], "{value}");
        }
        for value in ["123456789", "-1", "1 2", "\u{b9}", "1.5", ":", "/", "1234567a"] {
            assert_eq!(texts(value).decimal(), [OTHER; TOGETHER], "{value}");
        }
    }

    #[test]
    fn hexadecimal_numbers_have_exactly_eight_digits() {
        for (value, expected) in [("", NOTHING), ("0123abCD", 0x0123_abcd), ("ffffffff", 0xffff_ffff)] {
            assert_eq!(texts(value).hexadecimal(), [expected; TOGETHER], "{value}");
        }
        for value in ["1234567", "123456789", "-1234567", "1 234567"] {
            assert_eq!(texts(value).hexadecimal(), [OTHER; TOGETHER], "{value}");
        }
    }

    #[test]
    fn every_byte_that_is_no_digit_is_refused_in_every_place() {
        for place in 0..8 {
            for byte in 0..=255u8 {
                let mut digits = *b"52039718";
                digits[place] = byte;
                let mut texts = Texts { bytes: [ZEROS; TOGETHER], lengths: [8; TOGETHER] };
                texts.bytes[place] = u64::from_le_bytes(digits);
                let number = |radix: u32| {
                    let text = std::str::from_utf8(&digits).ok().filter(|_| (byte as char).is_digit(radix));
                    let number = text.map_or(OTHER, |text| u64::from_str_radix(text, radix).expect("digits"));
                    std::array::from_fn(|index| if index == place { number } else { 0 })
                };
                assert_eq!(texts.decimal(), number(10), "{byte} at {place}");
                assert_eq!(texts.hexadecimal(), number(16), "{byte} at {place}");
            }
        }
    }

    #[test]
    fn integers_have_one_to_fifteen_digits() {
        for (text, expected) in
            [("0", Some(0)), ("999999999999999", Some(999_999_999_999_999)), ("007", Some(7)), ("", None), ("-1", None)]
        {
            assert_eq!(integer(text.as_bytes()), expected, "{text}");
        }
        assert_eq!((integer(b"1234567890123456"), integer(b"1a"), integer(b"\xb9")), (None, None, None));
    }

    proptest! {
        #[test]
        fn numbers_come_back(value: u32, count in 0u64..100_000_000, integral in 0u64..1_000_000_000_000_000) {
            prop_assert_eq!(texts(&format!("{value:08x}")).hexadecimal(), [u64::from(value); TOGETHER]);
            prop_assert_eq!(texts(&format!("{value:08X}")).hexadecimal(), [u64::from(value); TOGETHER]);
            prop_assert_eq!(texts(&count.to_string()).decimal(), [count; TOGETHER]);
            prop_assert_eq!(integer(integral.to_string().as_bytes()), Some(integral));
        }
    }
}
