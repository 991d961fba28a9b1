//! The different values of a column, numbered as they come.

use hashbrown::HashTable;
use twox_hash::XxHash3_64;

/// Bytes that the values of one column may take together, as where they end has 32 bits.
const MOST_BYTES: usize = u32::MAX as usize;

/// Different values, each with a number from 0.
#[derive(Clone, Debug, Default)]
pub(in crate::data) struct Dictionary {
    codes: HashTable<u32>,
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

impl Dictionary {
    /// How many different values there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Memory that it takes, in bytes.
    pub fn memory(&self) -> usize {
        self.bytes.capacity() + 4 * self.ends.capacity() + self.codes.allocation_size()
    }

    /// The value of a number.
    ///
    /// # Panics
    /// When there are not that many.
    pub fn value(&self, code: u32) -> &[u8] {
        value(&self.bytes, &self.ends, code)
    }

    /// The number of a value, which is a new one where it was not seen; none where there is no room for it.
    #[inline]
    pub fn code(&mut self, bytes: &[u8]) -> Option<u32> {
        let Self { codes, bytes: all, ends } = self;
        let hash = XxHash3_64::oneshot(bytes);
        if let Some(&code) = codes.find(hash, |&code| value(all, ends, code) == bytes) {
            return Some(code);
        }
        let end = all.len() + bytes.len();
        if end > MOST_BYTES || ends.len() + 1 >= u32::MAX as usize {
            return None;
        }
        let code = ends.len() as u32;
        all.extend_from_slice(bytes);
        ends.push(end as u32);
        codes.insert_unique(hash, code, |&code| XxHash3_64::oneshot(value(all, ends, code)));
        Some(code)
    }

    /// The number of a value that was seen.
    pub fn find(&self, bytes: &[u8]) -> Option<u32> {
        let hash = XxHash3_64::oneshot(bytes);
        self.codes.find(hash, |&code| self.value(code) == bytes).copied()
    }

    /// All values one after the other, and where each ends.
    pub fn parts(&self) -> (&[u8], &[u32]) {
        (&self.bytes, &self.ends)
    }

    /// Of such parts; none where they are not those of different values.
    pub fn of(bytes: &[u8], ends: &[u32]) -> Option<Self> {
        if !ends.is_sorted() || ends.last().copied().unwrap_or(0) as usize != bytes.len() {
            return None;
        }
        let mut dictionary = Self::default();
        let all = (0..ends.len()).all(|code| {
            let code = code as u32;
            dictionary.code(value(bytes, ends, code)) == Some(code)
        });
        all.then_some(dictionary)
    }

    /// Forgets all values, but not the memory for them.
    pub fn clear(&mut self) {
        self.codes.clear();
        self.bytes.clear();
        self.ends.clear();
    }
}

fn value<'b>(bytes: &'b [u8], ends: &[u32], code: u32) -> &'b [u8] {
    let code = code as usize;
    let start = if code == 0 { 0 } else { ends[code - 1] as usize };
    &bytes[start..ends[code] as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_numbered_as_they_come() {
        let mut dictionary = Dictionary::default();
        for round in 0..2 {
            for number in 0..1000u32 {
                let text = if number == 7 { String::new() } else { format!("value {number}") };
                assert_eq!(dictionary.code(text.as_bytes()), Some(number), "round {round}");
            }
        }
        assert_eq!((dictionary.len(), dictionary.value(3), dictionary.value(7)), (1000, &b"value 3"[..], &b""[..]));
        assert!(dictionary.memory() > 10_000);
        dictionary.clear();
        assert_eq!(dictionary.code(b"value 3"), Some(0));
    }
}
