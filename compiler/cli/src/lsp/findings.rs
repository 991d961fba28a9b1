//! Findings as an editor shows them.

use std::collections::{BTreeMap, BTreeSet};

use lsp_types as lsp;
use nasrec_compiler::diagnostics::{Diagnostic, FileId, Label, Severity, Sources};
use nasrec_compiler::editor::Analysis;
use serde_json::{Value, json};

use super::documents::Documents;
use super::places::Lines;

/// What is to be shown of each file, by its name.
pub(super) type Shown = BTreeMap<String, Vec<Value>>;

/// The findings of an open document, by the file that they are shown in.
pub(super) fn shown(analysis: &Analysis, documents: &Documents, out: &mut Shown) {
    let Some(entry) = analysis.entry() else { return };
    let sources = &analysis.program.sources;
    for diagnostic in &analysis.diagnostics {
        let main = label(diagnostic, sources, entry);
        let file = main.map_or(entry, |label| label.span.file);
        let list = out.entry(sources.file(file).name.clone()).or_default();
        let one = converted(diagnostic, main, sources, documents, file);
        // Two documents that import one file both find what is wrong in it.
        if !list.contains(&one) {
            list.push(one);
        }
    }
}

/// Where a finding is shown: at its place where that is in the document; else at the call in the document that leads
/// there; else in its own file, unless nobody can change that.
fn label<'a>(diagnostic: &'a Diagnostic, sources: &Sources, entry: FileId) -> Option<&'a Label> {
    let first = diagnostic.labels.first()?;
    let here = diagnostic.labels.iter().rev().find(|label| label.span.file == entry);
    match first.span.file {
        file if file == entry => Some(first),
        file if sources.file(file).built_in => here,
        _ => here.or(Some(first)),
    }
}

/// One finding; its other labels are related information.
fn converted(
    diagnostic: &Diagnostic,
    main: Option<&Label>,
    sources: &Sources,
    documents: &Documents,
    file: FileId,
) -> Value {
    let lines = Lines::new(&sources.file(file).text);
    let span = main.map_or(0..0, |label| label.span.start as usize..label.span.end as usize);
    let mut message = diagnostic.message.clone();
    if let Some(label) = main.filter(|label| !label.text.is_empty()) {
        message.push_str(&format!("\n{}", label.text));
    }
    if let Some(help) = &diagnostic.help {
        message.push_str(&format!("\nhelp: {help}"));
    }
    let others = diagnostic.labels.iter().filter(|&label| main.is_none_or(|main| !std::ptr::eq(main, label)));
    let related: Vec<Value> = others
        .filter_map(|label| {
            let of = sources.file(label.span.file);
            let range = Lines::new(&of.text).range(label.span.start as usize..label.span.end as usize);
            let uri = documents.uri(&of.name)?;
            Some(json!({ "location": { "uri": uri, "range": range }, "message": label.text }))
        })
        .collect();
    let severity = match diagnostic.severity {
        Severity::Error => lsp::DiagnosticSeverity::ERROR,
        Severity::Warning => lsp::DiagnosticSeverity::WARNING,
    };
    json!({
        "range": lines.range(span),
        "severity": severity,
        "code": diagnostic.code.as_str(),
        "source": "nasrecc",
        "message": message,
        "relatedInformation": related,
    })
}

/// What quick fixes there are for a place: each with the finding that it puts right.
pub(super) fn fixes(analysis: &Analysis, documents: &Documents, uri: &str, range: lsp::Range) -> Vec<Value> {
    let Some(entry) = analysis.entry() else { return Vec::new() };
    let sources = &analysis.program.sources;
    let lines = Lines::new(&sources.file(entry).text);
    let (start, end) = (lines.offset(range.start), lines.offset(range.end));
    let mut seen = BTreeSet::new();
    let mut out = Vec::new();
    for diagnostic in &analysis.diagnostics {
        let (Some(main), Some(fix)) = (label(diagnostic, sources, entry), &diagnostic.fix) else { continue };
        let touches = main.span.file == entry && main.span.start as usize <= end && start <= main.span.end as usize;
        let place = (fix.span.start, fix.span.end, fix.replacement.clone());
        if !touches || fix.span.file != entry || !seen.insert(place) {
            continue;
        }
        let edit = json!({
            "range": lines.range(fix.span.start as usize..fix.span.end as usize),
            "newText": fix.replacement,
        });
        out.push(json!({
            "title": fix.title,
            "kind": "quickfix",
            "isPreferred": true,
            "diagnostics": [converted(diagnostic, Some(main), sources, documents, entry)],
            "edit": { "changes": { uri: [edit] } },
        }));
    }
    out
}
