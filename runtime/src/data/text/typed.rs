//! What a value says, by its type.

use nasrec_compiler::schema::TimeFormat;

use crate::data::wide::integer;

/// A number, or what was expected instead.
pub(in crate::data) type Number = Result<f64, &'static str>;

/// A finite number in decimal notation, with blanks around it or not.
pub(in crate::data) fn number_of(text: &[u8]) -> Number {
    // Fifteen digits are exact as a number, and read faster than any number is.
    if let Some(value) = integer(text) {
        return Ok(value as f64);
    }
    let text = std::str::from_utf8(text).ok().map(str::trim);
    let value = text.and_then(|text| text.parse::<f64>().ok());
    value.filter(|value| value.is_finite()).ok_or("a number or nothing")
}

/// A whole number as 64 bits: from -2^63 to 2^64 - 1; `3.0` is 3.
pub(in crate::data) fn int_of(text: &[u8]) -> Result<u64, &'static str> {
    const EXPECTED: &str = "a whole number of 64 bits or nothing";
    if let Some(value) = integer(text) {
        return Ok(value);
    }
    let text = std::str::from_utf8(text).map_err(|_| EXPECTED)?.trim();
    // `from_str` would take a leading plus sign.
    if text.starts_with('+') {
        return Err(EXPECTED);
    }
    if let Ok(value) = text.parse::<u64>() {
        return Ok(value);
    }
    if let Ok(value) = text.parse::<i64>() {
        return Ok(value.cast_unsigned());
    }
    // As a program writes whole numbers of a column that has missing ones.
    let whole = text.split_once('.').filter(|(_, rest)| rest.bytes().all(|byte| byte == b'0')).map(|(whole, _)| whole);
    match whole {
        Some(whole) => {
            whole.parse::<u64>().or_else(|_| whole.parse::<i64>().map(i64::cast_unsigned)).map_err(|_| EXPECTED)
        }
        None => Err(EXPECTED),
    }
}

/// At most sixteen hexadecimal digits.
pub(in crate::data) fn hex_of(text: &[u8]) -> Result<u64, &'static str> {
    // `from_str_radix` would take a leading plus sign, and any number of leading zeros.
    let sound = (1..=16).contains(&text.len());
    let mut digits = text.iter().map(|&byte| char::from(byte).to_digit(16));
    let value = digits.try_fold(0, |value, digit| digit.map(|digit| value << 4 | u64::from(digit)));
    value.filter(|_| sound).ok_or("at most 16 hexadecimal digits or nothing")
}

/// True or false, as programs write them.
pub(in crate::data) fn bool_of(text: &[u8]) -> Result<bool, &'static str> {
    let is = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word.as_bytes()));
    if is(&["1", "true", "yes", "t", "y", "1.0"]) {
        Ok(true)
    } else if is(&["0", "false", "no", "f", "n", "0.0"]) {
        Ok(false)
    } else {
        Err("true or false, or nothing")
    }
}

/// Reads dates and times, in seconds since 1970 (UTC where they say no other zone).
#[derive(Clone, Debug)]
pub(in crate::data) struct Moment {
    format: TimeFormat,
    /// The last text that was read and its time: rows of one hour lie together.
    last: Vec<u8>,
    seconds: f64,
}

impl Moment {
    pub fn new(format: &TimeFormat) -> Self {
        Self { format: format.clone(), last: Vec::new(), seconds: 0.0 }
    }

    pub fn read(&mut self, text: &[u8]) -> Number {
        let pattern = match &self.format {
            TimeFormat::Seconds => return number_of(text),
            TimeFormat::Milliseconds => return Ok(number_of(text)? / 1e3),
            TimeFormat::Pattern(pattern) => pattern,
        };
        if self.last != text || text.is_empty() {
            self.seconds = seconds(pattern, text).ok_or("a time as its pattern says, or nothing")?;
            self.last.clear();
            self.last.extend_from_slice(text);
        }
        Ok(self.seconds)
    }
}

fn seconds(pattern: &str, text: &[u8]) -> Option<f64> {
    let broken = jiff::fmt::strtime::parse(pattern, text).ok()?;
    // What a pattern does not say is the least that it can be.
    let date = match (broken.year(), broken.month(), broken.day()) {
        (None, None, None) => jiff::civil::date(1970, 1, 1),
        (Some(year), None, None) if broken.day_of_year().is_none() => jiff::civil::Date::new(year, 1, 1).ok()?,
        (Some(year), Some(month), None) => jiff::civil::Date::new(year, month, 1).ok()?,
        _ => broken.to_date().ok()?,
    };
    let (hour, minute, second) =
        (broken.hour().unwrap_or(0), broken.minute().unwrap_or(0), broken.second().unwrap_or(0));
    let time = jiff::civil::Time::new(hour, minute, second, broken.subsec_nanosecond().unwrap_or(0)).ok()?;
    let since = date.to_datetime(time) - jiff::civil::date(1970, 1, 1).at(0, 0, 0, 0);
    let seconds = since.total((jiff::Unit::Second, jiff::SpanRelativeTo::days_are_24_hours())).ok()?;
    Some(seconds - f64::from(broken.offset().map_or(0, jiff::tz::Offset::seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_have_64_bits() {
        for (text, expected) in [
            ("0", Ok(0)),
            ("-1", Ok(u64::MAX)),
            ("18446744073709551615", Ok(u64::MAX)),
            ("3.0", Ok(3)),
            ("-2.", Ok((-2i64).cast_unsigned())),
            (" 7 ", Ok(7)),
        ] {
            assert_eq!(int_of(text.as_bytes()), expected, "{text}");
        }
        for text in ["", "+3", "3.5", "1e3", "a", "18446744073709551616", ".0", "--1"] {
            assert!(int_of(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn times_are_read_as_their_pattern_says() {
        let read =
            |pattern: &str, text: &str| Moment::new(&TimeFormat::Pattern(pattern.to_owned())).read(text.as_bytes());
        assert_eq!(read("%Y-%m-%d %H:%M:%S", "2017-05-06 00:00:01"), Ok(1_494_028_801.0));
        assert_eq!(read("%y%m%d%H", "14102100"), Ok(1_413_849_600.0));
        assert_eq!(read("%Y-%m-%dT%H:%M:%S%z", "1970-01-01T02:00:00+0200"), Ok(0.0));
        assert_eq!(read("%Y", "1971"), Ok(365.0 * 86_400.0));
        assert_eq!(read("%H:%M", "01:30"), Ok(5400.0));
        assert!(read("%Y-%m-%d", "2017-02-30").is_err());
        assert!(read("%Y-%m-%d", "2017-02-03 more").is_err());
        assert_eq!(Moment::new(&TimeFormat::Milliseconds).read(b"1500"), Ok(1.5));
    }
}
