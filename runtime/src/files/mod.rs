//! How files are written so that nothing is lost, and read so that nothing is taken for what it is not.
//!
//! Lives here: replacing a file in one step, opening one without following a link, reading no more than was asked for, a
//! text that shows when it was changed, and how much room a disk has. Never: what a file is called or what is in it.

mod durable;
mod reading;
mod sealed;

pub(crate) use durable::{UNFINISHED, beside, create_folder, fresh, put, remove, replace, sync_folder};
pub(crate) use reading::{append, create, is_missing, open, read, read_given};
#[cfg(fuzzing)]
pub(crate) use sealed::sealed_text;
pub(crate) use sealed::{seal, unseal};

use std::path::Path;

use crate::machine::Bytes;

/// What the file system that a folder is on can still hold. `None` where the system does not tell.
pub(crate) fn free_space(folder: &Path) -> Option<Bytes> {
    #[cfg(unix)]
    {
        let found = rustix::fs::statvfs(folder).ok()?;
        Some(Bytes(found.f_bavail.saturating_mul(found.f_frsize)))
    }
    #[cfg(not(unix))]
    {
        let _unknown = folder;
        None
    }
}
