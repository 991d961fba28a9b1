//! Which folders may be imported from.

use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf, absolute};

/// Most links that lead from a path to its file.
const MAX_LINKS: usize = 40;

/// Folders, with all that lies below them.
#[derive(Clone, Debug, Default)]
pub struct Folders(Vec<PathBuf>);

impl Folders {
    /// This folder too.
    pub fn add(&mut self, folder: &Path) {
        self.0.extend(resolved(folder));
    }

    /// Whether a path leads into one of them. What it says of a path outside does not depend on what is there, but for
    /// links.
    pub fn hold(&self, path: &Path) -> bool {
        resolved(path).is_some_and(|path| self.0.iter().any(|folder| path.starts_with(folder)))
    }
}

/// Where a path leads, links followed, whether or not there is anything; `None` where links lead in a circle.
fn resolved(path: &Path) -> Option<PathBuf> {
    // A file of the current folder has no folder of its own.
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let mut rest = parts(&absolute(path).ok()?);
    let mut at = PathBuf::new();
    let mut links = 0;
    while let Some(part) = rest.pop() {
        match Path::new(&part).components().next() {
            Some(Component::ParentDir) => {
                at.pop();
            }
            Some(Component::CurDir) | None => {}
            Some(_) => at.push(part),
        }
        if let Ok(target) = fs::read_link(&at) {
            links += 1;
            if links > MAX_LINKS {
                return None;
            }
            at.pop();
            rest.extend(parts(&target));
        }
    }
    Some(at)
}

/// The parts of a path, the first one last.
fn parts(path: &Path) -> Vec<OsString> {
    path.components().rev().map(|part| part.as_os_str().to_owned()).collect()
}
