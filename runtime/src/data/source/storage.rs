//! Files whose names are addresses of object storage: copied to this machine, and from there on files as others.
//!
//! A process asks about an address once: whatever reads a table twice reads the same rows.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use nasrec_storage::{Object, Watch};

use super::Located;
use crate::error::DataError;
use crate::{Error, Observer, Result, Stage, Stop};

/// Names a folder for copies in the environment.
const FOLDER: &str = "NASREC_OBJECTS";

/// What each address stood for when it was first asked about.
static KNOWN: Mutex<BTreeMap<String, Vec<Located>>> = Mutex::new(BTreeMap::new());

/// The copies of what an address names.
pub(super) fn fetch(name: &str, observer: &dyn Observer, stop: &Stop) -> Result<Vec<Located>> {
    // Held meanwhile: who asks for the same waits for it.
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(located) = known.get(name) {
        return Ok(located.clone());
    }
    let failed = |what: String| Error::from(DataError::Storage { name: name.to_owned(), what });
    let folder = folder().ok_or_else(|| failed(format!("no folder is known for copies; name one as {FOLDER}")))?;
    let settings =
        std::env::vars_os().filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)));
    let found = nasrec_storage::fetch(name, &folder, settings, &Told { observer, stop });
    let found = found.map_err(|error| match error {
        nasrec_storage::Error::Stopped => Error::Stopped,
        nasrec_storage::Error::File { path, cause } => Error::io("write", path)(cause),
        error => failed(error.to_string()),
    })?;
    let located: Vec<Located> = found.into_iter().map(|Object { name, path }| Located { name, path }).collect();
    known.insert(name.to_owned(), located.clone());
    Ok(located)
}

/// Where copies lie, as long as nobody removes them.
fn folder() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = || set("XDG_CACHE_HOME").filter(|path| path.is_absolute());
    let home = || std::env::home_dir().map(|home| home.join(".cache"));
    set(FOLDER).or_else(|| Some(cache().or_else(home)?.join("nasrecc").join("objects")))
}

/// Tells an observer what is copied.
struct Told<'a> {
    observer: &'a dyn Observer,
    stop: &'a Stop,
}

impl Watch for Told<'_> {
    fn begin(&self, objects: usize, bytes: u64, folder: &Path) {
        let what = if objects == 1 { "an object is".to_owned() } else { format!("{objects} objects are") };
        self.observer.say(&format!("{what} copied to {}, where a copy stays until it is removed", folder.display()));
        self.observer.begin(Stage { name: "copy objects".to_owned(), total: Some(bytes), unit: "bytes" });
    }

    fn progress(&self, bytes: u64) {
        self.observer.progress(bytes, "");
    }

    fn end(&self) {
        self.observer.end();
    }

    fn stopped(&self) -> bool {
        self.stop.requested()
    }
}
