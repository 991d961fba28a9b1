//! One line a finding, as compilers have always said it: `file:line:column: error[E0201]: message`.

use std::fmt::Write;

use nasrec_compiler::diagnostics::{Diagnostic, Sources};

use crate::output::visible_line;

pub(super) fn rendered(diagnostics: &[Diagnostic], sources: &Sources) -> String {
    let mut out = String::new();
    for diagnostic in diagnostics {
        if let Some(label) = diagnostic.labels.first() {
            let (line, column) = sources.position(label.span);
            let _written = write!(out, "{}:{line}:{column}: ", visible_line(&sources.file(label.span.file).name));
        }
        let (severity, code, message) =
            (super::severity(diagnostic), diagnostic.code, visible_line(&diagnostic.message));
        let _written = writeln!(out, "{severity}[{code}]: {message}");
    }
    out
}
