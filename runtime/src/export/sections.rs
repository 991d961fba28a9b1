//! A file of numbers for a program that knows where they lie.

use std::hash::Hasher;
use std::io::{self, Write};

use twox_hash::XxHash3_64;

/// Where each stretch begins, in bytes.
const ALIGNED: u64 = 8;

/// Writes stretches one after the other, and hashes them.
pub(super) struct Sections<W> {
    to: W,
    hasher: XxHash3_64,
    /// Bytes so far.
    pub length: u64,
}

impl<W: Write> Sections<W> {
    pub fn new(to: W) -> Self {
        Self { to, hasher: XxHash3_64::new(), length: 0 }
    }

    /// Begins a stretch: where it lies.
    pub fn begin(&mut self) -> io::Result<u64> {
        let zeros = [0; ALIGNED as usize];
        let short = self.length.next_multiple_of(ALIGNED) - self.length;
        self.write_all(&zeros[..short as usize])?;
        Ok(self.length)
    }

    /// XXH3 of all bytes.
    pub fn finish(mut self) -> io::Result<(u64, u64)> {
        self.to.flush()?;
        Ok((self.length, self.hasher.finish()))
    }
}

impl<W: Write> Write for Sections<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.hasher.write(&bytes[..written]);
        self.length += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
