//! What files may import, as it is said on a command line; and how what is written imports other files.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use nasrec_compiler::loader::{Disk, SHIPPED};

/// Folders that may be imported from.
#[derive(Clone, clap::Args)]
pub(crate) struct Imports {
    /// A folder that may be imported from, besides that of the file; may be repeated
    #[arg(long = "allow-import", value_name = "DIR")]
    pub folders: Vec<PathBuf>,
}

impl Imports {
    /// For the program whose entry file this is.
    pub fn disk(&self, entry: &str) -> Disk {
        self.folders.iter().fold(Disk::beside(entry), |disk, folder| disk.allowing(folder))
    }
}

/// The path of a file as an import in `folder` writes it.
pub(crate) fn path_from(folder: &Path, name: &str) -> Result<String> {
    if let Some(shipped) = name.strip_prefix(SHIPPED) {
        return Ok(shipped.to_owned());
    }
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let folder = folder.canonicalize().with_context(|| format!("there is no folder {}", folder.display()))?;
    let file = Path::new(name).canonicalize().with_context(|| format!("cannot find {name}"))?;
    let shared = folder.components().zip(file.components()).take_while(|(a, b)| a == b).count();
    let mut path = PathBuf::new();
    folder.components().skip(shared).for_each(|_| path.push(".."));
    file.components().skip(shared).for_each(|part| path.push(part));
    let path = path.to_string_lossy().replace('\\', "/");
    // It becomes source, in which a text ends with its line and has no way to hold a quote.
    if path.contains(['"', '\n', '\r']) {
        bail!("no import can say the path {path:?}");
    }
    Ok(path)
}
