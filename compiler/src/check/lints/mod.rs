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

use super::program::{ItemKind, Program};
use crate::diagnostics::{Code, Diagnostic, Severity, Span};
use crate::syntax::MAX_FINDINGS;
use names::Names;
use observed::Observed;

impl Program {
    /// The lints of the entry file, given what loading and checking have found.
    pub fn lints(&self, found: &[Diagnostic]) -> Vec<Diagnostic> {
        let Some(file) = self.entry() else { return Vec::new() };
        // What does not parse may have been anything.
        if found.iter().any(|finding| matches!(finding.code, Code::Syntax | Code::Unbalanced)) {
            return Vec::new();
        }
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
                    let Some(mut observed) = Observed::of_space(self, &item) else { continue };
                    lints.extend(dead::outputs(&observed));
                    lints.extend(dead::choices(&observed));
                    lints.extend(alike::alternatives(&observed));
                    lints.extend(decided::constraints(&mut observed));
                    lints.extend(decided::branches(&observed));
                }
                ItemKind::Search => {
                    let Some(mut observed) = Observed::of_search(self, &item) else { continue };
                    lints.extend(decided::constraints(&mut observed));
                }
                _ => {}
            }
        }
        // What is left open inside of a definition that nothing uses goes with it.
        let gone: Vec<Span> = names
            .definitions
            .iter()
            .filter(|definition| {
                unused.iter().any(|told| told.labels.first().is_some_and(|l| l.span == definition.name.span))
            })
            .map(|definition| definition.span)
            .collect();
        let follows = |lint: &Diagnostic| {
            let meaning = matches!(lint.code, Code::DeadChoice | Code::Alike | Code::Settled);
            let inside = |span: Span| gone.iter().any(|of| of.start <= span.start && span.end <= of.end);
            meaning && lint.labels.first().is_some_and(|label| inside(label.span))
        };
        lints.retain(|lint| !follows(lint));
        lints.extend(unused);
        Diagnostic::sort(&mut lints);
        lints.truncate(MAX_FINDINGS.saturating_sub(found.len()));
        lints
    }
}
