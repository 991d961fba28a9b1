//! Rows written as lines of CSV or TSV: the texts that were kept of them, and a number each, or several.

use super::stream::Portion;

/// Bytes that a number takes with what stands around it, usually.
const USUAL: usize = 14;

/// How rows are written as lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lines {
    /// What stands between values.
    pub separator: u8,
}

impl Lines {
    /// The header: the names of what is kept, and of the numbers.
    pub fn header(self, keep: &[String], numbers: &[String]) -> Vec<u8> {
        let mut text = Vec::new();
        keep.iter().chain(numbers).for_each(|name| self.value(name.as_bytes(), &mut text));
        text.pop();
        text.push(b'\n');
        text
    }

    /// The lines of some rows, with their numbers, `[columns, rows]`; one that is blank has none.
    pub fn of(self, portion: &Portion, numbers: &[f32]) -> Vec<u8> {
        let rows = portion.batch.rows.max(1);
        let mut text = Vec::with_capacity(USUAL * numbers.len());
        let mut blank = portion.blank.iter().peekable();
        for (row, &value) in numbers.iter().take(rows).enumerate() {
            portion.kept.row(row).for_each(|kept| self.value(kept, &mut text));
            let is_blank = blank.next_if(|&&blank| blank as usize == row).is_some();
            if !is_blank {
                number(value, &mut text);
            }
            for &value in numbers[row..].iter().step_by(rows).skip(1) {
                text.push(self.separator);
                if !is_blank {
                    number(value, &mut text);
                }
            }
            text.push(b'\n');
        }
        text
    }

    /// A value and what separates it from the next; in quotes where it could be taken for something else.
    fn value(self, value: &[u8], text: &mut Vec<u8>) {
        let special = |byte: &u8| *byte == self.separator || matches!(byte, b'"' | b'\n' | b'\r');
        if value.iter().any(special) {
            text.push(b'"');
            for &byte in value {
                if byte == b'"' {
                    text.push(b'"');
                }
                text.push(byte);
            }
            text.push(b'"');
        } else {
            text.extend_from_slice(value);
        }
        text.push(self.separator);
    }
}

/// A number in decimal notation, with as few digits as it takes to read it back: what [`std::fmt::Display`] says, for one between 0 and 1
/// in a fraction of the time.
fn number(number: f32, text: &mut Vec<u8>) {
    let mut buffer = zmij::Buffer::new();
    let short = buffer.format(number);
    let usual = short.strip_prefix("0.").is_some_and(|digits| {
        // Up to here a product with the power of ten is exact: 24 bits of the number, 28 of a power of five.
        let known = digits.len() < 12 && digits != "0" && !digits.contains('e');
        // Half way between two texts of as many digits, Display takes the other one.
        let next = f64::from(number) * 10f64.powi(digits.len() as i32 + 1);
        let whole = next as u64;
        known && !(whole % 10 == 5 && whole as f64 == next)
    });
    if usual {
        text.extend_from_slice(short.as_bytes());
    } else {
        text.extend_from_slice(number.to_string().as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: f32) -> String {
        let mut text = Vec::new();
        number(value, &mut text);
        String::from_utf8(text).expect("digits")
    }

    #[test]
    fn numbers_are_what_the_standard_library_says() {
        for value in [
            0.0,
            1.0,
            0.5,
            0.1,
            153.0 / 512.0,
            1e-4,
            1e-5,
            1.5e-7,
            0.3,
            f32::MIN_POSITIVE,
            1e-45,
            1e20,
            -2.0,
            f32::NAN,
            f32::INFINITY,
        ] {
            assert_eq!(of(value), value.to_string());
        }
        // Every 4,999th number of those from 0 to 1.
        for bits in (0..=1f32.to_bits()).step_by(4_999) {
            let value = f32::from_bits(bits);
            assert_eq!(of(value), value.to_string(), "{bits:#x}");
        }
    }
}
