//! Files as blocks of whole lines, unpacked and hashed as they are read, with bounded memory.

use std::fs::Metadata;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::kind::{Kind, LOOKED_AT};
use super::unpack::Unpacked;
use super::{Located, open, open_unless_stopped};
use crate::data::quote::quote;
use crate::data::text::{Heading, Places};
use crate::error::DataError;
use crate::{Error, Result, Stop};

/// Bytes read at a time: large enough that locks do not matter, and small enough that they, where their values lie, and
/// their records are in a second cache together.
const BLOCK: usize = 256 << 10;

/// No table has longer lines; what has is no table, and must not be collected in memory.
const LONGEST_LINE: usize = 1 << 20;

/// What some programs write before a text in UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// A file changed this shortly ago can change again within the same tick of the file system's clock.
const SETTLED: Duration = Duration::from_secs(2);

/// A source file as a recipe names it and as its bytes were when it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::data) struct SourceFile {
    pub name: String,
    /// Bytes on disk (packed, where the file is).
    pub size: u64,
    /// Of the bytes on disk.
    pub blake3: String,
    /// Modification time in nanoseconds since 1970, where it is old enough to vouch for the contents.
    modified: Option<u64>,
}

/// Whole lines of one file, at the beginning of a buffer.
pub(in crate::data) struct Block {
    /// Index of the file among the sources.
    pub file: usize,
    /// Where that file has its columns.
    pub places: Arc<Places>,
    /// Bytes of the lines. They end with a line end, except perhaps at the end of the file.
    pub len: usize,
    /// Whether values stand there as they are.
    pub plain: bool,
    /// Bytes on disk read so far, over all files.
    pub done: u64,
}

/// Reads files one after the other.
pub(in crate::data) struct Reader<'a> {
    located: &'a [Located],
    heading: &'a Heading<'a>,
    stop: &'a Stop,
    /// Whether it is asked what the files were.
    hashed: bool,
    /// Of those that were read.
    files: Vec<SourceFile>,
    /// The one that is being read.
    current: Option<Current<'a>>,
    /// Bytes on disk of those that were read.
    done: u64,
}

struct Current<'a> {
    input: Unpacked<'a>,
    modified: Option<u64>,
    places: Arc<Places>,
    /// What was read of a line whose end was not.
    begun: Vec<u8>,
    /// Whether it has a header.
    headed: bool,
    /// Whether there were lines already.
    has_lines: bool,
}

/// Whether `path` still holds what `known` was read from. A pipe cannot be asked.
pub(in crate::data) fn is_unchanged(path: &Path, known: &SourceFile) -> Result<bool> {
    // Whoever opens a pipe waits for who writes to it.
    if !path.is_file() {
        return Ok(true);
    }
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

/// A file of which nobody asks what it was.
pub(in crate::data) fn unidentified(Located { name, path }: &Located) -> SourceFile {
    let size = path.metadata().map_or(0, |metadata| metadata.len());
    SourceFile { name: name.clone(), size, blake3: String::new(), modified: None }
}

/// What a file is that is not read from its beginning to its end: so it is, once, for its hash.
pub(in crate::data) fn identify(Located { name, path }: &Located) -> Result<SourceFile> {
    let (mut file, metadata) = open(path)?;
    let before = modified(&metadata);
    let mut hasher = blake3::Hasher::new();
    let size = io::copy(&mut file, &mut hasher).map_err(Error::io("read", path))?;
    let after = path.metadata().ok().and_then(|metadata| modified(&metadata));
    let modified = before.filter(|_| before == after);
    Ok(SourceFile { name: name.clone(), size, blake3: hasher.finalize().to_hex().to_string(), modified })
}

/// Nanoseconds since 1970 of the last change, where it is older than [`SETTLED`].
fn modified(metadata: &Metadata) -> Option<u64> {
    let modified = metadata.modified().ok().filter(|_| metadata.is_file())?;
    let age = SystemTime::now().duration_since(modified).ok()?;
    (age > SETTLED).then_some(modified.duration_since(UNIX_EPOCH).ok()?.as_nanos() as u64)
}

impl<'a> Reader<'a> {
    /// Nothing is opened yet. `stop`: what ends the wait for a pipe that nobody writes to.
    pub fn new(located: &'a [Located], heading: &'a Heading<'a>, stop: &'a Stop) -> Self {
        Self { located, heading, stop, hashed: true, files: Vec::new(), current: None, done: 0 }
    }

    /// The same, of files of which nobody asks what they were.
    pub fn unhashed(self) -> Self {
        Self { hashed: false, ..self }
    }

    /// What the files were that have been read to their ends.
    pub fn files(self) -> Vec<SourceFile> {
        self.files
    }

    /// Reads the next lines into `bytes`, whatever that holds; none at the end of the last file.
    ///
    /// # Errors
    /// A file that cannot be opened, read or unpacked, is empty, has no such columns, or has an overlong line.
    pub fn next(&mut self, bytes: &mut Vec<u8>) -> Result<Option<Block>> {
        // Whoever waits for more of a pipe hears of a stop as of a failure.
        self.read(bytes).map_err(|error| if self.stop.requested() { Error::Stopped } else { error })
    }

    fn read(&mut self, bytes: &mut Vec<u8>) -> Result<Option<Block>> {
        loop {
            let file = self.files.len();
            let Some(Located { name, path }) = self.located.get(file) else { return Ok(None) };
            let current = match &mut self.current {
                Some(current) => current,
                none => none.insert(Current::open(name, path, self.heading, (self.stop, self.hashed))?),
            };
            let (len, plain, ended) = current.next(bytes, path, self.heading)?;
            let (done, places) = (self.done + current.input.size(), Arc::clone(&current.places));
            if ended && let Some(current) = self.current.take() {
                let source = current.close(path, name)?;
                self.done += source.size;
                self.files.push(source);
            }
            if len > 0 {
                return Ok(Some(Block { file, places, len, plain, done }));
            }
        }
    }
}

impl<'a> Current<'a> {
    fn open(name: &str, path: &Path, heading: &Heading, (stop, hashed): (&'a Stop, bool)) -> Result<Self> {
        let (file, metadata) = open_unless_stopped(path, stop)?;
        let mut input = Unpacked::hashed(file, path, hashed)?;
        // The mark of UTF-8 is no part of the first value.
        let mark = |begun: &[u8]| if begun.starts_with(MARK) { MARK.len() } else { 0 };
        let mut begun = Vec::new();
        let first = loop {
            let before = begun.len();
            let (end, ended) = fill(&mut input, &mut begun, before, path)?;
            begun.truncate(end);
            let start = mark(&begun);
            if ended && begun.len() == start {
                return Err(DataError::Empty { path: path.to_owned() }.into());
            }
            if let Some(length) = heading.first(&begun[start..], ended) {
                break start + length;
            }
            if begun.len() > LONGEST_LINE {
                return Err(DataError::LongLine { path: path.to_owned(), most: LONGEST_LINE }.into());
            }
        };
        if let Some((is, remedy)) = Kind::inside(&begun[..begun.len().min(LOOKED_AT)]) {
            return Err(DataError::NoTable { path: path.to_owned(), is, remedy }.into());
        }
        let (header, text) = begun.split_at(first);
        let headed = first > mark(header);
        let places = Arc::new(heading.places(name, &header[mark(header)..], text)?);
        begun.drain(..first);
        Ok(Self { input, modified: modified(&metadata), places, begun, headed, has_lines: false })
    }

    /// Reads the next lines into `bytes`; their length, whether values stand there as they are, and whether the file has ended.
    fn next(&mut self, bytes: &mut Vec<u8>, path: &Path, heading: &Heading) -> Result<(usize, bool, bool)> {
        let begun = self.begun.len();
        if bytes.len() < begun {
            bytes.resize(begun, 0);
        }
        bytes[..begun].copy_from_slice(&self.begun);
        let (end, ended) = fill(&mut self.input, bytes, begun, path)?;
        let read = &bytes[..end];
        let (whole, plain) = heading.whole(read);
        let len = if ended { end } else { whole };
        if ended && let Some(row) = heading.open(read) {
            let (path, row) = (path.to_owned(), quote(row));
            return Err(DataError::OpenQuote { path, row }.into());
        }
        self.begun.clear();
        self.begun.extend_from_slice(&read[len..]);
        if self.begun.len() > LONGEST_LINE {
            return Err(DataError::LongLine { path: path.to_owned(), most: LONGEST_LINE }.into());
        }
        self.has_lines |= len > 0;
        if ended && !self.has_lines {
            let path = path.to_owned();
            return Err(if self.headed { DataError::OnlyHeader { path } } else { DataError::Empty { path } }.into());
        }
        Ok((len, plain, ended))
    }

    /// What the file was, once it has ended.
    fn close(self, path: &Path, name: &str) -> Result<SourceFile> {
        // What follows what was unpacked belongs to the file.
        let (size, blake3) = self.input.close().map_err(Error::io("read", path))?;
        let after = path.metadata().ok().and_then(|metadata| modified(&metadata));
        let modified = self.modified.filter(|_| self.modified == after);
        Ok(SourceFile { name: name.to_owned(), size, blake3, modified })
    }
}

/// Reads a block's worth of bytes into `bytes` from `begin` on; where they end, and whether the input has.
fn fill(input: &mut Unpacked, bytes: &mut Vec<u8>, begin: usize, path: &Path) -> Result<(usize, bool)> {
    let action = input.action();
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

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;
    use crate::data::dataset::testing::schema;

    /// The file's bytes as they were read, its identity, and how many blocks there were.
    fn read_all(path: &Path) -> Result<(Vec<u8>, SourceFile, usize)> {
        let located = [Located { name: "name".to_owned(), path: path.to_path_buf() }];
        let schema = schema();
        let (heading, stop) = (Heading::new(&schema), Stop::new());
        let (mut reader, mut bytes, mut all, mut blocks) =
            (Reader::new(&located, &heading, &stop), Vec::new(), Vec::new(), 0);
        while let Some(block) = reader.next(&mut bytes)? {
            assert!(bytes.len() <= 2 * BLOCK + LONGEST_LINE);
            assert!(block.len < BLOCK || bytes[block.len - 1] == b'\n');
            all.extend_from_slice(&bytes[..block.len]);
            blocks += 1;
        }
        let source = reader.files().pop().expect("every file that was read has an identity");
        Ok((all, source, blocks))
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
            let (bytes, source, blocks) = read_all(&path).expect("readable");
            assert!(bytes == text.as_bytes(), "{name}: the bytes differ");
            assert_eq!(source.size, contents.len() as u64);
            assert_eq!(source.blake3, blake3::hash(&contents).to_hex().to_string());
            assert!(blocks > 1, "{name}: {blocks}");
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
        assert!(message(&missing).starts_with(&format!("cannot read {}: ", missing.display())));
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
        assert!(message(&endless).contains("has a line, or a value in quotes, of more than 1048576 bytes"));
    }
}
