//! Fixes made in files on disk.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use nasrec_compiler::diagnostics::{Diagnostic, FileId, Fix, Sources, apply};

use crate::output::{self, say};

/// Makes the fixes of findings, except in files that ship with nasrecc, and tells each on stderr. How many were made.
pub(super) fn make(diagnostics: &[Diagnostic], sources: &Sources) -> Result<usize> {
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
        output::replace(Path::new(&file.name), &text).with_context(|| format!("cannot write {}", file.name))?;
        for fix in &made {
            let place = file.place(fix.span.start);
            say!("{}:{}:{}: fixed: {}", file.name, place.line, place.column, fix.title);
        }
        count += made.len();
    }
    Ok(count)
}
