//! The bytes of a file, as pages are read from it: no more than there are, and no page that would take all memory.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

/// Bytes that are read at a time where the length of a header is not known.
const HEADER: usize = 1 << 10;

/// A file that several read at once, each where it wants to.
#[derive(Clone)]
pub(super) struct Shared {
    file: Arc<Mutex<File>>,
    pub size: u64,
}

impl Shared {
    pub fn new(file: File, size: u64) -> Self {
        Self { file: Arc::new(Mutex::new(file)), size }
    }

    /// Bytes of the file, as many as there are from there on.
    fn read_at(&self, start: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(start))?;
        file.read(buffer)
    }

    /// So many bytes of it, no more of which are made room for than there are.
    pub fn bytes(&self, start: u64, length: usize) -> io::Result<Vec<u8>> {
        if start.checked_add(length as u64).is_none_or(|end| end > self.size) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut bytes = vec![0; length];
        At { shared: self.clone(), at: start }.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

/// A place of a file, from which on it is read.
pub(super) struct At {
    shared: Shared,
    at: u64,
}

impl Read for At {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.shared.read_at(self.at, buffer)?;
        // Behind a file's pages is its last part. Who skips what a header claims takes no end for an answer, and would skip
        // nothing two billion times.
        if read == 0 && !buffer.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.at += read as u64;
        Ok(read)
    }
}

/// The pages of one column chunk.
pub(super) struct Pages {
    pub shared: Shared,
    /// Bytes that a page may have, packed or not.
    pub most: u64,
    /// Whether its pages say too little of what they unpack to.
    pub gzip: bool,
    /// What the last header said.
    announced: Mutex<u64>,
}

impl Pages {
    pub fn new(shared: Shared, most: u64, gzip: bool) -> Self {
        Self { shared, most, gzip, announced: Mutex::new(0) }
    }
}

impl Length for Pages {
    fn len(&self) -> u64 {
        self.shared.size
    }
}

impl ChunkReader for Pages {
    type T = BufReader<At>;

    /// Where a header begins.
    fn get_read(&self, start: u64) -> Result<Self::T> {
        let mut reader = BufReader::with_capacity(HEADER, At { shared: self.shared.clone(), at: start });
        let [unpacked, packed] = sizes(reader.fill_buf()?)
            .ok_or_else(|| ParquetError::General("a page whose header says no size".to_owned()))?;
        if unpacked.max(packed) > self.most {
            return Err(ParquetError::General(format!(
                "a page of {} bytes, of which {} are the most that there is room for",
                unpacked.max(packed),
                self.most
            )));
        }
        *self.announced.lock().unwrap_or_else(PoisonError::into_inner) = unpacked;
        Ok(reader)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        if length as u64 > self.most {
            return Err(ParquetError::General(format!("a page of {length} bytes")));
        }
        let bytes = self.shared.bytes(start, length)?;
        if self.gzip {
            // The crate unpacks gzip to its end, wherever that is.
            let announced = *self.announced.lock().unwrap_or_else(PoisonError::into_inner);
            let mut unpacked = MultiGzDecoder::new(&bytes[..]).take(announced + 1);
            if io::copy(&mut unpacked, &mut io::sink()).is_ok_and(|found| found > announced) {
                return Err(ParquetError::General(format!("a page that unpacks to more than its {announced} bytes")));
            }
        }
        Ok(bytes.into())
    }
}

/// The sizes that the header of a page begins with, unpacked and packed. All writers have them there, as the second and third
/// of its fields; a header that has them elsewhere is none.
fn sizes(header: &[u8]) -> Option<[u64; 2]> {
    // The field after the one before, a number of 32 bits.
    const NEXT: u8 = 0x15;
    let mut bytes = header.iter().copied();
    let mut field = || {
        if bytes.next()? != NEXT {
            return None;
        }
        let mut number = 0u64;
        for shift in (0..35).step_by(7) {
            let byte = bytes.next()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                // What is negative is odd; the crate refuses it.
                return Some(number >> 1);
            }
        }
        None
    };
    let _kind = field()?;
    Some([field()?, field()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behind_the_end_there_is_nothing_to_skip() {
        let mut file = tempfile::tempfile().expect("a file");
        io::Write::write_all(&mut file, b"12345").expect("written");
        let mut at = At { shared: Shared::new(file, 5), at: 3 };
        let mut skipped = io::sink();
        assert_eq!(io::copy(&mut (&mut at).take(2), &mut skipped).expect("two bytes are there"), 2);
        let error = io::copy(&mut (&mut at).take(8), &mut skipped).expect_err("there are no more");
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(at.read(&mut []).expect("nothing is asked for"), 0);
    }

    #[test]
    fn sizes_are_read_from_a_header() {
        assert_eq!(sizes(&[0x15, 0x00, 0x15, 0x14, 0x15, 0x80, 0x02, 0x2c]), Some([10, 128]));
        for torn in [&b""[..], &[0x15], &[0x15, 0, 0x15, 0x80], &[0x25, 0, 0x15, 0x14, 0x15, 0x14]] {
            assert_eq!(sizes(torn), None, "{torn:?}");
        }
    }
}
