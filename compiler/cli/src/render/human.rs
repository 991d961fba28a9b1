//! Diagnostics for a person's terminal, by miette.

use std::fmt::Write as _;

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource, Report};
use nasrec_compiler::diagnostics::{Diagnostic, Severity, Sources};

/// Most findings that are shown of one file.
const MAX_SHOWN: usize = 100;

/// How it looks.
#[derive(Clone, Copy)]
pub(super) struct Style {
    pub colour: bool,
    pub width: usize,
}

/// Findings as text, in order.
pub(super) fn rendered(diagnostics: &[Diagnostic], sources: &Sources, style: Style) -> String {
    let theme = if style.colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme).with_links(false).with_width(style.width);
    let mut out = String::new();
    for diagnostic in &diagnostics[..diagnostics.len().min(MAX_SHOWN)] {
        let report = report(diagnostic, sources);
        if handler.render_report(&mut out, report.as_ref()).is_err() {
            // Only a label outside of its file could do this; say at least what was found.
            let _written = writeln!(out, "{}: {}", diagnostic.code, diagnostic.message);
        }
        // miette shows one file a report; labels elsewhere follow as notes with their own source.
        for note in notes(diagnostic, sources) {
            let _written = handler.render_report(&mut out, note.as_ref());
        }
        out.push('\n');
    }
    let count = |severity| diagnostics.iter().filter(|d| d.severity == severity).count();
    if diagnostics.len() > MAX_SHOWN {
        let _written = writeln!(out, "{} more are not shown", diagnostics.len() - MAX_SHOWN);
    }
    let counted = [(count(Severity::Error), "error"), (count(Severity::Warning), "warning")];
    let told: Vec<String> = counted
        .into_iter()
        .filter(|&(count, _)| count > 0)
        .map(|(count, word)| format!("{count} {word}{}", if count == 1 { "" } else { "s" }))
        .collect();
    if !told.is_empty() {
        let _written = writeln!(out, "{}", told.join(", "));
    }
    out
}

/// The labels that are not in the file of the first, each as a report of its own.
fn notes(diagnostic: &Diagnostic, sources: &Sources) -> Vec<Report> {
    let Some(first) = diagnostic.labels.first() else { return Vec::new() };
    let elsewhere = diagnostic.labels.iter().filter(|label| label.span.file != first.span.file);
    elsewhere
        .map(|label| {
            let file = sources.file(label.span.file);
            let place = LabeledSpan::underline(label.span.start as usize..label.span.end as usize);
            let note = MietteDiagnostic::new(&label.text).with_severity(miette::Severity::Advice).with_label(place);
            Report::new(note).with_source_code(NamedSource::new(&file.name, file.text.to_string()))
        })
        .collect()
}

fn report(diagnostic: &Diagnostic, sources: &Sources) -> Report {
    let severity = match diagnostic.severity {
        Severity::Error => miette::Severity::Error,
        Severity::Warning => miette::Severity::Warning,
    };
    let mut shown =
        MietteDiagnostic::new(&diagnostic.message).with_code(diagnostic.code.as_str()).with_severity(severity);
    if let Some(help) = &diagnostic.help {
        shown = shown.with_help(help);
    }
    let Some(first) = diagnostic.labels.first() else { return Report::new(shown) };
    let file = sources.file(first.span.file);
    let labels = diagnostic.labels.iter().filter(|label| label.span.file == first.span.file).map(|label| {
        let (start, end) = (label.span.start as usize, label.span.end as usize);
        let place = start..end.max(start);
        if label.span == first.span {
            LabeledSpan::new_primary_with_span(Some(label.text.clone()), place)
        } else {
            LabeledSpan::new_with_span(Some(label.text.clone()), place)
        }
    });
    let shown = shown.with_labels(labels);
    Report::new(shown).with_source_code(NamedSource::new(&file.name, file.text.to_string()))
}
