//! Diagnostics for a person's terminal, by miette.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::ops::Range;

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource, Report};
use nasrec_compiler::diagnostics::{Diagnostic, FileId, Label, Severity, Sources, Span};

use super::short;
use crate::output::{Visible, visible_line};

/// Most findings that are shown of one file.
const MAX_SHOWN: usize = 100;

/// Bytes of a line that is drawn; of a longer one it is said where in it something was found.
const LONGEST_LINE: usize = 5_000;

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
    let mut quoted = Quoted { sources, shown: HashMap::new() };
    for diagnostic in &diagnostics[..diagnostics.len().min(MAX_SHOWN)] {
        if !diagnostic.labels.iter().all(|label| drawable(sources, label.span)) {
            out.push_str(&short::rendered(std::slice::from_ref(diagnostic), sources));
            continue;
        }
        let report = quoted.report(diagnostic);
        if handler.render_report(&mut out, report.as_ref()).is_err() {
            // Only a label outside of its file could do this; say at least what was found.
            let _written = writeln!(out, "{}: {}", diagnostic.code, visible_line(&diagnostic.message));
        }
        // miette shows one file a report; labels elsewhere follow as notes with their own source.
        for note in quoted.notes(diagnostic) {
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

/// Whether a place, and the lines around it that are shown, are such that a terminal can show them: miette counts columns in
/// 16 bits, and nobody reads further.
fn drawable(sources: &Sources, span: Span) -> bool {
    let text = &sources.file(span.file).text;
    let before = text.get(..span.start as usize).unwrap_or_default();
    let start = before.rmatch_indices('\n').nth(1).map_or(0, |(end, _)| end + 1);
    let after = text.get(span.end as usize..).unwrap_or_default();
    let end = text.len() - after.len() + after.match_indices('\n').nth(1).map_or(after.len(), |(end, _)| end);
    text.get(start..end).is_some_and(|shown| shown.lines().all(|line| line.len() <= LONGEST_LINE))
}

/// Sources as they are shown: miette colours what it is given, so what a terminal would obey is taken from it before.
struct Quoted<'a> {
    sources: &'a Sources,
    shown: HashMap<FileId, Visible>,
}

impl Quoted<'_> {
    /// The labels that are not in the file of the first, each as a report of its own.
    fn notes(&mut self, diagnostic: &Diagnostic) -> Vec<Report> {
        let Some(first) = diagnostic.labels.first() else { return Vec::new() };
        let elsewhere = diagnostic.labels.iter().filter(|label| label.span.file != first.span.file);
        elsewhere
            .map(|label| {
                let place = LabeledSpan::underline(self.place(label.span));
                let words = visible_line(&label.text);
                let note = MietteDiagnostic::new(words).with_severity(miette::Severity::Advice).with_label(place);
                Report::new(note).with_source_code(self.source(label.span.file))
            })
            .collect()
    }

    fn report(&mut self, diagnostic: &Diagnostic) -> Report {
        let severity = match diagnostic.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        };
        let mut shown = MietteDiagnostic::new(visible_line(&diagnostic.message))
            .with_code(diagnostic.code.as_str())
            .with_severity(severity);
        if let Some(help) = &diagnostic.help {
            shown = shown.with_help(visible_line(help));
        }
        let Some(first) = diagnostic.labels.first() else { return Report::new(shown) };
        let here = diagnostic.labels.iter().filter(|label| label.span.file == first.span.file);
        let labels: Vec<LabeledSpan> = here.map(|label| self.label(label, label.span == first.span)).collect();
        Report::new(shown.with_labels(labels)).with_source_code(self.source(first.span.file))
    }

    fn label(&mut self, label: &Label, primary: bool) -> LabeledSpan {
        let (words, place) = (Some(visible_line(&label.text)), self.place(label.span));
        if primary {
            LabeledSpan::new_primary_with_span(words, place)
        } else {
            LabeledSpan::new_with_span(words, place)
        }
    }

    fn source(&mut self, file: FileId) -> NamedSource<String> {
        NamedSource::new(visible_line(&self.sources.file(file).name), self.text(file).text.clone())
    }

    fn place(&mut self, span: Span) -> Range<usize> {
        let text = self.text(span.file);
        let (start, end) = (text.place(span.start as usize), text.place(span.end as usize));
        start..end.max(start)
    }

    fn text(&mut self, file: FileId) -> &Visible {
        self.shown.entry(file).or_insert_with(|| Visible::of(&self.sources.file(file).text))
    }
}
