//! SARIF 2.1.0: one document a run, for code scanning.

use nasrec_compiler::diagnostics::{Code, Diagnostic, Fix, Label, Sources, Span};
use nasrec_compiler::loader::SHIPPED;
use serde_json::{Value, json};

/// The results of a run so far.
#[derive(Default)]
pub(super) struct Document {
    results: Vec<Value>,
}

impl Document {
    pub(super) fn add(&mut self, diagnostics: &[Diagnostic], sources: &Sources) {
        self.results.extend(diagnostics.iter().map(|diagnostic| result(diagnostic, sources)));
    }

    pub(super) fn rendered(&self) -> String {
        let rules: Vec<Value> = Code::ALL
            .iter()
            .map(|code| {
                json!({
                    "id": code.as_str(),
                    "shortDescription": { "text": code.title() },
                    "help": { "text": code.page(), "markdown": code.page() },
                })
            })
            .collect();
        let document = json!({
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": { "driver": { "name": "nasrecc", "version": env!("CARGO_PKG_VERSION"), "rules": rules } },
                "columnKind": "utf16CodeUnits",
                "results": self.results,
            }],
        });
        format!("{document:#}\n")
    }
}

fn result(diagnostic: &Diagnostic, sources: &Sources) -> Value {
    let help = diagnostic.help.as_ref().map(|help| format!("\n{help}")).unwrap_or_default();
    let mut result = json!({
        "ruleId": diagnostic.code.as_str(),
        "ruleIndex": Code::ALL.iter().position(|code| *code == diagnostic.code),
        "level": super::severity(diagnostic),
        "message": { "text": format!("{}{help}", diagnostic.message) },
    });
    if let [first, others @ ..] = diagnostic.labels.as_slice() {
        result["locations"] = json!([location(first, sources)]);
        result["relatedLocations"] = others.iter().map(|label| location(label, sources)).collect();
    }
    if let Some(fix) = &diagnostic.fix {
        result["fixes"] = json!([change(fix, sources)]);
    }
    result
}

fn location(label: &Label, sources: &Sources) -> Value {
    json!({
        "physicalLocation": { "artifactLocation": artifact(label.span, sources), "region": region(label.span, sources) },
        "message": { "text": label.text },
    })
}

fn change(fix: &Fix, sources: &Sources) -> Value {
    json!({
        "description": { "text": fix.title },
        "artifactChanges": [{
            "artifactLocation": artifact(fix.span, sources),
            "replacements": [{
                "deletedRegion": region(fix.span, sources),
                "insertedContent": { "text": fix.replacement },
            }],
        }],
    })
}

fn region(span: Span, sources: &Sources) -> Value {
    let file = sources.file(span.file);
    let (start, end) = (file.place(span.start), file.place(span.end));
    json!({
        "startLine": start.line,
        "startColumn": start.column_utf16,
        "endLine": end.line,
        "endColumn": end.column_utf16,
    })
}

fn artifact(span: Span, sources: &Sources) -> Value {
    json!({ "uri": uri(&sources.file(span.file).name) })
}

/// A path as a reference: what may not stand in one is escaped, byte by byte.
fn uri(path: &str) -> String {
    let mut out = String::new();
    for byte in path.bytes() {
        match byte {
            b'\\' if cfg!(windows) => out.push('/'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(char::from(byte)),
            // `nasrecc:` is the scheme of what ships; elsewhere a colon would look like one.
            b':' if path.starts_with(SHIPPED) => out.push(':'),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::uri;

    #[test]
    fn paths_become_references() {
        assert_eq!(uri("my spaces/ä:1.nasrec"), "my%20spaces/%C3%A4%3A1.nasrec");
        assert_eq!(uri("nasrecc:std/ctr.nasrec"), "nasrecc:std/ctr.nasrec");
    }
}
