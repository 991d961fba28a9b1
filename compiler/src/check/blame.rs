//! Whose mistake one is that is found inside of a space: often an argument's, which was given where the space is used, and maybe in another
//! file.
//!
//! A space is written out once more without one of its arguments. A finding that is not there then is that argument's, and is told at its place;
//! where both are in one file, whose author may have made the mistake in either, at both.

use super::Overrides;
use super::elaborate::written_out;
use super::program::{Item, Program};
use crate::diagnostics::{Diagnostic, Label, Severity, Span};
use crate::syntax::tree::{Arg, Demand};

/// Arguments that are tried at most: a space is written out anew for each.
const MOST: usize = 8;

/// Puts the places of arguments before those of findings that are theirs.
pub(super) fn blame(
    program: &Program,
    item: &Item,
    (args, overrides): (&[Arg], &Overrides),
    demands: &[Demand],
    found: &mut [Diagnostic],
) {
    let inside = |finding: &Diagnostic| {
        let first = finding.labels.first().map(|label| label.span);
        let is_theirs = |span: Span| {
            let holds = |given: Span| given.file == span.file && given.start <= span.start && span.end <= given.end;
            args.iter().any(|arg| holds(arg.span())) || overrides.values().any(|expr| holds(expr.span))
        };
        finding.severity == Severity::Error && first.is_some_and(|span| !is_theirs(span))
    };
    if !found.iter().any(inside) {
        return;
    }
    let mut without: Vec<(Span, String, Vec<Diagnostic>)> = Vec::new();
    for (at, arg) in args.iter().enumerate().filter(|(_, arg)| arg.name.is_some()) {
        let others = [&args[..at], &args[at + 1..]].concat();
        let name = arg.name.as_ref().map(|name| name.text.clone()).unwrap_or_default();
        if overrides.contains_key(&name) || without.len() == MOST {
            continue;
        }
        without.push((arg.span(), name, written_out(program, item, &others, overrides, demands).1));
    }
    let mut names: Vec<&String> = overrides.keys().collect();
    names.sort_unstable();
    for name in names {
        let mut others = overrides.clone();
        if let Some(expr) = others.remove(name).filter(|_| without.len() < MOST) {
            without.push((expr.span, name.clone(), written_out(program, item, args, &others, demands).1));
        }
    }
    let is_same = |a: &Diagnostic, b: &Diagnostic| {
        (a.code, &a.labels.first().map(|l| l.span)) == (b.code, &b.labels.first().map(|l| l.span))
    };
    for finding in found.iter_mut().filter(|finding| inside(finding)) {
        let culprit = without.iter().find(|(.., found)| !found.iter().any(|other| is_same(finding, other)));
        if let Some((span, name, _)) = culprit {
            let is_elsewhere = finding.labels.first().is_some_and(|first| first.span.file != span.file);
            let at = if is_elsewhere { 0 } else { finding.labels.len() };
            finding.labels.insert(at, Label { span: *span, text: format!("`{name}` is given here") });
        }
    }
}
