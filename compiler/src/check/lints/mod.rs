//! Lints: what is sound, and hardly meant. Told as warnings, in the entry file only.
//!
//! Lives here: one idea a file. What follows from an error is not told: while a file has errors, names are judged only by
//! what they hide, and a space by its meaning only where it has none; a file that does not parse is not judged.

mod alike;
mod dead;
mod decided;
mod lines;
mod names;
mod observed;
mod shadowing;
mod unused;
mod walk;

use std::collections::HashSet;

use super::program::{ItemKind, Program};
use crate::diagnostics::{Code, Diagnostic, Severity, Span};
use crate::syntax::MAX_FINDINGS;
use names::Names;
use observed::Observed;

/// Extents of one file.
struct Extents {
    /// Where they start, ascending, and the furthest that any up to there ends.
    reach: Vec<(u32, u32)>,
}

impl Extents {
    fn new(spans: impl Iterator<Item = Span>) -> Self {
        let mut reach: Vec<(u32, u32)> = spans.map(|span| (span.start, span.end)).collect();
        reach.sort_unstable();
        let mut furthest = 0;
        for (_, end) in &mut reach {
            furthest = furthest.max(*end);
            *end = furthest;
        }
        Self { reach }
    }

    /// Whether one of them holds a place.
    fn hold(&self, span: Span) -> bool {
        let before = self.reach.partition_point(|&(start, _)| start <= span.start);
        before > 0 && self.reach[before - 1].1 >= span.end
    }
}

impl Program {
    /// The lints of the entry file, given what loading and checking have found.
    pub fn lints(&self, found: &[Diagnostic]) -> Vec<Diagnostic> {
        let Some(file) = self.entry() else { return Vec::new() };
        // What does not parse may have been anything.
        if found.iter().any(|finding| matches!(finding.code, Code::Syntax | Code::Unbalanced)) {
            return Vec::new();
        }
        let _limited = self.meter.limited(self.steps());
        let sound = found.iter().all(|finding| finding.severity != Severity::Error);
        let names = Names::of(self, file);
        let mut lints = shadowing::hidden(&names);
        // A name that is misspelt somewhere looks unused elsewhere.
        let unused = if sound { unused::definitions(&names) } else { Vec::new() };
        if sound {
            lints.extend(unused::items(self, &names));
            lints.extend(unused::imports(self, file, &names));
        }
        for item in self.items() {
            match item.kind {
                ItemKind::Space => {
                    let Some(observed) = Observed::of_space(self, &item) else { continue };
                    lints.extend(dead::outputs(&observed));
                    lints.extend(dead::choices(&observed));
                    lints.extend(alike::alternatives(&observed));
                    lints.extend(decided::constraints(&observed));
                    lints.extend(decided::branches(&observed));
                }
                ItemKind::Search => {
                    let Some(observed) = Observed::of_search(self, &item) else { continue };
                    lints.extend(decided::constraints(&observed));
                }
                _ => {}
            }
        }
        // What is left open inside of a definition that nothing uses goes with it.
        let told: HashSet<Span> = unused.iter().filter_map(|told| Some(told.labels.first()?.span)).collect();
        let gone = names.definitions.iter().filter(|definition| told.contains(&definition.name.span));
        let gone = Extents::new(gone.map(|definition| definition.span));
        let follows = |lint: &Diagnostic| {
            let meaning = matches!(lint.code, Code::DeadChoice | Code::Alike | Code::Settled);
            meaning && lint.labels.first().is_some_and(|label| gone.hold(label.span))
        };
        lints.retain(|lint| !follows(lint));
        lints.extend(unused);
        Diagnostic::sort(&mut lints);
        lints.truncate(MAX_FINDINGS.saturating_sub(found.len()));
        lints
    }
}
