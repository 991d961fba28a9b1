//! Workflow commands of GitHub Actions, which annotate a change with its findings.

use std::fmt::Write;

use nasrec_compiler::diagnostics::{Diagnostic, Sources};

pub(super) fn rendered(diagnostics: &[Diagnostic], sources: &Sources) -> String {
    let mut out = String::new();
    for diagnostic in diagnostics {
        let mut properties = Vec::new();
        if let Some(label) = diagnostic.labels.first() {
            let file = sources.file(label.span.file);
            let (start, end) = (file.place(label.span.start), file.place(label.span.end));
            properties.push(format!("file={}", property(&file.name)));
            properties.push(format!("line={},col={}", start.line, start.column));
            properties.push(format!("endLine={},endColumn={}", end.line, end.column));
        }
        properties.push(format!("title={}", diagnostic.code));
        let help = diagnostic.help.iter().map(|help| format!("\nhelp: {help}"));
        let message: String = std::iter::once(diagnostic.message.clone()).chain(help).collect();
        let severity = super::severity(diagnostic);
        let _written = writeln!(out, "::{severity} {}::{}", properties.join(","), data(&message));
    }
    out
}

/// The text of a command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property, where two more signs have a meaning.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_with_a_meaning_are_escaped() {
        assert_eq!(property("a,b:c%\n"), "a%2Cb%3Ac%25%0A");
        assert_eq!(data("a,b:c\r\n"), "a,b:c%0D%0A");
    }
}
