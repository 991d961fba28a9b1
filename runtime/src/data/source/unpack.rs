//! The bytes of a file as they were before it was packed, and what it was on disk.

use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::GzDecoder;

use super::kind::{Kind, LOOKED_AT};
use crate::error::DataError;
use crate::{Error, Result};

/// Packed bytes that are read at a time.
const BUFFER: usize = 64 << 10;

/// Memory that unpacking a stranger's zstd may take: its window, as a power of two.
const LARGEST_WINDOW: u32 = 27;

/// A file that is read from its beginning to its end.
pub(in crate::data) enum Unpacked<'f> {
    Plain(Hashing<'f>),
    /// Boxed because their buffers are large.
    Gzip(Box<Members<'f>>),
    Zstd(Box<zstd::stream::read::Decoder<'static, BufReader<Hashing<'f>>>>),
}

impl<'f> Unpacked<'f> {
    /// # Errors
    /// It is no table, by its first bytes; or cannot be read.
    pub fn new(file: impl Read + Send + 'f, path: &Path) -> Result<Self> {
        Self::hashed(file, path, true)
    }

    /// The same; whether its bytes are hashed.
    pub fn hashed(file: impl Read + Send + 'f, path: &Path, hashed: bool) -> Result<Self> {
        let hasher = hashed.then(Box::default);
        let mut hashing = Hashing { file: Box::new(file), ahead: Vec::new(), hasher, size: 0 };
        let mut first = Vec::new();
        hashing.file.by_ref().take(LOOKED_AT as u64).read_to_end(&mut first).map_err(Error::io("read", path))?;
        let kind = Kind::of(&first);
        hashing.ahead = first;
        Ok(match kind {
            Kind::Plain => Self::Plain(hashing),
            Kind::Gzip => {
                let decoder = GzDecoder::new(BufReader::with_capacity(BUFFER, hashing));
                Self::Gzip(Box::new(Members { decoder: Some(decoder) }))
            }
            Kind::Zstd => {
                let decoder = zstd::stream::read::Decoder::with_buffer(BufReader::with_capacity(BUFFER, hashing));
                let mut decoder = decoder.map_err(Error::io("unpack", path))?;
                decoder.window_log_max(LARGEST_WINDOW).map_err(Error::io("unpack", path))?;
                Self::Zstd(Box::new(decoder))
            }
            Kind::Parquet => {
                let (is, remedy) = ("a Parquet file", "say `format parquet` in the schema");
                return Err(DataError::NoTable { path: path.to_owned(), is, remedy }.into());
            }
            Kind::Other { is, remedy } => {
                return Err(DataError::NoTable { path: path.to_owned(), is, remedy }.into());
            }
        })
    }

    /// What is done to its bytes.
    pub fn action(&self) -> &'static str {
        if matches!(self, Self::Plain(_)) { "read" } else { "unpack" }
    }

    /// Bytes of the file that were read so far.
    pub fn size(&mut self) -> u64 {
        self.hashing().map_or(0, |hashing| hashing.size)
    }

    /// Reads what follows what was unpacked; how many bytes the file has, and their hash, where they were hashed.
    pub fn close(mut self) -> io::Result<(u64, String)> {
        let Some(hashing) = self.hashing() else { return Err(io::ErrorKind::UnexpectedEof.into()) };
        io::copy(hashing, &mut io::sink())?;
        let hash = hashing.hasher.as_ref().map(|hasher| hasher.finalize().to_hex().to_string());
        Ok((hashing.size, hash.unwrap_or_default()))
    }

    fn hashing(&mut self) -> Option<&mut Hashing<'f>> {
        match self {
            Self::Plain(hashing) => Some(hashing),
            Self::Gzip(members) => members.decoder.as_mut().map(|decoder| decoder.get_mut().get_mut()),
            Self::Zstd(decoder) => Some(decoder.get_mut().get_mut()),
        }
    }
}

impl Read for Unpacked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(hashing) => hashing.read(buffer),
            Self::Gzip(members) => members.read(buffer),
            Self::Zstd(decoder) => decoder.read(buffer),
        }
    }
}

/// One gzip after the other, and zeros behind the last, as tapes and object stores pad.
pub(in crate::data) struct Members<'f> {
    /// None only where a panic passed through.
    decoder: Option<GzDecoder<BufReader<Hashing<'f>>>>,
}

impl Read for Members<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(decoder) = &mut self.decoder else { return Ok(0) };
            let read = decoder.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            let rest = decoder.get_mut();
            let next = loop {
                let ahead = rest.fill_buf()?;
                let zeros = ahead.iter().take_while(|&&byte| byte == 0).count();
                if ahead.is_empty() {
                    return Ok(0);
                }
                let ended = zeros == ahead.len();
                let first = ahead.get(zeros).copied();
                rest.consume(zeros);
                if !ended {
                    break first;
                }
            };
            if next != Some(0x1f) {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "there is something else behind the packed part",
                ));
            }
            self.decoder = self.decoder.take().map(|decoder| GzDecoder::new(decoder.into_inner()));
        }
    }
}

/// A file whose bytes are counted, and hashed, as they are read.
pub(in crate::data) struct Hashing<'f> {
    file: Box<dyn Read + Send + 'f>,
    /// Bytes that were looked at before reading began.
    ahead: Vec<u8>,
    /// Boxed because its state is large; none where nobody asks what the file was.
    hasher: Option<Box<blake3::Hasher>>,
    size: u64,
}

impl Read for Hashing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = if self.ahead.is_empty() {
            self.file.read(buffer)?
        } else {
            let read = self.ahead.len().min(buffer.len());
            buffer[..read].copy_from_slice(&self.ahead[..read]);
            self.ahead.drain(..read);
            read
        };
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&buffer[..read]);
        }
        self.size += read as u64;
        Ok(read)
    }
}
