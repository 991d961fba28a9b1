//! Where the files of a program come from: memory, disk, or what ships with the compiler.
//!
//! Lives here: how the path of an import leads to a file, which files may be imported, and the only place of this crate
//! that reads one. Never: what is in a file.

mod disk;
mod folders;
mod memory;
mod reading;
mod shipped;

use std::path::{Component, Path, PathBuf};

pub use disk::Disk;
pub use folders::Folders;
pub use memory::Memory;
pub use reading::{read_from, read_named, read_regular};
pub use shipped::{SHIPPED, Shipped};

use crate::diagnostics::SourceFile;

/// Most files of a program.
pub const MAX_FILES: usize = 1_000;
/// Most bytes that all imports of a program bring, each time that they do.
pub const MAX_PROGRAM_BYTES: usize = 64 << 20;

/// Reads files for [`Program::load`](crate::Program::load).
pub trait Loader {
    /// Whether the file `importer` may import what `path` leads to; asked before anything is looked for there. A loader
    /// that reads what it chooses itself allows all of it.
    fn allows(&self, _importer: Option<&str>, _path: &str) -> bool {
        true
    }

    /// The file at `path`, as written in an import of the file `importer`; the entry file has no importer. The name of
    /// the result identifies the file: two imports of one file give one name.
    ///
    /// # Errors
    /// Why it cannot be read, in words; `None` where there is no such file.
    fn load(&self, importer: Option<&str>, path: &str) -> Result<Option<SourceFile>, String>;
}

impl<L: Loader + ?Sized> Loader for &L {
    fn allows(&self, importer: Option<&str>, path: &str) -> bool {
        (**self).allows(importer, path)
    }

    fn load(&self, importer: Option<&str>, path: &str) -> Result<Option<SourceFile>, String> {
        (**self).load(importer, path)
    }
}

/// The path of a file that lies where `importer` does.
fn beside(importer: Option<&str>, path: &str) -> PathBuf {
    importer.and_then(|name| Path::new(name).parent()).unwrap_or(Path::new("")).join(path)
}

/// Without `.`, and without `..` but those that lead out of where a relative path starts.
pub fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => match out.components().next_back() {
                Some(Component::Normal(_)) => {
                    out.pop();
                }
                Some(Component::RootDir | Component::Prefix(_)) => {}
                _ => out.push(part),
            },
            other => out.push(other),
        }
    }
    out
}
