//! The cache: one file of fixed-width records that says itself what it was made from.
//!
//! A preamble of 64 bytes (magic, version, place and hash of the description), the records, what was learnt of the training
//! rows, and the description in JSON. A cache is written beside its place and put there when it is whole, the preamble last of all;
//! by its hashes a torn file is never taken for a cache. Records are hashed in blocks, in parallel; nothing that was altered is used.
//!
//! Small tables are held in memory; records of others are read as they are needed, each with a call of the system. A mapping
//! would save that call, and end the process where somebody shortens the file meanwhile.

use std::fs::File;
use std::hint::black_box;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use nasrec_compiler::recipe::{By, Given};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::keys::Keys;
use super::malformed::Malformed;
use super::record::Layout;
use super::source::SourceFile;
use crate::error::{DataError, FileError};
use crate::{Error, Result, Stop, files};

const MAGIC: &[u8; 8] = b"nasrecds";
const VERSION: u32 = 4;
const PREAMBLE: usize = 64;
/// A description names files and the first malformed lines; no sound one is longer.
const LONGEST_DESCRIPTION: u64 = 16 << 20;
/// Records of a table that is no larger are held in memory.
pub(crate) const HELD: u64 = 256 << 20;
/// Bytes that are read by one thread.
const HELD_AT_ONCE: usize = 4 << 20;
/// Records that are fetched together. They lie all over the table, and what is copied of so many of them first waits for
/// memory once for all.
const TOGETHER: usize = 16;
/// Bytes that come from memory together.
const LINE: usize = 64;
/// Rows hashed and written at a time.
const BLOCK_ROWS: usize = 1 << 14;

/// What a cache was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Origin {
    Files {
        /// As the recipe names them.
        named: Vec<String>,
        /// Those of each part likewise.
        given: Given,
        files: Vec<SourceFile>,
    },
    /// The parameters of the planted model in JSON, and the version of the code that draws from it. A text, because a
    /// number that goes through JSON need not come back the same.
    Synthetic { version: u32, parameters: String },
}

/// What a cache says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Description {
    /// Hash of the schema in JSON.
    pub schema: String,
    pub layout: Layout,
    pub origin: Origin,
    pub rows: u64,
    /// How many of them are of files that are split, and how many of those of each part.
    pub bounds: [u64; 4],
    pub clicks: u64,
    pub malformed: Malformed,
    /// Hash of the hashes of the blocks of records.
    pub records: String,
    /// What was learnt of the training rows, where something was.
    pub learnt: Option<Learnt>,
    /// The fingerprints of the caches of its folds, where something is learnt of the rows of each.
    pub folds: Vec<String>,
}

impl Description {
    /// A hash of the schema and every encoded row.
    pub fn fingerprint(&self) -> String {
        let learnt = self.learnt.as_ref().map_or("", |learnt| &learnt.blake3);
        let all = [&self.schema, &self.records, learnt].concat();
        blake3::hash(all.as_bytes()).to_hex().to_string()
    }
}

/// What a cache is of, beside its records; see [`Description`].
#[derive(Clone)]
pub(super) struct About {
    pub schema: String,
    pub origin: Origin,
    pub malformed: Malformed,
    pub bounds: [u64; 4],
    pub folds: Vec<String>,
}

/// What was learnt of the training rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Learnt {
    /// Which rows those are, in JSON.
    pub of: String,
    /// Of the encoder, which lies behind the records.
    pub bytes: u64,
    pub blake3: String,
}

/// A cache that is being written; dropped unfinished, it leaves nothing behind.
pub(super) struct Writer {
    place: PathBuf,
    partial: PathBuf,
    /// Unbuffered: what is appended is large.
    file: File,
    layout: Layout,
    /// Of the blocks that are complete, and of the one that is not, and its rows.
    hasher: blake3::Hasher,
    block: blake3::Hasher,
    block_rows: usize,
    keys: Keys,
    clicks: u64,
    finished: bool,
}

impl Writer {
    /// `by`: what its rows will be split by.
    pub fn create(place: &Path, layout: Layout, by: By) -> Result<Self> {
        if let Some(folder) = place.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            files::create_folder(folder)?;
        }
        let partial = files::beside(place);
        let mut writer = Self {
            place: place.to_path_buf(),
            file: files::fresh(&partial).map_err(Error::io("create", &partial))?,
            partial,
            layout,
            hasher: blake3::Hasher::new(),
            block: blake3::Hasher::new(),
            block_rows: 0,
            keys: Keys::new(by),
            clicks: 0,
            finished: false,
        };
        writer.write(&[0; PREAMBLE])?;
        Ok(writer)
    }

    /// Rows and clicks appended so far.
    pub fn counts(&self) -> (u64, u64) {
        (self.keys.len() as u64, self.clicks)
    }

    /// Appends whole records.
    ///
    /// # Errors
    /// A failing disk; more rows than a 32-bit index reaches.
    pub fn append(&mut self, records: &[u8]) -> Result<()> {
        let stride = self.layout.stride();
        debug_assert_eq!(records.len() % stride, 0, "records must be whole");
        let before = self.keys.len();
        self.keys.extend(self.layout, records, stride);
        if self.keys.len() > u32::MAX as usize {
            return Err(DataError::TooManyRows { most: u32::MAX }.into());
        }
        self.clicks += self.keys.labels[before..].iter().map(|&label| u64::from(label)).sum::<u64>();
        let mut rest = records;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min((BLOCK_ROWS - self.block_rows) * stride));
            self.block.update(now);
            self.block_rows += now.len() / stride;
            if self.block_rows == BLOCK_ROWS {
                self.end_block();
            }
            rest = later;
        }
        self.write(records)
    }

    fn end_block(&mut self) {
        self.hasher.update(self.block.finalize().as_bytes());
        self.block.reset();
        self.block_rows = 0;
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(Error::io("write", &self.partial))
    }

    /// Completes the cache, puts it in its place if `accept` lets it, and opens it; what was hashed as it was written is not
    /// read again. `lasting`: it is on disk when this returns. One that can be made again need not be: torn, it is noticed.
    pub fn finish(
        mut self,
        lasting: bool,
        about: About,
        learnt: Option<(String, &[u8])>,
        accept: impl FnOnce(&Description) -> Result<()>,
    ) -> Result<Cache> {
        if self.block_rows > 0 {
            self.end_block();
        }
        let records = self.hasher.finalize().to_hex().to_string();
        let layout = self.layout;
        let (rows, clicks) = self.counts();
        let encoder = learnt.as_ref().map_or(&[][..], |(_, encoder)| encoder);
        let learnt = learnt.as_ref().map(|(of, encoder)| Learnt {
            of: of.clone(),
            bytes: encoder.len() as u64,
            blake3: blake3::hash(encoder).to_hex().to_string(),
        });
        let About { schema, origin, malformed, bounds, folds } = about;
        let description =
            Description { schema, layout, origin, rows, bounds, clicks, malformed, records, learnt, folds };
        accept(&description)?;
        self.write(encoder)?;
        let text = serde_json::to_vec(&description)?;
        self.write(&text)?;

        let offset = PREAMBLE as u64 + rows * layout.stride() as u64 + encoder.len() as u64;
        let mut preamble = Vec::with_capacity(PREAMBLE);
        preamble.extend_from_slice(MAGIC);
        preamble.extend_from_slice(&VERSION.to_le_bytes());
        preamble.extend_from_slice(&[0; 4]);
        preamble.extend_from_slice(&offset.to_le_bytes());
        preamble.extend_from_slice(&(text.len() as u64).to_le_bytes());
        preamble.extend_from_slice(blake3::hash(&text).as_bytes());
        self.file.seek(SeekFrom::Start(0)).map_err(Error::io("write", &self.partial))?;
        self.write(&preamble)?;
        if lasting {
            self.file.sync_all().map_err(Error::io("write", &self.partial))?;
        }
        files::put(&self.partial, &self.place)?;
        self.finished = true;
        let keys = std::mem::take(&mut self.keys);
        let file = self.file.try_clone().map_err(Error::io("open", &self.place))?;
        Ok(Cache::of(&self.place, file, OnceLock::new(), description, keys))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.finished {
            // Nothing can be done about a file that cannot be removed; the failure that led here is what is told.
            let _removed = files::remove(&self.partial);
        }
    }
}

/// A complete, verified cache.
#[derive(Debug)]
pub(super) struct Cache {
    path: PathBuf,
    file: File,
    /// All records of a small table, once some are asked for; of a larger one none.
    held: OnceLock<Vec<u8>>,
    /// By who reads them, so that nobody else does.
    holding: Mutex<()>,
    pub description: Description,
    /// What splitting the rows takes.
    pub keys: Keys,
}

/// What lies at the place of a cache.
#[derive(Debug)]
pub(super) enum Found {
    Nothing,
    /// Not a cache that can be used, and why.
    Unusable(&'static str),
    Cache(Box<Cache>),
}

impl Cache {
    /// Opens and verifies the cache at `path`. What it says of itself is held against `unfit` before a record is read: a
    /// stranger may say that there are more of them than memory holds. `by`: what its rows will be split by.
    pub fn open(
        path: &Path,
        by: By,
        unfit: impl FnOnce(&Description) -> Option<&'static str>,
        stop: &Stop,
    ) -> Result<Found> {
        let file = match files::open(path) {
            Err(error) if files::is_missing(&error) => return Ok(Found::Nothing),
            file => file?,
        };
        let size = file.metadata().map_err(Error::io("read", path))?.len();
        if size < PREAMBLE as u64 {
            return Ok(Found::Unusable("it is not a data cache"));
        }
        let read = |bytes: &mut [u8], at: u64| read_at(&file, bytes, at).map_err(Error::io("read", path));
        let mut preamble = [0; PREAMBLE];
        read(&mut preamble, 0)?;
        if &preamble[..8] != MAGIC {
            return Ok(Found::Unusable("it is not a complete data cache"));
        }
        if preamble[8..12] != VERSION.to_le_bytes() {
            return Ok(Found::Unusable("another version wrote it"));
        }
        let number = |at: usize| u64::from_le_bytes(std::array::from_fn(|index| preamble[at + index]));
        let (offset, length) = (number(16), number(24));
        if offset < PREAMBLE as u64 || offset.checked_add(length) != Some(size) || length > LONGEST_DESCRIPTION {
            return Ok(Found::Unusable("it is torn"));
        }
        let mut text = vec![0; length as usize];
        read(&mut text, offset)?;
        if blake3::hash(&text).as_bytes() != &preamble[32..] {
            return Ok(Found::Unusable("its description is damaged"));
        }
        let Ok(description) = serde_json::from_slice::<Description>(&text) else {
            return Ok(Found::Unusable("its description cannot be read"));
        };
        let layout = description.layout;
        let learnt = description.learnt.as_ref().map_or(0, |learnt| learnt.bytes);
        let records = layout.checked_stride().and_then(|stride| description.rows.checked_mul(stride as u64));
        let expected = records.and_then(|bytes| bytes.checked_add(learnt));
        if expected != Some(offset - PREAMBLE as u64) || description.rows > u64::from(u32::MAX) {
            return Ok(Found::Unusable("its records are damaged"));
        }
        let bounds = description.bounds.iter().try_fold(0u64, |sum, &rows| sum.checked_add(rows));
        if bounds != Some(description.rows) {
            return Ok(Found::Unusable("its description is damaged"));
        }
        if let Some(why) = unfit(&description) {
            return Ok(Found::Unusable(why));
        }
        let stride = layout.stride();
        let start_of = |block: usize| PREAMBLE as u64 + (block * BLOCK_ROWS * stride) as u64;
        // What a split looks at is read of a block while it is at hand.
        let checked = |block: usize, buffer: &mut [u8]| {
            stop.check()?;
            read(buffer, start_of(block))?;
            let mut keys = Keys::new(by);
            keys.extend(layout, buffer, stride);
            Ok::<_, Error>((blake3::hash(buffer), keys))
        };
        // What is held is there when it was checked.
        let mut held = vec![0; held_bytes(&description)];
        let blocks: Result<Vec<_>> = if held.is_empty() {
            let blocks = (description.rows as usize).div_ceil(BLOCK_ROWS);
            let each = |buffer: &mut Vec<u8>, block: usize| {
                let rows = (description.rows as usize - block * BLOCK_ROWS).min(BLOCK_ROWS);
                buffer.resize(rows * stride, 0);
                checked(block, buffer)
            };
            (0..blocks).into_par_iter().map_init(Vec::new, each).collect()
        } else {
            let each = held.par_chunks_mut(BLOCK_ROWS * stride).enumerate();
            each.map(|(block, buffer)| checked(block, buffer)).collect()
        };
        let blocks = blocks?;
        let mut hasher = blake3::Hasher::new();
        blocks.iter().for_each(|(hash, _)| {
            hasher.update(hash.as_bytes());
        });
        if hasher.finalize().to_hex().as_str() != description.records {
            return Ok(Found::Unusable("its records are damaged"));
        }
        let mut keys = Keys::new(by);
        blocks.into_iter().for_each(|(_, of_block)| keys.append(of_block));
        if !keys.is_sound() || keys.clicks() != description.clicks {
            return Ok(Found::Unusable("its labels are damaged"));
        }
        let cache = Self::of(path, file, OnceLock::from(held), description, keys);
        match cache.encoder() {
            Err(Error::File(FileError::Changed { .. })) => {
                Ok(Found::Unusable("what was learnt of its rows is damaged"))
            }
            encoder => encoder.map(|_| Found::Cache(Box::new(cache))),
        }
    }

    /// The encoder that was learnt, in bytes; none where nothing was.
    ///
    /// # Errors
    /// It can no longer be read, or is damaged.
    pub fn encoder(&self) -> Result<Option<Vec<u8>>> {
        let Description { layout, rows, learnt, .. } = &self.description;
        let Some(learnt) = learnt else { return Ok(None) };
        let mut bytes = vec![0; learnt.bytes as usize];
        let at = PREAMBLE as u64 + rows * layout.stride() as u64;
        read_at(&self.file, &mut bytes, at).map_err(Error::io("read", &self.path))?;
        if blake3::hash(&bytes).to_hex().as_str() != learnt.blake3 {
            return Err(FileError::Changed {
                path: self.path.clone(),
                what: "what was learnt of its rows is damaged".to_owned(),
                remedy: "remove it, and it is made anew from its source".to_owned(),
            }
            .into());
        }
        Ok(Some(bytes))
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn of(path: &Path, file: File, held: OnceLock<Vec<u8>>, description: Description, keys: Keys) -> Self {
        Self { path: path.to_owned(), file, held, holding: Mutex::new(()), description, keys }
    }

    /// The records of a small table.
    fn held(&self) -> Result<&[u8]> {
        if let Some(held) = self.held.get() {
            return Ok(held);
        }
        let _held = self.holding.lock().unwrap_or_else(PoisonError::into_inner);
        if self.held.get().is_none() {
            let mut records = vec![0; held_bytes(&self.description)];
            let each = records.par_chunks_mut(HELD_AT_ONCE).enumerate();
            each.try_for_each(|(part, to)| read_at(&self.file, to, (PREAMBLE + part * HELD_AT_ONCE) as u64))
                .map_err(Error::io("read", &self.path))?;
            let _set = self.held.set(records);
        }
        Ok(self.held.get().map_or(&[], Vec::as_slice))
    }

    /// The records of these rows, one after the other.
    ///
    /// # Errors
    /// The file was shortened meanwhile, or the disk fails.
    ///
    /// # Panics
    /// When a row is beyond the last.
    pub fn records(&self, rows: &[u32]) -> Result<Vec<u8>> {
        let held = self.held()?;
        if held.is_empty() {
            return self.records_read(rows);
        }
        let stride = self.description.layout.stride();
        let mut records = vec![0; rows.len() * stride];
        let record = |row: u32| &held[row as usize * stride..][..stride];
        for (rows, to) in rows.chunks(TOGETHER).zip(records.chunks_mut(TOGETHER * stride)) {
            // Asked for at once, all these records come in the time of one.
            black_box(rows.iter().fold(0, |sum: u8, &row| {
                let record = record(row);
                let lines = record.iter().step_by(LINE).chain(record.last());
                lines.fold(sum, |sum, byte| sum.wrapping_add(*byte))
            }));
            let each = rows.iter().zip(to.chunks_exact_mut(stride));
            each.for_each(|(&row, to)| to.copy_from_slice(record(row)));
        }
        Ok(records)
    }

    /// The same, from the file: for those who need a few.
    ///
    /// # Errors
    /// The file was shortened meanwhile, or the disk fails.
    ///
    /// # Panics
    /// When a row is beyond the last.
    pub fn records_read(&self, rows: &[u32]) -> Result<Vec<u8>> {
        let stride = self.description.layout.stride();
        let mut records = vec![0; rows.len() * stride];
        let mut rest = records.as_mut_slice();
        // Rows that lie one behind the other are read at once.
        for run in rows.chunk_by(|before, after| before.checked_add(1) == Some(*after)) {
            let last = run[run.len() - 1];
            assert!(u64::from(last) < self.description.rows, "row {last} of {}", self.description.rows);
            let (now, later) = rest.split_at_mut(run.len() * stride);
            let start = PREAMBLE as u64 + u64::from(run[0]) * stride as u64;
            read_at(&self.file, now, start).map_err(Error::io("read", &self.path))?;
            rest = later;
        }
        Ok(records)
    }
}

/// A cache with the checksums that it should have, where it has a place for them.
#[cfg(fuzzing)]
pub(crate) fn resealed(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let number = |bytes: &[u8], at: usize| bytes.get(at..at + 8).and_then(|number| number.try_into().ok());
    let offset = number(&bytes, 16).map_or(0, u64::from_le_bytes) as usize;
    if offset < PREAMBLE || offset > bytes.len() {
        return bytes;
    }
    let (start, text) = bytes.split_at_mut(offset);
    if let Ok(description) = serde_json::from_slice::<Description>(text)
        && let Some(stride) = description.layout.checked_stride()
    {
        let mut hasher = blake3::Hasher::new();
        let learnt = description.learnt.as_ref().map_or(0, |learnt| learnt.bytes as usize);
        let end = (start.len() - PREAMBLE).saturating_sub(learnt);
        for block in start[PREAMBLE..][..end].chunks(BLOCK_ROWS.saturating_mul(stride)) {
            hasher.update(blake3::hash(block).as_bytes());
        }
        let mark: &[u8] = b"\"records\":\"";
        if let Some(at) = memchr::memmem::rfind(text, mark).map(|at| at + mark.len())
            && let Some(place) = text.get_mut(at..at + 64)
        {
            place.copy_from_slice(hasher.finalize().to_hex().as_bytes());
        }
    }
    start[24..32].copy_from_slice(&(text.len() as u64).to_le_bytes());
    start[32..PREAMBLE].copy_from_slice(blake3::hash(text).as_bytes());
    bytes
}

/// Bytes of records that are held in memory.
fn held_bytes(description: &Description) -> usize {
    let bytes = description.rows.saturating_mul(description.layout.stride() as u64);
    if bytes <= HELD { bytes as usize } else { 0 }
}

/// Reads as many bytes from this place on; other threads may do so at the same time.
fn read_at(file: &File, bytes: &mut [u8], at: u64) -> io::Result<()> {
    #[cfg(unix)]
    {
        std::os::unix::fs::FileExt::read_exact_at(file, bytes, at)
    }
    #[cfg(windows)]
    {
        let (mut rest, mut at) = (bytes, at);
        while !rest.is_empty() {
            match std::os::windows::fs::FileExt::seek_read(file, rest, at)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => (rest, at) = (&mut rest[read..], at + read as u64),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const LAYOUT: Layout = Layout {
        numeric: 1,
        fields: 1,
        probability: false,
        weight: false,
        group: false,
        time: false,
        part: false,
        other_labels: 0,
    };

    fn records(rows: std::ops::Range<u32>) -> Vec<u8> {
        let record = |row: u32| {
            [&(row as f32).to_le_bytes()[..], &row.to_le_bytes(), &[u8::from(row.is_multiple_of(4))]].concat()
        };
        rows.flat_map(record).collect()
    }

    fn open(path: &Path) -> Result<Found> {
        Cache::open(path, By::Chance, |_| None, &Stop::new())
    }

    fn write(path: &Path, cuts: &[u32]) {
        let mut writer = Writer::create(path, LAYOUT, By::Chance).expect("a cache");
        cuts.windows(2).for_each(|cut| writer.append(&records(cut[0]..cut[1])).expect("written"));
        let origin = Origin::Synthetic { version: 1, parameters: "{}".to_owned() };
        let accept = |_: &Description| Ok(());
        let bounds = [writer.counts().0, 0, 0, 0];
        let (schema, malformed, folds) = ("schema".to_owned(), Malformed::default(), Vec::new());
        writer.finish(true, About { schema, origin, malformed, bounds, folds }, None, accept).expect("finished");
    }

    #[test]
    fn records_come_back_however_they_were_appended() {
        let folder = tempfile::tempdir().expect("a folder");
        let (one, two) = (folder.path().join("new/one"), folder.path().join("two"));
        write(&one, &[0, 50_000]);
        write(&two, &[0, 1, 40_000, 40_000, 49_999, 50_000]);
        assert!(fs::read(&one).expect("written") == fs::read(&two).expect("written"));
        let Found::Cache(cache) = open(&one).expect("readable") else { panic!("a sound cache is refused") };
        assert_eq!((cache.description.rows, cache.description.clicks), (50_000, 12_500));
        for row in [0, 1, 16_383, 16_384, 49_999] {
            assert_eq!(cache.records(&[row]).expect("there"), records(row..row + 1));
        }
        let several = [49_999, 3, 4, 5, 5, 2];
        let expected: Vec<u8> = several.iter().flat_map(|&row| records(row..row + 1)).collect();
        assert_eq!(cache.records(&several).expect("there"), expected);
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 2, "nothing else may be left behind");
    }

    #[test]
    fn damage_anywhere_is_noticed() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("cache");
        write(&path, &[0, 20_000]);
        let sound = fs::read(&path).expect("written");
        let refused = |bytes: &[u8]| {
            fs::write(&path, bytes).expect("written");
            matches!(open(&path).expect("readable"), Found::Unusable(_))
        };
        assert!(!refused(&sound));
        for length in [0, 10, PREAMBLE, 1000, sound.len() - 1] {
            assert!(refused(&sound[..length]), "cut to {length} bytes");
        }
        for at in [0, 8, 16, 24, 40, PREAMBLE, 100_000, sound.len() - 5] {
            let mut bytes = sound.clone();
            bytes[at] ^= 0x10;
            assert!(refused(&bytes), "byte {at} is altered");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_before_a_record_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("cache");
        write(&path, &[0, 20_000]);
        let mut damaged = fs::read(&path).expect("written");
        damaged[PREAMBLE] ^= 1;
        fs::write(&path, damaged).expect("written");
        let unfit = |found: &Description| (found.layout == LAYOUT).then_some("it is another's");
        let found = Cache::open(&path, By::Chance, unfit, &Stop::new()).expect("readable");
        assert!(matches!(found, Found::Unusable("it is another's")), "{found:?}");
        let stop = Stop::new();
        stop.request();
        assert!(matches!(Cache::open(&path, By::Chance, |_| None, &stop), Err(Error::Stopped)));
    }

    #[test]
    fn a_directory_is_no_place_for_a_cache() {
        let folder = tempfile::tempdir().expect("a folder");
        let error = open(folder.path()).expect_err("a directory").to_string();
        assert_eq!(error, format!("{} is a folder; expected a regular file", folder.path().display()));
        assert!(matches!(open(&folder.path().join("none")).expect("readable"), Found::Nothing));
    }

    #[test]
    fn a_table_too_large_for_memory_is_read_and_an_error_when_it_is_shortened() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("cache");
        write(&path, &[0, 20_000]);
        let Found::Cache(held) = open(&path).expect("readable") else { panic!("a sound cache is refused") };
        let file = File::open(&path).expect("there");
        let read = Cache { held: OnceLock::from(Vec::new()), file, ..*held };
        let several = [19_999, 3, 4, 5, 5, 2];
        let expected: Vec<u8> = several.iter().flat_map(|&row| records(row..row + 1)).collect();
        assert_eq!(read.records(&several).expect("there"), expected);
        File::options().write(true).open(&path).and_then(|file| file.set_len(1000)).expect("shortened");
        let error = read.records(&[19_999]).expect_err("it is gone").to_string();
        assert!(error.starts_with(&format!("cannot read {}", path.display())), "{error}");
    }

    #[test]
    fn an_unfinished_cache_disappears_and_harms_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("cache");
        write(&path, &[0, 10]);
        let before = fs::read(&path).expect("written");
        let mut writer = Writer::create(&path, LAYOUT, By::Chance).expect("a cache");
        writer.append(&records(0..30_000)).expect("written");
        drop(writer);
        assert_eq!(fs::read(&path).expect("still there"), before);
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
    }
}
