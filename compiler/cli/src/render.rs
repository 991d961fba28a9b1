//! Diagnostics for a person's terminal, by miette.

use std::fmt::Write as _;
use std::io::IsTerminal;

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource, Report};
use nasrec_compiler::diagnostics::{Diagnostic, Severity, Sources};

/// Most findings that are shown of one file.
const MAX_SHOWN: usize = 100;

/// Writes findings to stderr, and how many there were.
pub(crate) fn show(diagnostics: &[Diagnostic], sources: &Sources) {
    let terminal = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    eprint!("{}", rendered(diagnostics, sources, terminal));
}

/// Findings as text, in order.
pub(crate) fn rendered(diagnostics: &[Diagnostic], sources: &Sources, colour: bool) -> String {
    let theme = if colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme).with_links(false).with_width(110);
    let mut out = String::new();
    for diagnostic in &diagnostics[..diagnostics.len().min(MAX_SHOWN)] {
        let report = report(diagnostic, sources);
        if handler.render_report(&mut out, report.as_ref()).is_err() {
            // Only a label outside of its file could do this; say at least what was found.
            let _written = writeln!(out, "{}: {}", diagnostic.code, diagnostic.message);
        }
        // miette shows one file a report; labels elsewhere are told as lines.
        if let Some(first) = diagnostic.labels.first() {
            for label in diagnostic.labels.iter().filter(|label| label.span.file != first.span.file) {
                let (line, column) = sources.position(label.span);
                let file = &sources.file(label.span.file).name;
                let _written = writeln!(out, "  note: {} ({file}:{line}:{column})", label.text);
            }
        }
        out.push('\n');
    }
    let errors = diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
    if diagnostics.len() > MAX_SHOWN {
        let _written = writeln!(out, "{} more are not shown", diagnostics.len() - MAX_SHOWN);
    }
    if errors > 0 {
        let plural = if errors == 1 { "" } else { "s" };
        let _written = writeln!(out, "{errors} error{plural}");
    }
    out
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
