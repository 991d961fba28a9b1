//! Fixes made in files on disk.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use nasrec_compiler::diagnostics::{Diagnostic, FileId, Fix, Sources, apply};

/// Makes the fixes of findings, except in files that ship with nasrecc, and tells each on stderr. How many were made.
pub(crate) fn make(diagnostics: &[Diagnostic], sources: &Sources) -> Result<usize> {
    let mut by_file: BTreeMap<FileId, Vec<&Fix>> = BTreeMap::new();
    for fix in diagnostics.iter().filter_map(|diagnostic| diagnostic.fix.as_deref()) {
        by_file.entry(fix.span.file).or_default().push(fix);
    }
    let mut count = 0;
    for (id, fixes) in by_file {
        let file = sources.file(id);
        if file.built_in {
            continue;
        }
        let (text, made) = apply(&file.text, fixes);
        replace(Path::new(&file.name), &text)?;
        for fix in &made {
            let place = file.place(fix.span.start);
            eprintln!("{}:{}:{}: fixed: {}", file.name, place.line, place.column, fix.title);
        }
        count += made.len();
    }
    Ok(count)
}

/// Writes beside the file and renames, so that it is whole at any time.
fn replace(path: &Path, text: &str) -> Result<()> {
    let failed = || format!("cannot write {}", path.display());
    let name = path.file_name().with_context(failed)?.to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.{}.fixed", std::process::id()));
    std::fs::write(&beside, text).with_context(failed)?;
    let permissions = std::fs::metadata(path).with_context(failed)?.permissions();
    let renamed = std::fs::set_permissions(&beside, permissions).and_then(|()| std::fs::rename(&beside, path));
    if renamed.is_err() {
        let _gone = std::fs::remove_file(&beside);
    }
    renamed.with_context(failed)
}
