//! One JSON object a finding and line, for editors and scripts.

use nasrec_compiler::diagnostics::{Diagnostic, Sources, Span};
use serde_json::{Value, json};

pub(super) fn rendered(diagnostics: &[Diagnostic], sources: &Sources) -> String {
    diagnostics.iter().map(|diagnostic| format!("{}\n", finding(diagnostic, sources))).collect()
}

fn finding(diagnostic: &Diagnostic, sources: &Sources) -> Value {
    let labels: Vec<Value> = diagnostic
        .labels
        .iter()
        .map(|label| {
            let mut value = place(label.span, sources);
            value["text"] = label.text.as_str().into();
            value
        })
        .collect();
    let fix = diagnostic.fix.as_ref().map(|fix| {
        let mut value = place(fix.span, sources);
        value["title"] = fix.title.as_str().into();
        value["replacement"] = fix.replacement.as_str().into();
        value
    });
    json!({
        "code": diagnostic.code.as_str(),
        "severity": super::severity(diagnostic),
        "message": diagnostic.message,
        "help": diagnostic.help,
        "labels": labels,
        "fix": fix,
    })
}

/// A file, a byte range, and its ends as lines and columns from 1: in characters, and in UTF-16 as editors count.
fn place(span: Span, sources: &Sources) -> Value {
    let file = sources.file(span.file);
    let end = |at: u32| {
        let place = file.place(at);
        json!({ "byte": at, "line": place.line, "column": place.column, "column_utf16": place.column_utf16 })
    };
    json!({ "file": file.name, "start": end(span.start), "end": end(span.end) })
}
