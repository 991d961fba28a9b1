//! The models of a server by their names: those that work, and what becomes of one whose directory changes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::SystemTime;

use nasrec_runtime::model::Model;

use crate::error::{Error, Result};
use crate::metrics::{Metrics, Shown};
use crate::working::{How, Working};

/// Digits of a checksum that a version has.
const VERSION: usize = 12;
/// No name of a model is longer.
const LONGEST: usize = 128;

/// A model that is to be served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// What requests call it.
    pub name: String,
    /// The directory of a model, or of a run.
    pub path: PathBuf,
}

impl Named {
    /// Of `NAME=DIR`, or of a directory, whose name it has then.
    ///
    /// # Errors
    /// The directory has a name that no address could have.
    pub fn read(text: &str) -> Result<Self> {
        if let Some((name, path)) = text.split_once('=')
            && is_name(name)
        {
            return Ok(Self { name: name.to_owned(), path: path.into() });
        }
        let path = PathBuf::from(text);
        let whole = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
        match whole.file_name().and_then(|name| name.to_str()).filter(|name| is_name(name)) {
            Some(name) => Ok(Self { name: name.to_owned(), path }),
            None => Err(Error::Nameless { path: text.to_owned() }),
        }
    }
}

fn is_name(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    !text.is_empty() && text.len() <= LONGEST && text.bytes().all(fits) && !text.starts_with('.')
}

/// What tells that files of a directory were changed: of each its length, when it was written, and which file it is.
type Stamp = Vec<Option<(u64, Option<SystemTime>, u64)>>;

/// Models by name.
pub struct Models {
    slots: BTreeMap<String, Slot>,
}

struct Slot {
    path: PathBuf,
    how: How,
    working: RwLock<Arc<Working>>,
    looked: Mutex<Looked>,
}

/// What the last looks at a directory found.
struct Looked {
    /// When what works now, or what is told to be no model, was read.
    settled: Stamp,
    /// At the look before.
    before: Stamp,
}

impl Models {
    /// Loads models, and has them begin their work.
    ///
    /// # Errors
    /// One cannot be loaded, or two have one name.
    pub fn load(named: &[Named], how: impl Fn() -> How) -> Result<Self> {
        let mut slots: BTreeMap<String, Slot> = BTreeMap::new();
        for Named { name, path } in named {
            if let Some(other) = slots.get(name) {
                let shown = |path: &Path| path.display().to_string();
                return Err(Error::Twice { name: name.clone(), first: shown(&other.path), second: shown(path) });
            }
            let (how, settled) = (how(), stamp(path));
            let working = RwLock::new(Arc::new(load(path, how.clone())?));
            let looked = Mutex::new(Looked { before: settled.clone(), settled });
            slots.insert(name.clone(), Slot { path: path.clone(), how, working, looked });
        }
        Ok(Self { slots })
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.slots.keys().map(String::as_str)
    }

    /// The model that has a name now. Whoever holds it can ask it, whatever becomes of its directory.
    pub fn get(&self, name: &str) -> Option<(Arc<Working>, &Arc<Metrics>)> {
        let slot = self.slots.get(name)?;
        Some((Arc::clone(&slot.working.read().unwrap_or_else(PoisonError::into_inner)), &slot.how.metrics))
    }

    /// What was counted of each.
    pub fn shown(&self) -> Vec<Shown<'_>> {
        let depth = |slot: &Slot| slot.working.read().unwrap_or_else(PoisonError::into_inner).queue.depth();
        self.slots.iter().map(|(name, slot)| Shown { name, depth: depth(slot), metrics: &slot.how.metrics }).collect()
    }

    /// Looks whether a directory holds another model, and has that one work from now on. What asks the one before has its answer from that.
    pub fn look(&self) {
        self.slots.iter().for_each(|(name, slot)| slot.look(name));
    }

    /// Waits until everything that was asked is done. Nothing may be asked any more.
    pub fn end(self) {
        for slot in self.slots.into_values() {
            let working = slot.working.into_inner().unwrap_or_else(PoisonError::into_inner);
            Arc::into_inner(working).into_iter().for_each(Working::end);
        }
    }
}

impl Slot {
    fn look(&self, name: &str) {
        let now = stamp(&self.path);
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let Looked { settled, before } = &mut *looked;
        // What is still being written changes between two looks.
        let still = std::mem::replace(before, now.clone()) == now;
        if *settled == now || !still {
            return;
        }
        let [loaded, refused] = &self.how.metrics.reloads;
        let tell = &self.how.tell;
        match load(&self.path, self.how.clone()) {
            Ok(new) => {
                let mut working = self.working.write().unwrap_or_else(PoisonError::into_inner);
                if working.version != new.version {
                    loaded.fetch_add(1, Ordering::Relaxed);
                    let (old, version) = (working.version.clone(), new.version.clone());
                    let old_one = std::mem::replace(&mut *working, Arc::new(new));
                    drop(working);
                    drop(old_one);
                    tell(&format!("{name}: version {version} is served from now on, in place of {old}"));
                }
            }
            Err(error) => {
                refused.fetch_add(1, Ordering::Relaxed);
                let version = self.working.read().unwrap_or_else(PoisonError::into_inner).version.clone();
                tell(&format!("{name}: version {version} is still served, as what is there now cannot be: {error}"));
            }
        }
        // As it was before it was read: what changed meanwhile is seen at the next look.
        *settled = now;
    }
}

fn load(path: &Path, how: How) -> Result<Working> {
    let (model, checksum) = Model::load_as(&Model::directory(path), how.tables)?;
    let model = if how.fold_norms { model.folded()?.0 } else { model };
    let version = checksum.chars().take(VERSION).collect();
    Working::begin(model, version, how)
}

fn stamp(path: &Path) -> Stamp {
    let folder = Model::directory(path);
    let of = |name: &str| {
        let data = fs::metadata(folder.join(name)).ok()?;
        Some((data.len(), data.modified().ok(), number(&data)))
    };
    Model::FILES.iter().map(|name| of(name)).collect()
}

/// Which file it is, where the system tells.
#[cfg(unix)]
fn number(data: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(data)
}

#[cfg(not(unix))]
fn number(_: &fs::Metadata) -> u64 {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_given_or_that_of_the_directory() {
        let named = |name: &str, path: &str| Named { name: name.to_owned(), path: path.into() };
        assert_eq!(Named::read("day=runs/1").expect("a name"), named("day", "runs/1"));
        assert_eq!(Named::read("runs/day").expect("a name"), named("day", "runs/day"));
        assert_eq!(
            Named::read("runs/lr=0.1").map_err(|error| error.to_string()).expect_err("no name").split(" makes").next(),
            Some("runs/lr=0.1")
        );
        assert_eq!(Named::read("a=runs/lr=0.1").expect("a name"), named("a", "runs/lr=0.1"));
        assert!(Named::read("src").is_ok() && Named::read(".").is_ok(), "that of the folder itself");
        for nameless in ["/", "a b", "..=x", ""] {
            assert_eq!(Named::read(nameless).expect_err("no name").code(), "R1003", "{nameless}");
        }
    }
}
