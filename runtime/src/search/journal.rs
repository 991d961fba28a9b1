//! The journal of a run: one JSON object a line, only ever appended to.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use nasrec_compiler::Architecture;
use serde::{Deserialize, Serialize};

use crate::error::RunError;
use crate::train::Metrics;
use crate::{Error, Observer, Result};

/// What a run has done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Entry {
    /// The data that everything after it was made from.
    Data {
        /// A hash of what was read.
        fingerprint: String,
        /// Rows that were read, malformed ones left out.
        rows: usize,
        /// What reading took.
        seconds: f64,
    },
    /// The supernet is trained and on disk.
    Supernet {
        /// Steps that it was trained for.
        steps: u64,
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
        /// A version before this one wrote none.
        #[serde(default)]
        choices: BTreeMap<String, String>,
        /// Multiply-accumulates a sample.
        macs: u64,
        /// With the supernet's weights, on the validation part.
        figures: Figures,
        /// An even share of what those took that were evaluated with it.
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
        /// What training and evaluating took.
        seconds: f64,
    },
}

/// Figures of a model on a part of the data.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Mean cross-entropy, in nats; absent where it is not finite.
    pub log_loss: Option<f64>,
    /// Area under the ROC curve; absent where it is not finite.
    pub auc: Option<f64>,
    /// Share of samples whose logit has the sign of their label.
    pub accuracy: f64,
    /// Samples of the part.
    pub samples: usize,
}

impl Figures {
    /// For ordering: what is not finite comes last.
    pub fn rank(&self) -> f64 {
        self.log_loss.unwrap_or(f64::INFINITY)
    }
}

impl From<Metrics> for Figures {
    fn from(metrics: Metrics) -> Self {
        Self {
            log_loss: Some(metrics.log_loss).filter(|x| x.is_finite()),
            auc: Some(metrics.auc).filter(|x| x.is_finite()),
            accuracy: metrics.accuracy,
            samples: metrics.samples,
        }
    }
}

/// An open journal, with everything that it held when it was opened and what was added since.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    entries: Vec<Entry>,
}

impl Journal {
    /// Opens or makes a journal. A last line that a kill tore off is said and cut.
    ///
    /// # Errors
    /// A line before the last that cannot be read: the file was changed by something else.
    pub fn open(path: &Path, observer: &dyn Observer) -> Result<Self> {
        let text = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(Error::io("read", path)(error)),
        };
        let whole = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        let mut entries = Vec::new();
        for (number, line) in text[..whole].split(|&byte| byte == b'\n').enumerate() {
            if line.is_empty() {
                continue;
            }
            let entry = serde_json::from_slice(line).map_err(|cause| RunError::Journal {
                path: path.to_owned(),
                line: number + 1,
                cause,
            })?;
            entries.push(entry);
        }
        let file = OpenOptions::new().create(true).append(true).open(path).map_err(Error::io("open", path))?;
        if whole < text.len() {
            let torn = text.len() - whole;
            observer.say(&format!("{}: cut {torn} bytes of a last line that was not finished", path.display()));
            file.set_len(whole as u64).map_err(Error::io("cut", path))?;
        }
        Ok(Self { path: path.to_owned(), file, entries })
    }

    /// What was written so far, in its order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Appends an entry; it is on disk when this returns.
    pub fn append(&mut self, entry: Entry) -> Result<()> {
        let mut line = serde_json::to_vec(&entry)?;
        line.push(b'\n');
        self.file.write_all(&line).and_then(|()| self.file.sync_data()).map_err(Error::io("write", &self.path))?;
        self.entries.push(entry);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Silent;

    #[test]
    fn a_torn_tail_is_cut_and_a_torn_middle_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        let mut journal = Journal::open(&path, &Silent).unwrap();
        journal.append(Entry::Supernet { steps: 3, seconds: 1.0 }).unwrap();
        drop(journal);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, [&whole[..], b"{\"event\":\"supe"].concat()).unwrap();
        let journal = Journal::open(&path, &Silent).unwrap();
        assert_eq!(journal.entries().len(), 1);
        assert_eq!(fs::read(&path).unwrap(), whole);
        fs::write(&path, [b"{\"event\":\n", &whole[..]].concat()).unwrap();
        let error = Journal::open(&path, &Silent).unwrap_err().to_string();
        assert!(error.contains("journal.jsonl:1: this line of the journal cannot be read"), "{error}");
    }
}
