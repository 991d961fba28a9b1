//! Numbers of a few bits, repeated or packed: what Parquet writes levels and the numbers of dictionary entries as.

use bytes::Bytes;

use super::table::{Broken, Sound};

/// Such numbers, read from the first to the last.
pub(super) struct Hybrid {
    bytes: Bytes,
    /// Where the next run begins.
    at: usize,
    /// Bits of a number.
    width: usize,
    run: Run,
}

enum Run {
    Repeated {
        value: u32,
        left: usize,
    },
    /// `bit`: where the next number begins, counted from the first of all bytes.
    Packed {
        bit: usize,
        left: usize,
    },
}

impl Hybrid {
    /// Runs of numbers of `width` bits.
    pub fn new(bytes: Bytes, width: u8) -> Sound<Self> {
        if width > 32 {
            return Err(Broken::new(format!("numbers of {width} bits")));
        }
        Ok(Self { bytes, at: 0, width: usize::from(width), run: Run::Repeated { value: 0, left: 0 } })
    }

    /// Bits, one after the other.
    pub fn bits(bytes: Bytes) -> Self {
        let (at, left) = (bytes.len(), 8 * bytes.len());
        Self { bytes, at, width: 1, run: Run::Packed { bit: 0, left } }
    }

    /// Reads as many numbers as there is room for.
    pub fn read(&mut self, numbers: &mut [u32]) -> Sound<()> {
        let mut done = 0;
        while done < numbers.len() {
            let rest = &mut numbers[done..];
            done += match &mut self.run {
                Run::Repeated { left: 0, .. } | Run::Packed { left: 0, .. } => {
                    self.run = self.next()?;
                    0
                }
                Run::Repeated { value, left } => {
                    let count = rest.len().min(*left);
                    rest[..count].fill(*value);
                    *left -= count;
                    count
                }
                Run::Packed { bit, left } => {
                    let count = rest.len().min(*left);
                    unpack(&self.bytes, *bit, self.width, &mut rest[..count])?;
                    *bit += count * self.width;
                    *left -= count;
                    count
                }
            };
        }
        Ok(())
    }

    fn next(&mut self) -> Sound<Run> {
        let header = self.header()?;
        let count = (header >> 1) as usize;
        if header & 1 == 1 {
            let bit = 8 * self.at;
            self.at = self.at.saturating_add(count.saturating_mul(self.width)).min(self.bytes.len());
            return Ok(Run::Packed { bit, left: count.saturating_mul(8) });
        }
        let mut value = [0; 4];
        let length = self.width.div_ceil(8);
        let bytes = self.bytes.get(self.at..self.at + length).ok_or_else(early)?;
        value[..length].copy_from_slice(bytes);
        self.at += length;
        Ok(Run::Repeated { value: u32::from_le_bytes(value), left: count })
    }

    /// Seven bits a byte, the lowest first.
    fn header(&mut self) -> Sound<u32> {
        let mut header = 0;
        for shift in (0..35).step_by(7) {
            let byte = *self.bytes.get(self.at).ok_or_else(early)?;
            self.at += 1;
            header |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return u32::try_from(header).map_err(|_| early());
            }
        }
        Err(early())
    }
}

fn early() -> Broken {
    Broken::new("levels or the numbers of entries end early")
}

fn unpack(bytes: &[u8], first: usize, width: usize, numbers: &mut [u32]) -> Sound<()> {
    // The last of a page may lack the zeros behind it.
    if first + numbers.len() * width > 8 * bytes.len() {
        return Err(early());
    }
    let mask = ((1u64 << width) - 1) as u32;
    for (index, number) in numbers.iter_mut().enumerate() {
        let bit = first + index * width;
        let rest = &bytes[bit / 8..];
        let word = match rest.first_chunk() {
            Some(word) => u64::from_le_bytes(*word),
            None => rest.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte)),
        };
        *number = (word >> (bit % 8)) as u32 & mask;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_repeated_or_packed() {
        // Three times 5, of 3 bits; then 0 to 7, the example of the format's own page.
        let bytes = [3 << 1, 5, 1 << 1 | 1, 0b1000_1000, 0b1100_0110, 0b1111_1010];
        let read = |bytes: &[u8], count: usize| {
            let mut numbers = vec![9; count];
            let mut hybrid = Hybrid::new(Bytes::copy_from_slice(bytes), 3).expect("few bits");
            let (one, rest) = numbers.split_at_mut(1);
            hybrid.read(one).and_then(|()| hybrid.read(rest)).map(|()| numbers).map_err(|broken| broken.to_string())
        };
        assert_eq!(read(&bytes, 11), Ok(vec![5, 5, 5, 0, 1, 2, 3, 4, 5, 6, 7]));
        for cut in 0..bytes.len() {
            assert!(read(&bytes[..cut], 11).is_err(), "{cut} bytes");
        }
        assert!(read(&bytes, 12).is_err(), "more than there are");
        let mut bits = vec![9; 9];
        Hybrid::bits(Bytes::copy_from_slice(&[0b1010_0101, 1])).read(&mut bits).expect("sixteen");
        assert_eq!(bits, [1, 0, 1, 0, 0, 1, 0, 1, 1]);
        assert!(Hybrid::new(Bytes::new(), 33).is_err());
    }
}
