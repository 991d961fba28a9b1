//! The journal of a run: one JSON object a line, only ever appended to, each with a checksum of itself and of all before it.
//! So what a kill, a full disk or a lost sector did to the last line shows, and so does any change to another.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use nasrec_compiler::Architecture;
use nasrec_compiler::recipe::Method;
use serde::{Deserialize, Serialize};

use super::record::VERSION;
use crate::error::{FileError, RunError};
use crate::machine::available_memory;
use crate::train::{Blocks, Figures, OfHead};
use crate::{Error, Observer, Result, files};

/// No line is longer: most have some hundred bytes, and one that names all choices of a huge space has some hundred
/// thousand.
const LONGEST_LINE: u64 = 16 << 20;
/// What is held of a journal takes no more than so many times its length.
const HELD: u64 = 4;

/// What a run has done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Entry {
    /// The first line: what the journal is of.
    Begun {
        /// Version of the journal's lines.
        version: u32,
        /// Of nasrecc.
        nasrecc: String,
        /// A hash of the sources, the recipe and the version.
        run: String,
        /// Where it computes, as a backend calls itself.
        device: String,
    },
    /// The data that everything after it was made from.
    Data {
        /// A hash of what was read.
        fingerprint: String,
        /// Rows that were read, malformed ones left out.
        rows: usize,
    },
    /// The supernet is trained and on disk.
    Supernet {
        /// Which variant's it is, of a ranking; none where it is the recipe's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        variant: Option<String>,
        /// Steps that it was trained for.
        steps: u64,
        /// BLAKE3 of its file.
        checksum: String,
        /// How the loss went.
        curve: Curve,
        /// What training took.
        seconds: f64,
    },
    /// A candidate was evaluated with the supernet's weights.
    Candidate {
        /// Number in the order of evaluation, from 0.
        index: u64,
        /// 0 for the first population.
        generation: u64,
        /// The candidate that it was mutated from.
        parent: Option<u64>,
        /// Without what its logit does not depend on.
        architecture: Architecture,
        /// The same for who has no space at hand: the names of its choices, and their values as an `arch` writes them.
        choices: BTreeMap<String, String>,
        /// Multiply-accumulates a sample.
        macs: u64,
        /// With the supernet's weights, on the validation part.
        figures: Figures,
        /// An even share of what those took that were evaluated with it.
        seconds: f64,
    },
    /// How candidates are found, where the recipe leaves that to what a training takes.
    Settled {
        /// The way.
        method: Method,
        /// `retrain.top`.
        top: usize,
        /// `train.epochs`.
        epochs: u64,
    },
    /// What there was time for, in a run with a budget.
    Decided {
        /// Of what there are so many.
        what: String,
        /// How many.
        many: u64,
    },
    /// An architecture was drawn that ways of judging are compared on.
    Drawn {
        /// Number in the order of draws, from 0.
        index: u64,
        /// Without what its logit does not depend on.
        architecture: Architecture,
        /// The same for who has no space at hand, as of a candidate.
        choices: BTreeMap<String, String>,
        /// Multiply-accumulates a sample.
        macs: u64,
    },
    /// A way of judging architectures judged one.
    Judged {
        /// What the way is called.
        by: String,
        /// With the supernet of which variant; none where it is the recipe's, or where there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        variant: Option<String>,
        /// Of the architecture.
        index: u64,
        /// The less, the better it is said to be; absent where it is not finite.
        score: Option<f64>,
        /// An even share of what those took that were judged with it.
        seconds: f64,
    },
    /// A model was trained from scratch and evaluated.
    Trained {
        /// `best-1` and so on, or the name of a baseline.
        model: String,
        /// Whether training read the validation part too; the figures are of the test part then, else of the
        /// validation part.
        last: bool,
        /// On the part that `last` says.
        figures: Figures,
        /// The same model's figures on the test part, where it is not trained once more before it is told on that.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        test: Option<Box<Figures>>,
        /// How it did on blocks of the test part, if its figures on that are here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        blocks: Option<Blocks>,
        /// How it did there on other labels than the first.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        others: Vec<OfHead>,
        /// BLAKE3 of its weights in the run directory, where they are kept.
        checksum: Option<String>,
        /// Steps whose loss was not finite.
        #[serde(default, skip_serializing_if = "is_none")]
        failed: u64,
        /// Where training could be stopped on the validation part: the figures there after each epoch.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        epochs: Vec<Figures>,
        /// The same after parts of the first epoch, of candidates that may be trained no longer then.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        parts: Vec<Figures>,
        /// The best epoch, from 1: the figures are of the model as it was then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        best_epoch: Option<usize>,
        /// How many trees were grown, of the baseline that has some.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trees: Option<usize>,
        /// How the loss went.
        curve: Curve,
        /// What training and evaluating took.
        seconds: f64,
    },
}

/// The loss of a training: after how many steps, and its mean over the steps since the point before, in nats. Absent where
/// one of those was not finite.
pub type Curve = Vec<(u64, Option<f64>)>;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_none(count: &u64) -> bool {
    *count == 0
}

/// An open journal, with everything that it held when it was opened and what was added since.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    entries: Vec<Entry>,
    /// Of the last line.
    checksum: String,
}

/// The sound lines of a journal, up to where they are of interest.
#[derive(Default)]
struct Lines {
    /// Of the last one.
    checksum: String,
    /// Bytes of them.
    sound: u64,
    /// Bytes of a last line that was not finished.
    torn: u64,
}

impl Journal {
    /// Opens or makes the journal of a run. A last line that a kill tore is said and cut.
    ///
    /// # Errors
    /// Another line is not what was written, or the journal is of another run or of another device.
    pub fn open(path: &Path, run: &str, device: &str, observer: &dyn Observer) -> Result<Self> {
        let most = available_memory().map_or(u64::MAX, |free| free.0 / HELD);
        let length = path.symlink_metadata().map_or(0, |found| found.len());
        if length > most {
            return Err(FileError::TooLong { path: path.to_owned(), most }.into());
        }
        let mut entries = Vec::new();
        let keep = |entry| {
            entries.push(entry);
            ControlFlow::Continue(())
        };
        let Lines { checksum, sound, torn } = read(path, keep)?;
        let file = files::append(path)?;
        if torn > 0 {
            observer.say(&format!("{}: cut {torn} bytes of a last line that was not finished", path.display()));
            file.set_len(sound).and_then(|()| file.sync_all()).map_err(Error::io("cut", path))?;
        }
        let mut journal = Self { path: path.to_owned(), file, entries, checksum };
        match journal.entries.first() {
            None => {
                // The name of the file lasts before anything that it says.
                files::sync_folder(path)?;
                journal.append(Entry::Begun {
                    version: VERSION,
                    nasrecc: env!("CARGO_PKG_VERSION").to_owned(),
                    run: run.to_owned(),
                    device: device.to_owned(),
                })?;
            }
            Some(Entry::Begun { version: VERSION, run: of, device: on, .. }) if of == run => {
                if on != device {
                    let (path, on, now) = (path.to_owned(), on.clone(), device.to_owned());
                    return Err(RunError::OtherDevice { path, on, now }.into());
                }
            }
            Some(_) => return Err(RunError::OtherJournal { path: path.to_owned() }.into()),
        }
        Ok(journal)
    }

    /// What `wanted` makes of the first entry that it makes something of, without changing the journal, which is read no
    /// further; nothing where there is no journal.
    ///
    /// # Errors
    /// A line up to there is not what was written.
    pub fn find<T>(path: &Path, mut wanted: impl FnMut(Entry) -> Option<T>) -> Result<Option<T>> {
        let mut found = None;
        read(path, |entry| {
            found = wanted(entry);
            if found.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        Ok(found)
    }

    /// What was written so far, in its order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// How many rows the data has, once it was read.
    pub(crate) fn rows(&self) -> Option<u64> {
        self.entries.iter().find_map(|entry| match entry {
            Entry::Data { rows, .. } => Some(*rows as u64),
            _ => None,
        })
    }

    /// For how many of something there was time, where that was decided.
    pub(crate) fn decided(&self, what: &str) -> Option<u64> {
        self.entries.iter().find_map(|entry| match entry {
            Entry::Decided { what: of, many } if of == what => Some(*many),
            _ => None,
        })
    }

    /// Decides for how many of something there is time, once: what was decided before stays.
    pub(crate) fn decide(&mut self, what: &str, many: impl FnOnce(&Self) -> u64) -> Result<u64> {
        if let Some(many) = self.decided(what) {
            return Ok(many);
        }
        let many = many(self);
        self.append(Entry::Decided { what: what.to_owned(), many })?;
        Ok(many)
    }

    /// Appends an entry; it is on disk when this returns.
    pub fn append(&mut self, entry: Entry) -> Result<()> {
        let (line, checksum) = line(&entry, &self.checksum)?;
        self.file.write_all(&line).and_then(|()| self.file.sync_data()).map_err(Error::io("write", &self.path))?;
        self.checksum = checksum;
        self.entries.push(entry);
        Ok(())
    }
}

/// Stands between the last member of a line and its checksum.
const MARK: &str = r#","checksum":""#;
const END: &str = "\"}\n";

/// Digits of a line's checksum.
const DIGITS: usize = 16;

/// Of a line and of all that came before it.
fn checksum(before: &str, body: &[u8]) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(before.as_bytes()).update(body);
    hasher.finalize().to_hex()[..DIGITS].to_owned()
}

/// An entry as a line, its checksum the last member.
fn line(entry: &Entry, before: &str) -> Result<(Vec<u8>, String)> {
    let mut line = serde_json::to_vec(entry)?;
    line.pop();
    let checksum = checksum(before, &line);
    line.extend([MARK, &checksum, END].concat().bytes());
    Ok((line, checksum))
}

/// The entry of a line, and the line's checksum, where it is as it was written.
fn entry(line: &[u8], before: &str) -> Option<(Entry, String)> {
    let rest = line.strip_suffix(END.as_bytes())?;
    let (body, found) = rest.split_at_checked(rest.len().checked_sub(DIGITS)?)?;
    let body = body.strip_suffix(MARK.as_bytes())?;
    let checksum = checksum(before, body);
    let entry = serde_json::from_slice([body, b"}"].concat().as_slice()).ok()?;
    (found == checksum.as_bytes()).then_some((entry, checksum))
}

/// Lines without checksums, with theirs.
#[cfg(fuzzing)]
pub(crate) fn chained(bodies: &[u8]) -> Vec<u8> {
    let (mut lines, mut before) = (Vec::new(), String::new());
    for body in bodies.split(|&byte| byte == b'\n') {
        let body = body.strip_suffix(b"}").unwrap_or(body);
        before = checksum(&before, body);
        lines.extend_from_slice(body);
        lines.extend([MARK, &before, END].concat().bytes());
    }
    lines
}

/// Hands the entries of a journal on, one by one: of a file that is no journal no more than a line is held.
fn read(path: &Path, mut each: impl FnMut(Entry) -> ControlFlow<()>) -> Result<Lines> {
    let mut file = match files::open(path) {
        Err(error) if files::is_missing(&error) => return Ok(Lines::default()),
        file => BufReader::new(file?),
    };
    let (mut lines, mut line) = (Lines::default(), Vec::new());
    for before in 0u64.. {
        line.clear();
        let read = file.by_ref().take(LONGEST_LINE + 1).read_until(b'\n', &mut line);
        if read.map_err(Error::io("read", path))? == 0 {
            break;
        }
        let Some((entry, checksum)) = entry(&line, &lines.checksum) else {
            let behind = file.fill_buf().map_err(Error::io("read", path))?;
            // Each line is on disk before the next one is written, so only the last one can be torn.
            if !behind.is_empty() || line.len() as u64 > LONGEST_LINE {
                return Err(FileError::Changed {
                    path: path.to_owned(),
                    what: format!("line {} is not what was written there", before + 1),
                    remedy: match before {
                        0 => "put it back as it was; or remove it, and all will be done again".to_owned(),
                        sound => format!(
                            "put it back as it was; or keep its first {sound} lines and remove the rest, which will be \
                             done again"
                        ),
                    },
                }
                .into());
            }
            lines.torn = line.len() as u64;
            break;
        };
        lines.checksum = checksum;
        lines.sound += line.len() as u64;
        if each(entry).is_break() {
            break;
        }
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::Silent;

    fn supernet(steps: u64) -> Entry {
        let curve = vec![(steps, Some(0.5)), (9, None)];
        Entry::Supernet { variant: None, steps, checksum: "c".to_owned(), curve, seconds: 1.0 }
    }

    /// A journal of three lines.
    fn written(path: &Path) -> Vec<u8> {
        let mut journal = Journal::open(path, "run", "cpu", &Silent).expect("a new journal");
        journal.append(supernet(3)).expect("written");
        journal.append(supernet(4)).expect("written");
        fs::read(path).expect("there")
    }

    #[test]
    fn a_torn_last_line_is_cut_wherever_it_is_torn() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal.jsonl");
        let whole = written(&path);
        let last = whole[..whole.len() - 1].iter().rposition(|&byte| byte == b'\n').expect("lines") + 1;
        let reopened = |bytes: &[u8]| {
            fs::write(&path, bytes).expect("written");
            let journal = Journal::open(&path, "run", "cpu", &Silent).expect("what is left of it");
            assert_eq!(fs::read(&path).expect("there"), whole[..last]);
            journal.entries().len()
        };
        for cut in last + 1..whole.len() {
            assert_eq!(reopened(&whole[..cut]), 2, "cut to {cut} bytes");
            // Its first bytes never arrived, and the end of the line did.
            let mut headless = whole.clone();
            headless[last..cut].fill(0);
            assert_eq!(reopened(&headless), 2, "without {} bytes at its head", cut - last);
        }
    }

    #[test]
    fn a_change_to_any_other_line_is_refused_with_a_way_out() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal.jsonl");
        let whole = written(&path);
        let lines: Vec<&[u8]> = whole.split_inclusive(|&byte| byte == b'\n').collect();
        let refused = |bytes: &[u8]| {
            fs::write(&path, bytes).expect("written");
            let error = Journal::open(&path, "run", "cpu", &Silent).expect_err("changed").to_string();
            assert_eq!(fs::read(&path).expect("there"), bytes, "nothing is cut");
            error
        };
        for at in 0..lines[0].len() + lines[1].len() {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            let line = if at < lines[0].len() { 1 } else { 2 };
            // Two lines in one are one that is not what was written.
            if changed[at] != b'\n' && whole[at] != b'\n' {
                assert!(refused(&changed).contains(&format!("line {line} is not what was written there")), "{at}");
            }
        }
        assert!(refused(&[lines[0], lines[2], lines[1]].concat()).contains("line 2"));
        assert!(refused(&[lines[1], lines[2]].concat()).contains("line 1"));
        assert!(refused(&[lines[0], b"\n", lines[1]].concat()).contains("keep its first 1 lines and remove the rest"));
    }

    #[test]
    fn a_journal_is_of_one_run_on_one_device() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal.jsonl");
        written(&path);
        let refused = |run, device| Journal::open(&path, run, device, &Silent).expect_err("another").to_string();
        assert!(refused("other", "cpu").contains("is of another run"));
        assert!(refused("run", "cuda").contains("computes on cpu, and this is cuda"));
        assert_eq!(Journal::open(&path, "run", "cpu", &Silent).expect("the same").entries().len(), 3);
        assert_eq!(Journal::find(&folder.path().join("none"), Some).expect("none"), None);
        assert!(matches!(Journal::find(&path, Some).expect("there"), Some(Entry::Begun { .. })));
        let done = |entry| matches!(entry, Entry::Supernet { .. }).then_some(entry);
        assert_eq!(Journal::find(&path, done).expect("there"), Some(supernet(3)));
    }

    /// Zeros take no room on a disk, and a line of them none in a file that was packed.
    #[test]
    fn of_what_is_no_journal_no_more_is_read_than_a_line() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal.jsonl");
        written(&path);
        let length = 1 << 40;
        File::options().append(true).open(&path).and_then(|file| file.set_len(length)).expect("sparse");
        let error = Journal::find(&path, |_| None::<()>).expect_err("it is no journal").to_string();
        assert!(error.contains("line 4 is not what was written there; put it back as it was"), "{error}");
        assert!(Journal::find(&path, Some).expect("its first line is sound").is_some());
        Journal::open(&path, "run", "cpu", &Silent).expect_err("it is no journal");
        assert_eq!(path.metadata().expect("there").len(), length, "nothing is cut");
    }
}
