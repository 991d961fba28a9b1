//! Files as blocks of whole lines, unpacked and hashed as they are read, with bounded memory.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use flate2::read::MultiGzDecoder;
use serde::{Deserialize, Serialize};

use super::spare::Spare;
use crate::{Error, Result};

/// Bytes read at a time: large enough to keep parsing threads busy, small enough to have many in flight.
const BLOCK: usize = 512 << 10;

/// No table has longer lines; what has is no table, and must not be collected in memory.
const LONGEST_LINE: usize = 1 << 20;

/// A file changed this shortly ago can change again within the same tick of the file system's clock.
const SETTLED: Duration = Duration::from_secs(2);

/// A source file as a recipe names it and as its bytes were when it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SourceFile {
    pub name: String,
    /// Bytes on disk (packed, where the file is).
    pub size: u64,
    /// Of the bytes on disk.
    pub blake3: String,
    /// Modification time in nanoseconds since 1970, where it is old enough to vouch for the contents.
    modified: Option<u64>,
}

/// Whole lines of one file.
pub(super) struct Block {
    /// Index of the file among the sources.
    pub file: usize,
    /// Number of the first line, counted from 1.
    pub first_line: u64,
    /// The lines are the first `len` of these bytes. They end with a line end, except perhaps at the end of the file.
    pub bytes: Vec<u8>,
    pub len: usize,
    /// Bytes on disk read so far, over all files.
    pub done: u64,
}

/// What reading the sources hands on, in file order.
pub(super) enum Piece {
    Block(Block),
    /// All blocks of this file went before.
    File(SourceFile),
}

/// Opens a source file.
///
/// # Errors
/// A sentence for a file that is missing, unreadable or a directory.
fn open(path: &Path) -> Result<(File, Metadata)> {
    let file = File::open(path).map_err(Error::io("open", path))?;
    let metadata = file.metadata().map_err(Error::io("read", path))?;
    if metadata.is_dir() {
        return Err(Error::Invalid(format!("{} is a directory; expected a file of lines", path.display())));
    }
    Ok((file, metadata))
}

/// Bytes on disk of all `paths`.
pub(super) fn total_size(paths: &[PathBuf]) -> Result<u64> {
    paths.iter().map(|path| Ok(open(path)?.1.len())).sum()
}

/// Whether `path` still holds what `known` was read from.
pub(super) fn is_unchanged(path: &Path, known: &SourceFile) -> Result<bool> {
    let (mut file, metadata) = open(path)?;
    if metadata.len() != known.size {
        return Ok(false);
    }
    if known.modified.is_some() && modified(&metadata) == known.modified {
        return Ok(true);
    }
    let mut hasher = blake3::Hasher::new();
    io::copy(&mut file, &mut hasher).map_err(Error::io("read", path))?;
    Ok(hasher.finalize().to_hex().as_str() == known.blake3)
}

/// Nanoseconds since 1970 of the last change, where it is older than [`SETTLED`].
fn modified(metadata: &Metadata) -> Option<u64> {
    let modified = metadata.modified().ok()?;
    let age = SystemTime::now().duration_since(modified).ok()?;
    (age > SETTLED).then_some(modified.duration_since(UNIX_EPOCH).ok()?.as_nanos() as u64)
}

/// Reads `paths` one after the other, into spare buffers, and hands over their lines, until `hand_on` returns false.
///
/// # Errors
/// A file that cannot be opened, read or unpacked, is empty, or has an overlong line.
pub(super) fn read(
    paths: &[PathBuf],
    names: &[String],
    spare: &Spare,
    mut hand_on: impl FnMut(Piece) -> bool,
) -> Result<()> {
    let mut done = 0;
    for (index, (path, name)) in paths.iter().zip(names).enumerate() {
        let (file, metadata) = open(path)?;
        let before = modified(&metadata);
        let mut input = Input::new(file, path)?;
        let mut first_line = 1;
        let (mut bytes, mut begin) = (spare.take(), 0);
        loop {
            let (end, ended) = fill(&mut input, &mut bytes, begin, path)?;
            let read = &bytes[..end];
            let len = if ended { end } else { memchr::memrchr(b'\n', read).map_or(0, |end| end + 1) };
            let (lines, rest) = read.split_at(len);
            if rest.len() > LONGEST_LINE {
                return Err(Error::Invalid(format!(
                    "{} has a line of more than {LONGEST_LINE} bytes; expected lines of tab-separated values",
                    path.display()
                )));
            }
            if ended && first_line == 1 && lines.is_empty() {
                return Err(Error::Invalid(format!("{} is empty; expected a line a sample", path.display())));
            }
            let count = memchr::memchr_iter(b'\n', lines).count() as u64;
            let mut next = spare.take();
            begin = rest.len();
            if next.len() < begin {
                next.resize(begin, 0);
            }
            next[..begin].copy_from_slice(rest);
            let bytes = std::mem::replace(&mut bytes, next);
            let block = Block { file: index, first_line, bytes, len, done: done + input.hashing().size };
            if len > 0 && !hand_on(Piece::Block(block)) {
                return Ok(());
            }
            first_line += count;
            if ended {
                break;
            }
        }
        let hashing = input.hashing();
        io::copy(hashing, &mut io::sink()).map_err(Error::io("read", path))?;
        let after = path.metadata().ok().and_then(|metadata| modified(&metadata));
        let source = SourceFile {
            name: name.clone(),
            size: hashing.size,
            blake3: hashing.hasher.finalize().to_hex().to_string(),
            modified: before.filter(|_| before == after),
        };
        done += source.size;
        if !hand_on(Piece::File(source)) {
            return Ok(());
        }
    }
    Ok(())
}

/// Reads a block's worth of bytes into `bytes` from `begin` on; where they end, and whether the input has.
fn fill(input: &mut Input, bytes: &mut Vec<u8>, begin: usize, path: &Path) -> Result<(usize, bool)> {
    let action = if matches!(input, Input::Packed(_)) { "unpack" } else { "read" };
    let (mut end, full) = (begin, begin + BLOCK);
    if bytes.len() < full {
        bytes.resize(full, 0);
    }
    // Large reads, for those who count and hash them.
    while end < full {
        match input.read(&mut bytes[end..full]) {
            Ok(0) => return Ok((end, true)),
            Ok(read) => end += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::io(action, path)(error)),
        }
    }
    Ok((end, false))
}

enum Input {
    Plain(Hashing),
    /// Boxed because its buffers are large.
    Packed(Box<MultiGzDecoder<Hashing>>),
}

impl Input {
    /// Gzip is known by its first two bytes, which no table starts with, or by the file's name.
    fn new(file: File, path: &Path) -> Result<Self> {
        let mut hashing = Hashing { file, ahead: Vec::new(), hasher: Box::default(), size: 0 };
        let mut first = Vec::new();
        hashing.file.by_ref().take(2).read_to_end(&mut first).map_err(Error::io("read", path))?;
        let packed = first == [0x1f, 0x8b] || path.extension().is_some_and(|extension| extension == "gz");
        hashing.ahead = first;
        Ok(if packed { Input::Packed(Box::new(MultiGzDecoder::new(hashing))) } else { Input::Plain(hashing) })
    }

    fn hashing(&mut self) -> &mut Hashing {
        match self {
            Input::Plain(hashing) => hashing,
            Input::Packed(decoder) => decoder.get_mut(),
        }
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Input::Plain(hashing) => hashing.read(buffer),
            Input::Packed(decoder) => decoder.read(buffer),
        }
    }
}

/// A file whose bytes are counted and hashed as they are read.
struct Hashing {
    file: File,
    /// Bytes that were looked at before reading began.
    ahead: Vec<u8>,
    /// Boxed because its state is large.
    hasher: Box<blake3::Hasher>,
    size: u64,
}

impl Read for Hashing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = if self.ahead.is_empty() {
            self.file.read(buffer)?
        } else {
            let read = self.ahead.len().min(buffer.len());
            buffer[..read].copy_from_slice(&self.ahead[..read]);
            self.ahead.drain(..read);
            read
        };
        self.hasher.update(&buffer[..read]);
        self.size += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    /// The file's bytes as handed on, its identity, and the first line number of every block.
    fn read_all(path: &Path) -> Result<(Vec<u8>, SourceFile, Vec<u64>)> {
        let (mut bytes, mut source, mut firsts) = (Vec::new(), None, Vec::new());
        read(&[path.to_path_buf()], &["name".to_owned()], &Spare::default(), |piece| {
            match piece {
                Piece::Block(block) => {
                    firsts.push(block.first_line);
                    assert!(block.bytes.len() <= BLOCK + LONGEST_LINE);
                    bytes.extend_from_slice(&block.bytes[..block.len]);
                }
                Piece::File(file) => source = Some(file),
            }
            true
        })?;
        Ok((bytes, source.expect("every file is closed by its identity"), firsts))
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).expect("memory");
        encoder.finish().expect("memory")
    }

    #[test]
    fn blocks_hold_whole_lines_of_plain_and_packed_files() {
        let folder = tempfile::tempdir().expect("a folder");
        let text: String = (1..=200_000).map(|line| format!("{line}\n")).collect();
        let half = text.len() / 2;
        let members = [gzip(&text.as_bytes()[..half]), gzip(&text.as_bytes()[half..])].concat();
        for (name, contents) in
            [("plain.tsv", text.clone().into_bytes()), ("a.gz", members.clone()), ("b.tsv", members)]
        {
            let path = folder.path().join(name);
            std::fs::write(&path, &contents).expect("written");
            let (bytes, source, firsts) = read_all(&path).expect("readable");
            assert!(bytes == text.as_bytes(), "{name}: the bytes differ");
            assert_eq!(source.size, contents.len() as u64);
            assert_eq!(source.blake3, blake3::hash(&contents).to_hex().to_string());
            assert!(firsts.len() > 1, "{name}: {firsts:?}");
            // Line n says n, so a block's first line tells its number.
            let mut at = 0;
            for first in firsts {
                let expected = format!("{first}\n");
                at += text[at..].find(&expected).expect("the line is there");
                assert!(at == 0 || text.as_bytes()[at - 1] == b'\n');
            }
            assert!(is_unchanged(&path, &source).expect("readable"));
            let mut changed = contents.clone();
            *changed.last_mut().expect("not empty") ^= 1;
            std::fs::write(&path, &changed).expect("written");
            assert!(!is_unchanged(&path, &source).expect("readable"), "{name}: a change of the same size is missed");
        }
    }

    #[test]
    fn files_that_cannot_be_read_are_explained() {
        let folder = tempfile::tempdir().expect("a folder");
        let message = |path: &Path| read_all(path).expect_err("unreadable").to_string();
        let missing = folder.path().join("missing.tsv");
        assert!(message(&missing).starts_with(&format!("cannot open {}: ", missing.display())));
        let directory = format!("{} is a directory; expected a file of lines", folder.path().display());
        assert_eq!(message(folder.path()), directory);
        for (name, contents) in [("empty.tsv", Vec::new()), ("empty.gz", gzip(b""))] {
            let path = folder.path().join(name);
            std::fs::write(&path, contents).expect("written");
            assert_eq!(message(&path), format!("{} is empty; expected a line a sample", path.display()));
        }
        let torn = folder.path().join("torn.gz");
        let packed = gzip(&b"0\t1\n".repeat(1000));
        std::fs::write(&torn, &packed[..packed.len() / 2]).expect("written");
        assert!(message(&torn).starts_with(&format!("cannot unpack {}: ", torn.display())));
        let endless = folder.path().join("endless.tsv");
        std::fs::write(&endless, vec![b'x'; 3 << 20]).expect("written");
        assert!(message(&endless).contains("has a line of more than 1048576 bytes"));
    }
}
