//! The folder that an export is written to.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use crate::error::ExportError;
use crate::{Result, files};

/// What Python leaves beside the files that it runs.
const COMPILED: &str = "__pycache__";

/// Fails where a folder holds something else than these, and what a program that was stopped left of them.
pub(super) fn is_free(folder: &Path, known: &[&str]) -> Result<()> {
    let ours = |name: &str| known.contains(&name) || name == COMPILED || name.ends_with(files::UNFINISHED);
    let others = fs::read_dir(folder).into_iter().flatten().flatten();
    if others.into_iter().any(|entry| !ours(&entry.file_name().to_string_lossy())) {
        return Err(ExportError::NotEmpty { path: folder.to_owned() }.into());
    }
    Ok(())
}

/// Writes texts into a folder, under these names.
pub(super) fn write(folder: &Path, texts: &[(impl AsRef<Path>, String)]) -> Result<()> {
    let write = |(name, text): &(_, String)| {
        files::replace(&folder.join(AsRef::as_ref(name)), |file| file.write_all(text.as_bytes()))
    };
    texts.iter().try_for_each(write)
}
