//! The import that brings in a name which ships with the compiler.

use super::Program;
use crate::diagnostics::Fix;
use crate::syntax::tree::Name;

impl Program {
    /// Imports `name` from `path` in the file that uses it: beside the names that are imported from there, else below
    /// the other imports.
    pub(crate) fn import_of(&self, name: &Name, path: &str) -> Fix {
        let file = name.span.file;
        let imports = &self.tree(file).imports;
        let line = format!("import \"{path}\" {{ {} }}", name.text);
        let title = format!("`{line}`");
        let known = imports.iter().find(|import| import.path.text == path).and_then(|import| import.names.last());
        let fix = match (known, imports.last()) {
            (Some(last), _) => Fix::insert(file, last.span.end as usize, format!(", {}", name.text)),
            (None, Some(import)) => Fix::insert(file, import.span.end as usize, format!("\n{line}")),
            (None, None) => match header_end(&self.sources.file(file).text) {
                Some(at) => Fix::insert(file, at, format!("\n\n{line}")),
                None => Fix::insert(file, 0, format!("{line}\n\n")),
            },
        };
        fix.titled(title)
    }
}

/// Where the line that states the language version ends.
fn header_end(text: &str) -> Option<usize> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let code = line.trim();
        if code.starts_with("nasrec ") {
            return Some(at + line.trim_end().len());
        }
        if !code.is_empty() && !code.starts_with("//") {
            return None;
        }
        at += line.len();
    }
    None
}
